//! A report that has one of everything, for the tests of all forms.

use std::collections::BTreeMap;

use jiff::{Timestamp, ToSpan as _};

use super::document::{Bin, Column, Distribution, FailingRow, FailingRows, Reason, Report};
use crate::{
    evaluate::{AnalyzerResult, Evaluation, Outcome, Point, RuleResult},
    language::ast::Level,
};

pub(super) const AT: &str = "2026-11-26T05:30:00Z";

fn rule(rule: &str, outcome: Outcome, reason: &str, metrics: &[(&str, f64)]) -> RuleResult {
    RuleResult {
        rule: rule.to_owned(),
        outcome,
        reason: (!reason.is_empty()).then(|| reason.to_owned()),
        metrics: metrics.iter().map(|(name, value)| ((*name).to_owned(), *value)).collect(),
        labels: BTreeMap::new(),
        level: Level::Error,
    }
}

fn evaluation() -> Evaluation {
    use Outcome::{Error, Failed, Passed};
    let mut rules = vec![
        rule("RowCount > 300000", Passed, "", &[("Dataset.*.RowCount", 336_776.0)]),
        rule("IsComplete \"carrier\"", Passed, "", &[("Column.carrier.Completeness", 1.0)]),
        rule(
            "Completeness \"tailnum\" > 0.999 where \"origin = 'JFK'\"",
            Failed,
            "0.9925 of the rows have a value, which is not > 0.999",
            &[("Column.tailnum.Completeness", 0.992_541_6)],
        ),
        rule("ColumnExists \"gate\"", Error, "there is no column \"gate\"; did you mean \"date\"?", &[]),
        rule("Mean \"dep_delay\" < 12", Failed, "the mean is 12.64, which is not < 12", &[("Column.dep_delay.Mean", 12.639_07)]),
        rule("ColumnValues \"origin\" in [\"EWR\", \"JFK\", \"LGA\"]", Passed, "", &[("Column.origin.ColumnValues.Compliance", 1.0)]),
        rule(
            "(IsUnique \"id\") and (ColumnLength \"id\" = 12)",
            Passed,
            "",
            &[("Column.id.Uniqueness", 1.0), ("Column.id.MinimumLength", 12.0), ("Column.id.MaximumLength", 12.0)],
        ),
        rule(
            "ColumnCorrelation \"distance\" \"air_time\" > 0.9",
            Passed,
            "",
            &[("Multicolumn.distance,air_time.ColumnCorrelation", 0.990_649_6)],
        ),
        rule(
            "ColumnValues \"comment\" != \"<b>bold</b> & </script><script>alert(1)</script>\"",
            Failed,
            "3 rows have a value that is not allowed: <img src=x onerror=alert(1)>",
            &[("Column.comment.ColumnValues.Compliance", 0.999_991_1)],
        ),
    ];
    rules[4].level = Level::Warn;
    rules[2].labels = BTreeMap::from([("owner".to_owned(), "operations".to_owned()), ("severity".to_owned(), "high".to_owned())]);
    let statistics =
        [("RowCount", 336_776.0), ("Completeness \"tailnum\" where \"origin = 'JFK'\"", 0.992_541_6), ("Mean \"dep_delay\"", 12.639_07)];
    for rule in &mut rules {
        rule.labels.insert("team".to_owned(), "flights <&>".to_owned());
    }
    Evaluation {
        outcome: Error,
        score: 5.0 / 9.0,
        rows: 336_776,
        rules,
        analyzers: vec![AnalyzerResult {
            analyzer: "Entropy \"carrier\"".to_owned(),
            metrics: BTreeMap::from([("Column.carrier.Entropy".to_owned(), 2.215_6)]),
            reason: None,
        }],
        statistics: statistics.iter().map(|(name, value)| ((*name).to_owned(), *value)).collect(),
    }
}

/// Values that wander: the same ones each time.
fn wander(from: f64, step: f64, count: usize) -> Vec<f64> {
    let mut seed = 7_u32;
    let mut next = move || {
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        f64::from(seed >> 16) / 65_536.0 - 0.5
    };
    let values = std::iter::successors(Some(from), |value| Some(value + step * next()));
    values.take(count).collect()
}

fn points(values: &[f64]) -> Vec<Point> {
    let now: Timestamp = AT.parse().unwrap();
    let count = i64::try_from(values.len()).unwrap();
    let at = |i: usize| now - ((count - i64::try_from(i).unwrap()) * 24).hours();
    values.iter().enumerate().map(|(i, value)| Point { at: at(i), value: *value }).collect()
}

