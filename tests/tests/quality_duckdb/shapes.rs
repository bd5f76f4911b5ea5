//! Tables of odd shapes: no rows, no columns, two thousand columns; and files as such.

use std::path::PathBuf;

use super::{
    check::{Statistic, assert_outcomes, assert_statistics},
    command::run,
    tables::{self, Table},
};

fn outcomes(table: &Table, expected: &[(&str, &str)]) {
    let expected: Vec<(String, &str)> = expected.iter().map(|(rule, outcome)| ((*rule).to_owned(), *outcome)).collect();
    assert_outcomes(table, &expected, &[]);
}

#[test]
fn no_rows() {
    outcomes(
        &tables::empty(),
        &[
            ("RowCount = 0", "Passed"),
            ("RowCount > 0", "Failed"),
            ("ColumnCount = 3", "Passed"),
            ("ColumnExists \"n\"", "Passed"),
            ("ColumnExists \"m\"", "Failed"),
            ("DuplicateRowCount \"n\" = 0", "Passed"),
            ("ColumnDataType \"s\" = \"DATE\"", "Passed"),
            ("DataFreshness \"d\" <= 1 hours", "Passed"),
            ("Mean \"n\" >= 0", "Failed"),
            ("Mean \"m\" >= 0", "Error"),
        ],
    );
}

#[test]
fn no_columns() {
    let nothing = tables::file("nothing.csv", b"");
    let rows = tables::file("rows.ndjson", b"{}\n{}\n{}\n");
    let table = |path: PathBuf| Table { paths: vec![path], made: String::new() };
    outcomes(&table(nothing), &[("RowCount = 0", "Passed"), ("ColumnCount = 0", "Passed"), ("IsComplete \"n\"", "Error")]);
    outcomes(
        &table(rows),
        &[
            ("ColumnCount = 0", "Passed"),
            ("ColumnCount > 0", "Failed"),
            ("ColumnNamesMatchPattern \"a\"", "Passed"),
            ("IsUnique \"n\"", "Error"),
        ],
    );
}

#[test]
fn two_thousand_columns() {
    let table = tables::wide();
    let queries: Vec<String> = (0..2000).map(|column| format!("SELECT count(c{column}) FROM t")).collect();
    let present = super::oracle::values(std::slice::from_ref(&table.made), &queries);
    let complete = (0..2000).zip(present).map(|(column, present)| {
        let outcome = if present == 50 { "Passed" } else { "Failed" };
        (format!("IsComplete \"c{column}\""), outcome)
    });
    assert_outcomes(&table, &complete.collect::<Vec<_>>(), &[]);
    let statistics: Vec<Statistic> = (0..2000)
        .step_by(17)
        .flat_map(|column| {
            let groups = format!("(SELECT count(*) AS n FROM t WHERE c{column} IS NOT NULL GROUP BY c{column})");
            [
                Statistic::of(format!("Completeness \"c{column}\""), format!("SELECT count(c{column})::DOUBLE / count(*) FROM t")),
                Statistic::of(format!("Sum \"c{column}\""), format!("SELECT sum(c{column}) FROM t")),
                Statistic::of(format!("Uniqueness \"c{column}\""), format!("SELECT count_if(n = 1)::DOUBLE / sum(n) FROM {groups}")),
            ]
        })
        .collect();
    assert_statistics(&table, &statistics, &[]);
}

#[test]
fn names_of_columns() {
    outcomes(
        &tables::tpch("orders"),
        &[
            ("ColumnNamesMatchPattern \"o_.*\"", "Passed"),
            ("ColumnNamesMatchPattern \"o_[a-m].*\"", "Failed"),
            ("ColumnExists \"o_clerk\"", "Passed"),
            ("ColumnCount = 9", "Passed"),
        ],
    );
}

