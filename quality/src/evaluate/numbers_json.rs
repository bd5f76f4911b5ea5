//! Metrics back from JSON, which writes `null` for a number that is none there: NaN and the infinities.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer};

pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<BTreeMap<String, f64>, D::Error> {
    let numbers: BTreeMap<String, Option<f64>> = BTreeMap::deserialize(deserializer)?;
    Ok(numbers.into_iter().map(|(name, value)| (name, value.unwrap_or(f64::NAN))).collect())
}
