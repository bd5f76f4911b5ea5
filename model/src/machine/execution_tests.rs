use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::audit::{AnalyzerResult, Audit, Metric, Outcome, RuleResult, Verdict};

const RULES: Rules = Rules { retry: RetryPolicy { attempts: 3, backoff: Duration::from_secs(1) }, staged: true, audited: false };

fn failure(code: FailureCode) -> Failure {
    Failure::new(code, "because")
}

fn audit(verdict: Verdict) -> Audit {
    Audit {
        ruleset: "quality/flights.dqdl".into(),
        at: Timestamp(0),
        verdict,
        reason: "1 of 1 rules does not hold: RowCount > 1".into(),
        score: Metric(0.5),
        rows: 1,
        rows_aside: 0,
        rules: vec![],
        analyzers: vec![],
        statistics: [].into(),
        statistics_left_out: 0,
    }
}

fn audited(verdict: Verdict) -> TaskOutput {
    TaskOutput { audit: Some(Box::new(audit(verdict))), ..TaskOutput::default() }
}

fn any_fact() -> impl Strategy<Value = Fact> {
    let attempt = 0_u32..5;
    let pinned = PinnedTable { table: TableId::new("nyc", "airlines"), version: 1 };
    let found: BTreeMap<String, PinnedTable> = [("airlines".to_owned(), pinned)].into();
    prop_oneof![
        Just(Fact::ReferencesMissing(vec![TableId::new("nyc", "airlines")])),
        Just(Fact::ReferencesFound(found)),
        Just(Fact::Started { worker: WorkerId::from_text("w1"), audits_on: None }),
        attempt.clone().prop_map(|attempt| Fact::Finished { attempt, output: TaskOutput::default() }),
        (attempt.clone(), prop::sample::select(Verdict::ALL))
            .prop_map(|(attempt, verdict)| Fact::Finished { attempt, output: audited(verdict) }),
        (attempt.clone(), 0..FailureCode::ALL.len()).prop_map(|(attempt, code)| {
            let code = FailureCode::ALL.get(code).copied().unwrap_or(FailureCode::Internal);
            Fact::Failed { attempt, failure: failure(code) }
        }),
        attempt.clone().prop_map(|attempt| Fact::Rejected { attempt, failure: failure(FailureCode::SchemaDrift) }),
        attempt.clone().prop_map(|attempt| Fact::Lost { attempt, why: failure(FailureCode::WorkerLost) }),
        attempt.clone().prop_map(|attempt| Fact::HandedBack { attempt }),
        attempt.clone().prop_map(|attempt| Fact::Overtaken { attempt, why: failure(FailureCode::Overtaken) }),
        attempt.prop_map(|attempt| Fact::Promoted { attempt, output: TaskOutput::default() }),
    ]
}

fn attempt_of(fact: &Fact) -> Option<u32> {
    match fact {
        Fact::Finished { attempt, .. }
        | Fact::Failed { attempt, .. }
        | Fact::Rejected { attempt, .. }
        | Fact::Lost { attempt, .. }
        | Fact::HandedBack { attempt }
        | Fact::Overtaken { attempt, .. }
        | Fact::Promoted { attempt, .. } => Some(*attempt),
        Fact::ReferencesMissing(_) | Fact::ReferencesFound(_) | Fact::Started { .. } => None,
    }
}

/// The fact that should move an execution on from where it is, as the coordinator would post it.
fn way_out(state: &ExecutionState) -> Option<Fact> {
    let attempt = state.attempt;
    match &state.phase {
        Phase::Waiting { .. } => Some(Fact::ReferencesFound(BTreeMap::new())),
        Phase::Ready { .. } => Some(Fact::Started { worker: WorkerId::from_text("w2"), audits_on: None }),
        Phase::Running { .. } => Some(Fact::Finished { attempt, output: audited(Verdict::Passed) }),
        Phase::Promoting { .. } => Some(Fact::Promoted { attempt, output: TaskOutput::default() }),
        Phase::Succeeded { .. } | Phase::Failed { .. } | Phase::Quarantined { .. } | Phase::Superseded { .. } => None,
    }
}

