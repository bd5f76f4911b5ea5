//! Everything that is said of single rows.

use super::{
    check::{RowRule, assert_rows},
    tables,
};

#[test]
fn numbers_against_conditions() {
    let mut rules = Vec::new();
    for column in ["num", "small", "key", "tiny", "price", "constant"] {
        let c = format!("\"{column}\"");
        let rule = |condition: &str| format!("ColumnValues {c} {condition}");
        for operator in [">", ">=", "<", "<=", "="] {
            rules.push(RowRule::of(rule(&format!("{operator} 4")), format!("{c} {operator} 4")));
            rules.push(RowRule::of(rule(&format!("{operator} -12.5")), format!("{c} {operator} -12.5")));
        }
        rules.push(RowRule::of(rule("!= 4"), format!("{c} IS NULL OR {c} <> 4")));
        rules.push(RowRule::of(rule("between 2 and 7"), format!("{c} > 2 AND {c} < 7")));
        rules.push(RowRule::of(rule("not between 2 and 7"), format!("{c} <= 2 OR {c} >= 7")));
        rules.push(RowRule::of(rule("in [1, 2.5, 42, -3]"), format!("{c} IN (1, 2.5, 42, -3)")));
        rules.push(RowRule::of(rule("in [1, NULL]"), format!("{c} IS NULL OR {c} = 1")));
        rules.push(RowRule::of(rule("not in [1, 2]"), format!("{c} IS NULL OR {c} NOT IN (1, 2)")));
        rules.push(RowRule::of(rule("not in [1, NULL]"), format!("{c} IS NOT NULL AND {c} <> 1")));
        rules.push(RowRule::of(rule("= NULL"), format!("{c} IS NULL")));
        rules.push(RowRule::of(rule("!= NULL"), format!("{c} IS NOT NULL")));
        rules.push(RowRule::filtered(&rule("> 4"), "id > 100 AND flag", format!("{c} > 4")));
    }
    assert_rows(&tables::odd(), "id", &rules, &[]);
}

#[test]
fn numbers_that_are_not_finite() {
    let rule = |condition: &str, passes: &str| RowRule::of(format!("ColumnValues \"odd\" {condition}"), passes);
    // DuckDB and Polars agree that NaN is equal to itself and greater than all other numbers.
    let rules = [
        rule("> 5", "odd > 5"),
        rule("<= 5", "odd <= 5"),
        rule("between 1 and 9", "odd > 1 AND odd < 9"),
        rule("= NULL", "odd IS NULL"),
        rule("!= NULL", "odd IS NOT NULL"),
        rule("in [1, 5, 7]", "odd IN (1, 5, 7)"),
    ];
    assert_rows(&tables::odd(), "id", &rules, &[]);
    let zeros = [("= 0", "zero = 0"), (">= 0", "zero >= 0"), ("< 0", "zero < 0"), ("in [0]", "zero = 0")];
    let zeros: Vec<RowRule> =
        zeros.iter().map(|(condition, passes)| RowRule::of(format!("ColumnValues \"zero\" {condition}"), *passes)).collect();
    assert_rows(&tables::odd(), "id", &zeros, &[]);
}

/// Literals of more digits than a double has: their neighbours are other numbers.
#[test]
fn whole_numbers_of_many_digits() {
    let conditions = [
        ("= 9007199254740993", "= 9007199254740993"),
        ("!= 9007199254740993", "<> 9007199254740993"),
        ("< 9007199254740993", "< 9007199254740993"),
        ("in [9007199254740991, 9007199254740993]", "IN (9007199254740991, 9007199254740993)"),
        ("between 9007199254740990 and 9007199254740993", "BETWEEN 9007199254740991 AND 9007199254740992"),
    ];
    let rule = |(condition, passes): &(&str, &str)| RowRule::of(format!("ColumnValues \"large\" {condition}"), format!("large {passes}"));
    assert_rows(&tables::odd(), "id", &conditions.iter().map(rule).collect::<Vec<_>>(), &[]);
}

