//! The life of an object as the input of one stage.

use serde::{Deserialize, Serialize};

/// Where an object is in its stage.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ObjectState {
    /// It has an execution of its own that is not over.
    Executing,
    /// It is a member of the stage's open batch.
    Collecting,
    /// It is a member of a sealed batch whose execution is not over.
    Batched,
    /// The stage has processed it.
    Processed,
    /// Its execution is a dead letter or was cancelled.
    Failed,
    /// It was set aside with a reason.
    Quarantined,
    /// A newer version of the same key took its place before it was processed.
    Superseded,
}

impl ObjectState {
    /// Every state.
    pub const ALL: &'static [ObjectState] = &[
        ObjectState::Executing,
        ObjectState::Collecting,
        ObjectState::Batched,
        ObjectState::Processed,
        ObjectState::Failed,
        ObjectState::Quarantined,
        ObjectState::Superseded,
    ];

    /// The name as stored, sent and shown.
    pub fn as_str(self) -> &'static str {
        match self {
            ObjectState::Executing => "executing",
            ObjectState::Collecting => "collecting",
            ObjectState::Batched => "batched",
            ObjectState::Processed => "processed",
            ObjectState::Failed => "failed",
            ObjectState::Quarantined => "quarantined",
            ObjectState::Superseded => "superseded",
        }
    }

    /// The state of that name.
    pub fn from_text(text: &str) -> Option<ObjectState> {
        ObjectState::ALL.iter().copied().find(|state| state.as_str() == text)
    }

    /// Whether nothing more happens to it in this stage.
    pub fn is_terminal(self) -> bool {
        !matches!(self, ObjectState::Executing | ObjectState::Collecting | ObjectState::Batched)
    }
}

/// What can happen to an object in a stage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ObjectFact {
    /// The open batch it is in was sealed with it.
    Sealed,
    /// A newer version of its key took its place: in the open batch, or on the disk before it was read.
    Superseded,
    /// The execution it is in succeeded with it.
    Succeeded,
    /// The execution it is in is a dead letter or was cancelled.
    Failed,
    /// It was set aside: by the drift policy, or because a batch could not read it.
    Rejected,
}

/// The state after the fact; `None` if the fact changes nothing.
pub fn decide(state: ObjectState, fact: ObjectFact) -> Option<ObjectState> {
    use ObjectState::{Batched, Collecting, Executing};
    match (state, fact) {
        (Collecting, ObjectFact::Sealed) => Some(Batched),
        (Collecting | Executing | Batched, ObjectFact::Superseded) => Some(ObjectState::Superseded),
        (Executing | Batched, ObjectFact::Succeeded) => Some(ObjectState::Processed),
        (Executing | Batched, ObjectFact::Failed) => Some(ObjectState::Failed),
        (Executing | Batched, ObjectFact::Rejected) => Some(ObjectState::Quarantined),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FACTS: [ObjectFact; 5] =
        [ObjectFact::Sealed, ObjectFact::Superseded, ObjectFact::Succeeded, ObjectFact::Failed, ObjectFact::Rejected];

    #[test]
    fn terminal_states_absorb_and_others_have_a_way_out() {
        for state in ObjectState::ALL {
            let exits = FACTS.iter().filter(|fact| decide(*state, **fact).is_some()).count();
            assert_eq!(exits == 0, state.is_terminal(), "{state:?}");
        }
    }

    #[test]
    fn a_member_of_a_sealed_batch_never_joins_another() {
        for fact in FACTS {
            assert_ne!(decide(ObjectState::Batched, fact), Some(ObjectState::Collecting));
        }
    }
}
