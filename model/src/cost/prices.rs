//! Prices: a dated table in the repository, and what a number of requests comes to by it.
//!
//! The table says what the requests cost. It knows nothing of an account's free tier, discounts or
//! tiers by volume, of storage, or of bytes that leave a region.

use serde::Serialize;

use super::Requests;

/// The table of this version of Lakegate.
const TABLE: &str = include_str!("prices.csv");

/// What a meter counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    /// Requests.
    Requests,
    /// What requests consume.
    Units,
}

/// The price of a meter, or of all of a service's.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Price {
    /// `service:Operation`, or `service:*`.
    pub meter: String,
    /// So many cost `usd`.
    pub per: f64,
    /// US dollars.
    pub usd: f64,
    /// The page it is from.
    pub source: String,
}

/// All prices, and when and where they hold.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct PriceTable {
    /// When they were so: `2026-01-31`.
    pub date: String,
    /// Where they are so.
    pub region: String,
    /// The prices. Of several that fit a meter the first counts.
    pub prices: Vec<Price>,
}

/// A meter with what it comes to.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Line {
    /// `service:Operation`, or a unit.
    pub meter: String,
    /// What it counts.
    pub unit: Unit,
    /// How many.
    pub amount: f64,
    /// US dollars; `None` if the table has no price for it.
    pub usd: Option<f64>,
}

/// What requests come to.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Priced {
    /// Each meter, by name.
    pub lines: Vec<Line>,
    /// US dollars of all that have a price.
    pub usd: f64,
    /// How many have none.
    pub unpriced: usize,
}

impl PriceTable {
    /// The table of this version.
    pub fn embedded() -> PriceTable {
        PriceTable::read(TABLE)
    }

    /// Reads a table. Lines that are no prices are left out; a test sees to it that the embedded
    /// table has none.
    fn read(text: &str) -> PriceTable {
        let said = |name: &str| {
            let line = text.lines().find_map(|line| line.strip_prefix('#')?.trim().strip_prefix(name)?.strip_prefix(':'));
            line.map(|value| value.trim().to_owned()).unwrap_or_default()
        };
        let prices = text.lines().filter(|line| !line.starts_with('#') && !line.is_empty()).filter_map(price).collect();
        PriceTable { date: said("date"), region: said("region"), prices }
    }

    /// The price that counts for a meter.
    pub fn price(&self, meter: &str) -> Option<&Price> {
        let fits = |price: &&Price| price.meter == meter || price.meter.strip_suffix('*').is_some_and(|service| meter.starts_with(service));
        self.prices.iter().find(fits)
    }

    /// What requests come to.
    pub fn of(&self, requests: &Requests) -> Priced {
        let lines: Vec<Line> = requests.iter().map(|(meter, thousandths)| self.line(meter, thousandths)).collect();
        Priced {
            usd: lines.iter().filter_map(|line| line.usd).fold(0.0, |sum, usd| sum + usd),
            unpriced: lines.iter().filter(|line| line.usd.is_none()).count(),
            lines,
        }
    }

    fn line(&self, meter: &str, thousandths: u64) -> Line {
        #[expect(clippy::cast_precision_loss, reason = "an amount beyond 2^53 thousandths is worth no exact cent")]
        let amount = thousandths as f64 / 1_000.0;
        // Operations begin with a capital letter, units do not.
        let is_operation = meter.split_once(':').is_some_and(|(_, name)| name.starts_with(|first: char| first.is_ascii_uppercase()));
        let unit = if is_operation { Unit::Requests } else { Unit::Units };
        Line { meter: meter.to_owned(), unit, amount, usd: self.price(meter).map(|price| amount / price.per * price.usd) }
    }
}

fn price(line: &str) -> Option<Price> {
    let mut fields = line.splitn(4, ',');
    let meter = fields.next()?.trim().to_owned();
    let per: f64 = fields.next()?.trim().parse().ok().filter(|per| *per > 0.0)?;
    let usd: f64 = fields.next()?.trim().parse().ok().filter(|usd| *usd >= 0.0)?;
    Some(Price { meter, per, usd, source: fields.next()?.trim().to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_of_the_table_is_a_price() {
        let table = PriceTable::embedded();
        let lines = TABLE.lines().filter(|line| !line.starts_with('#') && !line.is_empty()).count();
        assert_eq!(table.prices.len(), lines);
        assert!(table.prices.iter().all(|price| price.meter.contains(':') && price.source.starts_with("https://aws.amazon.com/")));
        assert_eq!((table.date.len(), table.region.as_str()), (10, "us-east-1"));
    }

    #[test]
    fn requests_are_priced_by_the_first_line_that_fits() {
        let table = PriceTable::embedded();
        for (meter, amount, usd, unit) in [
            ("s3:GetObject", 1_000_000, Some(0.40), Unit::Requests),
            ("s3:PutObject", 1_000_000, Some(5.00), Unit::Requests),
            ("s3:ListObjectsV2", 1_000, Some(0.005), Unit::Requests),
            ("s3:DeleteObject", 1_000_000, Some(0.0), Unit::Requests),
            ("dynamodb:write-units", 4_000_000, Some(2.50), Unit::Units),
            ("dynamodb:read-units", 1_000_000, Some(0.125), Unit::Units),
            ("dynamodb:PutItem", 1_000_000, Some(0.0), Unit::Requests),
            ("sqs:ReceiveMessage", 500_000, Some(0.20), Unit::Requests),
            ("glue:GetTable", 1_000_000, Some(1.00), Unit::Requests),
            ("glue:dpu-hours", 10, Some(4.40), Unit::Units),
            ("quantum:Compute", 1, None, Unit::Requests),
        ] {
            let requests: Requests = [(meter, amount * 1_000)].into_iter().collect();
            let priced = table.of(&requests);
            let line = priced.lines.first().unwrap();
            assert_eq!(line.unit, unit, "{meter}");
            match usd {
                Some(usd) => assert!((line.usd.unwrap() - usd).abs() < 1e-9 && (priced.usd - usd).abs() < 1e-9, "{meter}: {line:?}"),
                None => assert_eq!((line.usd, priced.unpriced), (None, 1)),
            }
        }
    }

    #[test]
    fn an_object_is_priced_by_its_shares() {
        let shares = [("dynamodb:write-units", 4_000), ("s3:GetObject", 1_000), ("s3:PutObject", 1_000), ("sqs:ReceiveMessage", 100)];
        let priced = PriceTable::embedded().of(&shares.into_iter().collect());
        let expected = 4.0 * 0.625e-6 + 0.0004e-3 + 0.005e-3 + 0.1 * 0.4e-6;
        assert!((priced.usd - expected).abs() < 1e-12, "{}", priced.usd);
    }
}
