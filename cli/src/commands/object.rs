//! `lakegate object`: what landed or was made on the way, and what became of it.

use clap::{Args, Subcommand, builder::PossibleValuesParser};
use lakegate_sdk::{Object, ObjectHistory};

use crate::{
    commands::list::ListArgs,
    config::LogLevel,
    context::Context,
    error::Result,
    lake::with_lake,
    output::{
        Output,
        table::{Rows, cell, facts, state},
        text::{ago, bytes, now, short_id},
    },
};

#[derive(Subcommand, Debug)]
pub(crate) enum Verb {
    /// List objects, newest first.
    List(ListObjects),
    /// Show an object: where it is, and why it was set aside if it was.
    Get(One),
    /// Show what happened to an object, through every stage.
    History(One),
}

#[derive(Args, Debug)]
pub(crate) struct ListObjects {
    #[command(flatten)]
    list: ListArgs,
    /// Only those in this state.
    #[arg(long, value_parser = PossibleValuesParser::new(["executing", "collecting", "batched", "processed", "failed", "quarantined", "superseded"]))]
    state: Option<String>,
}

#[derive(Args, Debug)]
pub(crate) struct One {
    /// The object's id, an unambiguous beginning of it, or a key in the raw zone.
    object: String,
}

pub(crate) fn run(context: &Context, verb: &Verb) -> Result<()> {
    let out = &context.out;
    context.block_on(LogLevel::Quiet, async {
        match verb {
            Verb::List(args) => list(context, args).await,
            Verb::Get(args) => {
                with_lake(context, async |lake| {
                    let object = lake.object(&args.object).await?;
                    out.answer(&object, |object| details(out, object))
                })
                .await
            }
            Verb::History(args) => {
                with_lake(context, async |lake| {
                    let history = lake.object_history(&args.object).await?;
                    out.answer(&history, |history| timeline(out, history))
                })
                .await
            }
        }
    })
}

async fn list(context: &Context, args: &ListObjects) -> Result<()> {
    let out = &context.out;
    let filter = args.list.filter().state(args.state.clone().unwrap_or_default());
    let rows = Rows::new(out, &["OBJECT", "STAGE", "KEY", "STATE", "SIZE", "ARRIVED", "WHY"]);
    let now = now();
    with_lake(context, async |lake| {
        args.list
            .show(out, lake.objects(filter), "no objects", rows, |rows, object: &Object| {
                rows.push([
                    cell(short_id(&object.id)),
                    cell(&object.stage),
                    cell(&object.object.key),
                    state(&object.state),
                    cell(bytes(object.object.size)),
                    cell(ago(object.arrived_at, now)),
                    cell(object.failure.as_ref().map(|failure| failure.message.clone()).unwrap_or_default()),
                ]);
            })
            .await
    })
    .await
}

fn details(out: &Output, object: &Object) -> String {
    let (why, hint) = object.failure.as_ref().map(|failure| (failure.message.clone(), failure.hint.clone())).unwrap_or_default();
    facts(
        out,
        [
            ("object", object.id.clone()),
            ("key", format!("{}  ({}, version {})", object.object.key, bytes(object.object.size), object.object.version)),
            ("zone", object.object.bucket.clone()),
            ("stage", object.stage.clone()),
            ("state", object.state.clone()),
            ("why", why),
            ("hint", hint),
            ("arrived", format!("{}  ({})", object.arrived_at, ago(object.arrived_at, now()))),
            ("run", object.run.clone().unwrap_or_default()),
            ("batch", object.batch.clone().unwrap_or_default()),
            ("made by", object.made_by.clone().unwrap_or_default()),
            ("removed", object.removed_at.map(|at| at.to_string()).unwrap_or_default()),
            ("trace", object.trace_id.clone()),
        ],
    )
}

fn timeline(out: &Output, history: &ObjectHistory) -> String {
    let mut rows = Rows::new(out, &["AT", "STAGE", "WHAT", "RUN"]);
    for entry in &history.entries {
        let run = entry.run.as_deref().map(short_id).unwrap_or_default();
        rows.push([cell(entry.at), cell(&entry.stage), cell(&entry.what), cell(run)]);
    }
    format!("{}  {}\n\n{}", history.object.object.key, history.object.id, rows.render())
}
