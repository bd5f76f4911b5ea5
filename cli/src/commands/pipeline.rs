//! `lakegate pipeline`: the pipelines as the coordinator knows them.

use clap::Subcommand;

use crate::{
    config::LogLevel,
    context::Context,
    error::Result,
    lake::with_lake,
    output::{
        table::{Rows, cell, number},
        text::{ago, now},
    },
};

#[derive(Subcommand, Debug)]
pub(crate) enum Verb {
    /// List the newest version of every pipeline.
    List,
}

pub(crate) fn run(context: &Context, Verb::List: &Verb) -> Result<()> {
    let out = &context.out;
    context.block_on(LogLevel::Quiet, async {
        with_lake(context, async |lake| {
            let pipelines = lake.pipelines().await?;
            let now = now();
            out.answer(&pipelines, |pipelines| {
                let mut rows = Rows::new(out, &["PIPELINE", "VERSION", "STAGES", "APPLIED"]);
                for pipeline in pipelines {
                    let stages: Vec<String> = pipeline
                        .stages
                        .iter()
                        .map(|stage| format!("{} ({}{})", stage.name, stage.trigger, if stage.paused { ", paused" } else { "" }))
                        .collect();
                    rows.push([
                        cell(format_args!("{}/{}", pipeline.team, pipeline.dataset)),
                        number(u64::from(pipeline.version)),
                        cell(stages.join(" → ")),
                        cell(ago(pipeline.applied_at, now)),
                    ]);
                }
                if rows.is_empty() { "no pipelines".to_owned() } else { rows.render() }
            })
        })
        .await
    })
}