fn columns() -> Vec<Column> {
    let column = |name: &str, data_type: &str, nulls: u64, distinct: u64, distribution| Column {
        name: name.to_owned(),
        data_type: data_type.to_owned(),
        rows: 336_776,
        nulls,
        distinct: Some(distinct),
        is_approximate: distinct > 1_000,
        facts: Vec::new(),
        distribution,
    };
    let bins = |low: f64, width: f64, counts: &[u64]| {
        let bin =
            |(i, count): (usize, &u64)| Bin { low: low + width * i as f64, high: low + width * (i + 1) as f64, shown: None, count: *count };
        Distribution::Histogram(counts.iter().enumerate().map(bin).collect())
    };
    let top = |values: &[(&str, u64)], other| Distribution::Values {
        top: values.iter().map(|(value, count)| ((*value).to_owned(), *count)).collect(),
        other,
    };
    let mut delay = column(
        "dep_delay",
        "integer",
        8_255,
        527,
        bins(
            -43.0,
            13.0,
            &[
                21_000, 170_321, 61_200, 25_400, 14_800, 9_700, 6_400, 4_900, 3_500, 2_700, 2_100, 1_600, 1_200, 900, 700, 520, 400, 300,
                220, 660,
            ],
        ),
    );
    delay.facts = [("min", "−43"), ("mean", "12.64"), ("median", "−2"), ("max", "1,301"), ("std", "40.21")]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .to_vec();
    let carriers =
        [("UA", 58_665), ("B6", 54_635), ("EV", 54_173), ("DL", 48_110), ("AA", 32_729), ("MQ", 26_397), ("US", 20_536), ("9E", 18_460)];
    vec![
        delay,
        column("carrier", "string", 0, 16, top(&carriers, 23_071)),
        column("tailnum", "string", 2_512, 4_043, Distribution::Unknown),
        column(
            "comment <i>of the crew</i>, a column with a name that does not end soon enough",
            "string",
            300_000,
            12_345,
            top(
                &[
                    ("<script>alert('no')</script>", 3_000),
                    ("", 200),
                    ("a long text that goes on and on and on, and then a little further still", 100),
                ],
                33_476,
            ),
        ),
        column(
            "distance",
            "integer",
            0,
            214,
            bins(17.0, 246.0, &[41_000, 50_100, 52_310, 92_000, 30_000, 15_004, 12_300, 2_100, 0, 41_962, 0, 0, 0, 0, 0, 0, 0, 0, 0, 715]),
        ),
    ]
}

fn failing() -> FailingRows {
    let columns = ["flight_date", "carrier", "flight", "tailnum", "origin", "dest", "dep_delay", "arr_delay", "distance", "comment"];
    let row = |number: u64, tailnum: Option<&str>, comment: Option<&str>, reasons: &[(&str, &str)]| FailingRow {
        number,
        reasons: reasons.iter().map(|(rule, why)| Reason { rule: (*rule).to_owned(), why: (*why).to_owned() }).collect(),
        values: [Some("2013-01-02"), Some("AA"), Some("133"), tailnum, Some("JFK"), Some("LAX"), None, None, Some("2475"), comment]
            .iter()
            .map(|value| value.map(str::to_owned))
            .collect(),
    };
    let tailnum = ("Completeness \"tailnum\" > 0.999 where \"origin = 'JFK'\"", "tailnum is null");
    let comment = ("ColumnValues \"comment\" != \"<b>bold</b>\"", "Value: <b>bold</b> is not allowed");
    FailingRows {
        total: 2_515,
        first: 2,
        columns: columns.map(str::to_owned).to_vec(),
        hidden_columns: 9,
        rows: vec![
            row(472, None, None, &[tailnum]),
            row(480, Some("N3DUAA"), Some("<b>bold</b> & </td></table><script>alert(1)</script>"), &[comment]),
            row(11_013, None, Some("late crew"), &[tailnum, comment]),
        ],
    }
}

/// One of everything, hostile values among it.
pub(in crate::report) fn report() -> Report {
    let trends = [
        ("RowCount", wander(330_000.0, 9_000.0, 30).into_iter().map(f64::round).collect()),
        ("Completeness \"tailnum\" where \"origin = 'JFK'\"", wander(0.9965, 0.001, 30)),
        ("Mean \"dep_delay\"", wander(10.5, 1.4, 30)),
    ];
    Report {
        name: "nyc.flights".to_owned(),
        data: vec!["examples/nyc-flights/lake/stage/nyc/flights/clean".to_owned()],
        ruleset: "quality/flights.dqdl".to_owned(),
        at: AT.parse().unwrap(),
        evaluation: evaluation(),
        trends: trends.iter().map(|(name, values)| ((*name).to_owned(), points(values))).collect(),
        columns: columns(),
        failing: Some(failing()),
    }
}
