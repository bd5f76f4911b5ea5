//! What is suggested, and whether it held.

use serde::Serialize;

use super::Heuristic;
use crate::evaluate::Outcome;

/// What is suggested for a dataset.
#[derive(Clone, Debug, Serialize)]
pub struct Suggestions {
    /// The rows that speak for the suggestions.
    pub rows: u64,
    /// The rows that were held out.
    pub held_out: u64,
    /// What the profile left out, so that nothing is suggested from it; in sentences.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
    /// In the order of the columns, those that failed among them.
    pub suggestions: Vec<Suggestion>,
}

/// A rule that a profile speaks for.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Suggestion {
    /// Which column it is about.
    pub column: String,
    /// What suggests it.
    pub heuristic: Heuristic,
    /// The rule in canonical spelling.
    pub rule: String,
    /// What speaks for it.
    pub why: String,
    /// Whether it holds for the rows it comes from; of a unique column, for all rows.
    pub own_rows: Held,
    /// Whether it holds for the rows held out; nothing if there are none, or it fails before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub held_out: Option<Held>,
}

/// Whether a rule holds.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Held {
    /// Whether.
    pub outcome: Outcome,
    /// Why not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

impl Suggestion {
    /// Whether it held wherever it was asked.
    pub fn holds(&self) -> bool {
        self.failure().is_none()
    }

    /// Where it failed first: `true` for the rows held out.
    pub(super) fn failure(&self) -> Option<(bool, &Held)> {
        let failed = |held: &Held| held.outcome != Outcome::Passed;
        let own = Some((false, &self.own_rows)).filter(|(_, held)| failed(held));
        own.or_else(|| self.held_out.as_ref().map(|held| (true, held)).filter(|(_, held)| failed(held)))
    }
}
