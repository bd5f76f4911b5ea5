//! Arrivals: the log of each stage says what is about to be recorded, then the objects' items are
//! written, each only if the object is new. An entry of the log without its item is nothing.

use std::collections::{BTreeMap, HashSet};

use futures::{StreamExt as _, TryStreamExt as _};
use lakegate_coordinator::ports::{
    Result,
    ledger::{Admission, Arrival, Unrouted},
    meter,
};
use lakegate_model::{Failure, FailureCode, ObjectId, StageKey, Timestamp};

use super::{
    keys::{self, Key, Raw},
    memory::{Collecting, Entry, Joined, Mark, Of},
    records::{Aside, LogRecord, StoredObject, to_json},
    table::{CONCURRENCY, Change, Item, OnlyIf, Written, n, number, s},
    writer::{Desk, lock},
};

/// Entries of one log record: a quarter of an item.
const RECORD: usize = 4_000;

/// A new arrival, on its way.
struct Candidate {
    /// Its place among the arrivals.
    index: usize,
    seq: u64,
    ordinal: u64,
    raw: Raw,
    id: ObjectId,
}

/// A member that was overwritten, to be recorded as such.
pub(super) struct Overwritten {
    pub(super) id: Raw,
    pub(super) aside: Aside,
}

/// The record of a member whose place a newer one has taken.
pub(super) fn replaced(id: Raw, key: &str, at: Timestamp) -> Overwritten {
    let failure = Failure::new(FailureCode::ObjectChanged, format!("{key} was overwritten before its batch was sealed"));
    Overwritten { id, aside: Aside { failure, at } }
}

/// The record of a member that came after a newer one.
pub(super) fn overtaken(id: Raw, key: &str, at: Timestamp) -> Overwritten {
    let failure = Failure::new(FailureCode::ObjectChanged, format!("{key} was overwritten before it was heard of"));
    Overwritten { id, aside: Aside { failure, at } }
}

impl Desk {
    /// Admits what is new. Answers are in the order of arrivals.
    pub(super) async fn admit(&mut self, arrivals: Vec<Arrival>) -> Result<Vec<Admission>> {
        if arrivals.is_empty() {
            return Ok(Vec::new());
        }
        self.know(arrivals.iter().map(|arrival| arrival.stage.clone()).collect::<HashSet<_>>()).await?;
        let candidates = self.announce(&arrivals).await?;
        let (new, known) = self.record(&arrivals, candidates).await?;
        self.restore(known.iter().map(|known| (&arrivals[known.index], known.seq)).collect()).await?;
        let mut admissions = vec![Admission::Known; arrivals.len()];
        let overwritten = self.take_in(&arrivals, &new, &mut admissions);
        self.tell_new(&arrivals, &new, &admissions);
        self.set_aside(overwritten).await?;
        Ok(admissions)
    }

    /// Numbers the arrivals and writes them to their stages' logs; of one object only the first counts.
    async fn announce(&mut self, arrivals: &[Arrival]) -> Result<Vec<Candidate>> {
        let mut seen = HashSet::new();
        let mut candidates = Vec::new();
        for (index, arrival) in arrivals.iter().enumerate() {
            let id = arrival.object.id();
            let Some(raw) = keys::raw(id.as_str()).filter(|raw| seen.insert(*raw)) else { continue };
            candidates.push(Candidate { index, seq: 0, ordinal: 0, raw, id });
        }
        let numbers = self.take_numbers(candidates.len() as u64).await?;
        let mut by_stage: BTreeMap<StageKey, Vec<usize>> = BTreeMap::new();
        for (place, (candidate, seq)) in candidates.iter_mut().zip(numbers).enumerate() {
            candidate.seq = seq;
            by_stage.entry(arrivals[candidate.index].stage.clone()).or_default().push(place);
        }
        for (stage, places) in by_stage {
            for places in places.chunks(RECORD) {
                let entries = places.iter().map(|place| (candidates[*place].seq, candidates[*place].raw)).collect();
                let ordinal = self.append(&stage, &LogRecord::Arrivals(entries)).await?;
                places.iter().for_each(|place| candidates[*place].ordinal = ordinal);
            }
        }
        Ok(candidates)
    }

