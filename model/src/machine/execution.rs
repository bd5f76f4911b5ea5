//! The life of an execution: one stage applied to one object or one sealed batch.
//!
//! ```text
//!            references missing          started              finished, staged        promoted
//!  Waiting ◄──────────────────── Ready ─────────► Running ───────────────► Promoting ─────────► Succeeded
//!     └────────────────────────►  ▲                 │ │ finished, not staged                     ▲
//!            references there     └─────────────────┘ └──────────────────────────────────────────┘
//!                                  lost, handed back,
//!                                  failed and may pass     rejected ► Quarantined    otherwise ► Failed
//! ```
//!
//! What a stage audits is finished only with an audit, and one that blocks is a failure: nothing of it
//! comes as far as `Promoting`. What was audited and let in stays so: if its promotion fails and may pass, the
//! same output is promoted again, since another audit could find otherwise when part of it is there already. Only
//! rules about a whole table can be overtaken: if it has a version by then that they did not see, the execution is
//! ready again, and no attempt has failed.
//!
//! `attempt` only grows. Every fact about an attempt names it, and a fact about any but the current
//! one changes nothing: a worker that was given up for lost can come back and do no harm.

mod state;

use std::collections::BTreeMap;

pub use self::state::{ExecutionState, Phase, PinnedTable, Rejected, TaskOutput};
use crate::{
    failure::{Failure, FailureCode, Retry},
    ids::WorkerId,
    pipeline::RetryPolicy,
    table::TableId,
    time::Timestamp,
};

/// Attempts that may be lost with their worker or coordinator before the execution is given up:
/// something in it may be what kills them.
pub const MAX_LOSSES: u32 = 20;

/// Failed attempts after which an execution is given up though the lake or the table catalog could not
/// be reached: with the waits between them an outage may last for some ten minutes. Whoever asks for
/// a single attempt has one.
pub const MAX_OUTAGE_FAILURES: u32 = 12;

/// What can happen to an execution.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fact {
    /// Its referenced tables do not all exist.
    ReferencesMissing(Vec<TableId>),
    /// Its referenced tables all exist.
    ReferencesFound(BTreeMap<String, PinnedTable>),
    /// A worker's slot was reserved for the next attempt.
    Started {
        /// The worker.
        worker: WorkerId,
        /// The version of the table that the attempt's rules are about, if they are about a whole table.
        audits_on: Option<u64>,
    },
    /// The worker finished.
    Finished {
        /// Which attempt.
        attempt: u32,
        /// What it made.
        output: TaskOutput,
    },
    /// The worker failed.
    Failed {
        /// Which attempt.
        attempt: u32,
        /// Why.
        failure: Failure,
    },
    /// The drift policy set the object aside.
    Rejected {
        /// Which attempt.
        attempt: u32,
        /// Why.
        failure: Failure,
    },
    /// The worker or the coordinator that had the attempt is gone.
    Lost {
        /// Which attempt.
        attempt: u32,
        /// What became of it.
        why: Failure,
    },
    /// The worker gave the attempt back unstarted, because it is leaving.
    HandedBack {
        /// Which attempt.
        attempt: u32,
    },
    /// The table has a version that the attempt's rules did not see. Nothing of the attempt is in the zone.
    Overtaken {
        /// Which attempt.
        attempt: u32,
        /// What has come between.
        why: Failure,
    },
    /// The output is in the zone and, if it is a table's, in the catalog.
    Promoted {
        /// Which attempt.
        attempt: u32,
        /// What it made, files where they belong.
        output: TaskOutput,
    },
}

/// What the stage's rules say that deciding needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rules {
    /// How often to try.
    pub retry: RetryPolicy,
    /// Whether output goes through staging.
    pub staged: bool,
    /// Whether output is audited.
    pub audited: bool,
}

/// What to do about a decision, once it is durable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// It can be started from this time on.
    Schedule(Timestamp),
    /// Let the current attempt's staged output into the zone and the catalog.
    Promote,
    /// The same, from this time on.
    PromoteAt(Timestamp),
    /// Hand its output to the next stage.
    HandOn,
    /// Delete what the execution's attempts have staged.
    DiscardStaging,
    /// Somebody should know that it failed.
    Report(Failure),
}

