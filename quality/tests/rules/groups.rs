//! `group by`, composites, levels, labels and the verdict.

use std::collections::BTreeMap;

use lakegate_quality::evaluate::{CompositeEvaluation, Options, Point};
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

/// A context in which each of these statistics was measured so often before, an hour apart.
fn with_past(past: &[(&str, &[f64])]) -> Context {
    let point = |(hour, value): (i64, &f64)| Point { at: now() - jiff::SignedDuration::from_hours(100 - hour), value: *value };
    let series = |values: &[f64]| (0..).zip(values).map(point).collect::<Vec<Point>>();
    let history: BTreeMap<String, Vec<Point>> = past.iter().map(|(name, values)| ((*name).to_owned(), series(values))).collect();
    context().with_history(Arc::new(history))
}

#[test]
fn each_group_has_a_history_of_its_own() {
    let frame = table();
    let statistics =
        run(&frame, "RowCount > 0 group by \"g\", Completeness \"x\" > 0 where \"id < 4\" group by \"g\" \"h\"").evaluation.statistics;
    let names: Vec<(&str, f64)> = statistics.iter().map(|(name, value)| (name.as_str(), *value)).collect();
    let complete = "Completeness \"x\" where \"id < 4\" group by \"g\" \"h\"";
    let complete = |key: &str| format!("{complete} [{key}]");
    let expected = [
        (complete("\"a\", \"1\""), 1.0),
        (complete("\"b\", \"1\""), 0.0),
        (complete("\"b\", \"2\""), 1.0),
        (complete("null, \"2\""), 1.0),
        ("RowCount group by \"g\" [\"a\"]".to_owned(), 2.0),
        ("RowCount group by \"g\" [\"b\"]".to_owned(), 2.0),
        ("RowCount group by \"g\" [null]".to_owned(), 1.0),
    ];
    assert_eq!(names, expected.each_ref().map(|(name, value)| (name.as_str(), *value)));

    let past = with_past(&[
        ("RowCount group by \"g\" [\"a\"]", &[2.0, 4.0]),
        ("RowCount group by \"g\" [\"b\"]", &[1.0, 1.0]),
        ("RowCount group by \"g\"", &[1000.0, 1000.0]),
    ]);
    let cases = [
        // 3 of a, 1 of b, nothing of null before; and now 2, 2 and 1.
        ("RowCount >= avg(last(2)) group by \"g\"", FAILED),
        ("RowCount >= avg(last(2)) - 1 group by \"g\"", PASSED),
        ("RowCount <= avg(last(2)) * 2 group by \"g\"", FAILED),
        ("RowCount <= avg(last(2)) * 2 + 1 group by \"g\"", PASSED),
        ("IsComplete \"id\" group by \"g\" with mostly >= avg(last(3))", PASSED),
    ];
    check_in(&past, &frame, &cases);
    let reason = run_in(&past, &frame, cases[0].0).evaluation.rules.remove(0).reason.unwrap();
    assert!(reason.starts_with("1 of 3 groups do not hold. g = \"a\": Value: 2"), "{reason}");
    let per_value = "ColumnValues \"x\" in [1, 2, 4, 5, NULL, last()] group by \"g\"";
    check_in(&past, &frame, &[(per_value, ERROR), ("IsUnique \"id\" group by \"g\" with mostly > avg(last(2)) * 0.5", PASSED)]);
}

#[test]
fn values_within_a_group_are_held_against_its_own_past() {
    let frame = table();
    let past = with_past(&[
        ("ColumnValues \"id\" group by \"g\" [\"a\"]", &[0.0]),
        ("ColumnValues \"id\" group by \"g\" [\"b\"]", &[2.0]),
        ("ColumnValues \"id\" group by \"g\" [null]", &[0.0]),
    ]);
    let rule = "ColumnValues \"id\" > last() group by \"g\"";
    let evaluated = run_in(&past, &frame, rule);
    let result = &evaluated.evaluation.rules[0];
    assert_eq!(result.outcome, FAILED);
    assert!(result.reason.as_ref().unwrap().starts_with("1 of 3 groups do not hold. g = \"b\""), "{result:?}");
    assert!(!evaluated.tells_rows(0), "the bounds of a row's group are not known to the test of rows");
}

