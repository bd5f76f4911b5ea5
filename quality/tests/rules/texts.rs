//! Rules on strings: values, lengths, types, formats.

use polars::prelude::*;

use super::*;

fn table() -> DataFrame {
    df!(
        "s" => [Some("us"), Some("US"), Some(""), Some("  "), None],
        "id" => ["a1", "b22", "c333", "d4444", "e55555"],
        "n" => [1, 22, 333, 4444, 55555],
        "kind" => ["1", "2", "x", "4.5", "5"],
    )
    .unwrap()
}

#[test]
fn equality_and_sets_row_by_row() {
    let frame = table();
    for (rule, rows) in [
        ("ColumnValues \"s\" = \"us\"", "PFFFF"),
        ("ColumnValues \"s\" != \"us\"", "FPPPP"),
        ("ColumnValues \"s\" = EMPTY", "FFPFF"),
        ("ColumnValues \"s\" != EMPTY", "PPFPP"),
        ("ColumnValues \"s\" = WHITESPACES_ONLY", "FFFPF"),
        ("ColumnValues \"s\" = NULL", "FFFFP"),
        ("ColumnValues \"s\" != NULL", "PPPPF"),
        ("ColumnValues \"s\" in [\"us\", \"US\"]", "PPFFF"),
        ("ColumnValues \"s\" in [\"us\", EMPTY, WHITESPACES_ONLY, NULL]", "PFPPP"),
        ("ColumnValues \"s\" in [\"us\", EMPTY, WHITESPACES_ONLY, NULL] with ignoreCase = \"true\"", "PPPPP"),
        ("ColumnValues \"s\" in [\"\"]", "FFPFF"),
        ("ColumnValues \"s\" not in [\"us\"]", "FPPPP"),
        ("ColumnValues \"s\" not in [\"us\", NULL]", "FPPPF"),
        ("ColumnValues \"s\" not in [\"us\"] with ignoreCase = \"true\"", "FFPPP"),
        ("ColumnValues \"s\" matches \"[a-z]+\"", "PFFFF"),
        ("ColumnValues \"s\" matches \"[a-z]*\"", "PFFFF"),
        ("ColumnValues \"s\" matches \"[a-z]+\" with ignoreCase = \"true\"", "PPFFF"),
        ("ColumnValues \"s\" not matches \"us\"", "FPPPF"),
        ("ColumnValues \"id\" matches \"^(?=.*4)d.*\"", "FFFPF"),
        ("ColumnValues \"id\" matches \"[a-z]\"", "FFFFF"),
        ("ColumnValues \"id\" matches \"a1|b2\"", "PFFFF"),
        ("ColumnValues \"id\" matches \"a|a1\"", "PFFFF"),
        ("ColumnValues \"n\" matches \"^[0-9]{1,3}$\"", "PPPFF"),
        ("ColumnValues \"n\" in [\"1\", \"22\"]", "PPFFF"),
    ] {
        assert_eq!(letters(&frame, rule), rows, "{rule}");
        let whole = if rows.contains('F') { FAILED } else { PASSED };
        assert_eq!(one(&frame, rule).outcome, whole, "{rule}");
    }
}

#[test]
fn patterns_that_cannot_be_read_are_errors() {
    check(&table(), &[("ColumnValues \"s\" matches \"[a\"", ERROR), ("ColumnNamesMatchPattern \"(\"", ERROR)]);
}

/// Of a value on which a pattern gives up it is not known whether it matches, so the rule says neither.
#[test]
fn a_pattern_that_would_run_for_ages_is_an_error() {
    let long = "a".repeat(40) + "!";
    let frame = df!("s" => [long.as_str(), "aac", "x"], "n" => [1, 2, 3]).unwrap();
    let pattern = "(?:(?:a|aa)+(?=c)c|a+!)";
    let rule = |condition: &str| format!("ColumnValues \"s\" {condition} \"{pattern}\"");
    let (matches, not) = (rule("matches"), rule("not matches"));
    let on = |rule: &str, filter: &str| format!("{rule} where \"{filter}\"");
    let (short, shorter) = (on(&matches, "n = 2"), on(&not, "n = 3"));
    check(
        &frame,
        &[
            (&matches, ERROR),
            (&not, ERROR),
            (&format!("{matches} with threshold > 0.1"), ERROR),
            (&on(&matches, "n < 3"), ERROR),
            (&format!("{not} group by \"n\""), ERROR),
            (&short, PASSED),
            (&shorter, PASSED),
            (&on(&not, "n = 2"), FAILED),
        ],
    );
    let evaluated = run(&frame, &not);
    assert!(evaluated.unread().is_none(), "it is not the data that is to blame");
    let reason = evaluated.evaluation.rules[0].reason.clone().unwrap();
    assert!(reason.starts_with("The regular expression takes too many steps on a text;"), "{reason}");
    // A row that a rule is not about is not in its way.
    assert_eq!([letters(&frame, &short), letters(&frame, &shorter), letters(&frame, &not)], ["PPP", "PPP", "FFF"]);

    let name = df!(long.as_str() => [1]).unwrap();
    check(&name, &[(&format!("ColumnNamesMatchPattern \"{pattern}\""), ERROR)]);
}

