//! When the work of a lake is done: pure judgement of statuses, and what this session has done.

use std::collections::BTreeMap;

use lakegate_coordinator::ports::ledger::StageCounts;
use lakegate_sdk::{StageStatus, Status};
use serde::Serialize;

/// How far the work is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It goes on by itself.
    Working,
    /// Only open batches hold it up, and sealing them early lets it go on.
    Sealable,
    /// It can't go on: each reason is one thing that holds it up.
    Stuck(Vec<String>),
    /// Nothing is left.
    Idle,
}

/// Judges a status. A stage that is paused, or waits for tables, is stuck only when nothing else
/// goes on: somebody may yet publish what it waits for.
pub(crate) fn judge(status: &Status) -> Verdict {
    if !(status.idle || status.stalled) {
        return Verdict::Working;
    }
    if status.stages.iter().any(|stage| stage.collecting > 0 && !stage.paused) {
        return Verdict::Sealable;
    }
    let reasons: Vec<String> = status.stages.iter().filter_map(holds_up).collect();
    if reasons.is_empty() { Verdict::Idle } else { Verdict::Stuck(reasons) }
}

fn holds_up(stage: &StageStatus) -> Option<String> {
    let held = stage.waiting + stage.ready + stage.collecting;
    if stage.paused && held > 0 {
        return Some(format!("{} is paused and {held} wait in it", stage.stage));
    }
    if stage.waiting == 0 {
        return None;
    }
    let tables = if stage.waiting_for.is_empty() { "tables".to_owned() } else { stage.waiting_for.join(", ") };
    Some(format!("{} of {} wait for {tables}, which nobody publishes", stage.waiting, stage.stage))
}

/// Whether two statuses show the same work: then nothing was in flight between them.
pub(crate) fn same_work(a: &Status, b: &Status) -> bool {
    let work = |status: &Status| Status { at: lakegate_sdk::Timestamp(0), workers: 0, slots: 0, ..status.clone() };
    work(a) == work(b)
}

/// What the ledger counted before a session began, so that what went wrong earlier is not held
/// against it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Baseline {
    stages: BTreeMap<String, Done>,
    unrouted: u64,
}

/// What has come to an end in a stage.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Done {
    /// Runs that succeeded.
    pub(crate) succeeded: u64,
    /// Runs given up.
    pub(crate) failed: u64,
    /// Runs and objects set aside.
    pub(crate) quarantined: u64,
    /// Rows written.
    pub(crate) rows_out: u64,
}

impl Baseline {
    /// The counts as they are now.
    pub(crate) fn new(counts: &[StageCounts], unrouted: u64) -> Baseline {
        let done = |counts: &StageCounts| {
            let done =
                Done { succeeded: counts.succeeded, failed: counts.failed, quarantined: counts.quarantined, rows_out: counts.rows_out };
            Some((counts.stage.as_ref()?.to_string(), done))
        };
        Baseline { stages: counts.iter().filter_map(done).collect(), unrouted }
    }

    /// What came to an end in a stage since.
    pub(crate) fn done_since(&self, stage: &StageStatus) -> Done {
        let before = self.stages.get(&stage.stage).copied().unwrap_or_default();
        Done {
            succeeded: stage.succeeded.saturating_sub(before.succeeded),
            failed: stage.failed.saturating_sub(before.failed),
            quarantined: stage.quarantined.saturating_sub(before.quarantined),
            rows_out: stage.rows_out.saturating_sub(before.rows_out),
        }
    }

    /// Files that no pipeline takes, since.
    pub(crate) fn unrouted_since(&self, status: &Status) -> u64 {
        status.unrouted.saturating_sub(self.unrouted)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stage(name: &str) -> StageStatus {
        StageStatus { stage: name.to_owned(), ..StageStatus::default() }
    }

    fn status(idle: bool, stalled: bool, stages: Vec<StageStatus>) -> Status {
        Status { idle, stalled, stages, ..Status::default() }
    }

    #[test]
    fn work_that_goes_on_is_left_alone() {
        let busy = StageStatus { running: 1, collecting: 5, ..stage("a/b/c") };
        assert_eq!(judge(&status(false, false, vec![busy])), Verdict::Working);
    }

    #[test]
    fn open_batches_are_sealed_before_anything_counts_as_stuck() {
        let waits = StageStatus { waiting: 2, waiting_for: vec!["a.t".into()], ..stage("a/b/c") };
        let collects = StageStatus { collecting: 5, ..stage("a/b/d") };
        assert_eq!(judge(&status(false, true, vec![waits.clone(), collects])), Verdict::Sealable);
        let Verdict::Stuck(reasons) = judge(&status(false, true, vec![waits])) else { panic!("not stuck") };
        assert_eq!(reasons, ["2 of a/b/c wait for a.t, which nobody publishes"]);
    }

    #[test]
    fn a_paused_stage_is_never_sealed_and_is_named() {
        let paused = StageStatus { collecting: 5, paused: true, ..stage("a/b/c") };
        let Verdict::Stuck(reasons) = judge(&status(false, true, vec![paused])) else { panic!("not stuck") };
        assert_eq!(reasons, ["a/b/c is paused and 5 wait in it"]);
        let empty = StageStatus { paused: true, ..stage("a/b/c") };
        assert_eq!(judge(&status(true, false, vec![empty])), Verdict::Idle);
    }

    #[test]
    fn waiting_runs_are_stuck_even_in_a_status_that_calls_itself_idle() {
        let waits = StageStatus { waiting: 1, ..stage("a/b/c") };
        assert!(matches!(judge(&status(true, false, vec![waits])), Verdict::Stuck(_)));
        assert_eq!(judge(&status(true, false, vec![])), Verdict::Idle);
    }

    #[test]
    fn earlier_failures_are_not_this_sessions() {
        let counts = StageCounts { stage: lakegate_model::StageKey::parse("a/b/c"), failed: 3, succeeded: 10, ..StageCounts::default() };
        let baseline = Baseline::new(&[counts], 2);
        let now = StageStatus { failed: 3, succeeded: 12, rows_out: 7, ..stage("a/b/c") };
        assert_eq!(baseline.done_since(&now), Done { succeeded: 2, rows_out: 7, ..Done::default() });
        assert_eq!(baseline.done_since(&StageStatus { failed: 1, ..stage("a/b/new") }).failed, 1);
        assert_eq!(baseline.unrouted_since(&Status { unrouted: 5, ..Status::default() }), 3);
    }

    #[test]
    fn the_same_work_a_moment_later_is_the_same() {
        let earlier = Status { at: lakegate_sdk::Timestamp(1), workers: 1, ..status(true, false, vec![stage("a/b/c")]) };
        let later = Status { at: lakegate_sdk::Timestamp(2), workers: 2, ..earlier.clone() };
        assert!(same_work(&earlier, &later));
        let moved = Status { stages: vec![StageStatus { succeeded: 1, ..stage("a/b/c") }], ..earlier.clone() };
        assert!(!same_work(&earlier, &moved));
    }
}
