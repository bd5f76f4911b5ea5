use std::time::Duration;

use proptest::prelude::*;

use super::*;

const RULES: Rules = Rules { retry: RetryPolicy { attempts: 3, backoff: Duration::from_secs(1) }, staged: true };

fn failure(code: FailureCode) -> Failure {
    Failure::new(code, "because")
}

fn any_fact() -> impl Strategy<Value = Fact> {
    let attempt = 0_u32..5;
    let pinned = PinnedTable { table: TableId::new("nyc", "airlines"), version: 1 };
    let found: BTreeMap<String, PinnedTable> = [("airlines".to_owned(), pinned)].into();
    prop_oneof![
        Just(Fact::ReferencesMissing(vec![TableId::new("nyc", "airlines")])),
        Just(Fact::ReferencesFound(found)),
        Just(Fact::Started { worker: WorkerId::from_text("w1") }),
        attempt.clone().prop_map(|attempt| Fact::Finished { attempt, output: TaskOutput::default() }),
        (attempt.clone(), 0..FailureCode::ALL.len()).prop_map(|(attempt, code)| {
            let code = FailureCode::ALL.get(code).copied().unwrap_or(FailureCode::Internal);
            Fact::Failed { attempt, failure: failure(code) }
        }),
        attempt.clone().prop_map(|attempt| Fact::Rejected { attempt, failure: failure(FailureCode::SchemaDrift) }),
        attempt.clone().prop_map(|attempt| Fact::Lost { attempt, why: failure(FailureCode::WorkerLost) }),
        attempt.clone().prop_map(|attempt| Fact::HandedBack { attempt }),
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
        | Fact::Promoted { attempt, .. } => Some(*attempt),
        Fact::ReferencesMissing(_) | Fact::ReferencesFound(_) | Fact::Started { .. } => None,
    }
}

/// The fact that should move an execution on from where it is, as the coordinator would post it.
fn way_out(state: &ExecutionState) -> Option<Fact> {
    let attempt = state.attempt;
    match &state.phase {
        Phase::Waiting { .. } => Some(Fact::ReferencesFound(BTreeMap::new())),
        Phase::Ready { .. } => Some(Fact::Started { worker: WorkerId::from_text("w2") }),
        Phase::Running { .. } => Some(Fact::Finished { attempt, output: TaskOutput::default() }),
        Phase::Promoting { .. } => Some(Fact::Promoted { attempt, output: TaskOutput::default() }),
        Phase::Succeeded { .. } | Phase::Failed { .. } | Phase::Quarantined { .. } | Phase::Superseded { .. } => None,
    }
}

proptest! {
    #[test]
    fn any_history_keeps_the_rules(facts in proptest::collection::vec(any_fact(), 0..40), staged in any::<bool>()) {
        let rules = Rules { staged, ..RULES };
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
                let promotes = actions.contains(&Action::Promote);
                prop_assert!(!promotes || rules.staged, "only what is staged is promoted");
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
    Fact::Started { worker: WorkerId::from_text("w1") }
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
fn an_outage_is_waited_for_and_ends_all_the_same() {
    let io = |attempt| [started(), Fact::Failed { attempt, failure: failure(FailureCode::LakeIo) }];
    let state = run((1..MAX_OUTAGE_FAILURES).flat_map(io).collect());
    let Phase::Ready { not_before } = state.phase else { panic!("{state:?}") };
    assert!(not_before > Timestamp(0));
    let state = run((1..=MAX_OUTAGE_FAILURES).flat_map(io).collect());
    assert!(matches!(state.phase, Phase::Failed { .. }), "{state:?}");
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
