//! `lakegate run`: runs, one stage applied to one object or one sealed batch.

use std::pin::pin;

use clap::{Args, Subcommand, builder::PossibleValuesParser};
use futures::TryStreamExt as _;
use lakegate_sdk::{Audit, Run};

use crate::{
    commands::list::ListArgs,
    config::LogLevel,
    context::Context,
    error::{CliError, Result},
    lake::{running, with_lake},
    output::{
        Output,
        table::{Rows, cell, facts, number, outcome, state},
        text::{ago, counted, now, short_id, subject, thousands},
    },
};

#[derive(Subcommand, Debug)]
pub(crate) enum Verb {
    /// List runs, newest first.
    List(ListRuns),
    /// Show a run: its state, why it failed, what it wrote.
    Get(One),
    /// Follow a run until it is over; exit 1 if it does not succeed.
    Watch(One),
}

#[derive(Args, Debug)]
pub(crate) struct ListRuns {
    #[command(flatten)]
    list: ListArgs,
    /// Only those in this state.
    #[arg(long, value_parser = PossibleValuesParser::new(["waiting", "ready", "running", "promoting", "succeeded", "failed", "quarantined"]))]
    state: Option<String>,
}

#[derive(Args, Debug)]
pub(crate) struct One {
    /// The run's id, or an unambiguous beginning of it.
    run: String,
}

pub(crate) fn run(context: &Context, verb: &Verb) -> Result<()> {
    context.block_on(LogLevel::Quiet, async {
        match verb {
            Verb::List(args) => list(context, args).await,
            Verb::Get(args) => {
                with_lake(context, async |lake| {
                    let run = lake.run(&args.run).await?;
                    context.out.answer(&run, |run| details(&context.out, run))
                })
                .await
            }
            Verb::Watch(args) => watch(context, &args.run).await,
        }
    })
}

async fn list(context: &Context, args: &ListRuns) -> Result<()> {
    let out = &context.out;
    let filter = args.list.filter().state(args.state.clone().unwrap_or_default());
    let rows = Rows::new(out, &["RUN", "STAGE", "OF", "STATE", "ATTEMPT", "ROWS OUT", "UPDATED", "WHY"]);
    let now = now();
    with_lake(context, async |lake| {
        args.list
            .show(out, lake.runs(filter), "no runs", rows, |rows, run: &Run| {
                rows.push([
                    cell(short_id(&run.id)),
                    cell(&run.stage),
                    cell(subject(&run.subject_text)),
                    state(&run.state),
                    number(u64::from(run.attempt)),
                    number(run.rows_out),
                    cell(ago(run.updated_at, now)),
                    cell(why(run)),
                ]);
            })
            .await
    })
    .await
}

/// Follows a run where a coordinator carries it on; where none does, it will not change.
async fn watch(context: &Context, id: &str) -> Result<()> {
    let out = &context.out;
    let last = match running(context).await? {
        Some(lake) => {
            let mut changes = pin!(lake.watch_run(id).await?);
            let mut last = None;
            while let Some(run) = changes.try_next().await? {
                out.next_answer(&run, line)?;
                last = Some(run);
            }
            last
        }
        None => {
            let run = with_lake(context, async |lake| Ok(lake.run(id).await?)).await?;
            out.next_answer(&run, line)?;
            if !run.is_over() {
                out.note("no coordinator runs: it goes on once you start one with `lakegate up`");
            }
            Some(run)
        }
    };
    match last {
        Some(run) if run.state == "succeeded" => Ok(()),
        _ => Err(CliError::Unmet),
    }
}

fn line(run: &Run) -> String {
    let why = why(run);
    let why = if why.is_empty() { why } else { format!("  {why}") };
    format!(
        "{}  {}  {}  attempt {}  {} rows{why}",
        short_id(&run.id),
        subject(&run.subject_text),
        run.state,
        run.attempt,
        thousands(run.rows_out)
    )
}

/// Why a run is where it is, if there is something to say.
pub(crate) fn why(run: &Run) -> String {
    match &run.failure {
        Some(failure) => failure.message.clone(),
        None if !run.waiting_for.is_empty() => format!("waits for {}", run.waiting_for.join(", ")),
        None if run.audit.as_ref().is_some_and(|audit| audit.reason.is_some()) => quality(run),
        None if run.partial => "some objects of its batch were set aside".to_owned(),
        None => String::new(),
    }
}

/// What the audit found, if not every rule holds, and what followed.
fn quality(run: &Run) -> String {
    let Some((audit, reason)) = run.audit.as_ref().and_then(|audit| Some((audit, audit.reason.as_deref()?))) else { return String::new() };
    let what = match audit.verdict.as_str() {
        "split" => format!("{} set aside", counted(audit.rows_aside, "row")),
        "warned" => "published all the same".to_owned(),
        other => other.to_owned(),
    };
    format!("{what}: {reason}")
}

/// The audit as a table: a line for each rule.
fn audit_text(out: &Output, audit: &Audit) -> String {
    let mut rows = Rows::new(out, &["RULE", "OUTCOME", "LEVEL", "REASON"]);
    for rule in &audit.rules {
        rows.push([cell(&rule.rule), outcome(&rule.outcome), cell(rule.level), cell(rule.reason.as_deref().unwrap_or_default())]);
    }
    for analyzer in &audit.analyzers {
        let measured = analyzer.metrics.iter().map(|(name, value)| format!("{name} = {value}")).collect::<Vec<_>>().join(", ");
        rows.push([cell(&analyzer.analyzer), cell("measured"), cell(""), cell(analyzer.reason.clone().unwrap_or(measured))]);
    }
    let head = format!("audited by {}: {}, score {:.2}, {}", audit.ruleset, audit.verdict, audit.score, counted(audit.rows, "row"));
    let aside = if audit.rows_aside == 0 { String::new() } else { format!(", {} of them set aside", thousands(audit.rows_aside)) };
    if rows.is_empty() { format!("{head}{aside}") } else { format!("{head}{aside}\n{}", rows.render()) }
}

fn details(out: &Output, run: &Run) -> String {
    let now = now();
    let hint = run.failure.as_ref().map(|failure| failure.hint.clone()).unwrap_or_default();
    let text = facts(
        out,
        [
            ("run", run.id.clone()),
            ("stage", format!("{} (pipeline version {})", run.stage, run.pipeline_version)),
            (if run.subject_kind == "batch" { "batch" } else { "object" }, format!("{}  {}", run.subject_text, run.subject)),
            ("state", run.state.clone()),
            ("why", why(run)),
            ("hint", hint),
            ("attempt", run.attempt.to_string()),
            ("worker", run.worker.clone().unwrap_or_default()),
            ("rows", format!("{} in, {} out", thousands(run.rows_in), thousands(run.rows_out))),
            ("recorded", format!("{}  ({})", run.created_at, ago(run.created_at, now))),
            ("updated", format!("{}  ({})", run.updated_at, ago(run.updated_at, now))),
            ("trace", run.trace_id.clone()),
        ],
    );
    let outputs = run.outputs.iter().map(|file| format!("\n  {}  {} rows", file.location, thousands(file.rows)));
    let text = if run.outputs.is_empty() { text } else { format!("{text}\n\nwrote{}", outputs.collect::<String>()) };
    let aside = run.aside.iter().map(|file| format!("\n\nset aside\n  {}  {} rows", file.location, thousands(file.rows)));
    let text = format!("{text}{}", aside.collect::<String>());
    match &run.audit {
        Some(audit) => format!("{text}\n\n{}", audit_text(out, audit)),
        None => text,
    }
}
