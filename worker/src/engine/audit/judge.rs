//! Rules held against a dataset, and what came of it in the model's words.

use std::{
    collections::BTreeMap,
    io,
    sync::{Arc, Mutex},
};

use lakegate_model::{
    Failure, FailureCode, Timestamp,
    audit::{AnalyzerResult, Audit, Metric, Outcome, RuleResult, reason, verdict},
    pipeline::{Composites, Quality, Scope, asked_as},
};
use lakegate_quality::{
    data::{DataError, Dataset},
    evaluate::{self, CompositeEvaluation, Context, Evaluated, Evaluation, History, Options, Point, evaluate},
    language::{self, Ruleset, ast::Level},
    stats::Stored,
};

use super::super::{Assignment, Engine, LakeFiles, TaskInput, transform::References};

/// The longest reason of a rule that is kept, in characters.
const LONGEST_REASON: usize = 1_000;
/// Statistics that are kept of one audit.
const MOST_STATISTICS: usize = 2_000;

/// What is done about data that can't be audited, once its cause is mended.
pub(super) const RELEASE: &str = "`lakegate quarantine release` sends it through its stage again";
/// What is done about damaged data of which nothing better is known.
const DAMAGED: &str = "write it again; then `lakegate quarantine release` sends it through its stage again";

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
    pub(super) fn new(
        engine: &Engine,
        quality: &'q Quality,
        references: &References,
        assignment: &Assignment,
    ) -> Result<Judge<'q>, Failure> {
        let rules = language::parse(&quality.rules.text).map_err(|wrong| not_rules(quality, &wrong))?;
        // The type of a point in time is inferred: it is one of the rules' own.
        let now = assignment.at.to_string().parse().map_err(|_| no_time(assignment.at))?;
        // The lists of a row's rules are compared with what came of each rule, so both name rules in one way.
        let composites = match quality.composites {
            Composites::Dataset => CompositeEvaluation::Dataset,
            Composites::Row => CompositeEvaluation::Row,
        };
        let options = Options { rows_with_labels: true, composites, ..Options::default() };
        let mut context = Context::new(now).with_history(earlier(assignment)?).with_options(options);
        let files = LakeFiles::new(engine.remote.shared(), engine.options.scratch.clone());
        context = context.with_files(Arc::new(files));
        for (alias, frame) in references.iter().filter(|(alias, _)| quality.references.contains_key(alias)) {
            let dataset =
                Dataset::of_lazy(frame.clone()).map_err(|error| unread(&format!("{}: reference {alias}", quality.rules.file), &error))?;
            context = context.with_reference(alias, dataset);
        }
        let of_rows = quality.scope == Scope::Output && matches!(assignment.input, TaskInput::Rows { .. });
        Ok(Judge { quality, rules, context, at: assignment.at, of_rows })
    }

    /// The same, with what is known of the data's files; what is measured is added to it.
    pub(super) fn with_states(self, states: Arc<Mutex<Stored>>) -> Judge<'q> {
        Judge { context: self.context.with_states(states), ..self }
    }

    /// Measures what the rules need to know of a dataset, and says nothing of it.
    pub(super) fn measure(&self, dataset: &Dataset) {
        evaluate::measure_states(&self.rules, dataset, &self.context);
    }

    /// Asks them of a dataset, whose files lie there. What can't be read is no verdict on it: the attempt fails, and
    /// the next may have better luck.
    pub(super) fn judge(&self, dataset: &Dataset, locations: &[String]) -> Result<Judged, Failure> {
        let context = self.context.clone().with_own_files(locations.to_vec());
        let evaluated = evaluate(&self.rules, dataset, &context);
        if let Some(error) = evaluated.unread() {
            return Err(unread(&self.quality.rules.file, error));
        }
        let Evaluation { score, rows, rules, analyzers, statistics, .. } = &evaluated.evaluation;
        let mut rules: Vec<RuleResult> = rules.iter().enumerate().map(|(at, rule)| result(rule, evaluated.tells_rows(at))).collect();
        if self.of_rows {
            // The whole was judged when it came; what comes of a few of its rows says nothing of it.
            rules.iter_mut().filter(|rule| !rule.by_row).for_each(|rule| rule.warns = true);
        }
        // What the rules ask the past of comes first: where there are too many, that is not what is left out.
        let is_asked =
            |name: &str| self.quality.rules.looks_back.as_ref().is_some_and(|asked| asked_as(name).any(|name| asked.contains_key(name)));
        let (asked, others): (Vec<_>, Vec<_>) = statistics.iter().partition(|(name, _)| is_asked(name));
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
            statistics: asked.into_iter().chain(others).take(MOST_STATISTICS).map(|(name, value)| (name.clone(), Metric(*value))).collect(),
            statistics_left_out: left_out as u64,
            rules,
        };
        Ok(Judged { audit, evaluated })
    }
}

