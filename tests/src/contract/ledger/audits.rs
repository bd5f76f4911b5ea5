//! Audits: kept with their executions, and what they set aside can be listed.

use lakegate_coordinator::ports::{
    Ledger,
    ledger::{Execution, Filter},
};
use lakegate_model::{
    ExecutionId, Failure, FailureCode, Location, Timestamp,
    audit::{Audit, Metric, Outcome, RuleResult, Verdict},
    machine::execution::{ExecutionState, Phase, TaskOutput},
    table::OutputFile,
};

use super::{LedgerPlace, all_runs, arrival, dataset, everything, running, started, step};

/// An audit with so many rules, and numbers that are hard to keep.
fn audit(verdict: Verdict, rules: usize) -> Audit {
    let rule = |at: usize| RuleResult {
        rule: format!("IsComplete \"column {at}\""),
        outcome: if verdict == Verdict::Passed { Outcome::Passed } else { Outcome::Failed },
        reason: format!("Value: 0.{at} does not meet the constraint requirement!"),
        metrics: [(format!("Column.column {at}.Completeness"), Metric(0.1 + 0.2))].into(),
        labels: [("owner".to_owned(), "shop".to_owned())].into(),
        warns: false,
        by_row: true,
    };
    Audit {
        ruleset: "quality/orders.dqdl".into(),
        at: Timestamp(1_767_225_600_123),
        verdict,
        reason: "1 of 1 rules does not hold".into(),
        score: Metric(1.0 / 3.0),
        rows: 9,
        rows_aside: 0,
        rules: (0..rules).map(rule).collect(),
        analyzers: vec![],
        statistics: [("Mean \"a\"".to_owned(), Metric(f64::NAN)), ("Sum \"a\"".to_owned(), Metric(f64::NEG_INFINITY))].into(),
        statistics_left_out: 0,
    }
}

fn aside(rows: u64) -> OutputFile {
    let key = "_lakegate/quarantine/nyc/flights/clean/ex-1.parquet";
    OutputFile {
        location: Location::new(format!("file:///lake/stage/{key}")),
        key: key.into(),
        partition: vec![],
        rows,
        bytes: 7,
        version: "7-1".into(),
    }
}

/// Takes an execution to its end, with an audit.
async fn ended(ledger: &impl Ledger, execution: &Execution, phase: Phase, audit: Audit) -> ExecutionState {
    ledger.advance(vec![step(execution, running(), 1)]).await.expect("advanced");
    let mut last = step(execution, phase, 2);
    last.from += 1;
    last.to.audit = Some(Box::new(audit));
    let state = last.to.clone();
    ledger.advance(vec![last]).await.expect("advanced");
    state
}

/// An execution keeps all that its audit has found, however large that is.
pub async fn an_execution_keeps_its_audit(place: impl LedgerPlace) {
    let ledger = place.open().await;
    let failure = Failure::new(FailureCode::QualityFailed, "quality/orders.dqdl: 1 of 1 rules does not hold");
    let (small, large) = (audit(Verdict::Blocked, 1), audit(Verdict::Warned, 3_000));
    let blocked = started(&ledger, arrival("clean", "a.csv", "1", 0)).await;
    let warned = started(&ledger, arrival("clean", "b.csv", "1", 0)).await;
    let blocked_state = ended(&ledger, &blocked, Phase::Failed { failure }, small).await;
    let warned_state = ended(&ledger, &warned, Phase::Succeeded { output: TaskOutput::default() }, large).await;
    drop(ledger);
    let ledger = place.open().await;
    for (execution, state) in [(blocked, blocked_state), (warned, warned_state)] {
        let read = ledger.execution(&execution.id).await.expect("read").expect("there");
        assert_eq!(read.state, state, "every number is the same");
    }
    let listed = ledger.runs(&everything(), &super::page(10)).await.expect("listed");
    let verdicts: Vec<Option<Verdict>> = listed.items.iter().map(|run| run.state.audit.as_ref().map(|audit| audit.verdict)).collect();
    assert_eq!(verdicts, [Some(Verdict::Warned), Some(Verdict::Blocked)], "lists have it too");
}

/// The executions whose audit set rows aside are a list of their own.
pub async fn executions_that_set_rows_aside_are_listed(place: impl LedgerPlace) {
    let ledger = place.open().await;
    let mut expected: Vec<ExecutionId> = Vec::new();
    for number in 0..9_u64 {
        let stage = if number % 2 == 0 { "clean" } else { "other" };
        let execution = started(&ledger, arrival(stage, &format!("{number}.csv"), "1", 0)).await;
        match number % 3 {
            0 => {
                let output = TaskOutput { aside: Some(aside(number + 1)), ..TaskOutput::default() };
                ended(&ledger, &execution, Phase::Succeeded { output }, audit(Verdict::Split, 1)).await;
                expected.insert(0, execution.id);
            }
            1 => {
                ended(&ledger, &execution, Phase::Succeeded { output: TaskOutput::default() }, audit(Verdict::Passed, 1)).await;
            }
            _ => {}
        }
    }
    let with = Filter { with_rows_aside: true, ..everything() };
    for size in [1, 2, 100] {
        assert_eq!(all_runs(&ledger, &with, size).await, expected, "pages of {size}");
    }
    let of_stage = Filter { dataset: Some(dataset()), stage: Some("other".into()), ..with.clone() };
    assert_eq!(all_runs(&ledger, &of_stage, 100).await, expected.get(1..2).expect("one of three"));
    for (state, count) in [("succeeded", 3), ("running", 0), ("failed", 0), ("ready", 0)] {
        let in_state = Filter { state: Some(state.into()), ..with.clone() };
        assert_eq!(all_runs(&ledger, &in_state, 100).await.len(), count, "{state}");
    }
}