#[test]
fn strings_against_conditions() {
    let rule = |condition: &str, passes: &str| RowRule::of(format!("ColumnValues \"text\" {condition}"), passes);
    let rules = [
        rule("= \"abc\"", "text = 'abc'"),
        rule("!= \"abc\"", "text IS NULL OR text <> 'abc'"),
        rule("in [\"abc\", \"ABC\"]", "text IN ('abc', 'ABC')"),
        rule("in [\"abc\", NULL]", "text IS NULL OR text = 'abc'"),
        rule("in [\"abc\", EMPTY]", "text IN ('abc', '')"),
        rule("in [\"abc\", WHITESPACES_ONLY]", "text IN ('abc', '   ')"),
        rule("not in [\"abc\"]", "text IS NULL OR text <> 'abc'"),
        rule("not in [\"abc\", NULL]", "text <> 'abc'"),
        rule("in [\"a'b\\\"c\\\\d\", \"Übergröße\"]", "text IN ('a''b\"c\\d', 'Übergröße')"),
        rule("= EMPTY", "text = ''"),
        rule("!= EMPTY", "text IS NULL OR text <> ''"),
        rule("= WHITESPACES_ONLY", "text = '   '"),
        rule("= NULL", "text IS NULL"),
        rule("!= NULL", "text IS NOT NULL"),
        rule("matches \"[a-z]+\"", "regexp_full_match(text, '[a-z]+')"),
        rule("matches \"x[0-9]*\"", "regexp_full_match(text, 'x[0-9]*')"),
        rule("matches \".*r.*e\"", "regexp_full_match(text, '.*r.*e')"),
        RowRule::tagged("ColumnValues \"text\" in [\"abc\"]", " with ignoreCase = \"true\"", "lower(text) = 'abc'"),
        RowRule::tagged("ColumnValues \"text\" = \"ÜBERGRÖßE\"", " with ignoreCase = \"true\"", "lower(text) = 'übergröße'"),
    ];
    assert_rows(&tables::odd(), "id", &rules, &[]);
    assert_rows(&tables::odd_json(), "id", &rules, &[]);
}

#[test]
fn lengths_of_strings() {
    // What is missing has length 0, as AWS documents.
    let length = "coalesce(length(text), 0)";
    let rule = |condition: &str, passes: &str| {
        super::check::Statistic::of(
            format!("ColumnLength \"text\" {condition}"),
            format!("SELECT bool_and({}) FROM t", passes.replace('$', length)),
        )
    };
    let rules = [
        rule("> 0", "$ > 0"),
        rule(">= 0", "$ >= 0"),
        rule("<= 9", "$ <= 9"),
        rule("< 9", "$ < 9"),
        rule("between -1 and 10", "$ > -1 AND $ < 10"),
        rule("between 0 and 10", "$ > 0 AND $ < 10"),
        rule("in [0, 1, 2, 3, 7, 9]", "$ IN (0, 1, 2, 3, 7, 9)"),
        rule("in [3, 7, 9]", "$ IN (3, 7, 9)"),
        rule("not in [5, 8]", "$ NOT IN (5, 8)"),
        rule("not in [0]", "$ <> 0"),
        rule("!= 5", "$ <> 5"),
        rule("!= 3", "$ <> 3"),
        rule("= 3", "$ = 3"),
    ];
    let table = tables::odd();
    let queries: Vec<String> = rules.iter().map(|rule| rule.query.clone()).collect();
    let holds = super::oracle::values(std::slice::from_ref(&table.made), &queries);
    let expected: Vec<(String, &str)> =
        rules.into_iter().zip(holds).map(|(rule, holds)| (rule.head, if holds == true { "Passed" } else { "Failed" })).collect();
    assert!(expected.iter().any(|(_, outcome)| *outcome == "Passed"), "{expected:?}");
    super::check::assert_outcomes(&table, &expected, &[]);
}

