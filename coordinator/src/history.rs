//! What earlier audits of a stage have measured, for rules that compare with it and for people.
//!
//! There is no second record of it: every execution keeps its audit, so a value is there once for each
//! execution, however often that was tried, and as durable as the execution itself. Rules are given the
//! values of what was let in: what was kept out is no precedent.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use async_trait::async_trait;
use lakegate_model::{
    ExecutionId, StageKey, Timestamp,
    audit::{Metric, Verdict},
    pipeline::{LONGEST_HISTORY, Stage},
};
use lakegate_proto::v1;

use crate::ports::{
    Ports, Result,
    ledger::{Execution, Filter, Ledger, Page, Paged},
};

/// Executions that are looked through at most for the audits that are wanted.
const MOST_READ: usize = 10 * LONGEST_HISTORY;
/// Executions in one read.
const AT_ONCE: usize = 250;

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
async fn let_in(ledger: &dyn Ledger, stage: &StageKey, ruleset: &str, most: usize) -> Result<Vec<Measured>> {
    read(ledger, &only_let_in(stage), ruleset, most).await
}

fn of_stage(stage: &StageKey) -> Filter {
    Filter { dataset: Some(stage.dataset.clone()), stage: Some(stage.stage.clone()), ..Filter::default() }
}

fn only_let_in(stage: &StageKey) -> Filter {
    Filter { state: Some("succeeded".to_owned()), ..of_stage(stage) }
}

/// All that is asked of the ledger here.
#[async_trait]
trait Runs: Sync {
    async fn list(&self, filter: &Filter, page: &Page) -> Result<Paged<Execution>>;
}

#[async_trait]
impl Runs for dyn Ledger {
    async fn list(&self, filter: &Filter, page: &Page) -> Result<Paged<Execution>> {
        self.runs(filter, page).await
    }
}

async fn read<R: Runs + ?Sized>(runs: &R, filter: &Filter, ruleset: &str, most: usize) -> Result<Vec<Measured>> {
    let mut page = Page { size: AT_ONCE, token: String::new() };
    let (mut found, mut read) = (Vec::new(), 0);
    loop {
        let listed = runs.list(filter, &page).await?;
        read += listed.items.len();
        let measured = listed.items.iter().filter_map(Measured::of);
        found.extend(measured.filter(|measured| ruleset.is_empty() || measured.ruleset == ruleset));
        if listed.next.is_empty() || found.len() >= most || read >= MOST_READ {
            found.truncate(most);
            return Ok(found);
        }
        page.token = listed.next;
    }
}

/// A stage's history, read once from the ledger and kept up from then on; read again if a later version of
/// the stage asks for more of it. Clones share it.
#[derive(Clone)]
pub(crate) struct Histories {
    ports: Ports,
    stage: StageKey,
    kept: Arc<Mutex<BTreeMap<String, Kept>>>,
    /// How many values were asked for when a ruleset's history was read. Held while one is.
    read: Arc<tokio::sync::Mutex<BTreeMap<String, usize>>>,
}

/// What was let in by one ruleset.
#[derive(Default)]
struct Kept {
    /// How many values of each statistic are kept.
    most: usize,
    /// The values of each, by when and in which execution they were measured.
    values: BTreeMap<String, BTreeMap<(Timestamp, u64), Metric>>,
}

impl Histories {
    /// With nothing read yet.
    pub(crate) fn new(ports: Ports, stage: StageKey) -> Histories {
        Histories { ports, stage, kept: Arc::default(), read: Arc::default() }
    }

    /// What a version of the stage may ask for, as workers are sent it.
    pub(crate) async fn wanted(&self, stage: &Stage) -> Result<Vec<v1::Statistic>> {
        let Some(rules) = stage.quality().map(|quality| &quality.rules) else { return Ok(Vec::new()) };
        let most = rules.history();
        if most == 0 {
            return Ok(Vec::new());
        }
        let mut read = self.read.lock().await;
        if read.get(&rules.file).is_none_or(|asked| *asked < most) {
            // What ends from now on is kept up, so that none is missed between the reading and its end.
            self.kept().entry(rules.file.clone()).or_default().keep(most);
            // Not every audit has every statistic: so a page is read though less is asked for.
            let found = let_in(self.ports.ledger.as_ref(), &self.stage, &rules.file, most.max(AT_ONCE)).await?;
            let mut kept = self.kept();
            found.into_iter().for_each(|measured| put(&mut kept, measured));
            read.insert(rules.file.clone(), most);
        }
        drop(read);
        Ok(self.kept().get(&rules.file).map(|kept| statistics(kept, most)).unwrap_or_default())
    }

    /// Takes in what an execution has come to.
    pub(crate) fn add(&self, execution: &Execution) {
        if let Some(measured) = Measured::of(execution) {
            put(&mut self.kept(), measured);
        }
    }

