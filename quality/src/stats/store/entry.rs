//! What is kept of one statistic, and how it is written.

use std::{collections::BTreeMap, fs::File, sync::Arc};

use serde::{Deserialize, Serialize};

use super::{block::Saved, keys::Keys, run::Run};
use crate::stats::{
    FrequencyTable, Quantiles, State,
    pass::{GROUPS, Groups, Key, Value},
};

/// A statistic's state: of one data file, or of many.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    /// What the columns' types were that it was measured with ([`super::types_of`]).
    pub(super) types: u64,
    pub(super) state: Kept,
    /// The keys of `Frequencies`. A key may be in several; its count is the sum.
    pub(super) keys: Vec<Arc<Keys>>,
}

/// Bytes of a group's key, about.
const GROUP: u64 = 100;

/// About how many bytes a state has in memory.
fn weight(state: &State) -> u64 {
    match state {
        State::Quantiles(quantiles) => quantiles.kept() as u64 * 8,
        State::Frequencies(frequencies) => frequencies.table.as_ref().map_or(0, FrequencyTable::bytes),
        State::TopValues(top) => top.distinct() as u64 * GROUP,
        State::Distinct(_) | State::Histogram(_) => 1 << 14,
        _ => 1 << 8,
    }
}

/// The statistics of one data file, by their keys.
pub(super) type Part = BTreeMap<String, Entry>;

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Kept {
    One(State),
    Groups(Vec<(Key, State)>),
}

impl Entry {
    /// Of what was measured. The keys are kept apart, and go to a run when the states are saved.
    pub(super) fn of(types: u64, value: Value) -> Entry {
        let mut keys = Vec::new();
        let state = match value {
            Value::One(State::Frequencies(mut frequencies)) => {
                let table = frequencies.table.take().filter(|table| !table.is_empty());
                keys.extend(table.map(|table| Arc::new(Keys::Table(table))));
                Kept::One(State::Frequencies(frequencies))
            }
            Value::One(state) => Kept::One(state),
            Value::Groups(groups) => {
                let states = groups.shown.into_iter().map(|(_, state)| state);
                Kept::Groups(groups.keys.into_iter().zip(states).collect())
            }
        };
        Entry { types, state, keys }
    }

    /// About how many bytes it has in memory.
    pub(super) fn weight(&self) -> u64 {
        self.state.weight() + self.keys.iter().map(|keys| keys.weight()).sum::<u64>()
    }

    /// The state of values in order, of all rows.
    pub(super) fn quantiles(&self) -> Option<&Quantiles> {
        match &self.state {
            Kept::One(State::Quantiles(quantiles)) => Some(quantiles),
            _ => None,
        }
    }
}

impl Kept {
    fn weight(&self) -> u64 {
        match self {
            Kept::One(state) => weight(state),
            Kept::Groups(groups) => groups.iter().map(|(_, state)| weight(state) + GROUP).sum(),
        }
    }

    /// Takes the other's rows in; `false` if it can't.
    pub(super) fn merge(&mut self, other: &Kept) -> bool {
        match (self, other) {
            (Kept::One(state), Kept::One(more)) => state.merge(more).is_ok(),
            (Kept::Groups(groups), Kept::Groups(more)) => merge_groups(groups, more),
            _ => false,
        }
    }
}

fn merge_groups(groups: &mut Vec<(Key, State)>, more: &[(Key, State)]) -> bool {
    for (key, state) in more {
        match groups.binary_search_by(|(known, _)| known.cmp(key)) {
            Ok(place) => {
                if groups.get_mut(place).is_some_and(|(_, known)| known.merge(state).is_err()) {
                    return false;
                }
            }
            Err(place) => groups.insert(place, (key.clone(), state.clone())),
        }
    }
    groups.len() <= GROUPS
}

impl From<Kept> for Value {
    fn from(kept: Kept) -> Value {
        match kept {
            Kept::One(state) => Value::One(state),
            Kept::Groups(states) => {
                let mut groups = Groups::default();
                states.into_iter().for_each(|(key, state)| groups.push(key, state));
                Value::Groups(groups)
            }
        }
    }
}

/// An entry as it is written.
#[derive(Serialize)]
pub(super) struct Writing<'a> {
    types: u64,
    state: &'a Kept,
    runs: Vec<Run>,
}

/// An entry as it is read.
#[derive(Deserialize)]
pub(super) struct Written {
    types: u64,
    state: Kept,
    runs: Vec<Run>,
}

impl Written {
    fn entry(self, file: &Arc<File>) -> Entry {
        let keys = self.runs.into_iter().map(|run| Arc::new(Keys::of_run(Arc::clone(file), run))).collect();
        Entry { types: self.types, state: self.state, keys }
    }
}

impl Saved for Entry {
    type Written = Written;
    type Writing<'a> = Writing<'a>;

    fn read(written: Written, file: &Arc<File>) -> Entry {
        written.entry(file)
    }

    fn write(&self, file: &Arc<File>) -> Writing<'_> {
        Writing { types: self.types, state: &self.state, runs: self.keys.iter().filter_map(|keys| keys.run_in(file)).collect() }
    }
}

impl Saved for Part {
    type Written = BTreeMap<String, Written>;
    type Writing<'a> = BTreeMap<&'a str, Writing<'a>>;

    fn read(written: BTreeMap<String, Written>, file: &Arc<File>) -> Part {
        written.into_iter().map(|(key, written)| (key, written.entry(file))).collect()
    }

    fn write(&self, file: &Arc<File>) -> BTreeMap<&str, Writing<'_>> {
        self.iter().map(|(key, entry)| (key.as_str(), entry.write(file))).collect()
    }
}
