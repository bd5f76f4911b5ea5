//! `lakegate quality report`: the audit of a run in the lake, for those who were not there.

use std::collections::BTreeMap;

use jiff::Timestamp;
use lakegate_model::Location;
use lakegate_quality::{
    data::{Dataset, Format},
    evaluate::{AnalyzerResult, Evaluation, Outcome, Point, RuleResult},
    language::ast::Level,
    profile,
    report::{self, FailingRow, FailingRows, Html, Reason, Report, json::Json, junit::Junit},
};
use lakegate_sdk::{Audit, Client, Failure, FailureCode, QualityPoint, Run};
use lakegate_worker::preview::{Preview, copies, preview_file};
use serde_json::Value;

use super::text;
use crate::{
    config::{LogLevel, OutputFormat},
    context::Context,
    error::{CliError, Result},
    lake::with_lake,
    output::{
        Output,
        text::{bytes, counted, short_id, subject},
    },
};

/// Audits before this one that trends are made of.
const EARLIER: u32 = 180;
/// Rows that are shown of those set aside, and columns of them.
const ROWS: usize = 50;
const COLUMNS: usize = 24;
/// Bytes on S3 that are copied here to tell of their columns.
const MOST_COPIED: u64 = 1 << 30;
/// How the columns begin that the file of rows set aside has besides the data's.
const OURS: &str = "_lakegate_";

#[derive(clap::Args, Debug)]
#[command(after_help = "Forms of the answer: -o table, -o json, -o junit (XML for build servers), -o html (one file for people).")]
pub(crate) struct Args {
    /// The run's id, or an unambiguous beginning of it.
    run: String,
}

pub(super) fn run(context: &Context, args: &Args) -> Result<()> {
    let out = &context.out;
    context.block_on(LogLevel::Quiet, async {
        let (head, report) = with_lake(context, async |lake| of_run(lake, &args.run, out).await).await?;
        match out.format() {
            OutputFormat::Html => out.raw(Html(&report).to_string().as_bytes()),
            OutputFormat::Junit => out.raw(Junit(&report).to_string().as_bytes()),
            OutputFormat::Table | OutputFormat::Json => {
                out.answer(&Json::of(&report.evaluation), |_| format!("{head}\n\n{}", text::evaluation(&report.evaluation, out.width())))
            }
        }
    })
}

/// What a run's audit came to, and the report of it; the data's part of it as far as the data can be read from here.
async fn of_run(lake: &Client, id: &str, out: &Output) -> Result<(String, Report)> {
    let run = lake.run(id).await?;
    let Some(audit) = &run.audit else {
        return Err(CliError::wrong(
            format!("the output of {} was not audited", run.id),
            "its stage has no `quality` step, or it has not come to it",
        ));
    };
    let head = head(&run, audit);
    let mut report = Report {
        name: run.stage.clone(),
        data: vec![run.subject_text.clone()],
        ruleset: audit.ruleset.clone(),
        at: moment(audit.at),
        evaluation: evaluation(audit),
        trends: BTreeMap::new(),
        columns: Vec::new(),
        failing: None,
    };
    if out.format() == OutputFormat::Html {
        report.trends = trends(&lake.quality_history(&run.stage, &audit.ruleset, EARLIER).await?, &report.evaluation, report.at);
        let read = tokio::task::spawn_blocking(move || data(&run)).await;
        let (columns, failing, notes) = read.map_err(|error| Failure::new(FailureCode::EnginePanic, error.to_string()))?;
        (report.columns, report.failing) = (columns, failing);
        notes.iter().for_each(|note| out.note(note));
    }
    Ok((head, report))
}

/// What was audited by which rules, and what followed.
fn head(run: &Run, audit: &Audit) -> String {
    let followed = match audit.verdict.as_str() {
        "blocked" => "blocked, nothing was published".to_owned(),
        "warned" => "warned, published all the same".to_owned(),
        "split" => format!("split, {} set aside and the others published", counted(audit.rows_aside, "row")),
        other => other.to_owned(),
    };
    format!("{} of {} (run {}), by {}: {followed}", run.stage, subject(&run.subject_text), short_id(&run.id), audit.ruleset)
}

fn moment(at: lakegate_model::Timestamp) -> Timestamp {
    Timestamp::from_millisecond(at.0).unwrap_or_default()
}

/// An audit as the evaluation that it was.
fn evaluation(audit: &Audit) -> Evaluation {
    let outcome = |text: &str| match text {
        "Passed" => Outcome::Passed,
        "Failed" => Outcome::Failed,
        _ => Outcome::Error,
    };
    let rules: Vec<RuleResult> = audit
        .rules
        .iter()
        .map(|rule| RuleResult {
            rule: rule.rule.clone(),
            outcome: outcome(&rule.outcome),
            reason: rule.reason.clone(),
            metrics: rule.metrics.clone(),
            labels: rule.labels.clone(),
            level: if rule.level == "warn" { Level::Warn } else { Level::Error },
        })
        .collect();
    let whole =
        |outcome: Outcome| rules.iter().any(|rule| rule.outcome == outcome && (outcome == Outcome::Error || rule.level == Level::Error));
    Evaluation {
        outcome: [Outcome::Error, Outcome::Failed].into_iter().find(|outcome| whole(*outcome)).unwrap_or(Outcome::Passed),
        score: audit.score,
        rows: audit.rows,
        analyzers: audit
            .analyzers
            .iter()
            .map(|analyzer| AnalyzerResult {
                analyzer: analyzer.analyzer.clone(),
                metrics: analyzer.metrics.clone(),
                reason: analyzer.reason.clone(),
            })
            .collect(),
        statistics: audit.statistics.clone(),
        rules,
    }
}

