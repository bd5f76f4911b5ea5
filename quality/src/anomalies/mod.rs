//! Anomalies: whether a statistic is unlike its history.
//!
//! A [`Strategy`] is a pure function of values in the order of their time. Seven of them are
//! Deequ's, by its definitions; [`Usual`] is our own and what `DetectAnomalies "RowCount"` means
//! when it names none:
//!
//! | `with strategy =` | tags, with defaults |
//! |---|---|
//! | `"Default"` | `sensitivity = 3`, `floor = 0.05`, `period` |
//! | `"SimpleThreshold"` | `lowerBound`, `upperBound`; at least one |
//! | `"AbsoluteChange"`, of old `"RateOfChange"` | `maxRateDecrease`, `maxRateIncrease`, at least one; `order = 1` |
//! | `"RelativeRateOfChange"` | the same |
//! | `"OnlineNormal"` | `lowerDeviationFactor = 3`, `upperDeviationFactor = 3`, `ignoreStartPercentage = 0.1`, `ignoreAnomalies = "true"` |
//! | `"BatchNormal"` | `lowerDeviationFactor = 3`, `upperDeviationFactor = 3`, `includeInterval = "false"` |
//! | `"HoltWinters"` | `period`, or `metricsInterval` with `seasonality`: `"Hourly"` `"Daily"`, `"Daily"` `"Weekly"`, `"Monthly"` `"Yearly"` |
//!
//! A deviation factor may be `"none"`: then there is no bound on that side.
//!
//! Values that are not finite are missing, and left out. A new value that is not finite, or not
//! newer than its history, is an error; too little history is [`AnomalyError::NeedsHistory`], which
//! a rule takes for a pass: nobody can be unlike what isn't there.

mod assessment;
mod change;
mod fit;
mod holt_winters;
mod normal;
mod strategy;
mod tags;
mod usual;

pub use assessment::{Anomaly, AnomalyError, Assessment, Bounds};
pub use change::Change;
pub use holt_winters::HoltWinters;
pub use normal::{BatchNormal, OnlineNormal};
pub use strategy::Strategy;
pub use usual::Usual;

#[cfg(test)]
mod tests;