#[test]
fn dates_against_conditions() {
    let mut rules = Vec::new();
    for (operator, sql) in [(">", ">"), (">=", ">="), ("<", "<"), ("<=", "<="), ("=", "=")] {
        rules.push(RowRule::of(format!("ColumnValues \"day\" {operator} \"2024-05-17\""), format!("day {sql} DATE '2024-05-17'")));
        rules.push(RowRule::of(
            format!("ColumnValues \"moment\" {operator} \"2024-03-02\""),
            format!("moment::DATE {sql} DATE '2024-03-02'"),
        ));
    }
    rules.push(RowRule::of(
        "ColumnValues \"day\" between \"2024-03-01\" and \"2024-09-01\"",
        "day > DATE '2024-03-01' AND day < DATE '2024-09-01'",
    ));
    rules.push(RowRule::of("ColumnValues \"day\" in [\"2024-03-01\", \"2024-09-01\"]", "day IN (DATE '2024-03-01', DATE '2024-09-01')"));
    rules.push(RowRule::of("ColumnValues \"day\" < (now() - 1 days)", "day < DATE '2030-01-01'"));
    assert_rows(&tables::odd(), "id", &rules, &[]);
    let shipped = [
        RowRule::of("ColumnValues \"l_shipdate\" > \"1995-06-17\"", "l_shipdate > DATE '1995-06-17'"),
        RowRule::of(
            "ColumnValues \"l_receiptdate\" between \"1994-01-01\" and \"1995-01-01\"",
            "l_receiptdate > DATE '1994-01-01' AND l_receiptdate < DATE '1995-01-01'",
        ),
    ];
    assert_rows(&tables::tpch("lineitem"), "l_orderkey, l_linenumber", &shipped, &[]);
}

#[test]
fn completeness_and_keys() {
    let mut rules = Vec::new();
    for column in ["num", "text", "flag", "day", "odd", "nothing", "id"] {
        rules.push(RowRule::of(format!("IsComplete \"{column}\""), format!("\"{column}\" IS NOT NULL")));
        rules.push(RowRule::filtered(&format!("IsComplete \"{column}\""), "small = 2", format!("\"{column}\" IS NOT NULL")));
    }
    rules.push(RowRule::of("IsPrimaryKey \"id\"", "true"));
    rules.push(RowRule::of("IsPrimaryKey \"id\" \"tiny\"", "true"));
    let rows = "(SELECT count(*) FROM t AS other WHERE other.key = t.key AND other.tiny = t.tiny) = 1";
    rules.push(RowRule::of("IsPrimaryKey \"key\" \"tiny\"", rows));
    assert_rows(&tables::odd(), "id", &rules, &[]);

    let unique = [
        RowRule::of("IsUnique \"o_orderkey\"", "true"),
        RowRule::of("IsUnique \"o_custkey\"", "(SELECT count(*) FROM t AS other WHERE other.o_custkey = t.o_custkey) = 1"),
        RowRule::of(
            "IsUnique \"o_custkey\" \"o_orderdate\"",
            "(SELECT count(*) FROM t AS other WHERE other.o_custkey = t.o_custkey AND other.o_orderdate = t.o_orderdate) = 1",
        ),
    ];
    assert_rows(&tables::tpch("orders"), "o_orderkey", &unique, &[]);
}

#[test]
fn types_of_values() {
    let rule = |column: &str, kind: &str, passes: &str| RowRule::of(format!("ColumnDataType \"{column}\" = \"{kind}\""), passes);
    let rules = [
        rule("mixed", "INTEGER", "mixed IN ('12', '1e3')"),
        rule("mixed", "DOUBLE", "mixed IN ('12', '-3.50', '1e3')"),
        rule("mixed", "DATE", "false"),
        rule("digits", "INTEGER", "digits IS NOT NULL"),
        rule("digits", "BOOLEAN", "digits IN ('0', '1')"),
        rule("digits", "DATE", "false"),
        rule("num", "INTEGER", "num = floor(num)"),
        rule("price", "DECIMAL(5,1)", "price * 10 = floor(price * 10)"),
        rule("day", "DATE", "day IS NOT NULL"),
        rule("large", "INTEGER", "false"),
        rule("large", "LONG", "true"),
        rule("flag", "BOOLEAN", "flag IS NOT NULL"),
    ];
    assert_rows(&tables::odd(), "id", &rules, &[]);
}

