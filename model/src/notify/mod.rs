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
    machine::execution::Phase,
};

/// How a run can end, for whoever is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Event {
    /// It succeeded.
    Success,
    /// It did not, for whatever reason. Whoever asks for this hears of the two below, too.
    Failure,
    /// Its data did not pass: today the dataset's drift policy.
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

    /// What an execution that has come to this phase is to others; `None` if it is nothing to them.
    /// The narrowest event that fits.
    pub fn of(phase: &Phase) -> Option<Event> {
        match phase {
            Phase::Succeeded { .. } => Some(Event::Success),
            Phase::Failed { failure } | Phase::Quarantined { failure } if is_of_quality(failure) => Some(Event::QualityFailure),
            Phase::Failed { .. } => Some(Event::DeadLetter),
            Phase::Quarantined { .. } => Some(Event::Failure),
            Phase::Superseded { .. } | Phase::Waiting { .. } | Phase::Ready { .. } | Phase::Running { .. } | Phase::Promoting { .. } => {
                None
            }
        }
    }
}

fn is_of_quality(failure: &Failure) -> bool {
    failure.code == FailureCode::SchemaDrift
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
    /// Whether this event is one of those asked for.
    pub fn hears_of(&self, event: Event) -> bool {
        self.on.contains(&event) || (event != Event::Success && self.on.contains(&Event::Failure))
    }
}

/// Whom each team has told of all its stages, by team.
pub type TeamNotices = BTreeMap<String, Vec<Notify>>;

/// Who is told of an event, each once.
pub fn destinations<'a>(asked: impl IntoIterator<Item = &'a Notify>, event: Event) -> Vec<&'a Destination> {
    let mut told: Vec<&Destination> = Vec::new();
    for notify in asked {
        if notify.hears_of(event) && !told.contains(&&notify.to) {
            told.push(&notify.to);
        }
    }
    told
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{machine::execution::TaskOutput, time::Timestamp};

    fn failed(code: FailureCode) -> Failure {
        Failure::new(code, "as the test says")
    }

    #[test]
    fn an_ending_is_the_narrowest_event_that_fits() {
        for (phase, event) in [
            (Phase::Succeeded { output: TaskOutput::default() }, Some(Event::Success)),
            (Phase::Failed { failure: failed(FailureCode::TransformFailed) }, Some(Event::DeadLetter)),
            (Phase::Failed { failure: failed(FailureCode::SchemaDrift) }, Some(Event::QualityFailure)),
            (Phase::Quarantined { failure: failed(FailureCode::SchemaDrift) }, Some(Event::QualityFailure)),
            (Phase::Quarantined { failure: failed(FailureCode::UnreadableData) }, Some(Event::Failure)),
            (Phase::Superseded { failure: failed(FailureCode::ObjectChanged) }, None),
            (Phase::Ready { not_before: Timestamp(0) }, None),
        ] {
            assert_eq!(Event::of(&phase), event, "{phase:?}");
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
        let told = |event| destinations(&asked, event).into_iter().map(ToString::to_string).collect::<Vec<_>>();
        assert_eq!(told(Event::Success), ["https://example.org/hook"]);
        assert_eq!(told(Event::Failure), ["sns://alerts"]);
        assert_eq!(told(Event::DeadLetter), ["sns://alerts", "https://example.org/hook"]);
        assert_eq!(told(Event::QualityFailure), ["sns://alerts", "eventbridge://quality"]);
    }

    #[test]
    fn names_are_stored_as_they_are_written() {
        for event in Event::ALL {
            assert_eq!(serde_json::to_value(event).unwrap(), event.as_str());
        }
    }
}