proptest! {
    #[test]
    fn any_history_keeps_the_rules(facts in proptest::collection::vec(any_fact(), 0..40), staged in any::<bool>(), audited in any::<bool>()) {
        let rules = Rules { staged: staged || audited, audited, ..RULES };
        let mut state = ExecutionState::new(Timestamp(0));
        for (step, fact) in facts.into_iter().enumerate() {
            let now = Timestamp(i64::try_from(step).unwrap_or(0) * 10_000_000);
            let stale = attempt_of(&fact).is_some_and(|attempt| attempt != state.attempt);
            let decision = decide(&state, fact, rules, now);
            if state.phase.is_terminal() {
                prop_assert!(decision.is_none(), "a terminal state absorbs");
            }
            if stale {
                prop_assert!(decision.is_none(), "a stale attempt changes nothing");
            }
            if let Some((next, actions)) = decision {
                prop_assert!(next.attempt >= state.attempt, "attempts only grow");
                let promotes = actions.iter().any(|action| matches!(action, Action::Promote | Action::PromoteAt(_)));
                prop_assert!(!promotes || rules.staged, "only what is staged is promoted");
                let is_let_in = matches!(next.phase, Phase::Promoting { .. } | Phase::Succeeded { .. });
                let verdict = next.audit.as_ref().map(|audit| audit.verdict);
                prop_assert!(!is_let_in || verdict != Some(Verdict::Blocked), "what the audit blocks is never let in");
                prop_assert!(!is_let_in || !rules.audited || verdict.is_some(), "nothing unaudited is let in");
                let hands_on = actions.contains(&Action::HandOn);
                prop_assert_eq!(hands_on, matches!(next.phase, Phase::Succeeded { .. }), "success alone hands on");
                prop_assert!(next.losses <= MAX_LOSSES && next.failures <= MAX_OUTAGE_FAILURES.max(state.failures + 1));
                state = next;
            }
        }
        // Never stuck: from wherever it is, the facts the coordinator posts next end it.
        for later in 0..10 {
            let now = Timestamp(1_000_000_000_000 + later);
            let Some(fact) = way_out(&state) else { break };
            let decided = decide(&state, fact, rules, now);
            prop_assert!(decided.is_some(), "stuck in {:?}", state.phase);
            if let Some((next, _)) = decided {
                state = next;
            }
        }
        prop_assert!(state.phase.is_terminal());
    }
}

fn run(facts: Vec<Fact>) -> ExecutionState {
    let mut state = ExecutionState::new(Timestamp(0));
    for (step, fact) in facts.into_iter().enumerate() {
        let now = Timestamp(i64::try_from(step).unwrap_or(0) * 10_000_000);
        if let Some((next, _)) = decide(&state, fact, RULES, now) {
            state = next;
        }
    }
    state
}

fn started() -> Fact {
    Fact::Started { worker: WorkerId::from_text("w1"), audits_on: None }
}

#[test]
fn what_may_pass_is_tried_three_times_and_what_cannot_once() {
    let late = |attempt| Fact::Failed { attempt, failure: failure(FailureCode::Timeout) };
    let state = run(vec![started(), late(1), started(), late(2), started(), late(3)]);
    assert!(matches!(state.phase, Phase::Failed { .. }), "{state:?}");
    assert_eq!(state.attempt, 3);

    let state = run(vec![started(), Fact::Failed { attempt: 1, failure: failure(FailureCode::UnreadableData) }]);
    assert!(matches!(state.phase, Phase::Failed { .. }), "{state:?}");
}

#[test]
fn what_was_overtaken_is_audited_anew_and_has_not_failed() {
    let rules = Rules { audited: true, retry: RetryPolicy { attempts: 1, ..RULES.retry }, ..RULES };
    let decide = |state: &ExecutionState, fact| decide(state, fact, rules, Timestamp(5)).unwrap();
    let overtaken = |attempt| Fact::Overtaken { attempt, why: failure(FailureCode::Overtaken) };
    let mut state = ExecutionState::new(Timestamp(0));
    for attempt in 1..=30 {
        let version = Some(u64::from(attempt));
        let (running, _) = decide(&state, Fact::Started { worker: WorkerId::from_text("w1"), audits_on: version });
        let (promoting, _) = decide(&running, Fact::Finished { attempt, output: audited(Verdict::Passed) });
        assert_eq!(promoting.audits_on, version, "whoever takes the promotion up knows what it was audited with");
        assert_eq!(super::decide(&promoting, overtaken(attempt - 1), rules, Timestamp(5)), None, "it is of another attempt");
        let (again, actions) = decide(&promoting, overtaken(attempt));
        assert_eq!(again.phase, Phase::Ready { not_before: Timestamp(5) });
        assert_eq!(actions, [Action::Schedule(Timestamp(5))], "the next attempt may be writing to staging");
        assert_eq!((again.failures, again.losses, &again.audit), (0, 0, &None));
        state = again;
    }
    let (running, _) = decide(&state, Fact::Started { worker: WorkerId::from_text("w1"), audits_on: Some(9) });
    let (blocked, _) = decide(&running, Fact::Finished { attempt: 31, output: audited(Verdict::Blocked) });
    assert!(matches!(blocked.phase, Phase::Failed { .. }), "{blocked:?}");
}