#[test]
fn lengths() {
    let frame = table();
    check(
        &frame,
        &[
            ("ColumnLength \"id\" > 1", PASSED),
            ("ColumnLength \"id\" >= 2", PASSED),
            ("ColumnLength \"id\" < 7", PASSED),
            ("ColumnLength \"id\" <= 5", FAILED),
            ("ColumnLength \"id\" = 2", FAILED),
            ("ColumnLength \"id\" = 2 where \"id = 'a1'\"", PASSED),
            ("ColumnLength \"id\" != 4", FAILED),
            ("ColumnLength \"id\" != 9", PASSED),
            ("ColumnLength \"id\" between 1 and 7", PASSED),
            ("ColumnLength \"id\" not between 3 and 5", FAILED),
            ("ColumnLength \"id\" in [2, 3, 4, 5, 6]", PASSED),
            ("ColumnLength \"id\" not in [7]", PASSED),
            ("ColumnLength \"s\" >= 0", PASSED),
            ("ColumnLength \"s\" > 0", FAILED),
            ("ColumnLength \"s\" in [0, 2]", PASSED),
            ("ColumnLength \"s\" not in [0]", FAILED),
            ("ColumnLength \"n\" <= 5", PASSED),
            ("ColumnLength \"id\" > 2 with mostly >= 0.8", PASSED),
        ],
    );
    assert_eq!(metric(&frame, "ColumnLength \"s\" >= 0", "Column.s.MinimumLength"), 0.0);
    assert_eq!(metric(&frame, "ColumnLength \"id\" < 9", "Column.id.MaximumLength"), 6.0);
    assert_eq!(metric(&frame, "ColumnLength \"id\" in [2]", "Column.id.LengthCompliance"), 0.2);
}

#[test]
fn lengths_are_of_characters() {
    check(
        &df!("s" => ["ä", "日本", "e\u{301}"]).unwrap(),
        &[("ColumnLength \"s\" in [1, 2]", PASSED), ("ColumnLength \"s\" <= 2", PASSED)],
    );
}

#[test]
fn types_of_values() {
    let frame = table();
    for (rule, rows) in [
        ("ColumnDataType \"kind\" = \"INTEGER\"", "PPFFP"),
        ("ColumnDataType \"kind\" = \"DOUBLE\"", "PPFPP"),
        ("ColumnDataType \"kind\" = \"DECIMAL(2,1)\"", "PPFPP"),
        ("ColumnDataType \"kind\" != \"INTEGER\"", "FFPPF"),
        ("ColumnDataType \"n\" = \"INTEGER\"", "PPPPP"),
        ("ColumnDataType \"n\" = \"DECIMAL(3, 0)\"", "PPPFF"),
        ("ColumnDataType \"s\" = \"STRING\"", "PPPPF"),
        ("ColumnDataType \"s\" = \"BOOLEAN\"", "FFFFF"),
        ("ColumnDataType \"id\" = \"DATE\"", "FFFFF"),
    ] {
        assert_eq!(letters(&frame, rule), rows, "{rule}");
    }
    check(
        &frame,
        &[
            ("ColumnDataType \"kind\" = \"INTEGER\" with threshold >= 0.6", PASSED),
            ("ColumnDataType \"kind\" = \"INTEGER\" with threshold > 0.6", FAILED),
            ("ColumnDataType \"kind\" = \"INTEGER\" where \"kind <> 'x' and kind <> '4.5'\"", PASSED),
        ],
    );
}

