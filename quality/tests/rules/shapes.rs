//! Datasets of odd shapes: no rows, no columns, nested columns, very many columns, odd names.

use polars::prelude::*;

use super::*;

#[test]
fn no_rows() {
    let frame = df!("x" => [1.0], "s" => ["a"], "n" => [1]).unwrap().clear();
    check(
        &frame,
        &[
            ("RowCount = 0", PASSED),
            ("ColumnCount = 3", PASSED),
            ("DuplicateRowCount = 0", PASSED),
            ("DistinctValuesCount \"x\" = 0", PASSED),
            ("IsComplete \"x\"", FAILED),
            ("Completeness \"x\" > 0", FAILED),
            ("IsUnique \"x\"", FAILED),
            ("IsPrimaryKey \"x\" \"s\"", FAILED),
            ("Mean \"x\" > 0", FAILED),
            ("ColumnValues \"x\" > 0", FAILED),
            ("ColumnValues \"s\" in [\"a\"]", FAILED),
            ("ColumnLength \"s\" > 0", FAILED),
            ("ColumnDataType \"s\" = \"DATE\"", PASSED),
            ("Quantile \"x\" \"0.5\" > 0", FAILED),
            ("Format \"s\" \"email\"", FAILED),
            ("Monotonic \"n\"", FAILED),
            ("NoGaps \"n\" \"1\"", FAILED),
            ("NoOverlap \"n\" \"x\"", FAILED),
            ("Outliers \"x\" \"mad\" \"3\" = 0", PASSED),
            ("ColumnPair \"n\" \"<\" \"x\"", FAILED),
            ("NotConstant \"x\"", FAILED),
        ],
    );
    let evaluated = run(&frame, "IsComplete \"x\"");
    assert_eq!(evaluated.rows().unwrap().collect().unwrap().shape(), (0, 7));
    assert_eq!(evaluated.failing_rows().unwrap().collect().unwrap().shape(), (0, 5));
    assert_eq!(evaluated.passing_rows().unwrap().collect().unwrap().shape(), (0, 3));
}

#[test]
fn no_columns() {
    let frame = DataFrame::empty();
    check(
        &frame,
        &[
            ("RowCount = 0", PASSED),
            ("ColumnCount = 0", PASSED),
            ("ColumnNamesMatchPattern \"a\"", PASSED),
            ("ColumnExists \"a\"", FAILED),
            ("DuplicateRowCount = 0", PASSED),
            ("IsComplete \"a\"", ERROR),
            ("CustomSql \"select a from primary\" > 0", ERROR),
        ],
    );
    let evaluated = run(&frame, "RowCount = 0, IsComplete \"a\"");
    assert_eq!(rows_of(&evaluated).len(), 0);
    assert_eq!(evaluated.failing_rows().unwrap().collect().unwrap().height(), 0);
    let rows = DataFrame::empty_with_height(3);
    check(&rows, &[("RowCount = 3", PASSED), ("ColumnCount = 0", PASSED)]);
    assert_eq!(rows_of(&run(&rows, "RowCount = 3")).concat(), "PPP");
}

#[test]
fn nested_columns() {
    let frame = df!("id" => [1, 2], "street" => [Some("a"), None], "no" => [1, 2]).unwrap();
    let list = col("id").implode(true).over(["id"]).unwrap().alias("list");
    let frame = frame.lazy().with_columns([as_struct(vec![col("street"), col("no")]).alias("info"), list]).collect().unwrap();
    check(
        &frame,
        &[
            ("IsComplete \"info\"", PASSED),
            ("IsComplete \"list\"", PASSED),
            ("Completeness \"info.street\" = 0.5", PASSED),
            ("Mean \"info.no\" = 1.5", PASSED),
            ("IsUnique \"info.no\"", PASSED),
            ("ColumnValues \"info.street\" in [\"a\"]", FAILED),
            ("ColumnValues \"info\" > 3", ERROR),
            ("ColumnValues \"list\" in [\"a\"]", ERROR),
            ("Mean \"info\" > 0", ERROR),
            ("ColumnLength \"list\" > 0", ERROR),
            ("ColumnDataType \"list\" = \"INTEGER\"", FAILED),
            ("IsComplete \"info.gone\"", ERROR),
            ("ColumnCount = 5", PASSED),
            ("ColumnExists \"info.no\"", FAILED),
            ("Monotonic \"list\"", ERROR),
        ],
    );
    let evaluated = run(&frame, "IsComplete \"info.street\"");
    let rows = evaluated.rows().unwrap().collect().unwrap();
    assert_eq!(names(&rows)[..5], ["id", "street", "no", "info", "list"]);
    assert_eq!(rows.width(), 9, "the field is not among the columns");
    assert_eq!(rows_of(&evaluated).concat(), "PF");
}

