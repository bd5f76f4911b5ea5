//! Rules on numbers: counts, moments, quantiles, values.

use polars::prelude::*;

use super::*;

fn table() -> DataFrame {
    df!(
        "n" => [Some(1_i64), Some(2), Some(2), None, Some(5)],
        "x" => [1.5, f64::NAN, -2.0, 0.0, f64::INFINITY],
        "y" => [1.0, 2.0, 3.0, 4.0, 5.0],
        "z" => [2.0, 4.0, 6.0, 8.0, 10.0],
        "nil" => [None::<i64>, None, None, None, None],
        "t" => ["1", "x", "3", "", "5"],
        "flat" => [7, 7, 7, 7, 7],
    )
    .unwrap()
}

#[test]
fn counts() {
    check(
        &table(),
        &[
            ("RowCount = 5", PASSED),
            ("RowCount between 5 and 6", FAILED),
            ("RowCount between 4 and 6", PASSED),
            ("RowCount not between 5 and 6", PASSED),
            ("RowCount in [4, 5]", PASSED),
            ("RowCount not in [4, 5]", FAILED),
            ("RowCount > 1 + 2 * 2", FAILED),
            ("RowCount = 2 where \"n = 2\"", PASSED),
            ("RowCount = 0 where \"n > 100\"", PASSED),
            ("RowCount > 0 where \"n > 100\"", FAILED),
            // The share of rows for which a count holds is all or nothing.
            ("RowCount = 5 with threshold > 0.5", PASSED),
            ("RowCount = 4 with threshold > 0.5", FAILED),
            ("RowCount = 4 with threshold < 0.5", PASSED),
            ("RowCount = 5 with threshold > 1", FAILED),
            ("ColumnCount = 7", PASSED),
            ("ColumnExists \"n\"", PASSED),
            ("ColumnExists \"N\"", FAILED),
            ("ColumnNamesMatchPattern \"[a-z]\"", PASSED),
            ("ColumnNamesMatchPattern \"^[a-z]$\"", FAILED),
        ],
    );
}

#[test]
fn moments() {
    let frame = table();
    check(
        &frame,
        &[
            ("Mean \"n\" = 2.5", PASSED),
            ("Sum \"n\" = 10", PASSED),
            ("Sum \"n\" != 10", FAILED),
            ("Variance \"n\" = 2.25", PASSED),
            ("StandardDeviation \"n\" = 1.5", PASSED),
            ("Mean \"n\" > 2 where \"n < 3\"", FAILED),
            ("Mean \"nil\" > 0", FAILED),
            ("Mean \"nil\" <= 0", FAILED),
            ("Mean \"n\" > 100 where \"n > 100\"", PASSED),
            ("Mean \"t\" > 0", ERROR),
            ("Mean \"absent\" > 0", ERROR),
            ("ZerosCount \"x\" = 1", PASSED),
            ("Range \"n\" = 4", PASSED),
            ("Range \"t\" = 4", ERROR),
            ("Median \"n\" = 2", PASSED),
            ("Quantile \"y\" \"0.25\" = 2", PASSED),
            ("Quantile \"y\" \"0.1\" between 1.39 and 1.41", PASSED),
            ("InterquartileRange \"y\" = 2", PASSED),
            ("Quantile \"nil\" \"0.5\" = 2", FAILED),
            ("Skewness \"y\" = 0", PASSED),
            ("Kurtosis \"y\" between -1.31 and -1.29", PASSED),
            ("Skewness \"flat\" = 0", PASSED),
            ("ColumnCorrelation \"y\" \"z\" > 0.999", PASSED),
            ("ColumnCorrelation \"y\" \"flat\" > 0", FAILED),
            ("ColumnCorrelation \"y\" \"nil\" > 0", FAILED),
        ],
    );
    assert_eq!(metric(&frame, "Mean \"n\" > 0", "Column.n.Mean"), 2.5);
    assert_eq!(metric(&frame, "StandardDeviation \"n\" > 0", "Column.n.StandardDeviation"), 1.5);
    assert!((metric(&frame, "ColumnCorrelation \"y\" \"z\" > 0", "Multicolumn.y,z.ColumnCorrelation") - 1.0).abs() < 1e-12);
    assert!(metric(&frame, "Mean \"x\" > 0", "Column.x.Mean").is_nan());
}

