//! `lakegate quality run`: data held against a ruleset.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::Arc,
};

use clap::ValueEnum;
use indicatif::ProgressBar;
use jiff::Timestamp;
use lakegate_model::{Failure, FailureCode};
use lakegate_quality::{
    data::{Dataset, FileAccess, LocalFiles},
    evaluate::{self, CompositeEvaluation, Evaluated, Evaluation, Outcome, Point, RowsError},
    profile,
    report::{
        self, FailingRows, Html, Report,
        json::Json,
        junit::Junit,
        rows::{self, Wanted},
    },
};

use super::{
    history_file::HistoryFile,
    inputs::{self, DataArgs, Reference, Rules},
    states_file::StatesFile,
    text,
};
use crate::{
    config::OutputFormat,
    context::Context,
    error::{CliError, Result},
    output::Output,
};

/// Shown below the help: the forms that only reports have are in no list.
const FORMS: &str = "\
Forms of the answer: -o table, -o json, -o junit (XML for build servers), -o html (one file for people).
Exit codes: 0 passed, 1 failed or a rule could not be evaluated, 2 nothing was evaluated.";

#[derive(clap::Args, Debug)]
#[command(after_help = FORMS)]
pub(crate) struct Args {
    /// The ruleset's file; - is standard input.
    #[arg(long, value_name = "FILE")]
    rules: PathBuf,
    #[command(flatten)]
    data: DataArgs,
    /// A dataset that rules compare with, by its alias; as often as there are some.
    #[arg(long, value_name = "ALIAS=PATH", value_parser = inputs::reference)]
    reference: Vec<Reference>,
    /// Write all rows with what the rules say of each: columns DataQualityRulesPass, -Fail, -Skip and DataQualityEvaluationResult.
    #[arg(long, value_name = "OUT.parquet")]
    rows: Option<PathBuf>,
    /// Earlier measurements, for rules that look back and for trends; made if it is not there, and added to.
    #[arg(long, value_name = "FILE.json")]
    history: Option<PathBuf>,
    /// What is known of the data's files, so that only new and changed ones are measured; made if it is not there, and added to.
    #[arg(long, value_name = "FILE")]
    states: Option<PathBuf>,
    /// How rules put together by `and` and `or` are evaluated, as Glue's compositeRuleEvaluation.method says it.
    #[arg(long, value_name = "METHOD", default_value = "dataset", ignore_case = true)]
    composites: Composites,
}

/// Glue's names for how rules put together are evaluated, in lower case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Composites {
    /// Each part on all rows, then the operators.
    Dataset,
    /// The operators on each row; all rows have to hold.
    Row,
}

impl From<Composites> for CompositeEvaluation {
    fn from(composites: Composites) -> CompositeEvaluation {
        match composites {
            Composites::Dataset => CompositeEvaluation::Dataset,
            Composites::Row => CompositeEvaluation::Row,
        }
    }
}

/// Failing rows in a report, and columns of them.
const FAILING_ROWS: usize = 50;
const FAILING_COLUMNS: usize = 24;

pub(super) fn run(context: &Context, args: &Args) -> Result<()> {
    let out = &context.out;
    let rules = Rules::read(&args.rules)?;
    let ruleset = rules.parse().map_err(|diagnostics| rules.wrong(out, &diagnostics))?;
    // What can't be written is told before anything is measured.
    args.rows.iter().chain(&args.history).chain(&args.states).try_for_each(|path| can_be_made(path))?;
    let dataset = args.data.dataset()?;
    let now = Timestamp::now();
    let history = args.history.as_deref().map(HistoryFile::read).transpose()?;
    let states = args.states.as_deref().map(|path| StatesFile::read(out, path)).transpose()?;
    let mut wanted = evaluate::Context::new(now);
    wanted.states = states.as_ref().map(StatesFile::states);
    wanted.references = inputs::references(&args.reference)?;
    wanted.options.composites = args.composites.into();
    wanted.files = rule_files();
    if let Some(history) = &history {
        wanted = wanted.with_history(history.points());
    }
    let bar = waiting(out, "measuring");
    let evaluated = evaluate::evaluate(&ruleset, &dataset, &wanted);
    if let Some(error) = evaluated.unread() {
        bar.finish_and_clear();
        return Err(inputs::unread(error));
    }
    if let Some(path) = &args.rows {
        bar.set_message(format!("writing {}", path.display()));
        let rows = evaluated.rows().map_err(|RowsError::Data(error)| inputs::unread(&error))?;
        rows::write_parquet(rows, path).map_err(|error| unwritten(&evaluated, &error))?;
    }
    let report = match out.format() {
        OutputFormat::Junit | OutputFormat::Html => Some(report(args, &rules, (&dataset, &evaluated), history.as_ref(), now, (out, &bar))),
        OutputFormat::Table | OutputFormat::Json => None,
    };
    bar.finish_and_clear();
    if let Some(states) = states {
        states.save(out)?;
    }
    if let Some(history) = history {
        history.add(&evaluated.evaluation.statistics, now)?;
    }
    match (out.format(), report) {
        (OutputFormat::Html, Some(report)) => out.raw(Html(&report).to_string().as_bytes())?,
        (_, Some(report)) => out.raw(Junit(&report).to_string().as_bytes())?,
        (_, None) => out.answer(&Json::of(&evaluated.evaluation), |_| text::evaluation(&evaluated.evaluation, out.width()))?,
    }
    if evaluated.evaluation.outcome == Outcome::Passed { Ok(()) } else { Err(CliError::Unmet) }
}