/// What was measured before of what this audit measured.
fn trends(points: &[QualityPoint], evaluation: &Evaluation, at: Timestamp) -> BTreeMap<String, Vec<Point>> {
    let mut trends: BTreeMap<String, Vec<Point>> = BTreeMap::new();
    for point in points.iter().rev().filter(|point| moment(point.at) < at) {
        for (name, value) in point.statistics.iter().filter(|(name, _)| evaluation.statistics.contains_key(*name)) {
            trends.entry(name.clone()).or_default().push(Point { at: moment(point.at), value: *value });
        }
    }
    trends
}

/// What can be told of the data itself: columns of what was let in, rows that were set aside, and what could not be read.
fn data(run: &Run) -> (Vec<report::Column>, Option<FailingRows>, Vec<String>) {
    let mut notes = Vec::new();
    let columns = (!run.outputs.is_empty()).then(|| {
        let far: u64 = run.outputs.iter().filter(|file| file.location.path().is_none()).map(|file| file.bytes).sum();
        if far > MOST_COPIED {
            return Err(format!("{} on S3 are more than is copied for a report, {}", bytes(far), bytes(MOST_COPIED)));
        }
        let locations: Vec<Location> = run.outputs.iter().map(|file| file.location.clone()).collect();
        let copies = copies(&locations).map_err(|failure| failure.message)?;
        let dataset = Dataset::of_files(&copies.paths, Some(Format::Parquet)).map_err(|error| error.to_string())?;
        let profile = profile::profile(&dataset, &profile::Options::default()).map_err(|error| error.to_string())?;
        Ok((report::profile::columns(&profile), profile.notes()))
    });
    let columns = match columns.unwrap_or_else(|| Ok((Vec::new(), Vec::new()))) {
        Ok((columns, more)) => {
            notes.extend(more);
            columns
        }
        Err(error) => {
            let error: String = error;
            notes.push(format!("no distributions in the report: {error}"));
            Vec::new()
        }
    };
    let failing = run.aside.as_ref().map(|aside| Ok(set_aside(&preview_file(&aside.location, ROWS)?, aside.rows)));
    let failing = failing.transpose().unwrap_or_else(|failure: Failure| {
        notes.push(format!("no failing rows in the report: {}", failure.message));
        None
    });
    (columns, failing, notes)
}

/// Rows that were set aside, as a report shows them.
fn set_aside(rows: &Preview, total: u64) -> FailingRows {
    let data: Vec<usize> = (0..rows.columns.len()).filter(|at| !rows.columns[*at].starts_with(OURS)).collect();
    let shown = &data[..data.len().min(COLUMNS)];
    let of = |name: &str, row: &[Value]| {
        let at = rows.columns.iter().position(|column| column.strip_prefix(OURS) == Some(name));
        at.and_then(|at| row.get(at).cloned()).unwrap_or_default()
    };
    let texts = |value: Value| match value {
        Value::Array(values) => values.into_iter().filter_map(shown_value).collect(),
        other => shown_value(other).into_iter().collect::<Vec<String>>(),
    };
    let row = |row: &Vec<Value>| FailingRow {
        number: of("row", row).as_u64().unwrap_or_default(),
        reasons: texts(of("rules", row)).into_iter().zip(texts(of("reasons", row))).map(|(rule, why)| Reason { rule, why }).collect(),
        values: shown.iter().map(|at| row.get(*at).cloned().and_then(shown_value)).collect(),
    };
    FailingRows {
        total,
        columns: shown.iter().map(|at| rows.columns[*at].clone()).collect(),
        hidden_columns: data.len() - shown.len(),
        rows: rows.rows.iter().map(row).collect(),
        first: rows.rows.len(),
    }
}

/// A value as text; nothing for null.
fn shown_value(value: Value) -> Option<String> {
    match value {
        Value::Null => None,
        Value::String(text) => Some(text),
        other => Some(other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn rows_set_aside_have_their_reasons() {
        let columns = ["a", "_lakegate_rules", "_lakegate_reasons", "_lakegate_source", "_lakegate_row", "b"].map(str::to_owned).to_vec();
        let rows = vec![vec![json!(1), json!(["A", "B"]), json!(["no a", "no b"]), json!("k"), json!(7), Value::Null]];
        let found = set_aside(&Preview { columns, rows }, 12);
        let reason = |rule: &str, why: &str| Reason { rule: rule.to_owned(), why: why.to_owned() };
        let row =
            FailingRow { number: 7, reasons: vec![reason("A", "no a"), reason("B", "no b")], values: vec![Some("1".to_owned()), None] };
        assert_eq!(
            found,
            FailingRows { total: 12, columns: vec!["a".to_owned(), "b".to_owned()], hidden_columns: 0, rows: vec![row], first: 1 }
        );
    }
}
