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

/// More keys than are counted at once, in rows of several batches.
#[test]
fn rows_whose_key_repeats_among_many() {
    let rows = 300_000_u64;
    let id = |row: u64| (!row.is_multiple_of(11)).then(|| row % if row.is_multiple_of(5) { 210_011 } else { 210_012 });
    let frame = df!(
        "id" => (0..rows).map(|row| id(row).map(|id| format!("a key of some length {id}"))).collect::<Vec<_>>(),
        "g" => (0..rows).map(|row| row % 3).collect::<Vec<_>>(),
    )
    .unwrap();
    type Counted = fn(u64) -> bool;
    let cases: [(&str, Counted, bool); 3] = [
        ("IsUnique \"id\"", |_| true, false),
        ("IsUnique \"id\" where \"g < 2\"", |row| row % 3 < 2, false),
        ("IsUnique \"id\" group by \"g\"", |_| true, true),
    ];
    for (rule, counted, grouped) in cases {
        let key = |row: u64| (id(row), if grouped { row % 3 } else { 0 });
        let mut times = std::collections::HashMap::new();
        (0..rows).filter(|row| counted(*row)).for_each(|row| *times.entry(key(row)).or_insert(0) += 1);
        let broken = |row: &u64| counted(*row) && id(*row).is_some() && times[&key(*row)] > 1;
        let expected: Vec<u64> = (0..rows).filter(broken).collect();
        let found = letters(&frame, rule);
        let found: Vec<u64> = (0..rows).zip(found.chars()).filter(|(_, letter)| *letter == 'F').map(|(row, _)| row).collect();
        assert!(!expected.is_empty() && expected.len() < 200_000);
        assert!(found == expected, "{rule}: {} rows are broken, not {}", found.len(), expected.len());
    }
}

/// Rows counted twice by asking uniqueness and completeness apart: each has four of five rows that hold.
#[test]
fn mostly_a_primary_key_is_a_share_of_rows_that_are_unique_and_complete() {
    let frame = df!(
        "g" => ["a", "a", "a", "b", "b"],
        "id" => [Some(1), Some(2), Some(2), Some(4), None],
        "part" => [Some("x"), None, Some("y"), Some("x"), Some("x")],
        "odd \"name\"" => [Some(1), Some(2), Some(3), Some(4), None],
        "nil" => [None::<i32>, None, None, None, None],
    )
    .unwrap();
    check(
        &frame,
        &[
            // 1 and 4 occur once; 2 occurs twice, and one is null.
            ("IsPrimaryKey \"id\" with mostly >= 0.4", PASSED),
            ("IsPrimaryKey \"id\" with mostly > 0.4", FAILED),
            // (1,x), (2,y) and (4,x) are unique and complete.
            ("IsPrimaryKey \"id\" \"part\" with mostly >= 0.6", PASSED),
            ("IsPrimaryKey \"id\" \"part\" with mostly > 0.6", FAILED),
            ("IsPrimaryKey \"id\" \"part\" with mostly >= 0.8", FAILED),
            ("IsPrimaryKey \"odd \\\"name\\\"\" with mostly = 0.8", PASSED),
            ("IsPrimaryKey \"id\" where \"part = 'x' -- only these\" with mostly between 0.66 and 0.67", PASSED),
            ("IsPrimaryKey \"nil\" with mostly > 0", FAILED),
            ("IsPrimaryKey \"nil\" with mostly >= 0", PASSED),
            ("IsPrimaryKey \"id\" group by \"g\" with mostly > 0.3", PASSED),
            ("IsPrimaryKey \"id\" group by \"g\" with mostly > 0.4", FAILED),
            ("IsPrimaryKey \"nil\" group by \"g\" with mostly >= 0", PASSED),
        ],
    );
    // Whatever columns are called, and however many they are.
    let names: Vec<String> =
        ["*", "a b", "\"", "NULL"].iter().map(ToString::to_string).chain((0..400).map(|at| format!("c{at}"))).collect();
    let columns = names.iter().map(|name| Column::new(name.as_str().into(), [Some(1), Some(1), Some(2), None]));
    let wide = DataFrame::new_infer_height(columns.collect()).unwrap();
    let all: String = names.iter().map(|name| format!(" \"{}\"", name.replace('"', "\\\""))).collect();
    check(&wide, &[("IsPrimaryKey \"*\" with mostly = 0.25", PASSED), (&format!("IsPrimaryKey{all} with mostly = 0.25"), PASSED)]);
    assert_eq!(letters(&frame, "IsPrimaryKey \"id\" \"part\" with mostly > 0.9"), "PFPPF");
    let result = one(&frame, "IsPrimaryKey \"id\" \"part\" with mostly > 0.9");
    assert_eq!(result.metrics["Multicolumn.id,part.IsPrimaryKey.Compliance"], 0.6);
    assert!(result.reason.as_deref().unwrap().starts_with("Value: 0.6 does not meet"), "{:?}", result.reason);
}

/// A key whose hash is 0 is a key like others.
#[test]
fn rows_whose_key_hashes_to_nothing_repeat_too() {
    let dates = Series::new("day".into(), [0_i32, 0, 7]).cast(&DataType::Date).unwrap();
    let mut frame = df!("id" => [0_i64, 0, 5], "flag" => [false, false, true], "amount" => [0.0, -0.0, 1.5]).unwrap();
    frame.with_column(dates.into_column()).unwrap();
    for column in ["id", "flag", "amount", "day"] {
        assert_eq!(letters(&frame, &format!("IsUnique \"{column}\"")), "FFP", "{column}");
    }
}

/// What a share of rows is compared with is that share's own past, and not the uniqueness beside it.
#[test]
fn a_primary_key_and_outliers_that_are_judged_by_a_share_have_its_history() {
    let frame = df!("id" => [Some(1), Some(2), Some(2), None, None], "x" => [1, 1, 1, 1, 90]).unwrap();
    let key = "IsPrimaryKey \"id\" with mostly >= avg(last(3))";
    let statistics = run(&frame, &format!("{key}, IsPrimaryKey \"id\", Outliers \"x\" \"z-score\" \"1.5\" <= 1 with mostly > 0.5"))
        .evaluation
        .statistics;
    let expected = [
        ("IsPrimaryKey \"id\"", 1.0 / 3.0),
        ("IsPrimaryKey \"id\" compliance", 0.2),
        ("Outliers \"x\" \"z-score\" \"1.5\" compliance", 0.8),
    ];
    assert_eq!(statistics, expected.map(|(name, value)| (name.to_owned(), value)).into());
    check_in(&with_history("IsPrimaryKey \"id\" compliance", &[0.1, 0.3]), &frame, &[(key, PASSED)]);
    check_in(&with_history("IsPrimaryKey \"id\" compliance", &[0.3, 0.3]), &frame, &[(key, FAILED)]);
    check_in(&with_history("IsPrimaryKey \"id\"", &[0.9, 0.9]), &frame, &[(key, PASSED)]);
    let outliers = one(&frame, "Outliers \"x\" \"z-score\" \"1.5\" <= 1 with mostly > 0.9");
    assert_eq!(
        (outliers.outcome, outliers.metrics["Column.x.Outliers"], outliers.metrics["Column.x.Outliers.Compliance"]),
        (FAILED, 1.0, 0.8)
    );
    check(
        &frame,
        &[
            ("Outliers \"x\" \"z-score\" \"1.5\" = 0 with mostly > 0.5", FAILED),
            ("Outliers \"x\" \"z-score\" \"1.5\" = 1 with mostly > 0.5", PASSED),
        ],
    );
}
