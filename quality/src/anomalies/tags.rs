//! A strategy as a rule spells it: `with strategy = "OnlineNormal" with upperDeviationFactor = 2`.

use std::collections::BTreeMap;

use super::{BatchNormal, Bounds, Change, HoltWinters, OnlineNormal, Strategy, Usual};
use crate::language::ast::{Tag, TagValue};

const STRATEGIES: [&str; 8] =
    ["Default", "SimpleThreshold", "AbsoluteChange", "RateOfChange", "RelativeRateOfChange", "OnlineNormal", "BatchNormal", "HoltWinters"];

impl Strategy {
    /// The strategy that a rule's tags name, with its parameters; the default one if they name none.
    ///
    /// # Errors
    /// If a tag is not one of the strategy's, is there twice, or has a value that makes no sense.
    pub fn from_tags(tags: &[Tag]) -> Result<Strategy, String> {
        let mut left = Left::of(tags)?;
        let name = left.text("strategy")?.unwrap_or("Default");
        let strategy = match name {
            "Default" => Strategy::Default(Usual {
                sensitivity: left.number("sensitivity")?.unwrap_or(Usual::default().sensitivity),
                floor: left.number("floor")?.unwrap_or(Usual::default().floor),
                period: left.count("period")?,
            }),
            "SimpleThreshold" => {
                let (lower, upper) = (left.number("lowerBound")?, left.number("upperBound")?);
                if lower.is_none() && upper.is_none() {
                    return Err("SimpleThreshold: at least one of lowerBound and upperBound is needed".to_owned());
                }
                Strategy::SimpleThreshold(Bounds::from_options(lower, upper))
            }
            "AbsoluteChange" | "RateOfChange" => Strategy::AbsoluteChange(left.change()?),
            "RelativeRateOfChange" => Strategy::RelativeRateOfChange(left.change()?),
            "OnlineNormal" => {
                let usual = OnlineNormal::default();
                Strategy::OnlineNormal(OnlineNormal {
                    lower_deviation_factor: left.factor("lowerDeviationFactor", usual.lower_deviation_factor)?,
                    upper_deviation_factor: left.factor("upperDeviationFactor", usual.upper_deviation_factor)?,
                    ignore_start_percentage: left.number("ignoreStartPercentage")?.unwrap_or(usual.ignore_start_percentage),
                    ignore_anomalies: left.truth("ignoreAnomalies")?.unwrap_or(usual.ignore_anomalies),
                })
            }
            "BatchNormal" => {
                let usual = BatchNormal::default();
                Strategy::BatchNormal(BatchNormal {
                    lower_deviation_factor: left.factor("lowerDeviationFactor", usual.lower_deviation_factor)?,
                    upper_deviation_factor: left.factor("upperDeviationFactor", usual.upper_deviation_factor)?,
                    include_interval: left.truth("includeInterval")?.unwrap_or(usual.include_interval),
                })
            }
            "HoltWinters" => Strategy::HoltWinters(HoltWinters { period: left.period()? }),
            unknown => return Err(format!("there is no strategy {unknown:?}{}", nearest(unknown, &STRATEGIES))),
        };
        left.refuse_the_rest(name)?;
        strategy.check().map_err(|error| error.to_string())?;
        Ok(strategy)
    }
}

/// The nearest of known names, as the end of a sentence.
fn nearest(name: &str, known: &[&str]) -> String {
    let close = known.iter().map(|known| (strsim::jaro_winkler(&name.to_lowercase(), &known.to_lowercase()), known));
    match close.filter(|(likeness, _)| *likeness > 0.8).max_by(|a, b| a.0.total_cmp(&b.0)) {
        Some((_, known)) => format!("; did you mean {known:?}?"),
        None => format!("; there are {}", known.join(", ")),
    }
}

/// Tags that have not been taken yet, and the names that were asked for.
struct Left<'a> {
    tags: BTreeMap<&'a str, &'a TagValue>,
    asked: Vec<&'static str>,
}