#[test]
fn values() {
    check(
        &table(),
        &[
            ("ColumnValues \"n\" > 0", FAILED),
            ("ColumnValues \"n\" > 0 where \"n is not null\"", PASSED),
            ("ColumnValues \"n\" > 1 where \"n is not null\"", FAILED),
            ("ColumnValues \"n\" < 6 where \"n is not null\"", PASSED),
            ("ColumnValues \"y\" between 1 and 6", FAILED),
            ("ColumnValues \"y\" between 0 and 6", PASSED),
            ("ColumnValues \"y\" not between 5 and 6", PASSED),
            ("ColumnValues \"y\" not between 4 and 6", FAILED),
            ("ColumnValues \"flat\" = 7", PASSED),
            ("ColumnValues \"flat\" != 7", FAILED),
            ("ColumnValues \"n\" != 7", PASSED),
            ("ColumnValues \"n\" != NULL", FAILED),
            ("ColumnValues \"nil\" = NULL", PASSED),
            ("ColumnValues \"nil\" > 0", FAILED),
            ("ColumnValues \"n\" in [1, 2, 5]", FAILED),
            ("ColumnValues \"n\" in [1, 2, 5, NULL]", PASSED),
            ("ColumnValues \"n\" not in [3]", PASSED),
            ("ColumnValues \"n\" not in [3, NULL]", FAILED),
            ("ColumnValues \"t\" > 0", FAILED),
            ("ColumnValues \"t\" > 0 where \"t in ('1', '3')\"", PASSED),
            ("ColumnValues \"n\" > 0 with threshold >= 0.8", PASSED),
            ("ColumnValues \"n\" > 0 with threshold > 0.8", FAILED),
            ("ColumnValues \"n\" > 0 with mostly >= 0.8", PASSED),
            ("ColumnValues \"n\" > 0 with mostly > 0.8", FAILED),
            ("ColumnValues \"n\" > 0 where \"n > 100\"", PASSED),
            ("ColumnValues \"absent\" > 0", ERROR),
        ],
    );
}

#[test]
fn nan_is_above_every_number_in_footers_and_in_rows() {
    let frame = table();
    for (rule, rows, outcome) in [
        ("ColumnValues \"x\" > -3", "PPPPP", PASSED),
        ("ColumnValues \"x\" >= 0", "PPFPP", FAILED),
        ("ColumnValues \"x\" < 10", "PFPPF", FAILED),
        ("ColumnValues \"x\" between -3 and 10", "PFPPF", FAILED),
        ("ColumnValues \"x\" != 0", "PPPFP", FAILED),
    ] {
        assert_eq!(letters(&frame, rule), rows, "{rule}");
        assert_eq!(one(&frame, rule).outcome, outcome, "{rule}");
    }
    let all_nan = df!("x" => [f64::NAN, f64::NAN]).unwrap();
    check(&all_nan, &[("ColumnValues \"x\" > 0", PASSED), ("ColumnValues \"x\" < 0", FAILED), ("ColumnValues \"x\" = 0", FAILED)]);
}

#[test]
fn whole_numbers_beyond_doubles_are_told_apart() {
    let frame = df!("id" => [9_007_199_254_740_993_i64], "u" => [u64::MAX]).unwrap();
    check(
        &frame,
        &[
            ("ColumnValues \"id\" != 9007199254740992", PASSED),
            ("ColumnValues \"id\" > 9007199254740992", PASSED),
            ("ColumnValues \"id\" in [9007199254740992]", FAILED),
            ("ColumnValues \"u\" > 1", PASSED),
        ],
    );
}

