//! The history of a stage that runs: what its rules ask for, and no more of it than that.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use lakegate_model::{
    StageKey, Timestamp,
    audit::Metric,
    pipeline::{LONGEST_HISTORY, Ruleset, Stage, asked_as},
};
use lakegate_proto::v1;

use super::{AT_ONCE, Measured, Runs, let_in};
use crate::ports::{Result, ledger::Execution};

/// Values that are sent with a parcel at most, and kept of a ruleset, however many statistics it has: some 9 MB on the wire.
pub(super) const MOST_POINTS: usize = 500_000;

/// The most statistics that are kept of one ruleset: what one audit has at most.
pub(super) const MOST_STATISTICS: usize = 2_000;

/// A stage's history, read once from the ledger and kept up from then on; read again if a later version of
/// the stage asks for more of it. Clones share it.
#[derive(Clone)]
pub(crate) struct Histories {
    runs: Arc<dyn Runs>,
    pub(super) stage: StageKey,
    kept: Arc<Mutex<BTreeMap<String, Kept>>>,
    /// What was asked for when a ruleset's history was read. Held while one is.
    read: Arc<tokio::sync::Mutex<BTreeMap<String, Asked>>>,
}

/// How many earlier values rules ask for.
#[derive(Clone, Debug, Default, PartialEq)]
struct Asked {
    /// Of these statistics.
    of: BTreeMap<String, usize>,
    /// Of any, where nobody has said which.
    of_any: usize,
}

impl Asked {
    fn by(rules: &Ruleset) -> Asked {
        match &rules.looks_back {
            Some(of) => Asked { of: of.iter().map(|(name, most)| (name.clone(), (*most).min(LONGEST_HISTORY))).collect(), of_any: 0 },
            None => Asked { of: BTreeMap::new(), of_any: rules.history() },
        }
    }

    fn most_of(&self, name: &str) -> usize {
        let of_name = asked_as(name).find_map(|name| self.of.get(name)).copied();
        of_name.unwrap_or_default().max(self.of_any)
    }

    fn most(&self) -> usize {
        self.of.values().copied().fold(self.of_any, usize::max)
    }

    /// Whether whoever keeps this has what the other asks for.
    fn covers(&self, other: &Asked) -> bool {
        self.of_any >= other.of_any && other.of.iter().all(|(name, most)| self.most_of(name) >= *most)
    }

    /// What both ask for; or what is asked now alone, if that is too much to keep.
    fn and(&self, now: &Asked) -> Asked {
        let mut both = self.clone();
        both.of_any = both.of_any.max(now.of_any);
        for (name, most) in &now.of {
            let known = both.of.entry(name.clone()).or_default();
            *known = (*known).max(*most);
        }
        if both.of.values().sum::<usize>() > MOST_POINTS { now.clone() } else { both }
    }
}

/// What was let in by one ruleset.
#[derive(Default)]
struct Kept {
    /// What is kept.
    asked: Asked,
    /// The values of each statistic, by when and in which execution they were measured.
    values: BTreeMap<String, BTreeMap<(Timestamp, u64), Metric>>,
}

impl Histories {
    /// With nothing read yet.
    pub(crate) fn new(runs: Arc<dyn Runs>, stage: StageKey) -> Histories {
        Histories { runs, stage, kept: Arc::default(), read: Arc::default() }
    }

