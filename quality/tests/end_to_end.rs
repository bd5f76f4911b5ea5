//! DQDL cases as data, from ruleset and table to outcomes: `data/dqdl_end_to_end.jsonl`, and more of our own after the
//! documentation in `data/more_end_to_end.jsonl`.
//!
//! The cases say `Failed` where the open engine can't evaluate a rule (a missing column, a query it can't run). Here
//! that is an outcome of its own, `Error`, which blocks as a failure does: `Failed` with a reason that says so is
//! satisfied by it.

#![expect(clippy::unwrap_used, reason = "a test and its helpers fail by panicking")]

use std::collections::BTreeMap;

use jiff::Timestamp;
use lakegate_quality::data::Dataset;
use lakegate_quality::evaluate::{Context, Evaluated, Outcome, evaluate};
use lakegate_quality::language;
use polars::prelude::*;
use serde::Deserialize;
use serde_json::Value;

#[derive(Deserialize)]
struct Table {
    columns: Vec<String>,
    rows: Vec<Vec<Value>>,
}

#[derive(Deserialize)]
struct Case {
    test: String,
    table: Table,
    #[serde(default)]
    additional: BTreeMap<String, Table>,
    ruleset: String,
    outcome: Option<Vec<String>>,
    outcome_all: Option<String>,
    #[serde(default)]
    metrics: BTreeMap<String, f64>,
    #[serde(default)]
    metric_keys: Vec<String>,
    #[serde(default)]
    reason_contains: Vec<String>,
    row_outcomes: Option<Vec<String>>,
    row_outcome_all: Option<String>,
}

/// A case's query joins this table, which the case itself leaves out.
fn left_out() -> Table {
    Table { columns: vec!["id".to_owned()], rows: vec![vec!["1".into()], vec!["2".into()]] }
}

fn column(name: &str, values: Vec<&Value>) -> Column {
    let some = || values.iter().filter(|value| !value.is_null());
    if some().count() == 0 || some().all(|value| value.is_string()) {
        let texts: Vec<Option<&str>> = values.iter().map(|value| value.as_str()).collect();
        Column::new(name.into(), texts)
    } else if some().all(|value| value.is_i64()) {
        Column::new(name.into(), values.iter().map(|value| value.as_i64()).collect::<Vec<_>>())
    } else if some().all(|value| value.is_number()) {
        Column::new(name.into(), values.iter().map(|value| value.as_f64()).collect::<Vec<_>>())
    } else {
        Column::new(name.into(), values.iter().map(|value| value.as_bool()).collect::<Vec<_>>())
    }
}

fn dataset(table: &Table) -> Dataset {
    let columns = table.columns.iter().enumerate().map(|(at, name)| column(name, table.rows.iter().map(|row| &row[at]).collect()));
    Dataset::of_frame(DataFrame::new(table.rows.len(), columns.collect()).unwrap())
}

fn row_outcomes(evaluated: &Evaluated) -> Vec<String> {
    let frame = evaluated.rows().unwrap().collect().unwrap();
    let outcomes = frame.column("DataQualityEvaluationResult").unwrap().str().unwrap().clone();
    outcomes.iter().map(|outcome| outcome.unwrap().to_owned()).collect()
}

/// What is wrong with what came out, if anything.
fn faults(case: &Case) -> Vec<String> {
    let ruleset = match language::parse(&case.ruleset) {
        Ok(ruleset) => ruleset,
        Err(errors) => return errors.iter().map(|error| format!("it is not read: {error} {}", error.hint)).collect(),
    };
    let now: Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
    let context = match case.ruleset.contains("JOIN ref_shared") {
        true => Context::new(now).with_reference("ref_shared", dataset(&left_out())),
        false => Context::new(now),
    };
    let context = case.additional.iter().fold(context, |context, (alias, table)| context.with_reference(alias, dataset(table)));
    let evaluated = evaluate(&ruleset, &dataset(&case.table), &context);
    let rules = &evaluated.evaluation.rules;
    let wanted: Vec<&str> = match (&case.outcome, &case.outcome_all) {
        (Some(outcomes), _) => outcomes.iter().map(String::as_str).collect(),
        (None, Some(all)) => rules.iter().map(|_| all.as_str()).collect(),
        (None, None) => Vec::new(),
    };
    let mut faults = Vec::new();
    if wanted.len() != rules.len() && !wanted.is_empty() {
        faults.push(format!("there are {} rules", rules.len()));
    }
    for (rule, wanted) in rules.iter().zip(&wanted) {
        let same = match rule.outcome {
            Outcome::Passed => *wanted == "Passed",
            Outcome::Failed | Outcome::Error => *wanted == "Failed" && rule.reason.is_some(),
        };
        if !same {
            faults.push(format!("{} is {:?} ({:?}), not {wanted}", rule.rule, rule.outcome, rule.reason));
        }
    }
    let metrics: BTreeMap<&String, &f64> = rules.iter().flat_map(|rule| &rule.metrics).collect();
    for (name, wanted) in &case.metrics {
        if metrics.get(name).is_none_or(|value| (**value - wanted).abs() > 1e-12) {
            faults.push(format!("{name} is not {wanted}: {metrics:?}"));
        }
    }
    faults.extend(case.metric_keys.iter().filter(|name| !metrics.contains_key(name)).map(|name| format!("{name} is missing: {metrics:?}")));
    let reasons: String = rules.iter().filter_map(|rule| rule.reason.as_deref()).collect::<Vec<_>>().join("\n");
    faults
        .extend(case.reason_contains.iter().filter(|part| !reasons.contains(*part)).map(|part| format!("{part:?} is not said: {reasons}")));
    let rows = case.table.rows.len();
    let wanted = case.row_outcomes.clone().or_else(|| case.row_outcome_all.clone().map(|all| vec![all; rows]));
    if let Some(wanted) = wanted {
        let outcomes = row_outcomes(&evaluated);
        if outcomes != wanted {
            faults.push(format!("rows are {outcomes:?}, not {wanted:?}"));
        }
    }
    faults
}

fn run(lines: &str) -> usize {
    let cases: Vec<Case> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let mut failing = Vec::new();
    for case in &cases {
        let faults = faults(case);
        if !faults.is_empty() {
            failing.push(format!("{}: {}\n    {}", case.test, case.ruleset, faults.join("\n    ")));
        }
    }
    assert!(failing.is_empty(), "{} of {} cases:\n{}", failing.len(), cases.len(), failing.join("\n"));
    cases.len()
}

#[test]
fn every_case_comes_out_as_documented() {
    assert_eq!(run(include_str!("data/dqdl_end_to_end.jsonl")), 138);
}

#[test]
fn more_cases_come_out_as_documented() {
    run(include_str!("data/more_end_to_end.jsonl"));
}
