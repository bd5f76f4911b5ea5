//! What is said of rows: lists of rules, reasons, and the split.

use lakegate_quality::evaluate::{FilteredRows, Options};
use polars::prelude::*;

use super::*;

fn table() -> DataFrame {
    df!("id" => [1, 2, 2, 4], "x" => [Some(5), None, Some(-1), Some(7)], "k" => ["a", "a", "b", "b"]).unwrap()
}

fn list(frame: &DataFrame, column: &str, row: usize) -> Vec<String> {
    let lists = frame.column(column).unwrap().list().unwrap().clone();
    let texts = lists.get_as_series(row).unwrap();
    texts.str().unwrap().iter().map(|text| text.unwrap().to_owned()).collect()
}

#[test]
fn lists_of_rules() {
    let rules = "IsUnique \"id\", ColumnValues \"x\" > 0 where \"k = 'b'\", RowCount > 0, IsComplete \"x\" with level = \"warn\"";
    let evaluated = run(&table(), rules);
    let frame = evaluated.rows().unwrap().collect().unwrap();
    assert_eq!(
        names(&frame),
        ["id", "x", "k", "DataQualityRulesPass", "DataQualityRulesFail", "DataQualityRulesSkip", "DataQualityEvaluationResult",]
    );
    assert_eq!(
        list(&frame, "DataQualityRulesPass", 0),
        ["IsUnique \"id\"", "ColumnValues \"x\" > 0 where \"k = 'b'\"", "IsComplete \"x\" with level = \"warn\""]
    );
    assert_eq!(list(&frame, "DataQualityRulesFail", 1), ["IsUnique \"id\"", "IsComplete \"x\" with level = \"warn\""]);
    assert_eq!(list(&frame, "DataQualityRulesFail", 2), ["IsUnique \"id\"", "ColumnValues \"x\" > 0 where \"k = 'b'\""]);
    assert_eq!(list(&frame, "DataQualityRulesSkip", 3), ["RowCount > 0"]);
    assert_eq!(rows_of(&evaluated).concat(), "PFFP");
}

#[test]
fn a_warning_fails_no_row() {
    let evaluated = run(&table(), "IsComplete \"x\" with level = \"warn\"");
    assert_eq!(rows_of(&evaluated).concat(), "PPPP");
    assert_eq!(evaluated.failing_rows().unwrap().collect().unwrap().height(), 0);
    assert!(evaluated.passing_rows().unwrap().collect().unwrap().equals_missing(&table()));
}

#[test]
fn rows_outside_the_filter() {
    let rule = "IsComplete \"x\" where \"k = 'b'\"";
    let options = Options { filtered_rows: FilteredRows::Skipped, ..Options::default() };
    let evaluated = run_in(&context().with_options(options), &table(), rule);
    let frame = evaluated.rows().unwrap().collect().unwrap();
    assert_eq!(list(&frame, "DataQualityRulesSkip", 1), [rule]);
    assert_eq!(list(&frame, "DataQualityRulesPass", 2), [rule]);
    assert_eq!(rows_of(&evaluated).concat(), "PPPP");
}

#[test]
fn labels_in_lists_on_demand() {
    let rule = "IsComplete \"id\" labels = [\"a\"=\"b\"]";
    let of = |options| {
        let evaluated = run_in(&context().with_options(options), &table(), rule);
        list(&evaluated.rows().unwrap().collect().unwrap(), "DataQualityRulesPass", 0)
    };
    assert_eq!(of(Options::default()), ["IsComplete \"id\""]);
    assert!(of(Options { rows_with_labels: true, ..Options::default() })[0].contains("labels"));
}

