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
};
use crate::stats::{Frequencies, FrequencySummary, State, states::Summing};

/// Sources of one sum's keys, at most; with one more they are put together.
const SOURCES: usize = 8;

/// The state of a statistic over many data files.
#[derive(Clone, Debug)]
pub(super) struct Sum {
    pub(super) entry: Held<Entry>,
    /// Which files.
    pub(super) coverage: Arc<BTreeSet<DataFile>>,
    /// Bytes in the file that are of nothing else.
    pub(super) bytes: u64,
}

/// The sets of files that sums are of, each once.
pub(super) fn coverages(sums: &BTreeMap<String, Sum>) -> Vec<&Arc<BTreeSet<DataFile>>> {
    let mut all: Vec<&Arc<BTreeSet<DataFile>>> = Vec::new();
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
    /// They can't be merged: mostly, there are too many groups.
    Unmergeable,
    /// The temporary file can't be written.
    Io(io::Error),
}

/// A sum of what a sum is of, if there is one, and of some parts. There is at least one of them.
pub(super) fn add(sum: Option<&Entry>, parts: &[&Entry], scratch: &mut Scratch) -> Result<Entry, Failure> {
    let mut all = sum.into_iter().chain(parts.iter().copied());
    match (all.next(), all.next()) {
        (Some(one), None) => Ok(one.clone()),
        (Some(Entry { state: Kept::One(State::Frequencies(_)), .. }), _) => add_keys(sum, parts, scratch),
        (Some(first), _) => {
            let state = merged(sum.into_iter().chain(parts.iter().copied()).map(|entry| &entry.state))?;
            Ok(Entry { types: first.types, state, keys: Vec::new() })
        }
        (None, _) => Err(Failure::Unmergeable),
    }
}

/// States merged two by two, and what comes of that two by two: many that are large are merged sooner so.
pub(super) fn merged<'a>(states: impl Iterator<Item = &'a Kept>) -> Result<Kept, Failure> {
    let mut all: Vec<Kept> = states.cloned().collect();
    while all.len() > 1 {
        let mut fewer = Vec::with_capacity(all.len().div_ceil(2));
        let mut states = all.into_iter();
        while let Some(mut state) = states.next() {
            if states.next().is_some_and(|other| !state.merge(&other)) {
                return Err(Failure::Unmergeable);
            }
            fewer.push(state);
        }
        all = fewer;
    }
    all.pop().ok_or(Failure::Unmergeable)
}

/// Keys, and which part they are of; none for those of the sum.
type Source = (Option<usize>, Arc<Keys>);

fn add_keys(sum: Option<&Entry>, parts: &[&Entry], scratch: &mut Scratch) -> Result<Entry, Failure> {
    let known: Vec<Source> = sum.iter().flat_map(|sum| &sum.keys).map(|keys| (None, Arc::clone(keys))).collect();
    let of_part = |(place, part): (usize, &&Entry)| part.keys.iter().map(move |keys| (Some(place), Arc::clone(keys))).collect::<Vec<_>>();
    let new: Vec<Source> = parts.iter().enumerate().flat_map(of_part).collect();
    let null_rows = sum.into_iter().chain(parts.iter().copied()).filter_map(frequencies).map(|one| one.summary.null_rows).sum();
    let types = sum.or(parts.first().copied()).map_or(0, |entry| entry.types);
    // What is little is looked up among what is known; else all is counted anew.
    let (summary, sources) = match sum.and_then(frequencies) {
        Some(before) if len(&new) * 4 <= len(&known) => {
            let added = match new.as_slice() {
                [] | [_] => new,
                _ => vec![(None, together(&new, scratch)?.0)],
            };
            let mut summing = Summing::of(&before.summary);
            for source in &added {
                look_up(&known, source, &mut summing)?;
            }
            (summing.finish(null_rows), compact([known, added].concat(), scratch)?)
        }
        _ => {
            let all = [known, new].concat();
            if all.len() <= SOURCES {
                let sources: Vec<Arc<Keys>> = all.iter().map(|(_, keys)| Arc::clone(keys)).collect();
                let summary = merge::sum_up(&sources, scratch).map_err(|trouble| failure(&all, trouble))?;
                (FrequencySummary { null_rows, ..summary }, all)
            } else {
                let (keys, summary) = together(&all, scratch)?;
                (FrequencySummary { null_rows, ..summary }, vec![(None, keys)])
            }
        }
    };
    let state = Kept::One(State::Frequencies(Frequencies { summary, table: None }));
    Ok(Entry { types, state, keys: sources.into_iter().map(|(_, keys)| keys).collect() })
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

/// Adds the keys of a source, which may be there already.
fn look_up(known: &[Source], source: &Source, summing: &mut Summing) -> Result<(), Failure> {
    let keys = merge::all(&source.1).map_err(|trouble| failure(std::slice::from_ref(source), trouble))?;
    let mut found = vec![0; keys.len()];
    for (place, (_, of)) in known.iter().enumerate() {
        of.count(&keys, &mut found).map_err(|error| failure(known, Trouble::Source(place, error)))?;
    }
    keys.iter().zip(found).for_each(|((_, count), before)| summing.raise(before, *count));
    Ok(())
}

/// Not too many sources: the small ones are put together, or all of them if those are not so small any more.
fn compact(mut sources: Vec<Source>, scratch: &mut Scratch) -> Result<Vec<Source>, Failure> {
    if sources.len() <= SOURCES {
        return Ok(sources);
    }
    sources.sort_by_key(|(_, keys)| std::cmp::Reverse(keys.len()));
    match sources.split_first() {
        Some((largest, small)) if len(small) * 2 < largest.1.len() => Ok(vec![largest.clone(), (None, together(small, scratch)?.0)]),
        _ => Ok(vec![(None, together(&sources, scratch)?.0)]),
    }
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
