//! `lakegate stage`: hold a stage, or let it go on.

use clap::{Args, Subcommand};

use crate::{
    config::LogLevel,
    context::Context,
    error::{CliError, Result},
    lake::with_lake,
};

#[derive(Subcommand, Debug)]
pub(crate) enum Verb {
    /// Start nothing more in a stage: what comes to it waits, what runs goes on.
    Pause(One),
    /// Let a paused stage go on.
    Resume(One),
}

#[derive(Args, Debug)]
pub(crate) struct One {
    /// The stage, as TEAM/DATASET/STAGE.
    stage: String,
}

pub(crate) fn run(context: &Context, verb: &Verb) -> Result<()> {
    context.block_on(LogLevel::Quiet, async {
        let (Verb::Pause(One { stage }) | Verb::Resume(One { stage })) = verb;
        if lakegate_model::StageKey::parse(stage).is_none() {
            return Err(CliError::wrong(
                format!("`{stage}` does not name a stage"),
                "write it as TEAM/DATASET/STAGE, as `lakegate status` shows it",
            ));
        }
        with_lake(context, async |lake| {
            let answer = match verb {
                Verb::Pause(_) => lake.pause_stage(stage).await?,
                Verb::Resume(_) => lake.resume_stage(stage).await?,
            };
            context.out.answer(&answer, |answer| match (answer.paused, answer.changed) {
                (true, true) => format!("{stage} is paused: what comes to it waits"),
                (true, false) => format!("{stage} was paused already"),
                (false, true) => format!("{stage} goes on"),
                (false, false) => format!("{stage} was not paused"),
            })
        })
        .await
    })
}
