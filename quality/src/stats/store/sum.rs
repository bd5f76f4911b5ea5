//! Sums: the states of many data files put together.

use std::{
    collections::{BTreeMap, BTreeSet},
    io,
    sync::Arc,
};

use super::{
    DataFile,
    block::Held,
    entry::{Entry, Kept},
    keys::Keys,
    merge::{self, Scratch, Trouble},
    run::Sieve,
};
use crate::stats::{Frequencies, FrequencySummary, State, states::Summing};

/// Sources of one sum's keys that are always left as they are.
const FEW: usize = 8;
/// Sources at most.
const MANY: usize = if cfg!(test) { 12 } else { 128 };
/// Keys of a source that is worth being one among many.
const LARGE: u64 = if cfg!(test) { 1 << 8 } else { 1 << 16 };
/// Keys that are looked up at once.
const LOOKED_UP: u64 = if cfg!(test) { 1 << 7 } else { 1 << 18 };

/// A set of files that sums are of.
pub(super) type Coverage = Arc<BTreeSet<DataFile>>;

/// The state of a statistic over many data files.
#[derive(Clone, Debug)]
pub(super) struct Sum {
    pub(super) entry: Held<Entry>,
    /// Which files.
    pub(super) coverage: Coverage,
    /// Bytes in the file that are of nothing else.
    pub(super) bytes: u64,
}

/// The sets of files that sums are of, each once.
pub(super) fn coverages(sums: &BTreeMap<String, Sum>) -> Vec<&Coverage> {
    let mut all: Vec<&Coverage> = Vec::new();
    for sum in sums.values() {
        if !all.iter().any(|known| Arc::ptr_eq(known, &sum.coverage)) {
            all.push(&sum.coverage);
        }
    }
    all
}

/// Why states could not be put together.
#[derive(Debug)]
pub(super) enum Failure {
    /// The keys of the sum can't be read.
    Sum(io::Error),
    /// The keys of this part, by its place, can't be read.
    Part(usize, io::Error),
    /// These parts, by their places, are sketches, and all values are so few that none should be.
    Rough(Vec<usize>),
    /// They can't be merged: mostly, there are too many groups.
    Unmergeable,
    /// The temporary file can't be written.
    Io(io::Error),
}

/// States merged two by two, and what comes of that two by two: many that are large are merged sooner so. No more
/// are held than there are levels.
#[derive(Debug, Default)]
pub(super) struct Fold(Vec<(u32, Kept)>);

impl Fold {
    /// One more.
    pub(super) fn push(&mut self, state: Kept) -> Result<(), Failure> {
        let mut one = (0, state);
        while let Some((height, mut before)) = self.0.pop_if(|(height, _)| *height == one.0) {
            if !before.merge(&one.1) {
                return Err(Failure::Unmergeable);
            }
            one = (height + 1, before);
        }
        self.0.push(one);
        Ok(())
    }

    /// All of them.
    pub(super) fn finish(mut self) -> Result<Kept, Failure> {
        let (_, mut all) = self.0.pop().ok_or(Failure::Unmergeable)?;
        while let Some((_, mut before)) = self.0.pop() {
            if !before.merge(&all) {
                return Err(Failure::Unmergeable);
            }
            all = before;
        }
        Ok(all)
    }
}

/// Keys, and which part they are of; none for those of the sum.
type Source = (Option<usize>, Arc<Keys>);

/// A sum that parts are added to, one after the other.
#[derive(Debug)]
pub(super) struct Adding {
    types: u64,
    fold: Fold,
    /// Parts that are sketches.
    rough: Vec<usize>,
    /// Of keys: what is known of the sum, and of the only part that was added.
    before: Option<FrequencySummary>,
    only: Option<FrequencySummary>,
    parts: usize,
    null_rows: u64,
    known: Vec<Source>,
    new: Vec<Source>,
}

impl Adding {
    /// To a sum, or to nothing.
    pub(super) fn new(sum: Option<&Entry>) -> Result<Adding, Failure> {
        let mut adding = Adding {
            types: sum.map_or(0, |sum| sum.types),
            fold: Fold::default(),
            rough: Vec::new(),
            before: sum.and_then(frequencies).map(|before| before.summary),
            only: None,
            parts: 0,
            null_rows: 0,
            known: sum.iter().flat_map(|sum| &sum.keys).map(|keys| (None, Arc::clone(keys))).collect(),
            new: Vec::new(),
        };
        adding.null_rows = adding.before.map_or(0, |before| before.null_rows);
        if let Some(sum) = sum.filter(|sum| frequencies(sum).is_none()) {
            adding.fold.push(sum.state.clone())?;
        }
        Ok(adding)
    }

    /// One more part, by its place.
    pub(super) fn add(&mut self, place: usize, part: &Entry) -> Result<(), Failure> {
        self.types = part.types;
        self.parts += 1;
        let Some(of_keys) = frequencies(part) else {
            if part.quantiles().is_some_and(|quantiles| !quantiles.is_exact()) {
                self.rough.push(place);
            }
            return self.fold.push(part.state.clone());
        };
        self.only = Some(of_keys.summary);
        self.null_rows += of_keys.summary.null_rows;
        self.new.extend(part.keys.iter().map(|keys| (Some(place), Arc::clone(keys))));
        Ok(())
    }