#[test]
fn long_lists_are_as_short_ones() {
    let frame = df!("n" => [Some(1_i64), Some(50), None, Some(i64::MAX)], "x" => [Some(0.5), Some(f64::NAN), None, Some(-0.0)]).unwrap();
    let list: Vec<String> = (0..40).map(|n| n.to_string()).collect();
    let list = list.join(", ");
    for (rule, rows) in [
        (format!("ColumnValues \"n\" in [{list}]"), "PFFF"),
        (format!("ColumnValues \"n\" in [{list}, NULL]"), "PFPF"),
        (format!("ColumnValues \"n\" not in [{list}]"), "FPPP"),
        (format!("ColumnValues \"n\" in [{list}, 0.5]"), "PFFF"),
        (format!("ColumnValues \"x\" in [{list}, 0.5]"), "PFFP"),
        (format!("ColumnValues \"x\" not in [{list}, NULL]"), "PPFF"),
    ] {
        assert_eq!(letters(&frame, &rule), rows, "{rule}");
    }
}

#[test]
fn metrics_are_named_as_by_glue() {
    let frame = table();
    assert_eq!(metric(&frame, "ColumnValues \"y\" > 0", "Column.y.Minimum"), 1.0);
    assert_eq!(metric(&frame, "ColumnValues \"y\" < 9", "Column.y.Maximum"), 5.0);
    assert_eq!(metric(&frame, "ColumnValues \"n\" in [1, 2]", "Column.n.ColumnValues.Compliance"), 0.6);
    assert_eq!(metric(&frame, "ColumnValues \"n\" > 0 with threshold > 0.1", "Column.n.ColumnValues.Compliance"), 0.8);
    assert_eq!(metric(&frame, "RowCount > 0", "Dataset.*.RowCount"), 5.0);
    assert_eq!(metric(&frame, "ColumnExists \"n\"", "Dataset.n.ColumnExists"), 1.0);
}

#[test]
fn earlier_values_are_worked_into_conditions() {
    let frame = table();
    let context = with_history("RowCount", &[2.0, 4.0, 6.0]);
    check_in(
        &context,
        &frame,
        &[
            ("RowCount > avg(last(3))", PASSED),
            ("RowCount > avg(last(2))", FAILED),
            ("RowCount = index(last(3), 0) - 1", PASSED),
            ("RowCount between min(last(10)) - 1 and max(last(10)) + 1", PASSED),
            ("RowCount < last()", PASSED),
        ],
    );
    check(&frame, &[("RowCount > avg(last(3))", PASSED)]);
    check_in(&with_history("ColumnValues \"y\"", &[3.0]), &frame, &[("ColumnValues \"y\" >= 0.5 * last()", FAILED)]);
}

/// Identifiers of 64 bits have more digits than a double: what is written is what is meant.
#[test]
fn whole_numbers_are_compared_digit_by_digit() {
    let first = 1_234_567_890_123_456_789_i64;
    let frame = df!("id" => [Some(first), Some(first + 1), Some(-first), None]).unwrap();
    for (rule, expected) in [
        ("= 1234567890123456789", "PFFF"),
        ("!= 1234567890123456789", "FPPP"),
        ("in [1234567890123456790, 3]", "FPFF"),
        ("not in [1234567890123456790, NULL]", "PFPF"),
        ("in [1, 2, 3, 4, 5, 6, 7, 8, 9, 1234567890123456790]", "FPFF"),
        ("> 1234567890123456789", "FPFF"),
        ("<= 1234567890123456789", "PFPF"),
        ("between -1234567890123456789 and 1234567890123456790", "PFFF"),
        ("= -1234567890123456789", "FFPF"),
        ("= 1234567890123456788 + 1", "FFFF"),
    ] {
        assert_eq!(letters(&frame, &format!("ColumnValues \"id\" {rule}")), expected, "{rule}");
    }
    check(
        &frame.head(Some(1)),
        &[("ColumnValues \"id\" = 1234567890123456789", PASSED), ("ColumnValues \"id\" < 1234567890123456789", FAILED)],
    );
}
