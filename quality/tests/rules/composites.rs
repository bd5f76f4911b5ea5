//! Composites that are evaluated row by row.

use lakegate_quality::evaluate::{CompositeEvaluation, Options};
use polars::prelude::*;

use super::*;

fn by_row() -> Context {
    context().with_options(Options { composites: CompositeEvaluation::Row, ..Options::default() })
}

fn table() -> DataFrame {
    df!("id" => [1, 2, 3], "x" => [Some(1), None, Some(3)], "none" => [None::<i32>, None, None]).unwrap()
}

/// Rules of both ways of evaluation.
fn check_both(frame: &DataFrame, cases: &[(&str, Outcome)]) {
    check(frame, cases);
    check_in(&by_row(), frame, cases);
}

#[test]
fn what_has_no_measure_holds_in_no_row() {
    let empty = table().clear();
    check_both(
        &empty,
        &[
            ("(IsComplete \"id\") and (IsUnique \"id\")", FAILED),
            ("(IsComplete \"id\") or (IsUnique \"id\")", FAILED),
            ("(IsComplete \"id\") or (IsUnique \"id\" where \"id > 5\")", PASSED),
            ("(IsComplete \"id\") and (IsUnique \"id\" where \"id > 5\")", FAILED),
            ("((IsComplete \"id\") or (IsUnique \"id\")) and (IsComplete \"x\" where \"id > 5\")", FAILED),
        ],
    );
    let result = run_in(&by_row(), &empty, "(IsComplete \"id\") and (IsUnique \"id\")").evaluation.rules.remove(0);
    assert_eq!(result.reason.as_deref(), Some("There are no rows to measure. There are no rows to measure."));
    check_both(
        &table(),
        &[
            ("IsUnique \"none\"", FAILED),
            ("(IsUnique \"none\") and (IsComplete \"id\")", FAILED),
            ("(IsUnique \"none\") or (IsComplete \"id\")", PASSED),
            ("(IsUnique \"none\") or (IsComplete \"x\")", FAILED),
        ],
    );
    let evaluated = run_in(&by_row(), &table(), "(IsUnique \"none\") or (IsComplete \"x\")");
    assert_eq!(rows_of(&evaluated).concat(), "PFP");
    let evaluated = run_in(&by_row(), &table(), "(IsUnique \"none\") and (IsComplete \"x\")");
    assert_eq!((rows_of(&evaluated).concat().as_str(), evaluated.failing_rows().unwrap().collect().unwrap().height()), ("FFF", 3));
}

#[test]
fn an_error_in_a_part_is_one_of_the_whole_unless_all_rows_hold_without() {
    check_both(
        &table(),
        &[
            ("(IsComplete \"id\") or (IsComplete \"gone\")", PASSED),
            ("(IsComplete \"gone\") or (IsComplete \"id\")", PASSED),
            ("(IsComplete \"x\") or (IsComplete \"gone\")", ERROR),
            ("(IsComplete \"id\") and (IsComplete \"gone\")", ERROR),
            ("(IsComplete \"x\") and (IsComplete \"gone\")", ERROR),
            ("((IsComplete \"id\") or (IsComplete \"gone\")) and (IsUnique \"id\")", PASSED),
            ("((IsComplete \"id\") or (IsComplete \"gone\")) and (IsComplete \"x\")", ERROR),
            ("(IsUnique \"none\") and (IsComplete \"gone\")", ERROR),
        ],
    );
    let rows = |rule: &str| {
        let evaluated = run_in(&by_row(), &table(), rule);
        let split = [evaluated.failing_rows(), evaluated.passing_rows()].map(|rows| rows.unwrap().collect().unwrap().height());
        (rows_of(&evaluated).concat(), split)
    };
    assert_eq!(rows("(IsComplete \"id\") or (IsComplete \"gone\")"), ("PPP".to_owned(), [0, 3]));
    assert_eq!(rows("(IsComplete \"x\") or (IsComplete \"gone\")"), ("FFF".to_owned(), [3, 0]));
    let result = run_in(&by_row(), &table(), "(IsComplete \"id\") or (IsComplete \"gone\")").evaluation.rules.remove(0);
    assert!(result.reason.as_ref().unwrap().contains("does not exist"), "{result:?}");
    // What can't be told by rows stays an error, whatever else is wrong with it.
    let shares = [("(IsComplete \"id\") or (Completeness \"gone\" > 0.5)", ERROR), ("(IsComplete \"id\") or (RowCount > 0)", ERROR)];
    check_in(&by_row(), &table(), &shares);
}

#[test]
fn a_pattern_that_gives_up_is_an_error_of_its_part() {
    let long = "a".repeat(40) + "!";
    let frame = df!("s" => [long.as_str(), "aac"], "id" => [1, 2]).unwrap();
    let part = "(ColumnValues \"s\" matches \"(?:(?:a|aa)+(?=c)c|a+!)\")";
    check_both(&frame, &[(&format!("{part} or (IsComplete \"id\")"), PASSED), (&format!("{part} and (IsComplete \"id\")"), ERROR)]);
}
