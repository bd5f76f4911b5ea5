//! Completeness, uniqueness and what else is known of keys.

use polars::prelude::*;

use super::*;

fn table() -> DataFrame {
    df!(
        "id" => [1, 2, 3, 4, 4],
        "a" => [Some("x"), Some("x"), Some("y"), None, None],
        "b" => [Some(1), Some(1), None, None, None],
        "one" => ["k", "k", "k", "k", "k"],
        "nil" => [None::<&str>, None, None, None, None],
        "full" => [1, 2, 3, 4, 5],
    )
    .unwrap()
}

#[test]
fn completeness() {
    let frame = table();
    check(
        &frame,
        &[
            ("IsComplete \"id\"", PASSED),
            ("IsComplete \"a\"", FAILED),
            ("IsComplete \"a\" with mostly >= 0.6", PASSED),
            ("IsComplete \"a\" with mostly > 0.6", FAILED),
            ("IsComplete \"a\" where \"id < 4\"", PASSED),
            ("Completeness \"a\" = 0.6", PASSED),
            ("Completeness \"a\" > 0.6", FAILED),
            ("Completeness \"nil\" = 0", PASSED),
            ("Completeness \"b\" between 0.3 and 0.5", PASSED),
            ("IsComplete \"aa\"", ERROR),
        ],
    );
    assert_eq!(letters(&frame, "IsComplete \"a\""), "PPPFF");
    assert_eq!(letters(&frame, "IsComplete \"a\" where \"id < 4\""), "PPPPP");
    assert_eq!(metric(&frame, "IsComplete \"a\"", "Column.a.Completeness"), 0.6);
    // An empty string is a value.
    check(&df!("s" => ["", ""]).unwrap(), &[("IsComplete \"s\"", PASSED)]);
}

#[test]
fn uniqueness_leaves_out_rows_without_a_key() {
    let frame = table();
    check(
        &frame,
        &[
            ("IsUnique \"full\"", PASSED),
            ("IsUnique \"id\"", FAILED),
            ("IsUnique \"id\" where \"id < 4\"", PASSED),
            ("IsUnique \"id\" with mostly >= 0.6", PASSED),
            ("Uniqueness \"id\" = 0.6", PASSED),
            ("Uniqueness \"a\" between 0.33 and 0.34", PASSED),
            ("Uniqueness \"id\" \"full\" = 1", PASSED),
            ("Uniqueness \"nil\" >= 0", FAILED),
            ("UniqueValueRatio \"id\" = 0.75", PASSED),
            ("UniqueValueRatio \"a\" = 0.5", PASSED),
            ("DistinctValuesCount \"id\" = 4", PASSED),
            ("DistinctValuesCount \"a\" = 3", PASSED),
            ("DistinctValuesCount \"nil\" = 1", PASSED),
            ("DuplicateRowCount \"id\" = 2", PASSED),
            ("DuplicateRowCount \"a\" \"b\" = 2", PASSED),
            ("DuplicateRowCount = 0", PASSED),
            ("Entropy \"one\" = 0", PASSED),
            ("Entropy \"a\" between 0.63 and 0.64", PASSED),
            ("Entropy \"nil\" > 0", FAILED),
            ("NotConstant \"one\"", FAILED),
            ("NotConstant \"nil\"", FAILED),
            ("NotConstant \"id\"", PASSED),
            ("IsUnique \"gone\"", ERROR),
        ],
    );
    assert_eq!(letters(&frame, "IsUnique \"id\""), "PPPFF");
    assert_eq!(letters(&frame, "IsUnique \"a\""), "FFPPP");
    assert_eq!(letters(&frame, "IsUnique \"a\" where \"id <> 2\""), "PPPPP");
    assert_eq!(letters(&frame, "IsUnique \"a\" \"b\""), "FFPPP");
    assert_eq!(metric(&frame, "IsUnique \"a\" \"b\"", "Multicolumn.a,b.Uniqueness"), 1.0 / 3.0);
    assert_eq!(metric(&frame, "DuplicateRowCount \"id\" > 0", "Dataset.*.DuplicateRowCount"), 2.0);
    assert_eq!(metric(&frame, "DistinctValuesCount \"a\" > 0", "Column.a.DistinctValuesCount"), 3.0);
}

#[test]
fn primary_keys_are_unique_and_complete_in_each_column() {
    let frame = table();
    check(
        &frame,
        &[
            ("IsPrimaryKey \"full\"", PASSED),
            ("IsPrimaryKey \"id\"", FAILED),
            ("IsPrimaryKey \"id\" \"full\"", PASSED),
            ("IsPrimaryKey \"full\" \"a\"", FAILED),
            ("IsPrimaryKey \"full\" \"a\" where \"id < 4\"", PASSED),
            ("IsPrimaryKey \"nil\"", FAILED),
        ],
    );
    assert_eq!(letters(&frame, "IsPrimaryKey \"full\" \"a\""), "PPPFF");
    let result = one(&frame, "IsPrimaryKey \"full\" \"a\"");
    assert_eq!(result.metrics["Multicolumn.full,a.Uniqueness"], 1.0);
    assert_eq!(result.metrics["Column.a.Completeness"], 0.6);
    assert!(result.reason.unwrap().contains("2 of 5 values of \"a\" are null"));
}
