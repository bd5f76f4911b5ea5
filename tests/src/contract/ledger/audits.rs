//! Audits: kept with their executions, and what they set aside can be listed.

use lakegate_coordinator::ports::{
    Ledger,
    ledger::{Execution, Filter},
};
use lakegate_model::{
    ExecutionId, Failure, FailureCode, Location, ObjectId, Timestamp,
    audit::{Audit, Metric, Outcome, RuleResult, Verdict},
    machine::execution::{ExecutionState, Phase, Rejected, TaskOutput},
    table::OutputFile,
};

use super::{LedgerPlace, all_runs, arrival, dataset, everything, member, running, started, step};

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

/// The executions of which something lies in quarantine are a list of their own: rows, their object, members.
pub async fn executions_that_set_something_aside_are_listed(place: impl LedgerPlace) {
    let ledger = place.open().await;
    let failed = |code| Phase::Failed { failure: Failure::new(code, "no") };
    let rejecting = |code| {
        let rejected = Rejected { object: ObjectId::of("raw", "m.csv", "1"), failure: Failure::new(code, "no") };
        Phase::Succeeded { output: TaskOutput { rejected: vec![rejected], ..TaskOutput::default() } }
    };
    let mut expected: Vec<ExecutionId> = Vec::new();
    for (number, (phase, is_aside)) in [
        (Phase::Succeeded { output: TaskOutput { aside: Some(aside(1)), ..TaskOutput::default() } }, true),
        (Phase::Succeeded { output: TaskOutput::default() }, false),
        (Phase::Quarantined { failure: Failure::new(FailureCode::SchemaDrift, "no") }, true),
        (failed(FailureCode::QualityFailed), true),
        (failed(FailureCode::TransformFailed), false),
        (rejecting(FailureCode::UnreadableData), true),
        (rejecting(FailureCode::ObjectChanged), false),
        (Phase::Superseded { failure: Failure::new(FailureCode::ObjectChanged, "no") }, false),
        (failed(FailureCode::Unaudited), true),
        (failed(FailureCode::LakeIo), false),
        (failed(FailureCode::DamagedData), true),
    ]
    .into_iter()
    .enumerate()
    {
        let stage = if number % 2 == 0 { "clean" } else { "other" };
        let execution = started(&ledger, arrival(stage, &format!("{number}.csv"), "1", 0)).await;
        ended(&ledger, &execution, phase, audit(Verdict::Split, 1)).await;
        if is_aside {
            expected.insert(0, execution.id);
        }
    }
    started(&ledger, arrival("clean", "waits.csv", "1", 0)).await;
    drop(ledger);
    let ledger = place.open().await;
    let with = Filter { with_aside: true, ..everything() };
    for size in [1, 2, 4, 100] {
        assert_eq!(all_runs(&ledger, &with, size).await, expected, "pages of {size}");
    }
    let of_stage = Filter { dataset: Some(dataset()), stage: Some("other".into()), ..with.clone() };
    assert_eq!(all_runs(&ledger, &of_stage, 1).await, expected.get(2..4).expect("two of six"));
    for (state, count) in [("succeeded", 2), ("running", 0), ("failed", 3), ("quarantined", 1), ("ready", 0)] {
        let in_state = Filter { state: Some(state.into()), ..with.clone() };
        assert_eq!(all_runs(&ledger, &in_state, 100).await.len(), count, "{state}");
    }
    let first = ledger.runs(&with, &super::page(1)).await.expect("listed").items.pop().expect("one");
    assert_eq!(Some(first), ledger.execution(&expected[0]).await.expect("read"), "as it is");
}

/// The executions that are over and were audited are a list of their own, whatever waits.
pub async fn executions_that_were_audited_are_listed(place: impl LedgerPlace) {
    let ledger = place.open().await;
    let failed = || Phase::Failed { failure: Failure::new(FailureCode::QualityFailed, "it says \"audit\":{ and is none") };
    let mut expected: Vec<(ExecutionId, &str)> = Vec::new();
    for number in 0..9 {
        let stage = if number % 2 == 0 { "clean" } else { "other" };
        let execution = started(&ledger, arrival(stage, &format!("{number}.csv"), "1", 0)).await;
        let phase = if number % 3 == 0 { failed() } else { Phase::Succeeded { output: TaskOutput::default() } };
        expected.insert(0, (execution.id.clone(), phase.as_str()));
        ended(&ledger, &execution, phase, audit(Verdict::Passed, 1)).await;
        let plain = started(&ledger, arrival(stage, &format!("{number}.plain"), "1", 0)).await;
        ledger.advance(vec![step(&plain, running(), 1)]).await.expect("advanced");
        let over = step(&plain, if number == 4 { running() } else { failed() }, 2);
        ledger.advance(vec![lakegate_coordinator::ports::ledger::Move { from: over.from + 1, ..over }]).await.expect("advanced");
    }
    started(&ledger, arrival("clean", "waits.csv", "1", 0)).await;
    let promoting = started(&ledger, arrival("clean", "promoting.csv", "1", 0)).await;
    let mut half = step(&promoting, Phase::Promoting { output: TaskOutput::default() }, 1);
    half.to.audit = Some(Box::new(audit(Verdict::Passed, 1)));
    ledger.advance(vec![half]).await.expect("advanced");
    let listed = |stage: Option<&str>, state: Option<&str>| Filter {
        dataset: Some(dataset()),
        stage: stage.map(str::to_owned),
        state: state.map(str::to_owned),
        with_audit: true,
        ..everything()
    };
    let mut ledger = ledger;
    for _ in 0..2 {
        for size in [1, 2, 4, 100] {
            let all: Vec<ExecutionId> = expected.iter().map(|(id, _)| id.clone()).collect();
            assert_eq!(all_runs(&ledger, &listed(None, None), size).await, all, "pages of {size}");
            let succeeded: Vec<ExecutionId> =
                expected.iter().filter(|(_, state)| *state == "succeeded").map(|(id, _)| id.clone()).collect();
            assert_eq!(all_runs(&ledger, &listed(None, Some("succeeded")), size).await, succeeded, "pages of {size}");
        }
        assert_eq!(all_runs(&ledger, &listed(Some("other"), None), 2).await.len(), 4);
        for state in ["promoting", "ready", "quarantined"] {
            assert_eq!(all_runs(&ledger, &listed(None, Some(state)), 2).await, [], "{state}");
        }
        drop(ledger);
        ledger = place.open().await;
    }
}

/// Of many objects those that were admitted, however they fared.
pub async fn the_ledger_knows_which_objects_it_knows(place: impl LedgerPlace) {
    let ledger = place.open().await;
    let mut admitted = Vec::new();
    for number in 0..150 {
        admitted.push(arrival("clean", &format!("{number}.csv"), "1", 0));
    }
    admitted.push(member("monthly", "m.csv", "1", 1));
    let known: Vec<ObjectId> = admitted.iter().map(|arrival| arrival.object.id()).collect();
    ledger.admit(admitted).await.expect("admitted");
    let asked: Vec<ObjectId> = known.iter().cloned().chain([ObjectId::of("raw", "other.csv", "1"), ObjectId::from_text("ob-x")]).collect();
    assert_eq!(ledger.known(&asked).await.expect("read"), known.into_iter().collect());
    assert!(ledger.known(&[]).await.expect("read").is_empty());
}