    /// What a version of the stage may ask for, as workers are sent it.
    pub(crate) async fn wanted(&self, stage: &Stage) -> Result<Vec<v1::Statistic>> {
        let Some(rules) = stage.quality().map(|quality| &quality.rules) else { return Ok(Vec::new()) };
        let asked = Asked::by(rules);
        if asked.most() == 0 {
            return Ok(Vec::new());
        }
        let mut read = self.read.lock().await;
        if read.get(&rules.file).is_none_or(|before| !before.covers(&asked)) {
            // What ends from now on is kept up, so that none is missed between the reading and its end.
            let all = self.kept().entry(rules.file.clone()).or_default().keep(&asked);
            // Not every audit has every statistic: so a page is read though less is asked for.
            let found = let_in(self.runs.as_ref(), &self.stage, &rules.file, all.most().max(AT_ONCE)).await?;
            let mut kept = self.kept();
            // Of versions that are gone, for all that is known here.
            if kept.values().map(Kept::points).sum::<usize>() > MOST_POINTS {
                kept.retain(|ruleset, _| *ruleset == rules.file);
                read.retain(|ruleset, _| *ruleset == rules.file);
            }
            found.into_iter().for_each(|measured| put(&mut kept, measured));
            read.insert(rules.file.clone(), all);
        }
        drop(read);
        Ok(self.kept().get(&rules.file).map(|kept| statistics(kept, &asked)).unwrap_or_default())
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

    /// With so many values kept.
    #[cfg(test)]
    pub(super) fn holding(runs: Arc<dyn Runs>, stage: StageKey, points: usize) -> Histories {
        let values = (0..points).map(|at| ((Timestamp(0), at as u64), Metric(1.0))).collect();
        let kept = Kept { values: [("RowCount".to_owned(), values)].into(), ..Kept::default() };
        Histories { runs, stage, kept: Arc::new(Mutex::new([("a.dqdl".to_owned(), kept)].into())), read: Arc::default() }
    }

    /// How many values are kept.
    pub(super) fn points(&self) -> usize {
        self.kept().values().map(Kept::points).sum()
    }
}

impl Kept {
    fn points(&self) -> usize {
        self.values.values().map(BTreeMap::len).sum()
    }

    /// Keeps what is asked for from now on, and gives all that is kept.
    fn keep(&mut self, asked: &Asked) -> Asked {
        self.asked = self.asked.and(asked);
        let kept = &self.asked;
        self.values.retain(|name, _| kept.most_of(name) > 0);
        kept.clone()
    }

    /// Forgets the statistics that were not measured for the longest time, if there are too many: groups of rows
    /// have one each, and there may be new ones every day. Of the others the oldest values, if they are too many together.
    fn forget(&mut self) {
        let more = self.values.len().saturating_sub(MOST_STATISTICS);
        if more > 0 {
            let newest = |values: &BTreeMap<(Timestamp, u64), Metric>| values.keys().next_back().copied();
            let mut oldest: Vec<_> = self.values.iter().map(|(name, values)| (newest(values), name.clone())).collect();
            oldest.select_nth_unstable(more);
            oldest.truncate(more);
            oldest.iter().for_each(|(_, name)| drop(self.values.remove(name)));
        }
        let longest = longest(self.values.values().map(BTreeMap::len).collect(), MOST_POINTS);
        for values in self.values.values_mut() {
            while values.len() > longest {
                values.pop_first();
            }
        }
    }
}

/// Only what was asked for once is kept up, and no more of it than was asked for.
fn put(kept: &mut BTreeMap<String, Kept>, measured: Measured) {
    let Some(of_ruleset) = kept.get_mut(&measured.ruleset).filter(|_| measured.is_in) else { return };
    for (name, value) in measured.statistics {
        let most = of_ruleset.asked.most_of(&name);
        if most == 0 {
            continue;
        }
        let values = of_ruleset.values.entry(name).or_default();
        values.insert((measured.at, measured.seq), value);
        if values.len() > most {
            values.pop_first();
        }
    }
    of_ruleset.forget();
}

/// The last values of each statistic that is asked for, the oldest first. If they are too many together, those
/// asked for most are cut to the same length.
fn statistics(kept: &Kept, asked: &Asked) -> Vec<v1::Statistic> {
    let found = kept.values.iter().map(|(name, values)| (name, values, asked.most_of(name).min(values.len())));
    let found: Vec<_> = found.filter(|(_, _, most)| *most > 0).collect();
    let longest = longest(found.iter().map(|(_, _, most)| *most).collect(), MOST_POINTS);
    let statistic = |(name, values, most): (&String, &BTreeMap<(Timestamp, u64), Metric>, usize)| {
        let newest = values.iter().skip(values.len() - most.min(longest));
        let points = newest.map(|((at, _), value)| v1::Point { at: at.0, value: value.0 }).collect();
        v1::Statistic { name: name.clone(), points }
    };
    found.into_iter().map(statistic).collect()
}

/// The greatest length to which all are cut that leaves at most so many together.
fn longest(mut lengths: Vec<usize>, mut room: usize) -> usize {
    lengths.sort_unstable();
    let mut left = lengths.len();
    for length in lengths {
        if length.saturating_mul(left) > room {
            return room / left;
        }
        (room, left) = (room - length, left - 1);
    }
    usize::MAX
}

#[cfg(test)]
#[path = "kept_tests.rs"]
mod tests;
