//! What a session did, once it is over: a line per stage, and why what failed did.

use std::time::Duration;

use comfy_table::Color;
use futures::{StreamExt as _, TryStreamExt as _};
use lakegate_sdk::{Client, Failure, Filter, Run, Status, Timestamp};
use serde::Serialize;

use super::until_idle::{Baseline, Done};
use crate::{
    commands::run::why,
    error::Result,
    output::{
        Output,
        table::{Rows, bad_number, cell, number},
        text::{counted, subject, took},
    },
};

/// Failures that are told, and audits; the others can be listed.
const TOLD: usize = 10;
/// Runs that are looked through for those whose audit has found something.
const LOOKED_THROUGH: usize = 250;

/// What a session did.
#[derive(Serialize)]
pub(crate) struct Summary {
    /// Whether everything succeeded.
    pub(crate) ok: bool,
    /// Milliseconds from start to end.
    pub(crate) took_ms: u64,
    /// Per stage.
    pub(crate) stages: Vec<StageSummary>,
    /// Files that no pipeline takes.
    pub(crate) unrouted: u64,
    /// What can't go on, if the session ended before the work did.
    pub(crate) stuck: Vec<String>,
    /// The first of what failed or was set aside.
    pub(crate) failures: Vec<Told>,
    /// The newest of what was published though rules do not hold, or without the rows that broke them.
    pub(crate) audits: Vec<Audited>,
}

/// What a session did in one stage.
#[derive(Serialize)]
pub(crate) struct StageSummary {
    /// `team/dataset/stage`.
    pub(crate) stage: String,
    #[serde(flatten)]
    pub(crate) done: Done,
}

/// Something that failed or was set aside.
#[derive(Serialize)]
pub(crate) struct Told {
    what: String,
    stage: String,
    failure: Option<Failure>,
}

/// Something that was published though its audit has found something.
#[derive(Serialize)]
pub(crate) struct Audited {
    what: String,
    stage: String,
    run: String,
    verdict: String,
    rows_aside: u64,
    why: String,
}

impl Summary {
    /// Sums a session up from its last status.
    pub(crate) async fn of(
        client: &Client,
        baseline: &Baseline,
        status: &Status,
        since: Timestamp,
        stuck: Vec<String>,
        took: Duration,
    ) -> Result<Summary> {
        let stages: Vec<StageSummary> =
            status.stages.iter().map(|stage| StageSummary { stage: stage.stage.clone(), done: baseline.done_since(stage) }).collect();
        let unrouted = baseline.unrouted_since(status);
        let bad = stages.iter().map(|stage| stage.done.failed + stage.done.quarantined).sum::<u64>();
        let failures = if bad == 0 { Vec::new() } else { told(client, since).await? };
        let done = stages.iter().any(|stage| stage.done.succeeded > 0);
        let audits = if done { audited(client, since).await? } else { Vec::new() };
        Ok(Summary {
            ok: bad == 0 && unrouted == 0 && stuck.is_empty(),
            took_ms: u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
            stages,
            unrouted,
            stuck,
            failures,
            audits,
        })
    }

    /// The summary for people.
    pub(crate) fn text(&self, out: &Output) -> String {
        let mut rows = Rows::new(out, &["STAGE", "DONE", "FAILED", "QUARANTINED", "ROWS OUT"]);
        for StageSummary { stage, done } in &self.stages {
            rows.push([
                cell(stage),
                number(done.succeeded),
                bad_number(done.failed, Color::Red),
                bad_number(done.quarantined, Color::Yellow),
                number(done.rows_out),
            ]);
        }
        let mut text = format!("{}\n\ndone in {}", rows.render(), took(Duration::from_millis(self.took_ms)));
        for told in &self.failures {
            let why = told.failure.as_ref().map(|failure| format!(": {failure}")).unwrap_or_default();
            text.push_str(&format!("\n  {} ({}){why}", subject(&told.what), told.stage));
        }
        for audited in &self.audits {
            text.push_str(&format!("\n  {} ({}): {}", subject(&audited.what), audited.stage, audited.why));
        }
        if self.audits.iter().any(|audited| audited.rows_aside > 0) {
            text.push_str("\n  what was set aside is in `lakegate quarantine list`, and `lakegate quarantine show ID` has its rows");
        }
        if self.unrouted > 0 {
            text.push_str(&format!("\n  {} that no pipeline takes: see `routes` in the pipeline files", counted(self.unrouted, "file")));
        }
        for reason in &self.stuck {
            text.push_str(&format!("\n  stuck: {reason}"));
        }
        text
    }
}

/// The newest of what failed or was set aside since.
async fn told(client: &Client, since: Timestamp) -> Result<Vec<Told>> {
    let mut told = Vec::new();
    for state in ["failed", "quarantined"] {
        let runs: Vec<_> = client.runs(Filter::default().state(state).page_size(100)).take(100).try_collect().await?;
        told.extend(runs.into_iter().filter(|run| run.updated_at >= since).map(|run| Told {
            what: run.subject_text,
            stage: run.stage,
            failure: run.failure,
        }));
    }
    // Members of batches that were set aside while their batch went on.
    let objects: Vec<_> = client.objects(Filter::default().state("quarantined").page_size(100)).take(100).try_collect().await?;
    for object in objects {
        let known = told.iter().any(|told| told.what == object.object.key && told.stage == object.stage);
        if !known && object.arrived_at >= since {
            told.push(Told { what: object.object.key, stage: object.stage, failure: object.failure });
        }
    }
    told.truncate(TOLD);
    Ok(told)
}

/// The newest runs since whose audit let something in and has found something all the same.
async fn audited(client: &Client, since: Timestamp) -> Result<Vec<Audited>> {
    let succeeded = client.runs(Filter::default().state("succeeded").page_size(LOOKED_THROUGH as u32));
    let runs: Vec<Run> = succeeded.take(LOOKED_THROUGH).try_collect().await?;
    let since = runs.into_iter().filter(|run| run.updated_at >= since);
    let found = since.filter_map(|run| {
        let audit = run.audit.as_ref().filter(|audit| audit.reason.is_some())?;
        let (verdict, rows_aside, why) = (audit.verdict.clone(), audit.rows_aside, why(&run));
        Some(Audited { verdict, rows_aside, why, what: run.subject_text, stage: run.stage, run: run.id })
    });
    Ok(found.take(TOLD).collect())
}
