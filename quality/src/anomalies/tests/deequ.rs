//! Deequ's strategies, by its definitions.

use super::*;

fn change(max_rate_decrease: Option<f64>, max_rate_increase: Option<f64>, order: usize) -> Change {
    Change { max_rate_decrease, max_rate_increase, order }
}

#[test]
fn a_threshold_includes_its_bounds() {
    let strategy = Strategy::SimpleThreshold(Bounds { lower: -1.0, upper: 1.0 });
    assert_eq!(anomalies(&strategy, &[-1.0, 2.0, -3.0, 1.0, 1.5]), [1, 2, 4]);
    let above = Strategy::SimpleThreshold(Bounds::from_options(None, Some(1.0)));
    assert_eq!(anomalies(&above, &[-1.0, 2.0, -3e300, 1.0]), [1]);
}

#[test]
fn a_threshold_is_asked_of_the_interval_alone() {
    let strategy = Strategy::SimpleThreshold(Bounds { lower: 0.0, upper: 1.0 });
    let found = strategy.detect(&daily(&[5.0, 5.0, 0.0, 5.0, 5.0]), 1..4).unwrap();
    assert_eq!(found.iter().map(|anomaly| anomaly.index).collect::<Vec<_>>(), [1, 3]);
}

/// First differences: 1, 5, -4, 0, -10. Second: 4, -9, 4, -10.
#[test]
fn changes_are_differences_of_an_order() {
    let values = [1.0, 2.0, 7.0, 3.0, 3.0, -7.0];
    let table: [(Change, &[usize]); 7] = [
        (change(Some(-4.0), Some(4.0), 1), &[2, 5]),
        (change(Some(-4.0), None, 1), &[5]),
        (change(None, Some(4.9), 1), &[2]),
        (change(Some(-9.0), Some(4.0), 2), &[5]),
        (change(Some(-8.9), Some(3.9), 2), &[2, 3, 4, 5]),
        (change(Some(0.0), Some(3.0), 0), &[2, 5]),
        (change(Some(0.0), Some(0.0), 6), &[]),
    ];
    for (change, expected) in table {
        assert_eq!(anomalies(&Strategy::AbsoluteChange(change), &values), expected, "{change:?}");
    }
}

#[test]
fn a_change_looks_back_beyond_its_interval() {
    let strategy = Strategy::AbsoluteChange(change(Some(-1.0), Some(1.0), 1));
    let found = strategy.detect(&daily(&[0.0, 9.0, 9.0, 0.0]), 3..4).unwrap();
    assert_eq!(found.len(), 1);
    // The value before is 9, and 1 up or down is no anomaly.
    assert_eq!((found[0].index, found[0].lower, found[0].upper), (3, Some(8.0), Some(10.0)));
}

/// The second difference of 1, 2, x is x − 3.
#[test]
fn bounds_of_a_change_are_about_the_value() {
    let found = newest(&Strategy::AbsoluteChange(change(Some(-2.0), Some(4.0), 2)), &[1.0, 2.0, 8.0]).unwrap();
    assert_eq!((found.anomalous, found.lower, found.upper), (true, Some(1.0), Some(7.0)));
}

/// Ratios to the value before: 2, 0.5, 3, 1; to the second before: 1, 1.5, 3.
#[test]
fn rates_are_new_over_old() {
    let values = [2.0, 4.0, 2.0, 6.0, 6.0];
    let table: [(Change, &[usize]); 4] = [
        (change(Some(0.5), Some(2.0), 1), &[3]),
        (change(Some(0.6), None, 1), &[2]),
        (change(None, Some(1.0), 1), &[1, 3]),
        (change(Some(1.2), Some(2.0), 2), &[2, 4]),
    ];
    for (change, expected) in table {
        assert_eq!(anomalies(&Strategy::RelativeRateOfChange(change), &values), expected, "{change:?}");
    }
}

#[test]
fn rates_from_nothing() {
    let limited = Strategy::RelativeRateOfChange(change(Some(0.5), Some(2.0), 1));
    // 0/0 is no change; x/0 is more than any limit, on its side.
    assert_eq!(anomalies(&limited, &[0.0, 0.0, 1.0, 0.0, -1.0]), [2, 3, 4]);
    let unlimited_above = Strategy::RelativeRateOfChange(change(Some(0.5), None, 1));
    assert_eq!(anomalies(&unlimited_above, &[0.0, 1.0]), [] as [usize; 0]);
    // Of a negative value the greater ratio is the lesser value.
    let found = newest(&limited, &[-10.0, -30.0]).unwrap();
    assert_eq!((found.anomalous, found.lower, found.upper), (true, Some(-20.0), Some(-5.0)));
}