#[test]
fn anomalies_are_looked_for_in_each_groups_history() {
    let frame = table();
    let usual: Vec<f64> = (0..20).map(|at| 2.0 + f64::from(at % 3) / 10.0).collect();
    let unusual: Vec<f64> = usual.iter().map(|value| value * 50.0).collect();
    let rule = "DetectAnomalies \"RowCount\" group by \"g\"";
    let names = ["RowCount group by \"g\" [\"a\"]", "RowCount group by \"g\" [\"b\"]"];
    check_in(&with_past(&[(names[0], &usual), (names[1], &usual)]), &frame, &[(rule, PASSED)]);
    let evaluation = run_in(&with_past(&[(names[0], &usual), (names[1], &unusual)]), &frame, rule).evaluation;
    let result = &evaluation.rules[0];
    assert_eq!((result.outcome, evaluation.statistics[names[1]]), (FAILED, 2.0));
    assert!(result.reason.as_ref().unwrap().contains("1 of 3 groups do not hold. g = \"b\": RowCount group by"), "{result:?}");
    check_in(&with_past(&[]), &frame, &[("DetectAnomalies \"Uniqueness\" \"id\" group by \"g\"", PASSED)]);
}

#[test]
fn so_many_groups_have_a_history_and_the_rule_tells_of_the_others() {
    let keys: Vec<String> = (0..150).map(|key| format!("k{key:03} \"quoted\"")).collect();
    let frame = df!("g" => &keys).unwrap();
    let name = |key: usize| format!("RowCount group by \"g\" [\"k{key:03} \\\"quoted\\\"\"]");
    let of = |context: &Context, rule: &str| {
        let mut evaluation = run_in(context, &frame, rule).evaluation;
        (evaluation.rules.remove(0), evaluation.statistics)
    };
    let (result, statistics) = of(&context(), "RowCount = 1 group by \"g\"");
    assert_eq!((result.outcome, statistics.len()), (PASSED, 100));
    assert_eq!(result.reason.as_deref(), Some("A history is kept of 100 of 150 groups."));
    assert!(statistics.contains_key(&name(0)) && statistics.contains_key(&name(99)), "{statistics:?}");
    // What has a history keeps it, whatever comes before it; what has none is not compared with nothing.
    let past = with_past(&[(&name(149), &[7.0, 7.0])]);
    let (result, statistics) = of(&past, "RowCount < 1 + avg(last(2)) + 0.1 group by \"g\"");
    assert_eq!((result.outcome, statistics.len(), statistics.get(&name(149))), (PASSED, 100, Some(&1.0)), "{result:?}");
    assert!(!statistics.contains_key(&name(99)));
    let (result, _) = of(&past, "RowCount < avg(last(2)) group by \"g\"");
    let reason = result.reason.unwrap();
    assert!(reason.starts_with("99 of 150 groups do not hold.") && reason.ends_with("the others are not compared with one."), "{reason}");
}

