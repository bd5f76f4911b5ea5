//! Rules held against a dataset, and what came of it in the model's words.

use std::{collections::BTreeMap, sync::Arc};

use lakegate_model::{
    Failure, FailureCode, Timestamp,
    audit::{AnalyzerResult, Audit, Metric, Outcome, RuleResult, reason, verdict},
    pipeline::Quality,
};
use lakegate_quality::{
    data::Dataset,
    evaluate::{self, Context, Evaluated, Evaluation, History, Options, Point, evaluate},
    language::{self, Ruleset, ast::Level},
};

use super::super::{Assignment, TaskInput, transform::References};

/// The longest reason of a rule that is kept, in characters.
const LONGEST_REASON: usize = 1_000;
/// Statistics that are kept of one audit.
const MOST_STATISTICS: usize = 2_000;

/// Rules, and what they are asked with.
pub(super) struct Judge<'q> {
    quality: &'q Quality,
    rules: Ruleset,
    context: Context,
    at: Timestamp,
    /// Whether it is about rows that were set aside and come again: a part of the data that the rules are of.
    of_rows: bool,
}

/// What came of the rules.
pub(super) struct Judged {
    /// In the model's words.
    pub(super) audit: Audit,
    /// What it says of each row.
    pub(super) evaluated: Evaluated,
}

impl<'q> Judge<'q> {
    /// Reads the rules.
    pub(super) fn new(quality: &'q Quality, references: &References, assignment: &Assignment) -> Result<Judge<'q>, Failure> {
        let rules = language::parse(&quality.rules.text).map_err(|wrong| not_rules(quality, &wrong))?;
        // The type of a point in time is inferred: it is one of the rules' own.
        let now = assignment.at.to_string().parse().map_err(|_| no_time(assignment.at))?;
        // The lists of a row's rules are compared with what came of each rule, so both name rules in one way.
        let options = Options { rows_with_labels: true, ..Options::default() };
        let mut context = Context::new(now).with_history(earlier(assignment)?).with_options(options);
        for (alias, frame) in references.iter().filter(|(alias, _)| quality.references.contains_key(alias)) {
            let dataset = Dataset::of_lazy(frame.clone()).map_err(|error| {
                Failure::new(FailureCode::LakeIo, format!("{}: reference {alias} can't be read: {error}", quality.rules.file))
            })?;
            context = context.with_reference(alias, dataset);
        }
        let of_rows = matches!(assignment.input, TaskInput::Rows { .. });
        Ok(Judge { quality, rules, context, at: assignment.at, of_rows })
    }

    /// Asks them of a dataset.
    pub(super) fn judge(&self, dataset: &Dataset) -> Judged {
        let evaluated = evaluate(&self.rules, dataset, &self.context);
        let Evaluation { score, rows, rules, analyzers, statistics, .. } = &evaluated.evaluation;
        let mut rules: Vec<RuleResult> = rules.iter().enumerate().map(|(at, rule)| result(rule, evaluated.tells_rows(at))).collect();
        if self.of_rows {
            // The whole was judged when it came; what comes of a few of its rows says nothing of it.
            rules.iter_mut().filter(|rule| !rule.by_row).for_each(|rule| rule.warns = true);
        }
        let left_out = statistics.len().saturating_sub(MOST_STATISTICS);
        let audit = Audit {
            ruleset: self.quality.rules.file.clone(),
            at: self.at,
            verdict: verdict(&rules, self.quality.on_failure),
            reason: reason(&rules),
            score: Metric(*score),
            rows: *rows,
            rows_aside: 0,
            analyzers: analyzers.iter().map(measured).collect(),
            statistics: statistics.iter().take(MOST_STATISTICS).map(|(name, value)| (name.clone(), Metric(*value))).collect(),
            statistics_left_out: left_out as u64,
            rules,
        };
        Judged { audit, evaluated }
    }
}

/// Earlier values, as the rules are given them.
fn earlier(assignment: &Assignment) -> Result<Arc<dyn History>, Failure> {
    let mut history: BTreeMap<String, Vec<Point>> = BTreeMap::new();
    for (name, values) in assignment.history.iter() {
        let point = |(at, value): &(Timestamp, f64)| {
            let at_text = at.to_string().parse().map_err(|_| no_time(*at))?;
            Ok(Point { at: at_text, value: *value })
        };
        history.insert(name.clone(), values.iter().map(point).collect::<Result<_, Failure>>()?);
    }
    Ok(Arc::new(history))
}

fn no_time(at: Timestamp) -> Failure {
    Failure::new(FailureCode::Internal, format!("{at} is no point in time that rules can be asked at"))
}

fn not_rules(quality: &Quality, wrong: &[language::Diagnostic]) -> Failure {
    let file = &quality.rules.file;
    match wrong.first() {
        Some(first) => {
            let message = format!("{file}:{}:{}: {}", first.line, first.column, first.message);
            Failure::new(FailureCode::InvalidPipeline, message).hint(&first.hint)
        }
        None => Failure::new(FailureCode::InvalidPipeline, format!("{file}: the rules can't be read")),
    }
}

fn result(rule: &evaluate::RuleResult, by_row: bool) -> RuleResult {
    RuleResult {
        rule: rule.rule.clone(),
        outcome: match rule.outcome {
            evaluate::Outcome::Passed => Outcome::Passed,
            evaluate::Outcome::Failed => Outcome::Failed,
            evaluate::Outcome::Error => Outcome::Error,
        },
        reason: shortened(rule.reason.as_deref()),
        metrics: metrics(&rule.metrics),
        labels: rule.labels.clone(),
        warns: rule.level == Level::Warn,
        by_row,
    }
}

fn measured(analyzer: &evaluate::AnalyzerResult) -> AnalyzerResult {
    AnalyzerResult {
        analyzer: analyzer.analyzer.clone(),
        metrics: metrics(&analyzer.metrics),
        reason: shortened(analyzer.reason.as_deref()),
    }
}

fn shortened(reason: Option<&str>) -> String {
    reason.unwrap_or_default().chars().take(LONGEST_REASON).collect()
}

fn metrics(metrics: &BTreeMap<String, f64>) -> BTreeMap<String, Metric> {
    metrics.iter().take(MOST_STATISTICS).map(|(name, value)| (name.clone(), Metric(*value))).collect()
}