/// What was staged, or what it is compared with, can't be read: for now, or, if it is damaged, ever.
pub(super) fn unread(rules: &str, error: &DataError) -> Failure {
    let message = format!("{rules}: the rules can't be held against the data: {error}");
    match error.io().map(io::Error::kind) {
        Some(io::ErrorKind::PermissionDenied) => Failure::new(FailureCode::PermissionDenied, message),
        Some(_) => Failure::new(FailureCode::LakeIo, message),
        None => Failure::new(FailureCode::DamagedData, message).hint(match error.hint() {
            "" => DAMAGED.to_owned(),
            hint => format!("{hint}; then {RELEASE}"),
        }),
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

#[cfg(test)]
mod tests {
    use std::{fs, path::Path};

    use lakegate_model::{
        failure::Retry,
        pipeline::{OnFailure, Ruleset as RulesFile},
    };

    use super::*;

    #[test]
    fn data_that_can_not_be_read_fails_the_attempt_and_gives_no_verdict() {
        let file = std::env::temp_dir().join(format!("lakegate-judge-{}.csv", std::process::id()));
        fs::write(&file, "id\n1\n2\n").unwrap();
        let quality = Quality {
            rules: RulesFile {
                text: "Rules = [ IsComplete \"id\", RowCount > 0 ]".to_owned(),
                file: "q.dqdl".to_owned(),
                looks_back: None,
            },
            on_failure: OnFailure::Warn,
            scope: Scope::default(),
            composites: Composites::default(),
            references: BTreeMap::new(),
            timeout: std::time::Duration::from_secs(60),
        };
        let judge = Judge {
            quality: &quality,
            rules: language::parse(&quality.rules.text).unwrap(),
            context: Context::new("2026-03-10T12:00:30Z".parse().unwrap()),
            at: Timestamp(0),
            of_rows: false,
        };
        let dataset = Dataset::of_files(std::slice::from_ref(&file), None).unwrap();
        assert!(judge.judge(&dataset, &[]).is_ok_and(|judged| judged.audit.verdict == lakegate_model::audit::Verdict::Passed));
        fs::remove_file(&file).unwrap();
        let failure = judge.judge(&dataset, &[]).map(|_| ()).unwrap_err();
        assert_eq!((failure.code, failure.retry()), (FailureCode::LakeIo, Retry::Backoff), "{failure}");
        assert!(failure.message.contains(file.to_str().unwrap()), "{failure}");
    }

    #[test]
    fn damaged_data_is_told_at_once_with_what_to_do() {
        let path = Path::new("a.parquet").to_owned();
        let error = DataError::Unreadable { path, why: "a page can't be decoded".to_owned(), hint: "write it again" };
        let failure = unread("q.dqdl", &error);
        assert_eq!((failure.code, failure.retry()), (FailureCode::DamagedData, Retry::Never), "{failure}");
        assert!(failure.message.contains("a.parquet: a page") && failure.hint.starts_with("write it again; then `lakegate"), "{failure}");
    }

    #[test]
    fn who_may_not_read_is_told_so() {
        let error = DataError::Open { path: Path::new("a.parquet").to_owned(), source: io::ErrorKind::PermissionDenied.into() };
        assert_eq!(unread("q.dqdl", &error).code, FailureCode::PermissionDenied);
    }
}