#[test]
fn null_is_another_group_than_the_text_null() {
    let frame = df!(
        "g" => [Some("null"), None, None, Some("a,b"), Some("say \"x\"")],
        "x" => [Some(1), None, Some(2), None, Some(3)],
        "at" => [1, 1, 3, 1, 1],
    )
    .unwrap();
    let rules = ["IsComplete \"x\" group by \"g\"", "Monotonic \"at\" \"decreasing\" group by \"g\"", "NoGaps \"at\" \"1\" group by \"g\""];
    let evaluation = run(&frame, &rules.join(", ")).evaluation;
    let complete = &evaluation.rules[0];
    let reason = complete.reason.as_ref().unwrap();
    assert!(reason.starts_with("2 of 4 groups do not hold."), "{reason}");
    assert!(reason.contains("g = null: Value: 0.5") && reason.contains("g = \"a,b\": Value: 0 "), "{reason}");
    let metrics: Vec<(&str, f64)> = complete.metrics.iter().map(|(name, value)| (name.as_str(), *value)).collect();
    let of = |group: &str| format!("Column.x.Completeness[{group}]");
    let expected = [(of("\"a,b\""), 0.0), (of("\"null\""), 1.0), (of("\"say \\\"x\\\"\""), 1.0), (of("null"), 0.5)];
    assert_eq!(metrics, expected.each_ref().map(|(name, value)| (name.as_str(), *value)));
    for result in &evaluation.rules[1..] {
        assert!(result.reason.as_ref().unwrap().starts_with("1 of 4 groups do not hold. g = null:"), "{result:?}");
    }
    let statistic = |key: &str| evaluation.statistics.get(&format!("IsComplete \"x\" group by \"g\" [{key}]")).copied();
    assert_eq!((statistic("null"), statistic("\"null\"")), (Some(0.5), Some(1.0)));
    let rule = "RowCount = last() where \"coalesce(g, 'null') = 'null'\" group by \"g\"";
    let name = |key: &str| format!("RowCount where \"coalesce(g, 'null') = 'null'\" group by \"g\" [{key}]");
    let past = |null: f64, text: f64| with_past(&[(&name("null"), &[null]), (&name("\"null\""), &[text])]);
    check_in(&past(2.0, 1.0), &frame, &[(rule, PASSED)]);
    check_in(&past(2.0, 2.0), &frame, &[(rule, FAILED)]);
}

/// Where a bound is worked out from the past decides nothing about what is measured: each group has another.
#[test]
fn bounds_of_any_size_come_from_a_groups_past() {
    let frame = df!("g" => ["a", "a", "b"], "x" => [1_i64 << 60, 3, 5], "f" => [1e18, 3.0, 5.0]).unwrap();
    for column in ["x", "f"] {
        let name = |group: &str| format!("ColumnValues \"{column}\" group by \"g\" maximum [\"{group}\"]");
        let (a, b) = (name("a"), name("b"));
        let rule = format!("ColumnValues \"{column}\" < 2 * last() group by \"g\"");
        check_in(&with_past(&[(&a, &[1e18]), (&b, &[4.0])]), &frame, &[(&rule, PASSED)]);
        check_in(&with_past(&[(&a, &[1e17]), (&b, &[4.0])]), &frame, &[(&rule, FAILED)]);
        check_in(&with_past(&[(&a, &[1e18]), (&b, &[2.0])]), &frame, &[(&rule, FAILED)]);
    }
}

/// What a rule asks apart from the past is asked of groups without one as well.
#[test]
fn groups_without_a_history_are_held_against_the_rest_of_the_rule() {
    let keys: Vec<String> = (0..150).map(|key| format!("k{key:03}")).collect();
    // The last group has no history, for a hundred others come before it.
    let frame = df!(
        "g" => keys.iter().chain(&keys).collect::<Vec<_>>().into_iter().map(String::as_str).collect::<Vec<_>>(),
        "x" => (0..300).map(|row| (row != 299).then_some(row % 150)).collect::<Vec<_>>(),
        "y" => (0..300).map(|row| if row == 299 { -5 } else { 1 }).collect::<Vec<_>>(),
    )
    .unwrap();
    let failing = |rule: &str| {
        let result = one(&frame, rule);
        let failed = result.outcome == FAILED && result.reason.as_ref().unwrap().starts_with("1 of 150 groups do not hold. g = \"k149\"");
        assert!(failed || result.outcome == PASSED, "{result:?}");
        failed
    };
    // Nothing was earlier, which is 0 where it is asked.
    for (rule, fails) in [
        ("Completeness \"x\" > 0.5 with mostly >= last() group by \"g\"", true),
        ("Completeness \"x\" > last() with mostly >= 1 group by \"g\"", true),
        ("Completeness \"x\" between 0.5 and last() + 2 group by \"g\"", true),
        ("Completeness \"x\" between last() and 0.75 + 0.5 group by \"g\"", false),
        ("Completeness \"x\" not in [0.5, last()] group by \"g\"", true),
        ("Completeness \"x\" >= last() group by \"g\"", false),
        ("Completeness \"x\" != last() group by \"g\"", false),
        ("Completeness \"x\" = last() + 1 group by \"g\"", false),
        ("Completeness \"x\" in [1, last()] group by \"g\"", false),
        ("ColumnValues \"y\" between -2 and last() + 2 group by \"g\"", true),
        ("ColumnValues \"y\" > last() - 1 group by \"g\"", false),
        ("ColumnValues \"x\" >= last() group by \"g\"", true),
        ("ColumnValues \"y\" > 0 with mostly >= last() group by \"g\"", false),
    ] {
        let rule = match rule.split_once(" with ") {
            // `group by` comes before `with`.
            Some((head, tail)) => format!("{head} group by \"g\" with {}", tail.trim_end_matches(" group by \"g\"")),
            None => rule.to_owned(),
        };
        assert_eq!(failing(&rule), fails, "{rule}");
    }
}