impl<'a> Left<'a> {
    fn of(tags: &'a [Tag]) -> Result<Left<'a>, String> {
        let mut left = Left { tags: BTreeMap::new(), asked: Vec::new() };
        for tag in tags {
            if left.tags.insert(&tag.key, &tag.value).is_some() {
                return Err(format!("the tag {} is there twice", tag.key));
            }
        }
        Ok(left)
    }

    fn take(&mut self, key: &'static str) -> Option<&'a TagValue> {
        self.asked.push(key);
        self.tags.remove(key)
    }

    fn text(&mut self, key: &'static str) -> Result<Option<&'a str>, String> {
        match self.take(key) {
            None => Ok(None),
            Some(TagValue::Text(text)) => Ok(Some(text)),
            Some(_) => Err(format!("the value of the tag {key} must be in quotes")),
        }
    }

    fn number(&mut self, key: &'static str) -> Result<Option<f64>, String> {
        let number = match self.take(key) {
            None => return Ok(None),
            Some(TagValue::Number(_, number)) => Some(*number),
            Some(TagValue::Text(text)) => text.parse().ok(),
            Some(TagValue::List(_)) => None,
        };
        number.filter(|number| number.is_finite()).map(Some).ok_or_else(|| format!("the value of the tag {key} must be a number"))
    }

    fn count(&mut self, key: &'static str) -> Result<Option<usize>, String> {
        // A history of a million values is longer than any that is kept.
        let whole = |number: f64| (number.fract() == 0.0 && (0.0..=1e6).contains(&number)).then_some(number as usize);
        match self.number(key)? {
            None => Ok(None),
            Some(number) => {
                whole(number).map(Some).ok_or_else(|| format!("the value of the tag {key} must be a whole number from 0 to 1000000"))
            }
        }
    }

    fn truth(&mut self, key: &'static str) -> Result<Option<bool>, String> {
        match self.text(key)? {
            None => Ok(None),
            Some("true") => Ok(Some(true)),
            Some("false") => Ok(Some(false)),
            Some(_) => Err(format!("the value of the tag {key} must be \"true\" or \"false\"")),
        }
    }

    /// `"none"` is no bound, which is not the same as saying nothing.
    fn factor(&mut self, key: &'static str, usual: Option<f64>) -> Result<Option<f64>, String> {
        match self.tags.get(key) {
            Some(TagValue::Text(text)) if text == "none" => {
                self.take(key);
                Ok(None)
            }
            _ => Ok(self.number(key)?.or(usual)),
        }
    }

    fn change(&mut self) -> Result<Change, String> {
        Ok(Change {
            max_rate_decrease: self.number("maxRateDecrease")?,
            max_rate_increase: self.number("maxRateIncrease")?,
            order: self.count("order")?.unwrap_or(1),
        })
    }

    fn period(&mut self) -> Result<usize, String> {
        let told = self.count("period")?;
        let (interval, seasonality) = (self.text("metricsInterval")?, self.text("seasonality")?);
        match (told, interval, seasonality) {
            (Some(period), None, None) => Ok(period),
            (None, Some("Hourly"), Some("Daily")) => Ok(24),
            (None, Some("Daily"), Some("Weekly")) => Ok(7),
            (None, Some("Monthly"), Some("Yearly")) => Ok(12),
            (Some(_), ..) => Err("HoltWinters: period says all that metricsInterval and seasonality would".to_owned()),
            (None, ..) => Err("HoltWinters: a period is needed, or metricsInterval with seasonality: \
                \"Hourly\" with \"Daily\", \"Daily\" with \"Weekly\", or \"Monthly\" with \"Yearly\""
                .to_owned()),
        }
    }

    fn refuse_the_rest(self, strategy: &str) -> Result<(), String> {
        match self.tags.keys().next() {
            None => Ok(()),
            Some(key) => Err(format!("the strategy {strategy} has no tag {key}{}", nearest(key, &self.asked))),
        }
    }
}