/// The next state and what to do; `None` if the fact changes nothing.
pub fn decide(state: &ExecutionState, fact: Fact, rules: Rules, now: Timestamp) -> Option<(ExecutionState, Vec<Action>)> {
    let next = |phase: Phase| ExecutionState { phase, ..state.clone() };
    match (&state.phase, fact) {
        (Phase::Ready { .. }, Fact::ReferencesMissing(tables)) => Some((next(Phase::Waiting { tables }), vec![])),
        (Phase::Waiting { tables: known }, Fact::ReferencesMissing(tables)) if *known != tables => {
            Some((next(Phase::Waiting { tables }), vec![]))
        }
        (Phase::Waiting { .. }, Fact::ReferencesFound(references)) => {
            let ready = next(Phase::Ready { not_before: now });
            Some((ExecutionState { references, ..ready }, vec![Action::Schedule(now)]))
        }
        (Phase::Ready { .. }, Fact::ReferencesFound(references)) if state.references != references && state.references.is_empty() => {
            Some((ExecutionState { references, ..state.clone() }, vec![]))
        }
        (Phase::Ready { not_before }, Fact::Started { worker, audits_on }) if *not_before <= now => {
            let running = next(Phase::Running { worker });
            Some((ExecutionState { attempt: state.attempt + 1, audits_on, ..running }, vec![]))
        }
        (Phase::Running { .. }, Fact::Finished { attempt, output }) if attempt == state.attempt => {
            Some(after_work(state, output, rules, now))
        }
        (Phase::Promoting { .. }, Fact::Promoted { attempt, output }) if attempt == state.attempt => {
            Some((next(Phase::Succeeded { output }), vec![Action::HandOn, Action::DiscardStaging]))
        }
        (Phase::Promoting { .. }, Fact::Overtaken { attempt, why }) if attempt == state.attempt => {
            // What is staged stays: the next attempt may be writing by the time that it would be deleted.
            let ready = next(Phase::Ready { not_before: now });
            Some((ExecutionState { audit: None, last_failure: Some(why), ..ready }, vec![Action::Schedule(now)]))
        }
        (Phase::Promoting { .. }, Fact::Lost { attempt, .. }) if attempt == state.attempt => {
            // Promotion is idempotent and its input is whole: it is taken up, not begun again.
            Some((state.clone(), vec![Action::Promote]))
        }
        (Phase::Running { .. } | Phase::Promoting { .. }, Fact::Rejected { attempt, failure }) if attempt == state.attempt => {
            let actions = vec![Action::DiscardStaging, Action::Report(failure.clone())];
            Some((next(Phase::Quarantined { failure }), actions))
        }
        (Phase::Running { .. } | Phase::Promoting { .. }, Fact::Failed { attempt, failure }) if attempt == state.attempt => {
            Some(after_failure(state, failure, rules, now))
        }
        (Phase::Running { .. }, Fact::Lost { attempt, why }) if attempt == state.attempt => Some(after_loss(state, why, now)),
        (Phase::Running { .. }, Fact::HandedBack { attempt }) if attempt == state.attempt => {
            Some((next(Phase::Ready { not_before: now }), vec![Action::Schedule(now)]))
        }
        _ => None,
    }
}

fn after_work(state: &ExecutionState, mut output: TaskOutput, rules: Rules, now: Timestamp) -> (ExecutionState, Vec<Action>) {
    let audit = output.audit.take().map(|audit| Box::new(audit.bounded()));
    if rules.audited && audit.is_none() {
        let failure = Failure::new(FailureCode::Internal, "the worker finished without the audit that the stage asks for")
            .hint("workers and coordinator must be of one version");
        return after_failure(state, failure, rules, now);
    }
    let blocked = audit.as_ref().and_then(|audit| audit.failure());
    let state = ExecutionState { audit, ..state.clone() };
    if let Some(failure) = blocked {
        return after_failure(&state, failure, rules, now);
    }
    if rules.staged {
        (ExecutionState { phase: Phase::Promoting { output }, ..state }, vec![Action::Promote])
    } else {
        (ExecutionState { phase: Phase::Succeeded { output }, ..state }, vec![Action::HandOn])
    }
}

fn after_failure(state: &ExecutionState, failure: Failure, rules: Rules, now: Timestamp) -> (ExecutionState, Vec<Action>) {
    if failure.code == FailureCode::ObjectChanged {
        let next = ExecutionState { phase: Phase::Superseded { failure }, ..state.clone() };
        return (next, vec![Action::DiscardStaging]);
    }
    let failures = state.failures + 1;
    let may_pass = failure.retry() == Retry::Backoff && failures < most_failures(&failure, rules);
    if !may_pass {
        return dead_letter(ExecutionState { failures, ..state.clone() }, failure);
    }
    let not_before = now + rules.retry.wait_after(failures);
    if matches!(state.phase, Phase::Promoting { .. }) && state.audit.is_some() {
        let next = ExecutionState { failures, last_failure: Some(failure), ..state.clone() };
        return (next, vec![Action::PromoteAt(not_before)]);
    }
    let next = ExecutionState { phase: Phase::Ready { not_before }, failures, last_failure: Some(failure), ..state.clone() };
    (next, vec![Action::Schedule(not_before)])
}

fn most_failures(failure: &Failure, rules: Rules) -> u32 {
    let is_outage = matches!(
        failure.code,
        FailureCode::LakeIo | FailureCode::Unaudited | FailureCode::Catalog | FailureCode::Ledger | FailureCode::Unavailable
    );
    if is_outage && rules.retry.attempts > 1 { rules.retry.attempts.max(MAX_OUTAGE_FAILURES) } else { rules.retry.attempts }
}

fn after_loss(state: &ExecutionState, why: Failure, now: Timestamp) -> (ExecutionState, Vec<Action>) {
    let losses = state.losses + 1;
    if losses >= MAX_LOSSES {
        let failure = Failure::new(FailureCode::WorkerLost, format!("{losses} attempts were lost, the last one so: {}", why.message))
            .hint("if it needs more memory than a worker has, raise the worker's memory; then redrive it");
        return dead_letter(ExecutionState { losses, ..state.clone() }, failure);
    }
    let next = ExecutionState { phase: Phase::Ready { not_before: now }, losses, last_failure: Some(why), ..state.clone() };
    (next, vec![Action::Schedule(now)])
}

fn dead_letter(state: ExecutionState, failure: Failure) -> (ExecutionState, Vec<Action>) {
    let next = ExecutionState { phase: Phase::Failed { failure: failure.clone() }, last_failure: Some(failure.clone()), ..state };
    (next, vec![Action::DiscardStaging, Action::Report(failure)])
}

#[cfg(test)]
#[path = "execution_tests.rs"]
mod tests;
