//! What earlier audits of a stage have measured, for rules that compare with it and for people.
//!
//! There is no second record of it: every execution keeps its audit, so a value is there once for each
//! execution, however often that was tried, and as durable as the execution itself. Rules are given the
//! values of what was let in: what was kept out is no precedent.

mod kept;
mod resting;

use std::collections::BTreeMap;

use async_trait::async_trait;
use lakegate_model::{
    ExecutionId, StageKey, Timestamp,
    audit::{Metric, Verdict},
    pipeline::LONGEST_HISTORY,
};

pub(crate) use self::{kept::Histories, resting::Resting};
use crate::ports::{
    Ports, Result,
    ledger::{Execution, Filter, Ledger, Page, Paged},
};

/// Executions in one read.
const AT_ONCE: usize = 250;
/// Reads at most for the audits that are wanted: those by other rulesets are read too, and a page may have less on it
/// than it might. What is older is not found, and a run is not kept waiting for it.
const MOST_READS: usize = 10 * LONGEST_HISTORY / AT_ONCE;

/// What one execution's audit has measured.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Measured {
    /// The execution, and its place in the ledger's order.
    pub run: ExecutionId,
    pub seq: u64,
    /// The file of the rules.
    pub ruleset: String,
    /// When it was audited.
    pub at: Timestamp,
    /// What followed.
    pub verdict: Verdict,
    /// Whether it was let in.
    pub is_in: bool,
    /// Rules that held over all rules.
    pub score: Metric,
    /// What was measured.
    pub statistics: BTreeMap<String, Metric>,
}

impl Measured {
    /// What an execution has measured; `None` if it is not over, or was not audited. Rows that were set aside
    /// and released are a choice of rows, and no measure of what a stage writes.
    pub(crate) fn of(execution: &Execution) -> Option<Measured> {
        if execution.subject.set_aside_by().is_some() {
            return None;
        }
        let audit = execution.state.audit.as_deref().filter(|_| execution.state.phase.is_terminal())?;
        Some(Measured {
            run: execution.id.clone(),
            seq: execution.seq,
            ruleset: audit.ruleset.clone(),
            at: audit.at,
            verdict: audit.verdict,
            is_in: matches!(execution.state.phase, lakegate_model::machine::execution::Phase::Succeeded { .. }),
            score: audit.score,
            statistics: audit.statistics.clone(),
        })
    }
}

/// The newest audits of a stage by a ruleset (any, if it is empty), the newest first, `most` at most.
pub(crate) async fn audits(ledger: &dyn Ledger, stage: &StageKey, ruleset: &str, most: usize) -> Result<Vec<Measured>> {
    read(ledger, &of_stage(stage), ruleset, most).await
}

/// The same of what was let in. Only that is read, so that what waits or was kept out can't hide it.
async fn let_in(runs: &dyn Runs, stage: &StageKey, ruleset: &str, most: usize) -> Result<Vec<Measured>> {
    read(runs, &only_let_in(stage), ruleset, most).await
}

fn of_stage(stage: &StageKey) -> Filter {
    Filter { dataset: Some(stage.dataset.clone()), stage: Some(stage.stage.clone()), with_audit: true, ..Filter::default() }
}

fn only_let_in(stage: &StageKey) -> Filter {
    Filter { state: Some("succeeded".to_owned()), ..of_stage(stage) }
}

/// All that is asked of the ledger here.
#[async_trait]
pub(crate) trait Runs: Send + Sync {
    async fn list(&self, filter: &Filter, page: &Page) -> Result<Paged<Execution>>;
}

#[async_trait]
impl Runs for Ports {
    async fn list(&self, filter: &Filter, page: &Page) -> Result<Paged<Execution>> {
        self.ledger.runs(filter, page).await
    }
}

#[async_trait]
impl Runs for dyn Ledger {
    async fn list(&self, filter: &Filter, page: &Page) -> Result<Paged<Execution>> {
        self.runs(filter, page).await
    }
}

async fn read<R: Runs + ?Sized>(runs: &R, filter: &Filter, ruleset: &str, most: usize) -> Result<Vec<Measured>> {
    let mut page = Page { size: AT_ONCE, token: String::new() };
    let mut found = Vec::new();
    for _ in 0..MOST_READS {
        let listed = runs.list(filter, &page).await?;
        let measured = listed.items.iter().filter_map(Measured::of);
        found.extend(measured.filter(|measured| ruleset.is_empty() || measured.ruleset == ruleset));
        page.token = listed.next;
        if page.token.is_empty() || found.len() >= most {
            break;
        }
    }
    found.truncate(most);
    Ok(found)
}

