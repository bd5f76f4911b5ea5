//! `lakegate batch`: the sets of objects that batch stages run on.

use clap::{Args, Subcommand};
use lakegate_sdk::Batch;

use crate::{
    commands::list::ListArgs,
    config::LogLevel,
    context::Context,
    error::Result,
    lake::with_lake,
    output::{
        Output,
        table::{Rows, cell, facts, number, state},
        text::{ago, bytes, now, short_id, thousands},
    },
};

#[derive(Subcommand, Debug)]
pub(crate) enum Verb {
    /// List batches, open ones first, then newest first.
    List(ListArgs),
    /// Show a batch and its first objects.
    Get(One),
}

#[derive(Args, Debug)]
pub(crate) struct One {
    /// The batch's id, or an unambiguous beginning of it.
    batch: String,
}

pub(crate) fn run(context: &Context, verb: &Verb) -> Result<()> {
    context.block_on(LogLevel::Quiet, async {
        match verb {
            Verb::List(args) => list(context, args).await,
            Verb::Get(args) => {
                with_lake(context, async |lake| {
                    let batch = lake.batch(&args.batch).await?;
                    context.out.answer(&batch, |batch| details(&context.out, batch))
                })
                .await
            }
        }
    })
}

async fn list(context: &Context, args: &ListArgs) -> Result<()> {
    let out = &context.out;
    let rows = Rows::new(out, &["BATCH", "STAGE", "STATE", "OBJECTS", "SIZE", "FIRST", "SEALED", "BY", "RUN"]);
    let now = now();
    with_lake(context, async |lake| {
        args.show(out, lake.batches(args.filter()), "no batches", rows, |rows, batch: &Batch| {
            rows.push([
                cell(batch.id.as_deref().map(short_id).unwrap_or_default()),
                cell(&batch.stage),
                state(&batch.state),
                number(batch.objects),
                cell(bytes(batch.bytes)),
                cell(batch.first_at.map(|at| ago(at, now)).unwrap_or_default()),
                cell(batch.sealed_at.map(|at| ago(at, now)).unwrap_or_default()),
                cell(batch.reason.as_deref().unwrap_or_default()),
                cell(batch.run.as_deref().map(short_id).unwrap_or_default()),
            ]);
        })
        .await
    })
    .await
}

fn details(out: &Output, batch: &Batch) -> String {
    let at = |at: Option<lakegate_sdk::Timestamp>| at.map(|at| format!("{at}  ({})", ago(at, now()))).unwrap_or_default();
    let text = facts(
        out,
        [
            ("batch", batch.id.clone().unwrap_or_else(|| "open".to_owned())),
            ("stage", batch.stage.clone()),
            ("state", batch.state.clone()),
            ("objects", format!("{}, {}", thousands(batch.objects), bytes(batch.bytes))),
            ("first", at(batch.first_at)),
            ("sealed", at(batch.sealed_at)),
            ("by", batch.reason.clone().unwrap_or_default()),
            ("run", batch.run.clone().unwrap_or_default()),
        ],
    );
    let keys: String = batch.keys.iter().map(|key| format!("\n  {key}")).collect();
    let rest = batch.objects.saturating_sub(batch.keys.len() as u64);
    let rest = if rest > 0 && !batch.keys.is_empty() { format!("\n  … and {} more", thousands(rest)) } else { String::new() };
    if keys.is_empty() { text } else { format!("{text}\n\nholds{keys}{rest}") }
}