#[test]
fn formats_of_values() {
    let rows = [
        ("ada@example.org", "email"),
        ("ada@@example.org", ""),
        ("https://example.org/a?b=c", "url"),
        ("example", ""),
        ("6f1d2b1e-9c0a-4c57-9d2f-0f5b6f6e1a11", "uuid"),
        ("6f1d2b1e-9c0a-4c57-9d2f", ""),
        ("192.168.0.1", "ipv4"),
        ("192.168.0.256", ""),
        ("2001:db8::1", "ipv6"),
        ("{\"a\": [1, 2]}", "json"),
        ("{a: 1}", ""),
    ];
    let lines: Vec<String> = rows
        .iter()
        .enumerate()
        .map(|(id, (value, kind))| serde_json::json!({"id": id, "value": value, "kind": kind}).to_string())
        .collect();
    let path = tables::file("formats.ndjson", lines.join("\n").as_bytes());
    let table = tables::Table { made: format!("CREATE TABLE t AS SELECT * FROM read_json('{}')", path.display()), paths: vec![path] };
    let rules: Vec<RowRule> = ["email", "url", "uuid", "ipv4", "ipv6"]
        .iter()
        .map(|kind| RowRule::of(format!("Format \"value\" \"{kind}\""), format!("kind = '{kind}'")))
        .collect();
    assert_rows(&table, "id", &rules, &[]);
    assert_rows(&table, "id", &[RowRule::of("Format \"value\" \"json\"", "json_valid(value)")], &[]);
}

#[test]
fn columns_against_each_other() {
    let mut rules = Vec::new();
    for operator in ["=", "<", "<=", ">", ">="] {
        rules.push(RowRule::of(format!("ColumnPair \"num\" \"{operator}\" \"key\""), format!("num {operator} key")));
        rules.push(RowRule::of(format!("ColumnPair \"small\" \"{operator}\" \"low\""), format!("small {operator} low")));
    }
    rules.push(RowRule::of("ColumnPair \"id\" \"!=\" \"key\"", "key IS NULL OR id <> key"));
    assert_rows(&tables::odd(), "id", &rules, &[]);
    let dates = [
        RowRule::of("ColumnPair \"l_shipdate\" \"<=\" \"l_receiptdate\"", "l_shipdate <= l_receiptdate"),
        RowRule::of("ColumnPair \"l_commitdate\" \"<\" \"l_receiptdate\"", "l_commitdate < l_receiptdate"),
    ];
    assert_rows(&tables::tpch("lineitem"), "l_orderkey, l_linenumber", &dates, &[]);
}

#[test]
fn sums_over_columns() {
    let rules = [
        RowRule::of("MulticolumnSum \"high\" \"low\" > 6", "high + low > 6"),
        RowRule::of("MulticolumnSum \"high\" \"low\" \"small\" between 4 and 12", "high + low + small > 4 AND high + low + small < 12"),
        RowRule::of("MulticolumnSum \"num\" \"key\" <= 0", "num + key <= 0"),
    ];
    assert_rows(&tables::odd(), "id", &rules, &[]);
}

#[test]
fn queries_that_choose_rows() {
    let rules = [
        RowRule::of("CustomSql \"select id from primary where num > 0\"", "num > 0"),
        RowRule::of(
            "CustomSql \"select id from primary where text in ('abc', 'ABC') and small < 5\"",
            "text IN ('abc', 'ABC') AND small < 5",
        ),
    ];
    assert_rows(&tables::odd(), "id", &rules, &[]);
}

#[test]
fn parts_of_structs() {
    let rules = [
        RowRule::of("IsComplete \"info\"", "info IS NOT NULL"),
        RowRule::of("IsComplete \"list\"", "list IS NOT NULL"),
        RowRule::of("IsComplete \"info.a\"", "info.a IS NOT NULL"),
        RowRule::of("ColumnValues \"info.a\" > 500", "info.a > 500"),
        RowRule::of("ColumnValues \"info.b\" in [\"v1\", \"v2\"]", "info.b IN ('v1', 'v2')"),
    ];
    assert_rows(&tables::nested(), "id", &rules, &[]);
}