#[test]
fn dates_of_many_formats() {
    let rule = |format: &str| format!("ColumnDataType \"d\" = \"DATE\" with format = \"{format}\"");
    for (value, format, wanted) in [
        ("31-01-2024", "dd-MM-yyyy", true),
        ("30-02-2024", "dd-MM-yyyy", false),
        ("1/2/2024", "d/M/yyyy", true),
        ("Jan 5, 2024", "MMM d, yyyy", true),
        ("5 January 2024", "d MMMM yyyy", true),
        ("2024-01-31T10:59", "yyyy-MM-dd'T'HH:mm", true),
        ("2024-01-31 25:00", "yyyy-MM-dd HH:mm", false),
        ("240131", "yyMMdd", true),
        ("2024-01-31x", "yyyy-MM-dd", false),
    ] {
        let frame = df!("d" => [value]).unwrap();
        assert_eq!(one(&frame, &rule(format)).outcome == PASSED, wanted, "{value} as {format}");
    }
    check(&df!("d" => ["x"]).unwrap(), &[(rule("bogus").as_str(), ERROR)]);
}

#[test]
fn formats() {
    let frame = df!("e" => [Some("a@b.co"), Some("nobody"), None], "n" => [1, 2, 3]).unwrap();
    assert_eq!(letters(&frame, "Format \"e\" \"email\""), "PFF");
    check(
        &frame,
        &[
            ("Format \"e\" \"email\"", FAILED),
            ("Format \"e\" \"email\" with mostly > 0.3", PASSED),
            ("Format \"e\" \"email\" where \"e is not null and e <> 'nobody'\"", PASSED),
            ("Format \"n\" \"json\"", PASSED),
        ],
    );
    assert_eq!(metric(&frame, "Format \"n\" \"json\"", "Column.n.Format.Compliance"), 1.0);
}

/// However a column of numbers is written: `1` is 1.0, and 1.00 as a decimal.
#[test]
fn strings_that_spell_numbers_are_compared_as_such() {
    let frame = df!(
        "f" => [Some(1.0), Some(2.5), Some(1e20), None],
        "small" => [Some(0.1_f32), Some(1.0), Some(3.0), None],
        "n" => [Some(9_007_199_254_740_993_i64), Some(1), Some(-7), None],
        "s" => [Some("1"), Some("1.0"), Some("01"), None],
        "d" => [Some("12345678901234567890.25"), Some("1"), Some("-0.50"), None],
    )
    .unwrap();
    let frame = frame.lazy().with_column(col("d").cast(DataType::Decimal(38, 2))).collect().unwrap();
    for (condition, rows) in [
        ("\"f\" in [\"1\", \"2.50\", \"100000000000000000000\"]", "PPPF"),
        ("\"f\" = \"1\"", "PFFF"),
        ("\"f\" != \"1\"", "FPPP"),
        ("\"f\" not in [\"1\", \"2.5\"]", "FFPP"),
        ("\"f\" not in [\"1\", NULL]", "FPPF"),
        ("\"f\" in [\"1\", NULL]", "PFFP"),
        ("\"f\" in [\"1\", EMPTY, \" \"] with ignoreCase = \"true\"", "PFFF"),
        ("\"f\" in [\"1.0\", \"none\"]", "PFFF"),
        ("\"f\" in [EMPTY]", "FFFF"),
        ("\"f\" not in [EMPTY]", "PPPP"),
        ("\"f\" matches \"[0-9.]+\"", "PPFF"),
        ("\"small\" in [\"0.1\", \"1\"]", "PPFF"),
        ("\"n\" = \"9007199254740993\"", "PFFF"),
        ("\"n\" in [\"9007199254740992\", \"1.0\", \"-07\"]", "FPPF"),
        ("\"d\" in [\"12345678901234567890.250\", \"+1\"]", "PPFF"),
        ("\"d\" = \"12345678901234567890.24\"", "FFFF"),
        ("\"d\" in [\"-.5\", \"1.001\", NULL]", "FFPP"),
        ("\"d\" != \"1\"", "PFPP"),
        ("\"s\" = \"1\"", "PFFF"),
    ] {
        let rule = format!("ColumnValues {condition}");
        assert_eq!(letters(&frame, &rule), rows, "{rule}");
        assert_eq!(one(&frame, &rule).outcome, if rows.contains('F') { FAILED } else { PASSED }, "{rule}");
    }
}
