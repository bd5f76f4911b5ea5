//! What holds of any values.

use proptest::{
    prelude::{Just, prop_assert, prop_assert_eq, prop_oneof, proptest},
    strategy::Strategy as Generate,
};

use super::{
    super::{BatchNormal, Bounds, Change, HoltWinters, OnlineNormal, Strategy, Usual},
    Point, SignedDuration, daily,
};

fn strategies() -> impl Generate<Value = Strategy> {
    let change = Change { max_rate_decrease: Some(-1.0), max_rate_increase: Some(2.0), order: 2 };
    proptest::sample::select(vec![
        Strategy::default(),
        Strategy::Default(Usual { period: Some(2), ..Usual::default() }),
        Strategy::SimpleThreshold(Bounds { lower: -10.0, upper: 10.0 }),
        Strategy::AbsoluteChange(change),
        Strategy::RelativeRateOfChange(change),
        Strategy::OnlineNormal(OnlineNormal::default()),
        Strategy::BatchNormal(BatchNormal::default()),
        Strategy::HoltWinters(HoltWinters { period: 2 }),
    ])
}

fn values() -> impl Generate<Value = Vec<f64>> {
    let odd = prop_oneof![Just(0.0), Just(f64::NAN), Just(f64::INFINITY), Just(f64::MAX), Just(f64::MIN), Just(f64::MIN_POSITIVE)];
    proptest::collection::vec(prop_oneof![4 => -100.0..100.0, 1 => odd], 0..40)
}

proptest! {
    #[test]
    fn any_values_have_an_answer_or_an_error(strategy in strategies(), values in values(), start in 0..45_usize, length in 0..45_usize) {
        let series = daily(&values);
        if let Ok(found) = strategy.assess(&series, start..start + length) {
            for assessment in &found {
                prop_assert!((start..start + length).contains(&assessment.index));
                prop_assert_eq!(assessment.value, values[assessment.index]);
            }
            let indices: Vec<usize> = found.iter().map(|assessment| assessment.index).collect();
            prop_assert!(indices.is_sorted());
            prop_assert_eq!(strategy.assess(&series, start..start + length).unwrap(), found);
        }
    }

    /// What is not finite is missing, so a new value means the same with or without.
    #[test]
    fn a_new_value_is_assessed_by_what_is_there(strategy in strategies(), values in values(), new in -100.0..100.0) {
        let mut series = daily(&values);
        let [at] = daily(&[new])[..] else { unreachable!() };
        let new = Point { at: at.at + SignedDuration::from_hours(24 * 1000), ..at };
        let with = strategy.assess_new(&series, new);
        series.retain(|point| point.value.is_finite());
        prop_assert_eq!(strategy.assess_new(&series, new), with);
    }

    #[test]
    fn what_is_an_anomaly_is_outside_of_its_bounds(strategy in strategies(), values in proptest::collection::vec(-100.0..100.0, 5..40)) {
        for found in strategy.assess(&daily(&values), 4..usize::MAX).unwrap() {
            let slack = 1e-6 * found.value.abs().max(1.0);
            let below = found.lower.is_some_and(|lower| found.value < lower + slack);
            let above = found.upper.is_some_and(|upper| found.value > upper - slack);
            prop_assert!(!found.anomalous || below || above, "{found:?}");
        }
    }
}