    /// The sum of all.
    pub(super) fn finish(self, scratch: &mut Scratch) -> Result<Entry, Failure> {
        let types = self.types;
        let (summary, sources) = match (self.before, self.only) {
            (None, None) => {
                let entry = Entry { types, state: self.fold.finish()?, keys: Vec::new() };
                return match entry.quantiles().is_some_and(crate::stats::Quantiles::is_too_rough) {
                    true => Err(Failure::Rough(self.rough)),
                    false => Ok(entry),
                };
            }
            (None, Some(only)) if self.parts == 1 => (only, self.new),
            _ => self.keys(scratch)?,
        };
        let state = Kept::One(State::Frequencies(Frequencies { summary, table: None }));
        Ok(Entry { types, state, keys: sources.into_iter().map(|(_, keys)| keys).collect() })
    }

    fn keys(self, scratch: &mut Scratch) -> Result<(FrequencySummary, Vec<Source>), Failure> {
        let Adding { before, null_rows, known, new, .. } = self;
        // What is little is looked up among what is known; else all is counted anew.
        match before {
            Some(before) if len(&new) * 4 <= len(&known) => {
                let added = match new.as_slice() {
                    [] | [_] => new,
                    _ => vec![(None, together(&new, scratch)?.0)],
                };
                let mut summing = Summing::of(&before);
                for source in &added {
                    look_up(&known, source, &mut summing)?;
                }
                Ok((summing.finish(null_rows), compact([known, added].concat(), scratch)?))
            }
            _ => {
                let all = [known, new].concat();
                if is_crowd(&all) {
                    let (keys, summary) = together(&all, scratch)?;
                    return Ok((FrequencySummary { null_rows, ..summary }, vec![(None, keys)]));
                }
                let sources: Vec<Arc<Keys>> = all.iter().map(|(_, keys)| Arc::clone(keys)).collect();
                let summary = merge::sum_up(&sources).map_err(|trouble| failure(&all, trouble))?;
                Ok((FrequencySummary { null_rows, ..summary }, all))
            }
        }
    }
}

fn frequencies(entry: &Entry) -> Option<&Frequencies> {
    match &entry.state {
        Kept::One(State::Frequencies(frequencies)) => Some(frequencies),
        _ => None,
    }
}

fn len(sources: &[Source]) -> u64 {
    sources.iter().map(|(_, keys)| keys.len()).sum()
}

/// Whether sources are better put together: to write their keys once more costs as much as many a look into them.
fn is_crowd(sources: &[Source]) -> bool {
    sources.len() > MANY || sources.len() > FEW && len(sources) * 2 < sources.len() as u64 * LARGE
}

/// Adds the keys of a source, which may be there already.
fn look_up(known: &[Source], source: &Source, summing: &mut Summing) -> Result<(), Failure> {
    let of_source = |error| failure(std::slice::from_ref(source), Trouble::Source(0, error));
    let mut cursor = source.1.cursor().map_err(of_source)?;
    let (mut keys, mut found) = (Vec::new(), Vec::new());
    for bound in merge::bounds(source.1.len(), LOOKED_UP) {
        keys.clear();
        cursor.take_until(bound, &mut keys).map_err(of_source)?;
        found.clear();
        found.resize(keys.len(), 0);
        let sieve = Sieve::of(&keys);
        for (place, (_, of)) in known.iter().enumerate() {
            of.count(&keys, &sieve, &mut found).map_err(|error| failure(known, Trouble::Source(place, error)))?;
        }
        keys.iter().zip(&found).for_each(|((_, count), before)| summing.raise(*before, *count));
    }
    Ok(())
}

/// Not too many sources: the small ones are put together, or all of them if those are not so small any more.
fn compact(mut sources: Vec<Source>, scratch: &mut Scratch) -> Result<Vec<Source>, Failure> {
    if !is_crowd(&sources) && sources.iter().filter(|(_, keys)| keys.len() < LARGE).count() <= FEW {
        return Ok(sources);
    }
    sources.sort_by_key(|(_, keys)| std::cmp::Reverse(keys.len()));
    let large = sources.partition_point(|(_, keys)| keys.len() >= LARGE);
    // What is large already stays as it is, if that helps.
    let stay = match sources.split_at_checked(1) {
        _ if sources.len() - large > 1 && large < MANY => large,
        Some((largest, others)) => usize::from(len(others) * 2 < len(largest)),
        None => 0,
    };
    let small = sources.split_off(stay);
    sources.push((None, together(&small, scratch)?.0));
    Ok(sources)
}

fn together(sources: &[Source], scratch: &mut Scratch) -> Result<(Arc<Keys>, FrequencySummary), Failure> {
    let keys: Vec<Arc<Keys>> = sources.iter().map(|(_, keys)| Arc::clone(keys)).collect();
    merge::put_together(&keys, scratch).map_err(|trouble| failure(sources, trouble))
}

fn failure(sources: &[Source], trouble: Trouble) -> Failure {
    match trouble {
        Trouble::Io(error) => Failure::Io(error),
        Trouble::Source(place, error) => match sources.get(place).and_then(|(part, _)| *part) {
            Some(part) => Failure::Part(part, error),
            None => Failure::Sum(error),
        },
    }
}
