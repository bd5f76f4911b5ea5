//! What `DetectAnomalies` says when no strategy is named.

use super::*;

const USUAL: Usual = Usual { sensitivity: 3.0, floor: 0.05, period: None };

#[track_caller]
fn assert_bounds(values: &[f64], lower: f64, upper: f64) {
    let found = newest(&Strategy::default(), values).unwrap();
    assert_close(found.lower, lower);
    assert_close(found.upper, upper);
    let within = Bounds { lower, upper }.contain(found.value);
    assert_eq!(found.anomalous, !within, "{found:?}");
}

#[test]
fn three_earlier_values_are_needed() {
    assert_eq!(newest(&Strategy::default(), &[1.0, 1.0, 1.0]), Err(AnomalyError::NeedsHistory { needed: 3, there: 2 }));
    assert!(newest(&Strategy::default(), &[1.0, 1.0, 1.0, 2.0]).unwrap().anomalous);
    assert_eq!(Strategy::default().assess(&daily(&[1.0; 5]), 0..5).unwrap().len(), 2);
}

#[test]
fn a_calm_history_leaves_a_twentieth() {
    assert_bounds(&[1000.0, 1000.0, 1000.0, 1050.0], 950.0, 1050.0);
    assert_bounds(&[1000.0, 1000.0, 1000.0, 1051.0], 950.0, 1050.0);
    // Of nothing but nothing it leaves nothing.
    assert_bounds(&[0.0, 0.0, 0.0, 0.0], 0.0, 0.0);
    assert_bounds(&[0.0, 0.0, 0.0, 1.0], 0.0, 0.0);
}

/// The median of 90, 100, 120 is 100; of the distances 10, 0, 20 it is 10. Three values widen
/// 3 deviations to 8, and a deviation is 14.826.
#[test]
fn few_values_leave_much() {
    assert_bounds(&[90.0, 120.0, 100.0, 218.0], 100.0 - 118.608, 100.0 + 118.608);
    assert_bounds(&[90.0, 120.0, 100.0, 219.0], 100.0 - 118.608, 100.0 + 118.608);
}

#[test]
fn one_odd_value_does_not_hide_the_next() {
    let calm = [100.0, 101.0, 99.0, 100.0, 102.0, 98.0, 100.0, 101.0, 99.0, 100.0];
    let with_odd: Vec<f64> = calm.into_iter().chain([5000.0, 100.0, 5000.0]).collect();
    assert_eq!(anomalies(&Strategy::default(), &with_odd), [10, 12]);
}

#[test]
fn growth_is_expected_to_go_on() {
    let growing: Vec<f64> = (0..20).map(|day| 1000.0 + 100.0 * f64::from(day)).collect();
    // From the seventh value on, there are six to see the growth in.
    let found = Strategy::default().assess(&daily(&growing), 6..20).unwrap();
    assert!(found.iter().all(|one| !one.anomalous), "{found:?}");
    let last = found.last().unwrap();
    assert_close(last.lower, 2900.0 * 0.95);
    assert_close(last.upper, 2900.0 * 1.05);
    // Standing still is unlike it.
    let stopped: Vec<f64> = growing.iter().copied().chain([2000.0]).collect();
    assert_eq!(anomalies(&Strategy::default(), &stopped), [20]);
}

#[test]
fn noise_is_no_trend() {
    let noise = [5.0, 3.0, 6.0, 2.0, 5.0, 4.0, 3.0, 6.0, 2.0, 4.0];
    let found = newest(&Strategy::default(), &noise).unwrap();
    assert!(found.detail.contains("the median 4 "), "{found:?}");
}

#[test]
fn a_season_is_expected_once_it_was_there_twice() {
    let week = [100.0, 100.0, 100.0, 100.0, 100.0, 10.0, 10.0];
    let wobble = [0.0, 1.0, -1.0, 2.0, 0.0, -1.0, 1.0, 1.0, 0.0, -2.0, 1.0];
    let values: Vec<f64> = (0..40).map(|day| week[day % 7] + wobble[day % 11]).collect();
    let weekly = Strategy::Default(Usual { period: Some(7), ..USUAL });
    let found = weekly.assess(&daily(&values), 14..40).unwrap();
    assert!(found.iter().all(|one| !one.anomalous), "{found:?}");
    // A Wednesday in the place of a Sunday, and the other way round.
    let sunday: Vec<f64> = values.iter().copied().chain([100.0, 100.0]).collect();
    assert_eq!(weekly.detect(&daily(&sunday), 40..42).unwrap().iter().map(|one| one.index).collect::<Vec<_>>(), [40, 41]);
    // Before there are two seasons, the median has to do.
    assert!(newest(&weekly, &values[..14]).unwrap().detail.contains("the median"));
}