#[test]
fn an_outage_is_waited_for_and_ends_all_the_same() {
    let io = |attempt| [started(), Fact::Failed { attempt, failure: failure(FailureCode::LakeIo) }];
    let state = run((1..MAX_OUTAGE_FAILURES).flat_map(io).collect());
    let Phase::Ready { not_before } = state.phase else { panic!("{state:?}") };
    assert!(not_before > Timestamp(0));
    let state = run((1..=MAX_OUTAGE_FAILURES).flat_map(io).collect());
    assert!(matches!(state.phase, Phase::Failed { .. }) && !state.has_aside(), "{state:?}");
    // What an audit could not read for good waits in quarantine, and what is damaged does so at once.
    let unaudited = |attempt| [started(), Fact::Failed { attempt, failure: failure(FailureCode::Unaudited) }];
    let state = run((1..MAX_OUTAGE_FAILURES).flat_map(unaudited).collect());
    assert!(matches!(state.phase, Phase::Ready { .. }) && !state.has_aside(), "{state:?}");
    let state = run((1..=MAX_OUTAGE_FAILURES).flat_map(unaudited).collect());
    assert!(matches!(state.phase, Phase::Failed { .. }) && state.has_aside(), "{state:?}");
    let state = run(vec![started(), Fact::Failed { attempt: 1, failure: failure(FailureCode::DamagedData) }]);
    assert!(matches!(state.phase, Phase::Failed { .. }) && state.has_aside(), "{state:?}");
    let once = Rules { retry: RetryPolicy { attempts: 1, ..RULES.retry }, ..RULES };
    let running = run(vec![started()]);
    let [_, failed] = io(1);
    let (state, _) = decide(&running, failed, once, Timestamp(0)).unwrap();
    assert!(matches!(state.phase, Phase::Failed { .. }), "who asks for one attempt has one: {state:?}");
}

#[test]
fn a_zombie_changes_nothing() {
    let lost = Fact::Lost { attempt: 1, why: failure(FailureCode::WorkerLost) };
    let zombie = Fact::Finished { attempt: 1, output: TaskOutput { rows_out: 666, ..TaskOutput::default() } };
    let state = run(vec![started(), lost, started(), zombie]);
    assert!(matches!(state.phase, Phase::Running { .. }), "{state:?}");
    assert_eq!(state.attempt, 2);
}

#[test]
fn an_execution_that_kills_its_workers_ends() {
    let facts = (1..=MAX_LOSSES).flat_map(|attempt| [started(), Fact::Lost { attempt, why: failure(FailureCode::WorkerLost) }]);
    let state = run(facts.collect());
    assert!(matches!(state.phase, Phase::Failed { .. }), "{state:?}");
}

#[test]
fn handing_back_costs_nothing() {
    let facts = (1..=50).flat_map(|attempt| [started(), Fact::HandedBack { attempt }]);
    let state = run(facts.collect());
    assert_eq!((state.attempt, state.failures, state.losses), (50, 0, 0));
    assert!(matches!(state.phase, Phase::Ready { .. }));
}

#[test]
fn an_interrupted_promotion_is_taken_up_not_begun_again() {
    let finished = Fact::Finished { attempt: 1, output: TaskOutput::default() };
    let state = run(vec![started(), finished]);
    let lost = Fact::Lost { attempt: 1, why: failure(FailureCode::WorkerLost) };
    let Some((next, actions)) = decide(&state, lost, RULES, Timestamp(0)) else { unreachable!("stuck") };
    assert_eq!(next, state);
    assert_eq!(actions, vec![Action::Promote]);
}

#[test]
fn what_was_audited_is_promoted_again_and_not_audited_again() {
    let rules = Rules { audited: true, ..RULES };
    let finished = Fact::Finished { attempt: 1, output: audited(Verdict::Passed) };
    let (promoting, _) = decide(&run(vec![started()]), finished, rules, Timestamp(0)).unwrap();
    let failed = |code| Fact::Failed { attempt: 1, failure: failure(code) };
    let (mut state, mut at) = (promoting.clone(), Timestamp(0));
    for failures in 1..MAX_OUTAGE_FAILURES {
        let (next, actions) = decide(&state, failed(FailureCode::Catalog), rules, at).unwrap();
        let [Action::PromoteAt(later)] = actions[..] else { panic!("{actions:?}") };
        assert!(later > at, "after a while");
        assert_eq!((&next.phase, &next.audit, next.attempt, next.failures), (&promoting.phase, &promoting.audit, 1, failures));
        assert_eq!(next.last_failure, Some(failure(FailureCode::Catalog)));
        (state, at) = (next, later);
    }
    let (ended, actions) = decide(&state, failed(FailureCode::Catalog), rules, at).unwrap();
    assert!(matches!(ended.phase, Phase::Failed { .. }) && actions.contains(&Action::DiscardStaging), "it ends all the same: {ended:?}");
    let promoted = Fact::Promoted { attempt: 1, output: TaskOutput::default() };
    assert!(matches!(decide(&state, promoted, rules, at).unwrap().0.phase, Phase::Succeeded { .. }));
    let (ended, _) = decide(&promoting, failed(FailureCode::PermissionDenied), rules, at).unwrap();
    let never = FailureCode::PermissionDenied.retry() == Retry::Never;
    assert_eq!(matches!(ended.phase, Phase::Failed { .. }), never);

    // What nobody audited is made anew.
    let (promoting, _) = decide(&run(vec![started()]), Fact::Finished { attempt: 1, output: TaskOutput::default() }, RULES, at).unwrap();
    let (state, _) = decide(&promoting, failed(FailureCode::Catalog), RULES, at).unwrap();
    assert!(matches!(state.phase, Phase::Ready { .. }), "{state:?}");
}