#[cfg(test)]
mod tests {
    use lakegate_model::{
        Failure, FailureCode, ObjectVersion, TraceContext,
        audit::Audit,
        machine::execution::{ExecutionState, Phase, TaskOutput},
    };

    use super::*;
    use crate::ports::ledger::Subject;

    pub(super) fn execution(seq: u64, key: &str, phase: Phase) -> Execution {
        let audit = phase.is_terminal().then(|| {
            Box::new(Audit {
                ruleset: "a.dqdl".into(),
                at: Timestamp(0),
                verdict: Verdict::Passed,
                reason: String::new(),
                score: Metric(1.0),
                rows: 1,
                rows_aside: 0,
                rules: Vec::new(),
                analyzers: Vec::new(),
                statistics: [("RowCount".to_owned(), Metric(1.0))].into(),
                statistics_left_out: 0,
            })
        });
        let object = ObjectVersion { bucket: "raw".into(), key: key.into(), version: seq.to_string(), sequencer: None, size: 1 };
        Execution {
            id: ExecutionId::from_text(format!("ex-{seq}")),
            seq,
            stage: stage(),
            pipeline_version: 1,
            subject: Subject::Object { object, relative: key.into() },
            state: ExecutionState { phase, audit, ..ExecutionState::new(Timestamp(0)) },
            revision: 0,
            created_at: Timestamp(0),
            updated_at: Timestamp(0),
            trace: TraceContext::default(),
        }
    }

    pub(super) fn stage() -> StageKey {
        StageKey::parse("shop/orders/load").unwrap()
    }

    /// The ledger's list of runs, the newest first, as far as filters are by state.
    #[async_trait]
    impl Runs for Vec<Execution> {
        async fn list(&self, filter: &Filter, page: &Page) -> Result<Paged<Execution>> {
            let is_wanted = |run: &&Execution| {
                let is_over = run.state.phase.is_terminal() || !filter.with_audit;
                is_over && filter.state.as_deref().is_none_or(|state| state == run.state.phase.as_str())
            };
            let from: usize = page.token.parse().unwrap_or(0);
            let items: Vec<Execution> = self.iter().rev().filter(is_wanted).skip(from).take(page.size).cloned().collect();
            let next = if items.len() < page.size { String::new() } else { (from + page.size).to_string() };
            Ok(Paged { items, next })
        }
    }

    #[tokio::test]
    async fn what_was_let_in_is_found_behind_what_waits_or_was_kept_out() {
        let succeeded = || Phase::Succeeded { output: TaskOutput::default() };
        let blocked = || Phase::Failed { failure: Failure::new(FailureCode::QualityFailed, "no") };
        let mut runs: Vec<Execution> = (0..3).map(|seq| execution(seq, "a.csv", succeeded())).collect();
        runs.extend((3..1_500).map(|seq| execution(seq, "b.csv", blocked())));
        runs.extend((1_500..12_500).map(|seq| execution(seq, "c.csv", Phase::Ready { not_before: Timestamp(0) })));
        let found = read(&runs, &only_let_in(&stage()), "a.dqdl", 2).await.unwrap();
        assert_eq!(found.iter().map(|measured| measured.seq).collect::<Vec<_>>(), [2, 1]);
        runs.truncate(1_500);
        let found = read(&runs, &of_stage(&stage()), "", 9_999).await.unwrap();
        assert_eq!(found.len(), 1_500, "people see what was kept out as well");
    }

    /// A list whose pages have nothing on them and never end, as far as it was read.
    struct Endless(std::sync::atomic::AtomicUsize);

    #[async_trait]
    impl Runs for Endless {
        async fn list(&self, _: &Filter, _: &Page) -> Result<Paged<Execution>> {
            let read = self.0.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            assert!(read < 1_000, "it is read for ever");
            Ok(Paged { items: Vec::new(), next: read.to_string() })
        }
    }

    #[tokio::test]
    async fn a_run_is_not_kept_waiting_by_a_list_however_long_it_is() {
        let endless = Endless(0.into());
        assert_eq!(let_in(&endless, &stage(), "a.dqdl", 1).await.unwrap(), []);
        assert_eq!(endless.0.into_inner(), MOST_READS);
    }

    #[test]
    fn released_rows_are_no_precedent() {
        let succeeded = || Phase::Succeeded { output: TaskOutput::default() };
        let aside = lakegate_model::layout::rows_aside(&stage(), &ExecutionId::from_text("ex-1"));
        assert!(Measured::of(&execution(1, "shop/orders/a.csv", succeeded())).is_some());
        assert_eq!(Measured::of(&execution(2, &aside, succeeded())), None);
    }
}
