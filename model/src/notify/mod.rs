//! Telling others how runs end: which endings whoever asked hears of, and what is said.
//!
//! A stage asks with a `notify` step, a team for all its stages with `teams: { <team>: { notify: […] } }`
//! in `lakegate.yaml`. A destination is told once of an ending, however often it is named. Runs whose
//! object was overwritten before it was read end without a word: the newer version has a run of its own.

pub mod body;
pub(crate) mod decode;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{
    destination::Destination,
    failure::{Failure, FailureCode},
    machine::execution::{ExecutionState, Phase},
};

/// How a run can end, for whoever is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Event {
    /// It succeeded.
    Success,
    /// It did not, for whatever reason. Whoever asks for this hears of the two below, too.
    Failure,
    /// Its data did not pass: the rules of its `quality` step, whatever followed from that, or the
    /// dataset's drift policy.
    QualityFailure,
    /// It used up its attempts, and waits to be redriven.
    DeadLetter,
}

impl Event {
    /// Every event.
    pub const ALL: &'static [Event] = &[Event::Success, Event::Failure, Event::QualityFailure, Event::DeadLetter];

    /// The name in files and messages.
    pub fn as_str(self) -> &'static str {
        match self {
            Event::Success => "success",
            Event::Failure => "failure",
            Event::QualityFailure => "quality_failure",
            Event::DeadLetter => "dead_letter",
        }
    }

    /// What an execution that has come to this state is to others, the narrowest first; nothing if it is
    /// nothing to them. One that succeeded though its data broke rules is both a success and a failure of
    /// quality.
    pub fn of(state: &ExecutionState) -> &'static [Event] {
        match &state.phase {
            Phase::Succeeded { .. } if state.audit.as_ref().is_some_and(|audit| audit.is_failing()) => {
                &[Event::QualityFailure, Event::Success]
            }
            Phase::Succeeded { .. } => &[Event::Success],
            Phase::Failed { failure } | Phase::Quarantined { failure } if is_of_quality(failure) => &[Event::QualityFailure],
            Phase::Failed { .. } => &[Event::DeadLetter],
            Phase::Quarantined { .. } => &[Event::Failure],
            Phase::Superseded { .. } | Phase::Waiting { .. } | Phase::Ready { .. } | Phase::Running { .. } | Phase::Promoting { .. } => &[],
        }
    }
}

fn is_of_quality(failure: &Failure) -> bool {
    matches!(failure.code, FailureCode::SchemaDrift | FailureCode::QualityFailed)
}

/// Somebody who is to be told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notify {
    /// Of what; never empty.
    pub on: Vec<Event>,
    /// Where.
    pub to: Destination,
}

impl Notify {
    /// What whoever asked so hears of an ending; `None` if nothing. Who asks for failures hears of every
    /// narrower one too, but of nothing that succeeded.
    pub fn hears(&self, ending: &[Event]) -> Option<Event> {
        let any_failure = self.on.contains(&Event::Failure) && !ending.contains(&Event::Success);
        ending.iter().copied().find(|event| any_failure || self.on.contains(event))
    }
}

/// Whom each team has told of all its stages, by team.
pub type TeamNotices = BTreeMap<String, Vec<Notify>>;