const ONLINE: [f64; 18] = [10.0, 11.0, 9.0, 10.0, 12.0, 8.0, 10.0, 11.0, 9.0, 10.0, 11.0, 9.0, 30.0, 10.0, 9.0, -20.0, 11.0, 31.0];

#[test]
fn a_running_mean_leaves_anomalies_out() {
    let found = Strategy::OnlineNormal(OnlineNormal::default()).detect(&daily(&ONLINE), 0..usize::MAX).unwrap();
    let expected = [
        (12, -4.749988647711964, 27.82691172463504),
        (15, -13.866985715583937, 29.991985715583937),
        (17, -3.545193840090567, 25.87111976601649),
    ];
    assert_eq!(found.len(), expected.len());
    for (anomaly, (index, lower, upper)) in found.iter().zip(expected) {
        assert_eq!(anomaly.index, index);
        assert_close(anomaly.lower, lower);
        assert_close(anomaly.upper, upper);
    }
}

#[test]
fn a_running_mean_may_keep_anomalies() {
    let keeping = OnlineNormal { ignore_anomalies: false, ..OnlineNormal::default() };
    assert_eq!(anomalies(&Strategy::OnlineNormal(keeping), &ONLINE), [12, 15]);
    // What is before the interval is never an anomaly, and counts: 30 makes the bounds wide.
    let found = Strategy::OnlineNormal(OnlineNormal::default()).detect(&daily(&ONLINE), 13..usize::MAX).unwrap();
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].index, 15);
    assert_close(found[0].upper, 36.431378917647024);
}

#[test]
fn the_start_of_a_series_is_skipped() {
    // The means of 0, 9 are 0, 4.5 and the deviation of the second is 4.5: with factor ½, 9 > 4.5 + 2.25.
    let strict = |ignore_start_percentage| {
        let half = Some(0.5);
        Strategy::OnlineNormal(OnlineNormal {
            lower_deviation_factor: half,
            upper_deviation_factor: half,
            ignore_start_percentage,
            ..OnlineNormal::default()
        })
    };
    let values = [0.0, 9.0, 0.0, 0.0];
    assert_eq!(anomalies(&strict(0.0), &values), [1]);
    assert_eq!(anomalies(&strict(0.25), &values), [1], "index 1 is not below 4 × 0.25");
    // Skipped, 9 stays in the mean 3 with deviation 4.243, and 0 < 3 − 2.12. Left out then, the
    // next mean is 4.5 × 3/4 and so on.
    assert_eq!(anomalies(&strict(0.3), &values), [2, 3]);
    assert_eq!(anomalies(&strict(1.0), &values), [] as [usize; 0]);
}

/// Of 1, 2, 3, 4, 5: mean 3, sample variance 2.5.
#[test]
fn a_batch_is_compared_with_all_other_values() {
    let strategy = Strategy::BatchNormal(BatchNormal { upper_deviation_factor: Some(1.0), ..BatchNormal::default() });
    let series = daily(&[1.0, 2.0, 4.6, -1.7, 3.0, 4.0, 5.0]);
    let found = strategy.detect(&series, 2..4).unwrap();
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].index, 2);
    assert_close(found[0].lower, 3.0 - 3.0 * 2.5_f64.sqrt());
    assert_close(found[0].upper, 3.0 + 2.5_f64.sqrt());
}

#[test]
fn a_batch_with_nothing_beside_it_needs_to_be_included() {
    let series = daily(&[1.0, 1.0, 9.0]);
    let excluding = Strategy::BatchNormal(BatchNormal::default());
    assert_eq!(excluding.detect(&series, 0..3), Err(AnomalyError::NeedsHistory { needed: 1, there: 0 }));
    // Mean 11/3, sample variance 64/3: 9 is 1.1547 deviations above.
    let including = |factor| {
        Strategy::BatchNormal(BatchNormal { lower_deviation_factor: None, upper_deviation_factor: Some(factor), include_interval: true })
    };
    assert_eq!(anomalies(&including(1.15), &[1.0, 1.0, 9.0]), [2]);
    assert_eq!(anomalies(&including(1.16), &[1.0, 1.0, 9.0]), [] as [usize; 0]);
    // One other value has no deviation.
    assert!(newest(&excluding, &[1.0, 1.5]).unwrap().anomalous);
    assert!(!newest(&excluding, &[1.0, 1.0]).unwrap().anomalous);
}

