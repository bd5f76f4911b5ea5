//! `lakegate quarantine`: rows, objects and events that were set aside, and their release.

use clap::{Args, Subcommand, builder::PossibleValuesParser};
use lakegate_sdk::{Client, Failure, FailureCode, Quarantined, Release, Released};
use lakegate_worker::preview::{Preview, preview_file};
use serde::Serialize;
use serde_json::Value;

use crate::{
    commands::{list::ListArgs, table::preview_text},
    config::LogLevel,
    context::Context,
    error::{CliError, Result},
    lake::{nobody_runs, running, with_lake},
    output::{
        Output,
        table::{Rows, cell, facts, number},
        text::{ago, counted, now, short_id, subject, thousands},
    },
};

/// Rows shown to people who did not say how many.
const SHOWN: usize = 20;

#[derive(Subcommand, Debug)]
pub(crate) enum Verb {
    /// List what was set aside, with the reasons.
    List(List),
    /// Show something that was set aside; of rows the rules that each broke, and why.
    Show(Show),
    /// Send what was set aside through its stage once more, after its cause was mended.
    Release(ReleaseArgs),
}

#[derive(Args, Debug)]
pub(crate) struct List {
    #[command(flatten)]
    list: ListArgs,
    #[command(flatten)]
    kind: KindArg,
}

#[derive(Args, Debug)]
struct KindArg {
    /// Only rows, objects, objects that no pipeline takes, or events that were not understood.
    #[arg(long, value_parser = PossibleValuesParser::new(["rows", "object", "unrouted", "event"]))]
    kind: Option<String>,
}

#[derive(Args, Debug)]
pub(crate) struct Show {
    /// The id that `quarantine list` gives, or an unambiguous beginning of it.
    id: String,
    /// At most so many rows; 0 is all. Default: 20 for people, all for programs.
    #[arg(long, value_name = "N")]
    limit: Option<usize>,
}

#[derive(Args, Debug)]
pub(crate) struct ReleaseArgs {
    /// The ids that `quarantine list` gives, or unambiguous beginnings of them.
    #[arg(value_name = "ID", required_unless_present = "all")]
    ids: Vec<String>,
    /// All that is not released yet, within TEAM/DATASET or TEAM/DATASET/STAGE if that is given.
    #[arg(long, value_name = "WITHIN", num_args = 0..=1, default_missing_value = "", conflicts_with = "ids")]
    all: Option<String>,
    #[command(flatten)]
    kind: KindArg,
    /// Only say what would be released.
    #[arg(long)]
    dry_run: bool,
}

/// Something that was set aside as a program is told of it.
#[derive(Serialize)]
struct Shown<'a> {
    #[serde(flatten)]
    item: &'a Quarantined,
    #[serde(skip_serializing_if = "Option::is_none")]
    columns: Option<&'a [String]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    values: Option<&'a [Vec<Value>]>,
}

pub(crate) fn run(context: &Context, verb: &Verb) -> Result<()> {
    context.block_on(LogLevel::Quiet, async {
        match verb {
            Verb::List(args) => list(context, args).await,
            Verb::Show(args) => with_lake(context, async |lake| show(context, lake, args).await).await,
            Verb::Release(args) => release(context, args).await,
        }
    })
}

async fn list(context: &Context, args: &List) -> Result<()> {
    let out = &context.out;
    let kind = args.kind.kind.as_deref().unwrap_or_default();
    let rows = Rows::new(out, &["ID", "KIND", "STAGE", "OF", "ROWS", "SET ASIDE", "RELEASED", "WHY"]);
    let now = now();
    with_lake(context, async |lake| {
        let items = lake.quarantine(args.list.filter(), kind);
        args.list
            .show(out, items, "nothing was set aside", rows, |rows, item: &Quarantined| {
                rows.push([
                    cell(short_id(&item.id)),
                    cell(&item.kind),
                    cell(item.stage.as_deref().unwrap_or_default()),
                    cell(subject(&item.subject)),
                    if item.kind == "rows" { number(item.rows) } else { cell("") },
                    cell(ago(item.at, now)),
                    cell(item.released_as.as_deref().map(short_id).unwrap_or_default()),
                    cell(&item.reason.message),
                ]);
            })
            .await
    })
    .await
}