    fn kept(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, Kept>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Kept {
    /// Keeps this many values from now on, or more.
    fn keep(&mut self, most: usize) {
        self.most = self.most.max(most);
    }
}

/// Only what was asked for once is kept up, and no more of it than was asked for.
fn put(kept: &mut BTreeMap<String, Kept>, measured: Measured) {
    let Some(of_ruleset) = kept.get_mut(&measured.ruleset).filter(|_| measured.is_in) else { return };
    for (name, value) in measured.statistics {
        let values = of_ruleset.values.entry(name).or_default();
        values.insert((measured.at, measured.seq), value);
        if values.len() > of_ruleset.most {
            values.pop_first();
        }
    }
}

/// The last `most` values of each statistic, the oldest first.
fn statistics(kept: &Kept, most: usize) -> Vec<v1::Statistic> {
    let of_name = |(name, values): (&String, &BTreeMap<(Timestamp, u64), Metric>)| {
        let newest = values.iter().skip(values.len().saturating_sub(most));
        let points = newest.map(|((at, _), value)| v1::Point { at: at.0, value: value.0 }).collect();
        v1::Statistic { name: name.clone(), points }
    };
    kept.values.iter().map(of_name).collect()
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

    fn measured(seq: u64, at: i64, value: f64, is_in: bool) -> Measured {
        Measured {
            run: ExecutionId::from_text(format!("ex-{seq}")),
            seq,
            ruleset: "a.dqdl".into(),
            at: Timestamp(at),
            verdict: if is_in { Verdict::Passed } else { Verdict::Blocked },
            is_in,
            score: Metric(1.0),
            statistics: [("RowCount".to_owned(), Metric(value))].into(),
        }
    }

    fn asked(most: usize) -> BTreeMap<String, Kept> {
        BTreeMap::from([("a.dqdl".to_owned(), Kept { most, ..Kept::default() })])
    }

    fn values(kept: &Kept, most: usize) -> Vec<(String, Vec<f64>)> {
        let values = |one: v1::Statistic| (one.name, one.points.into_iter().map(|point| point.value).collect());
        statistics(kept, most).into_iter().map(values).collect()
    }

    #[test]
    fn rules_are_given_the_last_values_of_what_was_let_in_each_once() {
        let mut kept = asked(9);
        for one in [measured(3, 30, 3.0, true), measured(1, 10, 1.0, true), measured(2, 20, 99.0, false), measured(3, 30, 3.0, true)] {
            put(&mut kept, one);
        }
        put(&mut kept, Measured { ruleset: "b.dqdl".into(), ..measured(4, 40, 4.0, true) });
        assert_eq!(values(&kept["a.dqdl"], 9), [("RowCount".to_owned(), vec![1.0, 3.0])]);
        assert_eq!(values(&kept["a.dqdl"], 1), [("RowCount".to_owned(), vec![3.0])]);
        assert_eq!(kept.keys().collect::<Vec<_>>(), ["a.dqdl"]);
    }

    #[test]
    fn a_history_is_as_long_as_rules_ask_for_statistic_by_statistic() {
        let mut kept = asked(3);
        let rare = Measured { statistics: [("Mean \"a\"".to_owned(), Metric(0.5))].into(), ..measured(0, 0, 0.0, true) };
        put(&mut kept, rare);
        (1..9).for_each(|seq| put(&mut kept, measured(seq, 0, seq as f64, true)));
        let all = values(&kept["a.dqdl"], 9);
        assert_eq!(all, [("Mean \"a\"".to_owned(), vec![0.5]), ("RowCount".to_owned(), vec![6.0, 7.0, 8.0])]);
        kept.get_mut("a.dqdl").unwrap().keep(4);
        kept.get_mut("a.dqdl").unwrap().keep(2);
        put(&mut kept, measured(9, 0, 9.0, true));
        assert_eq!(values(&kept["a.dqdl"], 9)[1].1, [6.0, 7.0, 8.0, 9.0], "it grows with a version that asks for more, and never shrinks");
    }

    fn execution(seq: u64, key: &str, phase: Phase) -> Execution {
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

    fn stage() -> StageKey {
        StageKey::parse("shop/orders/load").unwrap()
    }

    /// The ledger's list of runs, the newest first, as far as filters are by state.
    #[async_trait]
    impl Runs for Vec<Execution> {
        async fn list(&self, filter: &Filter, page: &Page) -> Result<Paged<Execution>> {
            let is_wanted = |run: &&Execution| filter.state.as_deref().is_none_or(|state| state == run.state.phase.as_str());
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

    #[test]
    fn released_rows_are_no_precedent() {
        let succeeded = || Phase::Succeeded { output: TaskOutput::default() };
        let aside = lakegate_model::layout::rows_aside(&stage(), &ExecutionId::from_text("ex-1"));
        assert!(Measured::of(&execution(1, "shop/orders/a.csv", succeeded())).is_some());
        assert_eq!(Measured::of(&execution(2, &aside, succeeded())), None);
    }
}