    /// Writes the items of those that are new and forgets that nobody took them; gives the new ones and the others.
    async fn record(&self, arrivals: &[Arrival], candidates: Vec<Candidate>) -> Result<(Vec<Candidate>, Vec<Candidate>)> {
        let (table, memory) = (&self.table, &self.memory);
        let puts = candidates.into_iter().map(|candidate| async move {
            let arrival = &arrivals[candidate.index];
            let item = StoredObject::item(candidate.seq, arrival)?;
            let key = Key::of_id(candidate.id.as_str());
            let is_new = match meter::for_stage(&arrival.stage, table.put_new(&key, item)).await? {
                Written::Done(_) => true,
                // Ours all the same, if the answer to an earlier try was lost.
                Written::Refused(there) => number::<u64>(&there, "seq").is_ok_and(|seq| seq == candidate.seq),
            };
            let is_unrouted = lock(memory).unrouted.contains(&candidate.raw);
            if is_unrouted {
                table.delete(&Key::unrouted(candidate.id.as_str())).await?;
                lock(memory).unrouted.remove(&candidate.raw);
            }
            Ok::<_, Failure>((is_new, candidate))
        });
        let recorded: Vec<(bool, Candidate)> = futures::stream::iter(puts).buffered(CONCURRENCY).try_collect().await?;
        let (new, known): (Vec<_>, Vec<_>) = recorded.into_iter().partition(|(is_new, _)| *is_new);
        let candidates = |of: Vec<(bool, Candidate)>| of.into_iter().map(|(_, candidate)| candidate).collect();
        Ok((candidates(new), candidates(known)))
    }

    /// Remembers the new ones, and tells which members were overwritten.
    fn take_in(&self, arrivals: &[Arrival], new: &[Candidate], admissions: &mut [Admission]) -> Vec<Overwritten> {
        let mut overwritten = Vec::new();
        let mut memory = lock(&self.memory);
        for Candidate { index, seq, ordinal, raw, id } in new {
            let arrival = &arrivals[*index];
            let stored = StoredObject { seq: *seq, id: id.clone(), arrival: arrival.clone(), aside: None, removed: None };
            if let Some(execution) = stored.execution() {
                let entry =
                    Entry { ordinal: *ordinal, of: Of::Object(*raw), mark: Mark::ready(), execution: keys::raw(execution.id.as_str()) };
                memory.insert_run(&arrival.stage, *seq, entry);
                admissions[*index] = Admission::Started(Box::new(execution));
                continue;
            }
            let Some(stage) = memory.stages.get_mut(&arrival.stage) else { continue };
            let member = Collecting { id: *raw, object: arrival.object.clone(), at: arrival.at };
            match stage.join(*seq, *ordinal, member) {
                Joined::Replaced(old) => {
                    admissions[*index] = Admission::Collected;
                    overwritten.extend(old.into_iter().map(|(_, id)| replaced(id, &arrival.object.key, arrival.at)));
                }
                Joined::Older => {
                    admissions[*index] = Admission::Superseded;
                    overwritten.push(overtaken(*raw, &arrival.object.key, arrival.at));
                }
            }
        }
        overwritten
    }

    /// Tells whoever keeps tables of the new ones.
    fn tell_new(&self, arrivals: &[Arrival], new: &[Candidate], admissions: &[Admission]) {
        for Candidate { index, ordinal, raw, .. } in new {
            let begun = match &admissions[*index] {
                Admission::Started(execution) => Some(&**execution),
                _ => None,
            };
            self.tell_arrived(&arrivals[*index].stage, *ordinal, *raw, begun);
        }
    }

    /// Records members as overwritten.
    pub(super) async fn set_aside(&self, overwritten: Vec<Overwritten>) -> Result<()> {
        let changes = overwritten.into_iter().map(|Overwritten { id, aside }| async move {
            let set = vec![("aside".to_owned(), s(to_json(&aside)?))];
            let key = Key::of_id(keys::object_id(&id).as_str());
            self.table.change(Change { key, set, only_if: OnlyIf::Missing("aside") }).await.map(drop)
        });
        futures::stream::iter(changes).buffer_unordered(CONCURRENCY).try_collect().await
    }

    pub(super) async fn record_unrouted(&self, objects: Vec<Unrouted>) -> Result<()> {
        let mut new = Vec::new();
        let mut seen = HashSet::new();
        for unrouted in objects {
            let raw = keys::raw(unrouted.object.id().as_str());
            new.extend(raw.filter(|raw| seen.insert(*raw) && !lock(&self.memory).unrouted.contains(raw)).map(|raw| (raw, unrouted)));
        }
        let puts = new.into_iter().map(|(raw, Unrouted { object, reason, at })| async move {
            let item = Item::from([
                ("object".to_owned(), s(to_json(&object)?)),
                ("reason".to_owned(), s(reason)),
                ("arrived".to_owned(), n(at.0)),
            ]);
            self.table.put_new(&Key::unrouted(object.id().as_str()), item).await?;
            lock(&self.memory).unrouted.insert(raw);
            Ok(())
        });
        futures::stream::iter(puts).buffer_unordered(CONCURRENCY).try_collect().await
    }
}
