//! Strategies against tables. Numbers with many digits were worked out apart, in Python: the
//! strategies' definitions as loops over lists, and SciPy's L-BFGS-B for the seasonal model.

use jiff::{SignedDuration, Timestamp};

use super::*;
use crate::{
    evaluate::history::Point,
    language::ast::{Span, Tag, TagValue},
};

mod deequ;
mod properties;
mod spelling;
mod usual;

/// A value for each day.
fn daily(values: &[f64]) -> Vec<Point> {
    let day = |n: usize| Timestamp::UNIX_EPOCH + SignedDuration::from_hours(24 * i64::try_from(n).unwrap());
    values.iter().enumerate().map(|(n, value)| Point { at: day(n), value: *value }).collect()
}

/// The indices of the anomalies in the whole series.
fn anomalies(strategy: &Strategy, values: &[f64]) -> Vec<usize> {
    strategy.detect(&daily(values), 0..usize::MAX).unwrap().into_iter().map(|anomaly| anomaly.index).collect()
}

/// What is said of the last of the values, the others being its history.
fn newest(strategy: &Strategy, values: &[f64]) -> Result<Assessment, AnomalyError> {
    let series = daily(values);
    let (new, history) = series.split_last().unwrap();
    strategy.assess_new(history, *new)
}

#[track_caller]
fn assert_close(value: Option<f64>, expected: f64) {
    let value = value.expect("there is a bound");
    assert!((value - expected).abs() <= 1e-9 * expected.abs().max(1.0), "{value} is not {expected}");
}

fn tags(tags: &[(&str, TagValue)]) -> Vec<Tag> {
    tags.iter().map(|(key, value)| Tag { key: (*key).to_owned(), value: value.clone(), span: Span::default() }).collect()
}

fn text(value: &str) -> TagValue {
    TagValue::Text(value.to_owned())
}

fn number(value: f64) -> TagValue {
    TagValue::Number(value.to_string(), value)
}

#[test]
fn a_new_value_needs_a_history_that_is_older() {
    let strategy = Strategy::SimpleThreshold(Bounds { lower: 0.0, upper: 1.0 });
    let [first, second] = daily(&[0.5, 0.5])[..] else { unreachable!() };
    assert_eq!(strategy.assess_new(&[], second), Err(AnomalyError::NeedsHistory { needed: 1, there: 0 }));
    assert_eq!(strategy.assess_new(&[second], first), Err(AnomalyError::NotNew { new: first.at, last: second.at }));
    assert_eq!(strategy.assess_new(&[second], second), Err(AnomalyError::NotNew { new: second.at, last: second.at }));
    assert_eq!(strategy.is_new_point_anomalous(&[first], second), Ok(None));
}

#[test]
fn a_new_value_that_is_not_finite_is_an_error() {
    for odd in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        let found = newest(&Strategy::default(), &[1.0, 1.0, 1.0, odd]);
        assert!(matches!(found, Err(AnomalyError::NotFinite(_))), "{found:?}");
    }
}

#[test]
fn the_history_of_a_new_value_may_be_in_any_order() {
    let series = daily(&[5.0, 7.0, 1.0, 30.0]);
    let strategy = Strategy::AbsoluteChange(Change { max_rate_increase: Some(10.0), ..Change::default() });
    let found = strategy.is_new_point_anomalous(&[series[2], series[0], series[1]], series[3]).unwrap().unwrap();
    assert_eq!((found.index, found.value, found.upper, found.confidence), (3, 30.0, Some(11.0), 1.0));
}

#[test]
fn a_series_out_of_order_is_an_error() {
    let mut series = daily(&[1.0, 2.0, 3.0]);
    series.swap(1, 2);
    assert_eq!(Strategy::default().detect(&series, 0..3), Err(AnomalyError::Order { index: 2 }));
    #[expect(clippy::reversed_empty_ranges, reason = "it is what is tested")]
    let backwards = Strategy::default().detect(&daily(&[1.0, 2.0, 3.0]), 3..2);
    assert_eq!(backwards, Err(AnomalyError::Interval { start: 3, end: 2 }));
}

#[test]
fn missing_values_are_left_out_and_keep_their_places() {
    let series = daily(&[1.0, f64::NAN, 2.0, f64::INFINITY, 9.0, 10.0]);
    let strategy = Strategy::AbsoluteChange(Change { max_rate_increase: Some(5.0), ..Change::default() });
    let found = strategy.assess(&series, 1..5).unwrap();
    assert_eq!(found.iter().map(|one| (one.index, one.anomalous)).collect::<Vec<_>>(), [(2, false), (4, true)]);
}

#[test]
fn an_assessment_says_its_bounds_as_json_has_numbers() {
    let found = newest(&Strategy::SimpleThreshold(Bounds::from_options(None, Some(3.0))), &[1.0, 4.0]).unwrap();
    assert!(found.anomalous);
    assert_eq!((found.lower, found.upper), (None, Some(3.0)));
    let json = serde_json::to_string(&found).unwrap();
    assert_eq!(serde_json::from_str::<Assessment>(&json).unwrap(), found, "{json}");
}