#[test]
fn the_split_says_which_rule_and_why() {
    let evaluated = run(&table(), "IsUnique \"id\", ColumnValues \"x\" > 0, (IsComplete \"x\") or (ColumnValues \"k\" = \"b\")");
    let failing = evaluated.failing_rows().unwrap().collect().unwrap();
    assert_eq!(names(&failing), ["id", "x", "k", "rule", "reason"]);
    assert_eq!(failing.height(), 2);
    assert_eq!(
        list(&failing, "rule", 0),
        ["IsUnique \"id\"", "ColumnValues \"x\" > 0", "(IsComplete \"x\") OR (ColumnValues \"k\" = \"b\")"]
    );
    assert_eq!(
        list(&failing, "reason", 0),
        [
            "Value: 2 occurs more than once in \"id\".",
            "Value: NULL does not meet the constraint requirement!",
            "Value: NULL does not meet the constraint requirement! Value: a does not meet the constraint requirement!",
        ]
    );
    assert_eq!(list(&failing, "reason", 1)[1], "Value: -1 does not meet the constraint requirement!");
    let passing = evaluated.passing_rows().unwrap().collect().unwrap();
    assert_eq!(passing.column("id").unwrap().i32().unwrap().to_vec(), [Some(1), Some(4)]);
}

#[test]
fn what_a_rule_puts_up_with_breaks_nothing() {
    let evaluated = run(&table(), "ColumnValues \"x\" > 0 with mostly >= 0.5, IsComplete \"id\"");
    assert_eq!(evaluated.evaluation.outcome, PASSED);
    assert_eq!(evaluated.failing_rows().unwrap().collect().unwrap().height(), 0);
    assert_eq!(rows_of(&evaluated).concat(), "PFFP", "as Glue has it, rows are judged one by one");
}

#[test]
fn a_rule_in_error_fails_every_row() {
    let evaluated = run(&table(), "IsComplete \"gone\", Mean \"gone\" > 0");
    assert_eq!(rows_of(&evaluated).concat(), "FFFF");
    let failing = evaluated.failing_rows().unwrap().collect().unwrap();
    assert_eq!(failing.height(), 4);
    assert!(list(&failing, "reason", 0)[0].contains("does not exist"));
    assert_eq!(rows_of(&run(&table(), "Mean \"gone\" > 0")).concat(), "PPPP");
}

#[test]
fn columns_of_the_same_names() {
    let frame = df!("rule" => [Some("r"), None], "reason" => ["a", "b"], "DataQualityEvaluationResult" => ["old", "old"]).unwrap();
    let evaluated = run(&frame, "IsComplete \"rule\"");
    let failing = evaluated.failing_rows().unwrap().collect().unwrap();
    assert_eq!(names(&failing), ["rule", "reason", "DataQualityEvaluationResult", "rule_", "reason_"]);
    assert_eq!(rows_of(&evaluated).concat(), "PF", "outcomes of an earlier run are replaced");
}

#[test]
fn rows_stay_in_their_order() {
    let rows = 200_000;
    let frame = df!("n" => (0..rows).collect::<Vec<i32>>(), "k" => (0..rows).map(|n| n % 1000).collect::<Vec<_>>()).unwrap();
    let keys = df!("k" => (0..500).collect::<Vec<i32>>()).unwrap();
    let context = context().with_reference("ref", Dataset::of_frame(keys));
    let rules = "ReferentialIntegrity \"k\" \"ref.k\" = 1, CustomSql \"select n from primary where n >= 10\", NoOverlap \"n\" \"n\", Monotonic \"n\", IsUnique \"n\"";
    let evaluated = run_in(&context, &frame, rules);
    let said = evaluated.rows().unwrap().collect_with_engine(Engine::Streaming).unwrap().unwrap_single();
    assert!(said.column("n").unwrap().i32().unwrap().iter().eq((0..rows).map(Some)));
    let failing = evaluated.failing_rows().unwrap().collect_with_engine(Engine::Streaming).unwrap().unwrap_single();
    let passing = evaluated.passing_rows().unwrap().collect_with_engine(Engine::Streaming).unwrap().unwrap_single();
    assert_eq!(failing.height() + passing.height(), rows as usize);
    assert_eq!(failing.height(), 100_000 + 10);
    assert!(failing.column("n").unwrap().as_materialized_series().is_sorted(SortOptions::default()).unwrap());
}
