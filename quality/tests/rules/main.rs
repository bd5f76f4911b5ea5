//! Every type of rule on small tables: what passes, what fails, what is an error, and what is said of rows.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test and its helpers fail by panicking")]

mod ahead;
mod composites;
mod dates;
mod digits;
mod emptied;
mod extras;
mod files;
mod fuzz;
mod groups;
mod keys;
mod numbers;
mod patterns;
mod references;
mod rows;
mod shapes;
mod states;
mod texts;
mod unread;
mod words;

use std::sync::Arc;

use jiff::Timestamp;
use lakegate_quality::data::Dataset;
use lakegate_quality::evaluate::{Context, Evaluated, Outcome, RuleResult, evaluate};
use lakegate_quality::language::{self, RuleType, Ruleset};
use polars::prelude::*;

const PASSED: Outcome = Outcome::Passed;
const FAILED: Outcome = Outcome::Failed;
const ERROR: Outcome = Outcome::Error;

fn now() -> Timestamp {
    "2026-03-10T12:00:30Z".parse().unwrap()
}

fn context() -> Context {
    Context::new(now())
}

fn parse(source: &str) -> Ruleset {
    language::parse(source).unwrap_or_else(|errors| panic!("{source}\n{errors:#?}"))
}

/// What comes of some rules.
fn run_in(context: &Context, frame: &DataFrame, rules: &str) -> Evaluated {
    evaluate(&parse(&format!("Rules = [{rules}]")), &Dataset::of_frame(frame.clone()), context)
}

fn run(frame: &DataFrame, rules: &str) -> Evaluated {
    run_in(&context(), frame, rules)
}

/// What comes of one rule.
fn one(frame: &DataFrame, rule: &str) -> RuleResult {
    run(frame, rule).evaluation.rules.remove(0)
}

/// Holds each rule's outcome against what it should be; all are evaluated together, as in a file.
fn check_in(context: &Context, frame: &DataFrame, cases: &[(&str, Outcome)]) {
    let rules: Vec<&str> = cases.iter().map(|(rule, _)| *rule).collect();
    let evaluation = run_in(context, frame, &rules.join(",\n")).evaluation;
    let wrong: Vec<String> = evaluation
        .rules
        .iter()
        .zip(cases)
        .filter(|(result, (_, wanted))| result.outcome != *wanted || (*wanted != PASSED && result.reason.is_none()))
        .map(|(result, (_, wanted))| format!("{} is {:?}, not {wanted:?}: {:?}", result.rule, result.outcome, result.reason))
        .collect();
    assert!(wrong.is_empty(), "{frame}\n{}", wrong.join("\n"));
    assert_eq!(evaluation.rules.len(), cases.len());
}

fn check(frame: &DataFrame, cases: &[(&str, Outcome)]) {
    check_in(&context(), frame, cases);
}

/// A metric of one rule.
fn metric(frame: &DataFrame, rule: &str, name: &str) -> f64 {
    let result = one(frame, rule);
    *result.metrics.get(name).unwrap_or_else(|| panic!("{rule} has no {name}: {:?} {:?}", result.metrics, result.reason))
}

/// The outcomes of rows.
fn rows_of(evaluated: &Evaluated) -> Vec<String> {
    let frame = evaluated.rows().unwrap().collect().unwrap();
    let outcomes = frame.column("DataQualityEvaluationResult").unwrap().str().unwrap().clone();
    outcomes.iter().map(|outcome| outcome.unwrap().chars().next().unwrap().to_string()).collect()
}

/// The outcomes of rows by one rule, as letters: `PF`.
fn letters(frame: &DataFrame, rule: &str) -> String {
    rows_of(&run(frame, rule)).concat()
}

/// A dataset of some history.
fn with_history(statistic: &str, values: &[f64]) -> Context {
    let points = values.iter().enumerate().map(|(at, value)| lakegate_quality::evaluate::Point {
        at: format!("2026-02-{:02}T00:00:00Z", at + 1).parse().unwrap(),
        value: *value,
    });
    let history: std::collections::BTreeMap<_, _> = [(statistic.to_owned(), points.collect::<Vec<_>>())].into();
    context().with_history(Arc::new(history))
}

fn names(frame: &DataFrame) -> Vec<&str> {
    frame.get_column_names().iter().map(|name| name.as_str()).collect()
}
