//! `lakegate status`: how much is waiting, running and done.

use std::{pin::pin, time::Duration};

use clap::Args as ClapArgs;
use comfy_table::Color;
use futures::TryStreamExt as _;
use lakegate_sdk::Status;

use crate::{
    config::LogLevel,
    context::Context,
    error::Result,
    lake::{nobody_runs, running, with_found},
    output::{
        Output,
        table::{Rows, bad_number, cell, number},
        text::{counted, thousands},
    },
    up::until_idle::{Verdict, judge},
};

#[derive(ClapArgs, Debug)]
pub(crate) struct Args {
    /// Show it again whenever it changes, at most once a second.
    #[arg(long)]
    watch: bool,
}

pub(crate) fn run(context: &Context, args: &Args) -> Result<()> {
    let out = &context.out;
    context.block_on(LogLevel::Quiet, async {
        if !args.watch {
            return with_found(context, async |lake, runs| out.answer(&lake.status().await?, |status| text(out, status, runs))).await;
        }
        let lake = running(context).await?.ok_or_else(|| nobody_runs(context))?;
        let mut changes = pin!(lake.watch_status(Duration::from_secs(1)).await?);
        while let Some(status) = changes.try_next().await? {
            out.next_answer(&status, |status| format!("{}\n", text(out, status, true)))?;
        }
        Ok(())
    })
}

fn text(out: &Output, status: &Status, runs: bool) -> String {
    let mut rows = Rows::new(out, &["STAGE", "WAITING", "READY", "RUNNING", "DONE", "FAILED", "QUARANTINED", "COLLECTING", "ROWS OUT", ""]);
    for stage in &status.stages {
        rows.push([
            cell(&stage.stage),
            number(stage.waiting),
            number(stage.ready),
            number(stage.running),
            number(stage.succeeded),
            bad_number(stage.failed, Color::Red),
            bad_number(stage.quarantined, Color::Yellow),
            number(stage.collecting),
            number(stage.rows_out),
            cell(remark(stage.paused, &stage.waiting_for)),
        ]);
    }
    let stages = if rows.is_empty() { "no stages: apply a pipeline with `lakegate up`".to_owned() } else { rows.render() };
    let workers = format!("{}, {}", counted(u64::from(status.workers), "worker"), counted(u64::from(status.slots), "slot"));
    let state = state(status, runs);
    let unrouted =
        if status.unrouted == 0 { String::new() } else { format!(" · {} that no pipeline takes", counted(status.unrouted, "file")) };
    format!("{stages}\n\n{state} · {workers} · {} arriving{unrouted}", thousands(status.arriving))
}

/// What the lake is about, in a word or two; `runs` is whether a coordinator runs on it.
fn state(status: &Status, runs: bool) -> &'static str {
    let ready = status.stages.iter().any(|stage| stage.ready > 0 && !stage.paused);
    match judge(status) {
        Verdict::Idle => "idle",
        _ if !runs => "not running: start it with `lakegate up`",
        Verdict::Sealable => "collecting: open batches wait for their trigger",
        Verdict::Stuck(_) => "held up: see the last column",
        Verdict::Working if ready && status.workers == 0 => "waiting for a worker: start one with `lakegate worker`",
        Verdict::Working => "working",
    }
}

/// What holds a stage up, if something does.
fn remark(paused: bool, waiting_for: &[String]) -> String {
    let waits = if waiting_for.is_empty() { String::new() } else { format!("waits for {}", waiting_for.join(", ")) };
    match (paused, waits.is_empty()) {
        (true, true) => "paused".to_owned(),
        (true, false) => format!("paused, {waits}"),
        (false, _) => waits,
    }
}

#[cfg(test)]
mod tests {
    use lakegate_sdk::StageStatus;

    use super::*;

    #[test]
    fn a_state_says_what_is_waited_for() {
        let status = |idle, stalled, stage: StageStatus| Status { idle, stalled, stages: vec![stage], ..Status::default() };
        let stage = StageStatus::default;
        assert_eq!(state(&status(true, true, stage()), true), "idle");
        assert!(state(&status(false, true, StageStatus { collecting: 2, ..stage() }), true).starts_with("collecting"));
        assert!(state(&status(false, true, StageStatus { waiting: 2, ..stage() }), true).starts_with("held up"));
        let ready = status(false, false, StageStatus { ready: 2, ..stage() });
        assert!(state(&ready, true).starts_with("waiting for a worker"));
        assert!(state(&ready, false).starts_with("not running"));
        assert_eq!(state(&Status { workers: 1, ..ready }, true), "working");
    }
}
