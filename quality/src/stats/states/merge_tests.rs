//! The state of the whole is the merger of the states of its parts.

use polars::prelude::*;
use proptest::prelude::*;

use crate::{
    data::Dataset,
    stats::{Edges, Measure, MergeError, Options, Predicate, State, Statistic, measure_with_options},
};

type Row = (Option<f64>, Option<i64>, Option<String>);

fn frame(rows: &[Row]) -> DataFrame {
    let numbers: Vec<Option<f64>> = rows.iter().map(|row| row.0).collect();
    let integers: Vec<Option<i64>> = rows.iter().map(|row| row.1).collect();
    let texts: Vec<Option<String>> = rows.iter().map(|row| row.2.clone()).collect();
    df!("f" => numbers, "i" => integers, "s" => texts).unwrap()
}

fn statistics() -> Vec<Statistic> {
    let name = |text: &str| text.to_owned();
    let positive = Predicate { key: name("i > 0"), expr: col("i").gt(lit(0)), column: Some(name("i")), lasting: true };
    let measures = [
        Measure::Rows,
        Measure::Complete(name("s")),
        Measure::Extremes(name("f")),
        Measure::Moments(name("f")),
        Measure::Moments(name("i")),
        Measure::CoMoments(name("f"), name("i")),
        Measure::Lengths(name("s")),
        Measure::Matches(positive),
        Measure::Frequencies(vec![name("s")]),
        Measure::Frequencies(vec![name("i"), name("s")]),
        Measure::Quantiles(name("f")),
        Measure::TopValues(name("s")),
        Measure::ApproximateDistinct(name("i")),
        Measure::Types(name("s")),
        Measure::Histogram(name("f")),
        Measure::Histogram(name("i")),
        Measure::Classes(name("f"), Edges::of(&[-1.0, 0.0, 7.5])),
    ];
    measures.into_iter().map(Statistic::of).collect()
}

fn states(rows: &[Row]) -> Vec<State> {
    let dataset = Dataset::of_frame(frame(rows));
    let statistics = statistics();
    let measured = measure_with_options(&dataset, &statistics, &Options { states: true, ..Options::default() }).unwrap();
    statistics.iter().map(|statistic| measured.get(statistic).unwrap().clone()).collect()
}

fn merged(parts: &[&[Row]]) -> Vec<State> {
    let mut all = states(&[]);
    for part in parts {
        all.iter_mut().zip(states(part)).for_each(|(state, more)| state.merge(&more).unwrap());
    }
    all
}

/// Numbers that are the same but for rounding.
fn near(left: f64, right: f64, scale: f64) -> bool {
    left == right || (left.is_nan() && right.is_nan()) || (left - right).abs() <= 1e-9 * scale.abs().max(left.abs())
}

fn equal(left: &State, right: &State) -> bool {
    match (left, right) {
        (State::Moments(one), State::Moments(two)) => {
            let deviation = one.standard_deviation().unwrap_or_default();
            let largest = one.mean().unwrap_or_default().abs() + deviation;
            let pairs = [
                (one.mean(), two.mean(), largest),
                (one.standard_deviation(), two.standard_deviation(), largest * 1e-3 + deviation),
                // Of values that are all but equal these are only noise.
                (one.skewness().filter(|_| deviation > largest * 1e-4), two.skewness(), 1.0),
                (one.kurtosis().filter(|_| deviation > largest * 1e-4), two.kurtosis(), 1.0),
            ];
            let near = pairs.iter().all(|(one, two, scale)| one.is_none_or(|one| two.is_some_and(|two| near(one, two, *scale))));
            (one.count, one.zeros) == (two.count, two.zeros) && near && sums(one.sum(), two.sum(), largest * one.count as f64)
        }
        (State::CoMoments(one), State::CoMoments(two)) => {
            one.count == two.count && one.correlation().is_none_or(|found| two.correlation().is_some_and(|other| near(found, other, 1.0)))
        }
        (State::Frequencies(one), State::Frequencies(two)) => {
            let counts = |state: &crate::stats::Frequencies| {
                let found = state.summary;
                (found.rows, found.null_rows, found.groups, found.singles, found.in_duplicates, state.table.clone())
            };
            counts(one) == counts(two) && near(one.summary.entropy, two.summary.entropy, 1.0)
        }
        _ => format!("{left:?}") == format!("{right:?}"),
    }
}

fn sums(left: f64, right: f64, scale: f64) -> bool {
    near(left, right, scale * 1e-3)
}

fn row() -> impl Strategy<Value = Row> {
    let number = prop_oneof![8 => -1e6..1e6_f64, 1 => Just(0.0), 1 => Just(-0.0), 1 => 1e9..1.000_001e9_f64];
    (
        proptest::option::weighted(0.9, number),
        proptest::option::weighted(0.9, -20..20_i64),
        proptest::option::weighted(0.9, "[a-cä]{0,3}|[0-9]{1,2}"),
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn parts_merge_into_the_whole(rows in proptest::collection::vec(row(), 0..300), cuts in (0.0..1.0_f64, 0.0..1.0_f64)) {
        let at = |share: f64| (share * rows.len() as f64) as usize;
        let (first, second) = (at(cuts.0.min(cuts.1)), at(cuts.0.max(cuts.1)));
        let (a, b, c) = (&rows[..first], &rows[first..second], &rows[second..]);
        let whole = states(&rows);
        for parts in [vec![a, b, c], vec![c, a, b], vec![b, c, a]] {
            for (one, all) in merged(&parts).iter().zip(&whole) {
                prop_assert!(equal(all, one), "{:?}\n{:?}", all, one);
            }
        }
        // (a + b) + c = a + (b + c)
        let mut late = merged(&[b, c]);
        let mut first = merged(&[a]);
        first.iter_mut().zip(&late).for_each(|(state, more)| state.merge(more).unwrap());
        late.clear();
        for (one, all) in first.iter().zip(&whole) {
            prop_assert!(equal(all, one), "{:?}\n{:?}", all, one);
        }
    }

    #[test]
    fn states_are_read_as_they_were_written(rows in proptest::collection::vec(row(), 0..50)) {
        for state in states(&rows) {
            let text = serde_json::to_string(&state).unwrap();
            let read: State = serde_json::from_str(&text).unwrap();
            prop_assert_eq!(format!("{:?}", read), format!("{:?}", state));
        }
    }
}

#[test]
fn extremes_and_moments_of_nan_and_infinities_merge() {
    let values = [Some(1.0), Some(f64::NAN), None, Some(f64::INFINITY), Some(f64::NEG_INFINITY), Some(-3.0)];
    let rows: Vec<Row> = values.into_iter().map(|value| (value, None, None)).collect();
    for cut in 0..=rows.len() {
        let (left, right) = rows.split_at(cut);
        for (one, all) in merged(&[left, right]).iter().zip(states(&rows)) {
            assert!(equal(&all, one), "{cut}: {all:?}\n{one:?}");
        }
    }
}

#[test]
fn states_of_different_statistics_do_not_merge() {
    let rows: Vec<Row> = vec![(Some(1.0), Some(1), None)];
    let mut states = states(&rows);
    let other = states[2].clone();
    assert_eq!(states[0].merge(&other), Err(MergeError::Kinds));
}