/// A history of nothing that notes what it is asked for.
#[derive(Default)]
struct Asked(std::sync::Mutex<Vec<String>>);

impl lakegate_quality::evaluate::History for Asked {
    fn last(&self, statistic: &str, _: usize) -> Vec<Point> {
        self.0.lock().unwrap().push(statistic.to_owned());
        Vec::new()
    }
}

#[test]
fn no_history_is_asked_for_by_a_rule_that_does_not_look_back() {
    let frame = df!("g" => (0..150).collect::<Vec<_>>()).unwrap();
    let asked = Arc::new(Asked::default());
    let context = context().with_history(asked.clone());
    run_in(&context, &frame, "RowCount = 1 group by \"g\", RowCount > abs(-2) - 2 group by \"g\"");
    assert_eq!(*asked.0.lock().unwrap(), [] as [String; 0]);
    run_in(&context, &frame, "RowCount > last() group by \"g\"");
    let asked = asked.0.lock().unwrap();
    assert!(asked.len() > 150 && asked.iter().all(|name| name.starts_with("RowCount group by \"g\"")), "{} are asked for", asked.len());
}

#[test]
fn numbers_make_as_many_groups_as_there_are() {
    let numbers = [0.3, 0.1 + 0.2, 0.0, -0.0, f64::NAN, 1e300, 1_234_567.1, 1_234_567.2];
    let folder = tempfile::tempdir().unwrap();
    // Zeros of both signs come from two files.
    for (name, numbers) in [("a", &numbers[..3]), ("b", &numbers[3..])] {
        let mut frame = df!("f" => numbers, "x" => vec![1; numbers.len()]).unwrap();
        ParquetWriter::new(std::fs::File::create(folder.path().join(format!("{name}.parquet"))).unwrap()).finish(&mut frame).unwrap();
    }
    let data = Dataset::of_files(&[folder.path().to_owned()], None).unwrap();
    for rule in ["RowCount > 0", "Monotonic \"x\"", "NoGaps \"x\" \"1\""] {
        let evaluation = evaluate(&parse(&format!("Rules = [{rule} group by \"f\"]")), &data, &context()).evaluation;
        let name = |metric: &String| metric.split_once('[').unwrap().1.trim_end_matches(']').to_owned();
        let mut groups: Vec<String> = evaluation.rules[0].metrics.keys().map(name).collect();
        groups.sort_unstable();
        assert_eq!(groups, ["0.0", "0.3", "0.30000000000000004", "1234567.1", "1234567.2", "1e300", "NaN"], "{rule}");
    }
    let lists = df!("l" => [Series::new("".into(), [1, 2]), Series::new("".into(), [1])]).unwrap();
    check(&lists, &[("RowCount = 1 group by \"l\"", ERROR), ("RowCount = 2", PASSED)]);
}