async fn show(context: &Context, lake: &Client, args: &Show) -> Result<()> {
    let out = &context.out;
    let item = lake.quarantined(&args.id).await?;
    let limit = args.limit.unwrap_or(if out.is_json() { 0 } else { SHOWN });
    let preview = match &item.location {
        Some(_) if item.kind == "rows" => Some(rows_of(&item, if limit == 0 { usize::MAX } else { limit }).await?),
        _ => None,
    };
    let shown = Shown {
        item: &item,
        columns: preview.as_ref().map(|preview| preview.columns.as_slice()),
        values: preview.as_ref().map(|preview| preview.rows.as_slice()),
    };
    out.answer(&shown, |_| {
        let text = details(out, &item);
        match &preview {
            Some(preview) => format!("{text}\n\n{}", rows_text(out, preview, item.rows)),
            None => text,
        }
    })
}

async fn rows_of(item: &Quarantined, rows: usize) -> Result<Preview> {
    let Some(location) = item.location.clone() else { return Ok(Preview::default()) };
    let read = tokio::task::spawn_blocking(move || preview_file(&location, rows)).await;
    Ok(read.map_err(|error| Failure::new(FailureCode::EnginePanic, format!("the rows of {} can't be read: {error}", item.id)))??)
}

/// Rows as a table, what a list says in one line each.
fn rows_text(out: &Output, preview: &Preview, all: u64) -> String {
    let joined = |value: &Value| match value {
        Value::Array(values) => {
            let texts = values.iter().map(|value| value.as_str().map_or_else(|| value.to_string(), str::to_owned));
            Value::from(texts.collect::<Vec<_>>().join("\n"))
        }
        other => other.clone(),
    };
    let rows: Vec<Vec<Value>> = preview.rows.iter().map(|row| row.iter().map(joined).collect()).collect();
    let text = preview_text(out, &Preview { columns: preview.columns.clone(), rows });
    let more = all.saturating_sub(preview.rows.len() as u64);
    if more == 0 { text } else { format!("{text}\n… and {}: --limit 0 shows all", counted(more, "more row")) }
}

fn details(out: &Output, item: &Quarantined) -> String {
    let of_rows = if item.kind == "rows" { thousands(item.rows) } else { String::new() };
    facts(
        out,
        [
            ("id", item.id.clone()),
            ("kind", item.kind.clone()),
            ("stage", item.stage.clone().unwrap_or_default()),
            ("of", item.subject.clone()),
            ("why", item.reason.message.clone()),
            ("hint", item.reason.hint.clone()),
            ("rows", of_rows),
            ("location", item.location.as_ref().map(|at| at.path().unwrap_or(at.as_str()).to_owned()).unwrap_or_default()),
            ("run", item.run.clone().unwrap_or_default()),
            ("set aside", format!("{}  ({})", item.at, ago(item.at, now()))),
            ("event", item.body.clone().unwrap_or_default()),
            ("released as", item.released_as.clone().unwrap_or_default()),
        ],
    )
}

async fn release(context: &Context, args: &ReleaseArgs) -> Result<()> {
    let out = &context.out;
    let what = match &args.all {
        Some(within) => Release::All { within: within.clone(), kind: args.kind.kind.clone().unwrap_or_default() },
        None => Release::These(args.ids.clone()),
    };
    let released = if args.dry_run {
        with_lake(context, async |lake| Ok(lake.release(&what, true).await?)).await?
    } else {
        running(context).await?.ok_or_else(|| nobody_runs(context))?.release(&what, false).await?
    };
    out.answer(&released, |released| {
        let mut rows = Rows::new(out, &["ID", "KIND", "STAGE", "OF", "ROWS", ""]);
        for one in released {
            let item = &one.item;
            rows.push([
                cell(short_id(&item.id)),
                cell(&item.kind),
                cell(item.stage.as_deref().unwrap_or_default()),
                cell(subject(&item.subject)),
                if item.kind == "rows" { number(item.rows) } else { cell("") },
                cell(became(one, args.dry_run)),
            ]);
        }
        if rows.is_empty() { "nothing to release".to_owned() } else { rows.render() }
    })?;
    if released.iter().any(|one| one.refused.is_some()) { Err(CliError::Unmet) } else { Ok(()) }
}

fn became(one: &Released, is_dry_run: bool) -> String {
    match (&one.refused, &one.item.released_as) {
        (Some(failure), _) => format!("refused: {failure}"),
        (None, _) if one.new && is_dry_run => "would be released".to_owned(),
        (None, Some(id)) if one.new => format!("released as {}", short_id(id)),
        (None, Some(id)) => format!("was released already, as {}", short_id(id)),
        (None, None) => "can't be released".to_owned(),
    }
}