#[test]
fn a_blocked_audit_is_final_and_kept() {
    let rules = Rules { audited: true, ..RULES };
    let running = run(vec![started()]);
    let (state, actions) = decide(&running, Fact::Finished { attempt: 1, output: audited(Verdict::Blocked) }, rules, Timestamp(0)).unwrap();
    let Phase::Failed { failure } = &state.phase else { panic!("{state:?}") };
    assert_eq!(failure.code, FailureCode::QualityFailed);
    assert_eq!(state.audit.as_ref().map(|audit| audit.verdict), Some(Verdict::Blocked));
    assert_eq!(actions, [Action::DiscardStaging, Action::Report(failure.clone())]);

    for verdict in [Verdict::Passed, Verdict::Warned, Verdict::Split] {
        let (state, actions) = decide(&running, Fact::Finished { attempt: 1, output: audited(verdict) }, rules, Timestamp(0)).unwrap();
        let Phase::Promoting { output } = &state.phase else { panic!("{state:?}") };
        assert!(output.audit.is_none() && state.audit.is_some(), "it is kept once");
        assert_eq!(actions, [Action::Promote]);
    }
}

#[test]
fn a_rule_of_many_values_is_not_kept_whole() {
    let values: Vec<String> = (0..10_000).map(|value| format!("\"value {value}\"")).collect();
    let long = format!("ColumnValues \"id\" in [{}]", values.join(", "));
    let mut output = audited(Verdict::Blocked);
    let kept = output.audit.as_mut().unwrap();
    kept.rules.push(RuleResult {
        rule: long.clone(),
        outcome: Outcome::Failed,
        reason: long.clone(),
        metrics: [].into(),
        labels: [].into(),
        warns: false,
        by_row: true,
    });
    kept.analyzers.push(AnalyzerResult { analyzer: long.clone(), metrics: [].into(), reason: String::new() });
    kept.reason = format!("{}; and no single row breaks {long}", crate::audit::reason(&kept.rules));
    let rules = Rules { audited: true, ..RULES };
    let (state, _) = decide(&run(vec![started()]), Fact::Finished { attempt: 1, output }, rules, Timestamp(0)).unwrap();
    let Phase::Failed { failure } = &state.phase else { panic!("{state:?}") };
    assert!(failure.message.len() < 5_000 && failure.message.contains("ColumnValues \"id\" in"), "{}", failure.message.len());
    let told = crate::notify::body::QualityNote::from(state.audit.as_deref().unwrap());
    assert!(serde_json::to_string(&told).unwrap().len() < 6_000);
    assert!(serde_json::to_string(&state).unwrap().len() < 25_000);
}

#[test]
fn a_worker_that_does_not_audit_is_not_believed() {
    let rules = Rules { audited: true, ..RULES };
    let unaudited = Fact::Finished { attempt: 1, output: TaskOutput::default() };
    let (state, _) = decide(&run(vec![started()]), unaudited, rules, Timestamp(0)).unwrap();
    assert!(matches!(state.phase, Phase::Ready { .. }), "{state:?}");
    assert_eq!(state.last_failure.map(|failure| failure.code), Some(FailureCode::Internal));
}

#[test]
fn a_state_without_an_audit_reads_as_it_was_written_before_there_were_any() {
    let state = ExecutionState::new(Timestamp(7));
    let text = serde_json::to_string(&state).unwrap();
    assert!(!text.contains("audit"), "{text}");
    assert_eq!(serde_json::from_str::<ExecutionState>(&text).unwrap(), state);
    let with = ExecutionState { audit: Some(Box::new(audit(Verdict::Warned))), ..state };
    assert_eq!(serde_json::from_str::<ExecutionState>(&serde_json::to_string(&with).unwrap()).unwrap(), with);
}