#[test]
fn names_that_polars_reads_as_patterns() {
    let frame = df!("*" => [Some(1), None], "^a.*$" => [1, 2], "a b" => [1, 2], "a.b" => [1, 2], "日" => [1, 1]).unwrap();
    check(
        &frame,
        &[
            ("Completeness \"*\" = 0.5", PASSED),
            ("IsUnique \"^a.*$\"", PASSED),
            ("Sum \"a b\" = 3", PASSED),
            ("Sum \"a.b\" = 3", PASSED),
            ("IsUnique \"日\"", FAILED),
            ("ColumnValues \"*\" in [1, NULL]", PASSED),
            ("MulticolumnSum \"a b\" \"a.b\" between 1 and 5", PASSED),
        ],
    );
    assert_eq!(letters(&frame, "IsComplete \"*\""), "PF");
    assert_eq!(letters(&frame, "IsUnique \"日\""), "FF");
}

#[test]
fn two_thousand_columns() {
    let columns: Vec<Column> = (0..2000).map(|at| Column::new(format!("c{at}").into(), [at, at + 1])).collect();
    let frame = DataFrame::new(2, columns).unwrap();
    let rules: Vec<String> = (0..2000).map(|at| format!("ColumnValues \"c{at}\" >= {at}")).collect();
    let evaluated = run(&frame, &format!("{}, ColumnCount = 2000", rules.join(", ")));
    assert_eq!(evaluated.evaluation.outcome, PASSED);
    let rows = evaluated.rows().unwrap().collect().unwrap();
    assert_eq!(rows.shape(), (2, 2004));
}

#[test]
fn every_type_of_column() {
    let frame = df!("n" => [Some(1), None]).unwrap();
    let types = [
        DataType::Int8,
        DataType::Int16,
        DataType::Int32,
        DataType::Int64,
        DataType::UInt8,
        DataType::UInt16,
        DataType::UInt32,
        DataType::UInt64,
        DataType::Float32,
        DataType::Float64,
        DataType::Boolean,
        DataType::Decimal(20, 3),
    ];
    for dtype in types {
        let frame = frame.clone().lazy().with_column(col("n").cast(dtype.clone())).collect().unwrap();
        check(
            &frame,
            &[
                ("ColumnValues \"n\" = 1 where \"n is not null\"", PASSED),
                ("ColumnValues \"n\" in [1, NULL]", PASSED),
                ("ColumnValues \"n\" < 2 with threshold = 0.5", PASSED),
                ("DistinctValuesCount \"n\" = 2", PASSED),
                ("Completeness \"n\" = 0.5", PASSED),
            ],
        );
        assert_eq!(letters(&frame, "ColumnValues \"n\" > 0.5"), "PF", "{dtype}");
    }
    let words = df!("c" => ["a", "b", "a"]).unwrap();
    let words = words.lazy().with_column(col("c").cast(DataType::from_categories(Categories::global()))).collect().unwrap();
    check(
        &words,
        &[("ColumnValues \"c\" in [\"a\", \"b\"]", PASSED), ("DistinctValuesCount \"c\" = 2", PASSED), ("ColumnLength \"c\" = 1", PASSED)],
    );
}

/// As Spark names them, in rulesets for Glue.
#[test]
fn columns_in_backticks() {
    let frame = df!("a.b" => [Some("2024-01-01"), None], "`c`" => [1, 2], "c" => [1, 1], "g h" => [1, 1]).unwrap();
    check(
        &frame,
        &[
            ("ColumnDataType \"`a.b`\" = \"DATE\" with threshold >= 0.5", PASSED),
            ("ColumnValues \"`a.b`\" < now()", FAILED),
            ("Completeness \"`a.b`\" = 0.5 group by \"`g h`\"", PASSED),
            ("ColumnExists \"`a.b`\"", PASSED),
            ("IsUnique \"`c`\" \"`a.b`\"", PASSED),
            // What a column is called goes first.
            ("IsUnique \"`c`\"", PASSED),
            ("IsUnique \"c\"", FAILED),
            ("IsComplete \"`a.c`\"", ERROR),
            ("IsComplete \"``\"", ERROR),
        ],
    );
    assert_eq!(metric(&frame, "IsComplete \"`a.b`\"", "Column.a.b.Completeness"), 0.5);
    assert_eq!(letters(&frame, "IsComplete \"`a.b`\""), "PF");
}
