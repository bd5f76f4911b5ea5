//! `group by`, composites, levels, labels and the verdict.

use lakegate_quality::evaluate::{CompositeEvaluation, Options};
use lakegate_quality::language::ast::Level;
use polars::prelude::*;

use super::*;

fn table() -> DataFrame {
    df!(
        "g" => [Some("a"), Some("a"), Some("b"), Some("b"), None],
        "h" => [1, 1, 1, 2, 2],
        "x" => [Some(1), Some(2), None, Some(4), Some(5)],
        "id" => [1, 2, 1, 3, 3],
    )
    .unwrap()
}

#[test]
fn each_group_is_evaluated() {
    let frame = table();
    check(
        &frame,
        &[
            ("RowCount = 2 group by \"g\"", FAILED),
            ("RowCount <= 2 group by \"g\"", PASSED),
            ("IsComplete \"x\" group by \"g\"", FAILED),
            ("Completeness \"x\" >= 0.5 group by \"g\" \"h\"", FAILED),
            ("IsUnique \"id\" group by \"g\"", PASSED),
            ("IsUnique \"id\"", FAILED),
            ("ColumnValues \"x\" > 0 group by \"g\"", FAILED),
            ("ColumnValues \"x\" in [1, 2, 4, 5, NULL] group by \"g\"", PASSED),
            ("Mean \"x\" > 1 group by \"g\"", PASSED),
            ("Mean \"x\" > 1 where \"x is not null\" group by \"g\"", PASSED),
            ("Sum \"x\" > 3 group by \"g\"", FAILED),
            ("Mean \"x\" > 1 group by \"gone\"", ERROR),
            ("Mean \"x\" > 1 where \"x > 100\" group by \"g\"", PASSED),
        ],
    );
    let result = one(&frame, "IsComplete \"x\" group by \"g\"");
    let reason = result.reason.unwrap();
    assert!(reason.starts_with("1 of 3 groups do not hold. g = \"b\": Value: 0.5 does not meet"), "{reason}");
    assert_eq!(result.metrics["Column.x.Completeness[a]"], 1.0);
    assert_eq!(letters(&frame, "IsUnique \"id\" group by \"g\""), "PPPPP");
    check(&frame.clear(), &[("IsComplete \"x\" group by \"g\"", FAILED)]);
}

#[test]
fn composites() {
    let frame = table();
    check(
        &frame,
        &[
            ("(RowCount = 5) and (IsComplete \"id\")", PASSED),
            ("(RowCount = 5) and (IsComplete \"x\")", FAILED),
            ("(RowCount = 4) or (IsComplete \"id\")", PASSED),
            ("(RowCount = 4) or (IsComplete \"x\")", FAILED),
            ("(RowCount = 5) or (IsComplete \"gone\")", PASSED),
            ("(RowCount = 4) or (IsComplete \"gone\")", ERROR),
            ("(RowCount = 4) and (IsComplete \"gone\")", ERROR),
            ("((RowCount = 4) or (RowCount = 5)) and ((IsComplete \"x\") or (IsComplete \"id\"))", PASSED),
        ],
    );
    let result = one(&frame, "(RowCount = 4) and (IsComplete \"x\")");
    assert!(result.metrics.contains_key("Dataset.*.RowCount") && result.metrics.contains_key("Column.x.Completeness"));
    let reason = result.reason.unwrap();
    assert!(reason.contains("Value: 5 does not") && reason.contains("Value: 0.8 does not"), "{reason}");
}

#[test]
fn composites_row_by_row() {
    let frame = table();
    let by_row = context().with_options(Options { composites: CompositeEvaluation::Row, ..Options::default() });
    let both = "(IsComplete \"x\") or (IsComplete \"g\")";
    check(&frame, &[(both, FAILED)]);
    check_in(
        &by_row,
        &frame,
        &[
            (both, PASSED),
            ("(IsComplete \"x\") and (IsComplete \"g\")", FAILED),
            ("(IsComplete \"x\") or (Completeness \"g\" > 0.5)", ERROR),
            ("(IsComplete \"x\") or (RowCount > 0)", ERROR),
            ("(IsComplete \"x\") or (IsComplete \"g\" with mostly > 0.1)", ERROR),
            ("IsComplete \"id\"", PASSED),
        ],
    );
}

#[test]
fn the_verdict() {
    let frame = table();
    let verdict = |rules: &str| {
        let evaluation = run(&frame, rules).evaluation;
        (evaluation.outcome, evaluation.score)
    };
    assert_eq!(verdict("RowCount = 5, IsComplete \"x\""), (FAILED, 0.5));
    assert_eq!(verdict("RowCount = 5, IsComplete \"x\" with level = \"warn\""), (PASSED, 0.5));
    assert_eq!(verdict("RowCount = 5, IsComplete \"gone\" with level = \"warn\""), (ERROR, 0.5));
    assert_eq!(verdict("IsComplete \"x\", IsComplete \"gone\""), (ERROR, 0.0));
    let none = evaluate(&parse("Rules = [] Analyzers = [RowCount]"), &Dataset::of_frame(frame.clone()), &context()).evaluation;
    assert_eq!((none.outcome, none.score, none.rows), (PASSED, 1.0, 5));
    assert_eq!(one(&frame, "IsComplete \"x\" with level = \"warn\"").level, Level::Warn);
    let mixed = "(RowCount = 4 with level = \"warn\") and (RowCount = 3)";
    assert_eq!(one(&frame, mixed).level, Level::Error);
}

#[test]
fn labels() {
    let source = "DefaultLabels = [\"team\"=\"a\", \"tier\"=\"1\"] Rules = [RowCount > 0 labels = [\"tier\"=\"2\"], IsComplete \"x\"]";
    let evaluation = evaluate(&parse(source), &Dataset::of_frame(table()), &context()).evaluation;
    assert_eq!(evaluation.rules[0].labels, [("team".to_owned(), "a".to_owned()), ("tier".to_owned(), "2".to_owned())].into());
    assert_eq!(evaluation.rules[1].labels["tier"], "1");
}

#[test]
fn an_evaluation_is_json_and_back() {
    let frame = df!("x" => [1.0, f64::NAN]).unwrap();
    let evaluation = run(&frame, "Mean \"x\" > 0, Sum \"x\" > 0, RowCount = 2").evaluation;
    let json = serde_json::to_string(&evaluation).unwrap();
    assert!(json.contains("\"Column.x.Mean\":null"), "{json}");
    let back: lakegate_quality::evaluate::Evaluation = serde_json::from_str(&json).unwrap();
    assert!(back.rules[0].metrics["Column.x.Mean"].is_nan());
    assert_eq!(back.rules[2], evaluation.rules[2]);
    assert!(!evaluation.statistics.contains_key("Mean \"x\""), "a history is of numbers");
}