/// The files that rules may name: on S3 too, as workers read them, if the command is built for AWS.
fn rule_files() -> Arc<dyn FileAccess> {
    if cfg!(feature = "aws") { lakegate_worker::rule_files::lake_files() } else { Arc::new(LocalFiles) }
}

/// The report of an evaluation: with columns, failing rows and trends where it is HTML.
fn report(
    args: &Args,
    rules: &Rules,
    (dataset, evaluated): (&Dataset, &Evaluated),
    history: Option<&HistoryFile>,
    now: Timestamp,
    (out, bar): (&Output, &ProgressBar),
) -> Report {
    let mut report = Report {
        name: args.data.name(),
        data: args.data.data.iter().map(|path| path.display().to_string()).collect(),
        ruleset: rules.file.clone(),
        at: now,
        evaluation: evaluated.evaluation.clone(),
        trends: BTreeMap::new(),
        columns: Vec::new(),
        failing: None,
    };
    if out.format() == OutputFormat::Html {
        report.trends = trends(&report.evaluation, history);
        bar.set_message("profiling");
        let columns: Vec<&str> = dataset.schema().iter_names().map(|name| name.as_str()).collect();
        // A report without a part is better than none, and says nothing that is wrong.
        match profile::profile(dataset, &profile::Options::default()) {
            Ok(profile) => {
                report.columns = report::profile::columns(&profile);
                profile.notes().iter().for_each(|note| out.note(note));
            }
            Err(error) => out.note(format_args!("no distributions in the report: {error}")),
        }
        bar.set_message("looking for failing rows");
        match failing(evaluated, &columns) {
            Ok(failing) => report.failing = failing,
            Err(failure) => out.note(format_args!("no failing rows in the report: {}", failure.message)),
        }
    }
    report
}

/// What was measured earlier of what is measured now.
fn trends(evaluation: &Evaluation, history: Option<&HistoryFile>) -> BTreeMap<String, Vec<Point>> {
    let points = history.map(HistoryFile::points).unwrap_or_default();
    evaluation.statistics.keys().filter_map(|name| Some((name.clone(), points.get(name)?.clone()))).collect()
}

/// The first rows that break a rule, if any rule says something of single rows.
fn failing(evaluated: &Evaluated, columns: &[&str]) -> std::result::Result<Option<FailingRows>, Failure> {
    let rules = &evaluated.evaluation.rules;
    if !(0..rules.len()).any(|rule| evaluated.tells_rows(rule)) {
        return Ok(None);
    }
    let shown = rows::telling(columns, &evaluated.evaluation, FAILING_COLUMNS);
    let free = |name: &str| {
        let mut name = name.to_owned();
        while columns.contains(&name.as_str()) {
            name.push('_');
        }
        name
    };
    let (number, rule, reason) = (free(ROW), free("rule"), free("reason"));
    let ignored: Vec<&str> = rules.iter().filter(|rule| rule.outcome == Outcome::Error).filter_map(|rule| rule.reason.as_deref()).collect();
    let wanted = Wanted {
        number: &number,
        reasons: [&rule, &reason],
        ignored: &ignored,
        columns: &shown,
        hidden_columns: columns.len() - shown.len(),
        rows: FAILING_ROWS,
    };
    let plan = evaluated.numbered_failing_rows(&number).map_err(|error| failed(&error))?;
    rows::failing(plan, &wanted).map(Some).map_err(|error| failed(&error))
}

/// The column of rows' numbers.
const ROW: &str = "__lakegate_number";

/// A sign that something is being done, while a person watches.
pub(super) fn waiting(out: &Output, what: &str) -> ProgressBar {
    let bar = out.screen().add(ProgressBar::new_spinner()).with_message(what.to_owned());
    bar.enable_steady_tick(std::time::Duration::from_millis(100));
    bar
}

/// Why there is no file of rows: the data could not be read once more, or the file not be written.
fn unwritten(evaluated: &Evaluated, error: &rows::RowsError) -> CliError {
    match error {
        rows::RowsError::Rows(polars) => evaluated.unread_in(polars).map_or_else(|| failed(error).into(), |error| inputs::unread(&error)),
        rows::RowsError::File { .. } => failed(error).into(),
    }
}

fn failed(error: &dyn std::error::Error) -> Failure {
    Failure::new(FailureCode::LakeIo, error.to_string())
}

/// Whether a file can be made at a path.
fn can_be_made(path: &Path) -> Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    if path.is_dir() {
        return Err(CliError::wrong(format!("{} is a folder", path.display()), "name a file"));
    }
    if !folder.is_dir() {
        return Err(CliError::wrong(format!("there is no folder {}", folder.display()), "make it first"));
    }
    Ok(())
}