/// Milk of a cow in pounds each month from 1962 on, and cars sold in Quebec from 1960 on: two
/// series of textbooks, three years to learn from and one to look at.
const MILK: [f64; 48] = [
    589.0, 561.0, 640.0, 656.0, 727.0, 697.0, 640.0, 599.0, 568.0, 577.0, 553.0, 582.0, //
    600.0, 566.0, 653.0, 673.0, 742.0, 716.0, 660.0, 617.0, 583.0, 587.0, 565.0, 598.0, //
    628.0, 618.0, 688.0, 705.0, 770.0, 736.0, 678.0, 639.0, 604.0, 611.0, 594.0, 634.0, //
    658.0, 622.0, 709.0, 722.0, 782.0, 756.0, 702.0, 653.0, 615.0, 621.0, 602.0, 635.0,
];
const CARS: [f64; 48] = [
    6550.0, 8728.0, 12026.0, 14395.0, 14587.0, 13791.0, 9498.0, 8251.0, 7049.0, 9545.0, 9364.0, 8456.0, //
    7237.0, 9374.0, 11837.0, 13784.0, 15926.0, 13821.0, 11143.0, 7975.0, 7610.0, 10015.0, 12759.0, 8816.0, //
    10677.0, 10947.0, 15200.0, 17010.0, 20900.0, 16205.0, 12143.0, 8997.0, 5568.0, 11474.0, 12256.0, 10583.0, //
    10862.0, 10965.0, 14405.0, 20379.0, 20128.0, 17816.0, 12268.0, 8642.0, 7962.0, 13932.0, 15936.0, 12628.0,
];
const YEARLY: HoltWinters = HoltWinters { period: 12 };

#[test]
fn a_seasonal_model_is_fitted_as_others_fit_it() {
    let milk = YEARLY.fit(&MILK[..36]);
    assert_eq!(milk.parameters, [1.0, 0.0, 0.0]);
    let squares = |residuals: &[f64]| residuals.iter().map(|residual| residual * residual).sum::<f64>();
    assert_close(Some(squares(&milk.residuals)), 1425.265625);
    assert_close(Some(milk.forecast(0)), 642.1875);
    assert_close(Some(milk.forecast(1)), 615.375);
    assert_close(Some(milk.forecast(2)), 695.5625);

    let cars = YEARLY.fit(&CARS[..36]);
    let expected = [0.29417152, 0.0, 0.67645721];
    assert!(cars.parameters.iter().zip(expected).all(|(found, expected)| (found - expected).abs() < 1e-6), "{cars:?}");
    assert_close(Some(squares(&cars.residuals)), 56437198.918430336);
    assert!((cars.forecast(0) - 10661.82839533981).abs() < 1e-2);
}

#[test]
fn deviations_from_a_seasonal_forecast() {
    let found = Strategy::HoltWinters(YEARLY).assess(&daily(&MILK), 36..48).unwrap();
    let anomalous: Vec<usize> = found.iter().filter(|one| one.anomalous).map(|one| one.index).collect();
    assert_eq!(anomalous, [36, 38, 39, 44, 45, 46, 47]);
    assert_close(found[0].lower, 642.1875 - 9.242031500162723);
    assert_close(found[0].upper, 642.1875 + 9.242031500162723);
    let cars = Strategy::HoltWinters(YEARLY).detect(&daily(&CARS), 36..48).unwrap();
    assert_eq!(cars.iter().map(|anomaly| anomaly.index).collect::<Vec<_>>(), [39, 41, 46]);
}

#[test]
fn a_seasonal_model_needs_two_seasons() {
    let weekly = Strategy::HoltWinters(HoltWinters { period: 7 });
    assert_eq!(weekly.detect(&daily(&[1.0; 20]), 13..20), Err(AnomalyError::NeedsHistory { needed: 14, there: 13 }));
    assert_eq!(newest(&weekly, &[1.0; 14]), Err(AnomalyError::NeedsHistory { needed: 14, there: 13 }));
    assert!(!newest(&weekly, &[1.0; 15]).unwrap().anomalous);
}

#[test]
fn a_constant_series_has_no_anomaly_but_what_differs() {
    let weekly = Strategy::HoltWinters(HoltWinters { period: 7 });
    let mut values = [1.0; 21];
    assert_eq!(weekly.detect(&daily(&values), 14..21).unwrap(), []);
    values[20] = 0.0;
    let found = weekly.detect(&daily(&values), 14..21).unwrap();
    assert_eq!(found.iter().map(|anomaly| anomaly.index).collect::<Vec<_>>(), [20]);
}

#[test]
fn a_line_and_a_sine_on_a_line_have_no_anomalies() {
    let weekly = Strategy::HoltWinters(HoltWinters { period: 7 });
    let line: Vec<f64> = (0..48).map(f64::from).collect();
    assert_eq!(weekly.detect(&daily(&line), 36..48).unwrap(), []);
    let wave: Vec<f64> = (0..48).map(|t| f64::from(t) + (f64::from(t) * std::f64::consts::TAU / 7.0).sin()).collect();
    assert_eq!(weekly.detect(&daily(&wave), 36..48).unwrap(), []);
}
