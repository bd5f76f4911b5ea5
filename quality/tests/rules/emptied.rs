//! Groups of which `where` leaves no row.

use std::collections::BTreeMap;

use lakegate_quality::evaluate::Point;
use polars::prelude::*;

use super::*;

fn orders() -> DataFrame {
    df!("country" => ["DE", "FR", "FR"], "status" => ["paid", "open", "open"], "amount" => [1, 2, 3]).unwrap()
}

#[test]
fn a_group_without_rows_is_counted() {
    let frame = orders();
    check(
        &frame,
        &[
            ("RowCount > 0 where \"status = 'paid'\" group by \"country\"", FAILED),
            ("RowCount <= 1 where \"status = 'paid'\" group by \"country\"", PASSED),
            ("RowCount = 0 where \"amount < 0\" group by \"country\"", PASSED),
            ("RowCount > 0 where \"amount < 0\" group by \"country\"", FAILED),
            ("RowCount > 0 where \"amount > 0\" group by \"country\"", PASSED),
            ("(RowCount > 0 where \"status = 'paid'\" group by \"country\") and (RowCount = 3)", FAILED),
        ],
    );
    let evaluation = run(&frame, "RowCount > 0 where \"status = 'paid'\" group by \"country\"").evaluation;
    let result = &evaluation.rules[0];
    let reason = result.reason.as_ref().unwrap();
    assert!(reason.starts_with("1 of 2 groups do not hold. country = \"FR\": Value: 0"), "{reason}");
    assert_eq!((result.metrics["Dataset.*.RowCount[DE]"], result.metrics["Dataset.*.RowCount[FR]"]), (1.0, 0.0));
    assert_eq!(evaluation.statistics.len(), 2, "its history says that there was none: {:?}", evaluation.statistics);
    check(&frame.clear(), &[("RowCount = 0 where \"amount < 0\" group by \"country\"", FAILED)]);
}

/// As with all rows of a dataset, of which Deequ says so, too.
#[test]
fn in_a_group_without_rows_nothing_is_wrong() {
    check(
        &orders(),
        &[
            ("IsComplete \"amount\" where \"status = 'paid'\" group by \"country\"", PASSED),
            ("Mean \"amount\" = 1 where \"status = 'paid'\" group by \"country\"", PASSED),
            ("DuplicateRowCount \"amount\" = 1 where \"status = 'gone'\"", PASSED),
            ("DuplicateRowCount \"amount\" = 1 where \"status = 'gone'\" group by \"country\"", PASSED),
            ("DuplicateRowCount \"status\" = 2 where \"status = 'open'\" group by \"country\"", PASSED),
            ("ZerosCount \"amount\" = 1 where \"status = 'gone'\"", PASSED),
        ],
    );
}

#[test]
fn a_count_that_falls_to_nothing_is_held_against_its_past() {
    let frame = orders();
    let filter = "where \"amount < 0\" group by \"country\"";
    let rule = format!("RowCount >= avg(last(2)) {filter}");
    let past = |country: &str| {
        let points = [1, 2].map(|hours| Point { at: now() - jiff::SignedDuration::from_hours(hours), value: 5.0 }).to_vec();
        let history: BTreeMap<String, Vec<Point>> = [(format!("RowCount {filter} [\"{country}\"]"), points)].into();
        context().with_history(Arc::new(history))
    };
    check_in(&past("FR"), &frame, &[(&rule, FAILED)]);
    check_in(&past("gone"), &frame, &[(&rule, PASSED)]);
}