/// Who is told of an ending, each once and of the narrowest event that they asked for.
pub fn destinations<'a>(asked: impl IntoIterator<Item = &'a Notify>, ending: &[Event]) -> Vec<(&'a Destination, Event)> {
    let mut told: Vec<(&Destination, Event)> = Vec::new();
    let place = |event: Event| ending.iter().position(|one| *one == event);
    for notify in asked {
        let Some(event) = notify.hears(ending) else { continue };
        match told.iter_mut().find(|(to, _)| **to == notify.to) {
            Some((_, known)) if place(event) < place(*known) => *known = event,
            Some(_) => {}
            None => told.push((&notify.to, event)),
        }
    }
    told
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        audit::{Audit, Metric, Verdict},
        machine::execution::TaskOutput,
        time::Timestamp,
    };

    fn failed(code: FailureCode) -> Failure {
        Failure::new(code, "as the test says")
    }

    fn state(phase: Phase) -> ExecutionState {
        ExecutionState { phase, ..ExecutionState::new(Timestamp(0)) }
    }

    fn audited(phase: Phase, verdict: Verdict) -> ExecutionState {
        let audit = Audit {
            ruleset: "a.dqdl".into(),
            at: Timestamp(0),
            verdict,
            reason: String::new(),
            score: Metric(1.0),
            rows: 0,
            rows_aside: 0,
            rules: vec![],
            analyzers: vec![],
            statistics: [].into(),
            statistics_left_out: 0,
        };
        ExecutionState { audit: Some(Box::new(audit)), ..state(phase) }
    }

    #[test]
    fn an_ending_is_what_fits_the_narrowest_first() {
        let succeeded = || Phase::Succeeded { output: TaskOutput::default() };
        for (state, events) in [
            (state(succeeded()), vec![Event::Success]),
            (audited(succeeded(), Verdict::Passed), vec![Event::Success]),
            (audited(succeeded(), Verdict::Warned), vec![Event::QualityFailure, Event::Success]),
            (audited(succeeded(), Verdict::Split), vec![Event::QualityFailure, Event::Success]),
            (state(Phase::Failed { failure: failed(FailureCode::QualityFailed) }), vec![Event::QualityFailure]),
            (state(Phase::Failed { failure: failed(FailureCode::TransformFailed) }), vec![Event::DeadLetter]),
            (state(Phase::Failed { failure: failed(FailureCode::SchemaDrift) }), vec![Event::QualityFailure]),
            (state(Phase::Quarantined { failure: failed(FailureCode::SchemaDrift) }), vec![Event::QualityFailure]),
            (state(Phase::Quarantined { failure: failed(FailureCode::UnreadableData) }), vec![Event::Failure]),
            (state(Phase::Superseded { failure: failed(FailureCode::ObjectChanged) }), vec![]),
            (state(Phase::Ready { not_before: Timestamp(0) }), vec![]),
        ] {
            assert_eq!(Event::of(&state), events, "{state:?}");
        }
    }

    #[test]
    fn whoever_asks_for_failures_hears_of_all_and_each_is_told_once() {
        let notify = |on: &[Event], to: &str| Notify { on: on.to_vec(), to: to.parse().unwrap() };
        let asked = [
            notify(&[Event::Failure], "sns://alerts"),
            notify(&[Event::DeadLetter, Event::Success], "https://example.org/hook"),
            notify(&[Event::DeadLetter], "sns://alerts"),
            notify(&[Event::QualityFailure], "eventbridge://quality"),
        ];
        let told = |ending: &[Event]| {
            destinations(&asked, ending).into_iter().map(|(to, event)| format!("{to} {}", event.as_str())).collect::<Vec<_>>()
        };
        assert_eq!(told(&[Event::Success]), ["https://example.org/hook success"]);
        assert_eq!(told(&[Event::Failure]), ["sns://alerts failure"]);
        assert_eq!(told(&[Event::DeadLetter]), ["sns://alerts dead_letter", "https://example.org/hook dead_letter"]);
        assert_eq!(told(&[Event::QualityFailure]), ["sns://alerts quality_failure", "eventbridge://quality quality_failure"]);
        let warned = told(&[Event::QualityFailure, Event::Success]);
        assert_eq!(warned, ["https://example.org/hook success", "eventbridge://quality quality_failure"], "it is no failure of the run");
        let both = [notify(&[Event::Success], "sns://all"), notify(&[Event::QualityFailure], "sns://all")];
        let told = destinations(&both, &[Event::QualityFailure, Event::Success]);
        assert_eq!(told.into_iter().map(|(_, event)| event).collect::<Vec<_>>(), [Event::QualityFailure]);
    }

    #[test]
    fn names_are_stored_as_they_are_written() {
        for event in Event::ALL {
            assert_eq!(serde_json::to_value(event).unwrap(), event.as_str());
        }
    }
}
