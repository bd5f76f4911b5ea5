//! How much of each meter was used. Much is shared (one request receives ten messages), so amounts
//! are counted in thousandths and can be divided without losing any.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// The amount of one whole request.
pub const WHOLE: u64 = 1_000;

/// Amounts by meter, in thousandths.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Requests(BTreeMap<String, u64>);

impl Requests {
    /// Whether nothing was used.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Adds an amount, in thousandths.
    pub fn add(&mut self, meter: &str, thousandths: u64) {
        if thousandths == 0 {
            return;
        }
        match self.0.get_mut(meter) {
            Some(amount) => *amount = amount.saturating_add(thousandths),
            None => {
                self.0.insert(meter.to_owned(), thousandths);
            }
        }
    }

    /// Adds all of `others`.
    pub fn merge(&mut self, others: &Requests) {
        others.iter().for_each(|(meter, amount)| self.add(meter, amount));
    }

    /// The amount of one meter, in thousandths.
    pub fn get(&self, meter: &str) -> u64 {
        self.0.get(meter).copied().unwrap_or(0)
    }

    /// The meters and their amounts in thousandths, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, u64)> {
        self.0.iter().map(|(meter, amount)| (meter.as_str(), *amount))
    }

    /// Divides all of it in proportion to the weights. What can't be divided to the thousandth stays
    /// here, so that nothing is lost; so does everything if nothing has weight.
    pub fn divide(&mut self, weights: &[u64]) -> Vec<Requests> {
        let total: u128 = weights.iter().map(|weight| u128::from(*weight)).sum();
        let mut shares = vec![Requests::default(); weights.len()];
        if total == 0 {
            return shares;
        }
        for (meter, amount) in &mut self.0 {
            let whole = u128::from(*amount);
            for (share, weight) in shares.iter_mut().zip(weights) {
                // A part of what fits into 64 bits.
                let part = u64::try_from(whole * u128::from(*weight) / total).unwrap_or(0);
                share.add(meter, part);
                *amount -= part;
            }
        }
        self.0.retain(|_, amount| *amount > 0);
        shares
    }
}

impl<M: Into<String>> FromIterator<(M, u64)> for Requests {
    fn from_iter<I: IntoIterator<Item = (M, u64)>>(amounts: I) -> Requests {
        let mut requests = Requests::default();
        amounts.into_iter().for_each(|(meter, amount)| requests.add(&meter.into(), amount));
        requests
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn shares_follow_the_weights() {
        let mut pool: Requests = [("sqs:ReceiveMessage", 1_000), ("dynamodb:PutItem", 7)].into_iter().collect();
        let shares = pool.divide(&[1, 3]);
        let share = |receive, put| [("sqs:ReceiveMessage", receive), ("dynamodb:PutItem", put)].into_iter().collect::<Requests>();
        assert_eq!(shares, [share(250, 1), share(750, 5)]);
        assert_eq!(pool, share(0, 1), "the rest stays");
        assert_eq!(pool.divide(&[0, 0]), [Requests::default(), Requests::default()]);
        assert_eq!(pool.get("dynamodb:PutItem"), 1);
    }

    #[test]
    fn amounts_are_stored_as_a_plain_map() {
        let requests: Requests = [("s3:GetObject", 1_000)].into_iter().collect();
        let json = serde_json::to_string(&requests).unwrap();
        assert_eq!(json, r#"{"s3:GetObject":1000}"#);
        assert_eq!(serde_json::from_str::<Requests>(&json).unwrap(), requests);
    }

    proptest! {
        #[test]
        fn dividing_loses_and_makes_nothing(amount in 0..u64::MAX / 2, weights in prop::collection::vec(0..1_000_000_u64, 1..20)) {
            let mut pool: Requests = [("m", amount)].into_iter().collect();
            let shared: u64 = pool.divide(&weights).iter().map(|share| share.get("m")).sum();
            prop_assert_eq!(shared + pool.get("m"), amount);
        }
    }
}