#[test]
fn orders_and_gaps() {
    outcomes(
        &tables::odd(),
        &[
            ("Monotonic \"id\" \"strictly increasing\"", "Passed"),
            ("Monotonic \"id\" \"decreasing\"", "Failed"),
            ("Monotonic \"constant\"", "Passed"),
            ("Monotonic \"constant\" \"strictly increasing\"", "Failed"),
            ("Monotonic \"num\"", "Failed"),
            ("NotConstant \"id\"", "Passed"),
            ("NotConstant \"constant\"", "Failed"),
            ("NoGaps \"id\" \"1\"", "Passed"),
            ("NoGaps \"day\" \"1 day\"", "Passed"),
            ("NoGaps \"moment\" \"1 hour\"", "Passed"),
            ("NoGaps \"moment\" \"1 minutes\"", "Failed"),
        ],
    );
    let intervals = tables::file("intervals.csv", b"who,from,until\na,1,5\na,5,9\nb,2,7\nc,3,4\nc,3,3\n");
    let overlapping = tables::file("overlapping.csv", b"who,from,until\na,1,5\na,4,9\nb,2,7\n");
    let table = |path: PathBuf| Table { paths: vec![path], made: String::new() };
    outcomes(&table(intervals), &[("NoOverlap \"from\" \"until\" \"who\"", "Passed"), ("NoOverlap \"from\" \"until\"", "Failed")]);
    outcomes(&table(overlapping), &[("NoOverlap \"from\" \"until\" \"who\"", "Failed")]);
}

#[test]
fn ages_of_values() {
    // DuckDB's clock is the machine's, as the command's is.
    let select =
        "SELECT i AS id, (now() AT TIME ZONE 'UTC')::TIMESTAMP - to_minutes((i * 60 + 30)::BIGINT) AS at FROM range(48) AS numbers(i)";
    let table = tables::derived("ages", &tables::empty(), select);
    outcomes(
        &table,
        &[
            ("DataFreshness \"at\" <= 48 hours", "Passed"),
            ("DataFreshness \"at\" <= 47 hours", "Failed"),
            ("DataFreshness \"at\" < 2 days", "Passed"),
            ("DataFreshness \"at\" > 20 minutes", "Passed"),
            ("DataFreshness \"at\" > 2 hours", "Failed"),
            ("DataFreshness \"at\" between 10 minutes and 2 days", "Passed"),
            ("DataFreshness \"at\" <= 24 hours with mostly > 0.49", "Passed"),
            ("DataFreshness \"at\" <= 24 hours with mostly > 0.51", "Failed"),
            ("DataFreshness \"at\" <= 3 hours where \"id < 3\"", "Passed"),
        ],
    );
}

/// MD5 and SHA-256 of `a\n1\n` by `md5sum` and `sha256sum`.
#[test]
fn files_as_such() {
    let one = tables::file("files/one.csv", b"a\n1\n");
    let two = tables::file("files/two.csv", b"a\n2\n");
    let three = tables::file("files/three.csv", b"a\n1\n");
    let table = Table { paths: vec![one.clone(), two.clone(), three.clone()], made: String::new() };
    let (one, two, three) = (one.display(), two.display(), three.display());
    let rules = [
        (format!("FileMatch \"{one}\" \"{three}\""), "Passed"),
        (format!("FileMatch \"{one}\" \"{two}\""), "Failed"),
        (format!("FileMatch \"{one}\" in [\"34ff2335cbe2045ddc3b78993d1e971d\"] with hashAlgorithm = \"MD5\""), "Passed"),
        (format!("FileMatch \"{two}\" in [\"34ff2335cbe2045ddc3b78993d1e971d\"] with hashAlgorithm = \"MD5\""), "Failed"),
        (format!("FileMatch \"{one}\" in [\"309b0e45a73d3fc5325e2b6ed0a01ef8b9cde6b05a5633c1f893f970d52bfddc\"]"), "Passed"),
        ("FileSize = 4 B".to_owned(), "Passed"),
        ("FileSize < 4 B".to_owned(), "Failed"),
        ("FileSize between 3 B and 1 KB".to_owned(), "Passed"),
        ("FileUniqueness > 0.6".to_owned(), "Passed"),
        ("FileUniqueness > 0.7".to_owned(), "Failed"),
        ("FileFreshness > (now() - 1 hours)".to_owned(), "Passed"),
        ("FileFreshness < (now() - 1 hours)".to_owned(), "Failed"),
    ];
    assert_outcomes(&table, &rules, &[]);
}

#[test]
fn an_error_is_of_its_rule_alone() {
    let rules = [
        "RowCount > 0",
        "Mean \"none\" > 0",
        "CustomSql \"select nonsense from nowhere\" > 0",
        "IsComplete \"id\" where \"no_column > 0\"",
        "IsUnique \"id\"",
    ];
    let evaluation = run(&tables::odd(), &rules.map(str::to_owned), &[]);
    let found: Vec<&str> = (0..rules.len()).map(|place| evaluation.outcome(place)).collect();
    assert_eq!(found, ["Passed", "Error", "Error", "Error", "Passed"]);
    assert_eq!(evaluation.row_count(), 6000);
}
