//! What was removed from its zone. A version that was removed alone says so in its item; the newest
//! removal of a key has an item of its own, because a key can be removed before it is heard of. Who
//! reads an object puts the two together. What SDLF's tables are still to be told of is in a partition
//! of its own until they have been.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use lakegate_coordinator::ports::{
    Result,
    ledger::{Arrival, Removal},
};
use lakegate_model::{
    ObjectId, Timestamp,
    object::{Standing, is_earlier},
};

use super::{
    keys::{self, Key},
    reader::Reader,
    records::{ArrivalRecord, StoredObject, to_json},
    table::{Change, Item, OnlyIf, Range, Table, n, number, s, text},
    writer::Desk,
};
use crate::sdlf::pending::Subject;

/// The attribute of a version that was removed alone: when.
pub(super) const REMOVED: &str = "removed";

/// A key's newest removal.
#[derive(Clone, Debug)]
pub(super) struct KeyRemoval {
    sequencer: Option<String>,
    seq: u64,
    at: Timestamp,
}

impl KeyRemoval {
    fn read(item: &Item) -> Result<KeyRemoval> {
        let sequencer = item.get("sequencer").and_then(|value| value.as_s().ok()).cloned();
        Ok(KeyRemoval { sequencer, seq: number(item, "seq")?, at: Timestamp(number(item, "at")?) })
    }

    fn standing(&self) -> Standing<'_> {
        Standing { sequencer: self.sequencer.as_deref(), seq: self.seq }
    }
}

/// The removals of keys, by the keys' ids.
pub(super) type KeyRemovals = HashMap<String, KeyRemoval>;

/// A removal that SDLF's table of objects is still to be told of.
pub(crate) struct Untold {
    /// Its number.
    pub(crate) seq: u64,
    pub(crate) bucket: String,
    pub(crate) key: String,
    pub(crate) sequencer: Option<String>,
    /// The version that was removed alone; `None` if it was the key.
    pub(crate) object: Option<ObjectId>,
    /// The object that is there again, if it is no removal but the end of one.
    pub(crate) again: Option<Subject>,
}

async fn removals_of<'a>(table: &Table, keys: impl Iterator<Item = (&'a str, &'a str)>) -> Result<KeyRemovals> {
    let found = table.get_many(keys.map(|(bucket, key)| Key::removed(bucket, key)).collect()).await?;
    found.iter().map(|item| Ok((text(item, "sk")?.to_owned(), KeyRemoval::read(item)?))).collect()
}

impl Reader {
    /// The newest removals of the objects' keys.
    pub(super) async fn key_removals(&self, objects: &[StoredObject]) -> Result<KeyRemovals> {
        removals_of(&self.table, objects.iter().map(|object| (&*object.arrival.object.bucket, &*object.arrival.object.key))).await
    }
}

impl StoredObject {
    /// When it was removed, if it was.
    pub(super) fn removed_at(&self, removals: &KeyRemovals) -> Option<Timestamp> {
        let object = &self.arrival.object;
        let this = Standing { sequencer: object.sequencer.as_deref(), seq: self.seq };
        let of_key = removals.get(&Key::removed(&object.bucket, &object.key).sk).filter(|removal| !removal.standing().is_before(this));
        self.removed.or(of_key.map(|removal| removal.at))
    }
}

impl Desk {
    pub(super) async fn record_removed(&mut self, removals: Vec<Removal>) -> Result<()> {
        let first = self.take_numbers(removals.len() as u64).await?.start;
        let mut known = removals_of(&self.table, removals.iter().map(|removal| (&*removal.bucket, &*removal.key))).await?;
        for (seq, removal) in (first..).zip(removals) {
            self.remove(seq, removal, &mut known).await?;
        }
        Ok(())
    }

    async fn remove(&self, seq: u64, removal: Removal, known: &mut KeyRemovals) -> Result<()> {
        let Removal { bucket, key, version, sequencer, at } = removal;
        let id = ObjectId::of(&bucket, &key, &version);
        let is_alone = !version.is_empty() && self.table.get(&Key::of_id(id.as_str())).await?.is_some();
        let mut item = Item::from([
            ("bucket".to_owned(), s(&bucket)),
            ("key".to_owned(), s(&key)),
            ("seq".to_owned(), n(seq)),
            ("at".to_owned(), n(at.0)),
        ]);
        item.extend(sequencer.as_ref().map(|sequencer| ("sequencer".to_owned(), s(sequencer))));
        if is_alone {
            let set = vec![(REMOVED.to_owned(), n(at.0))];
            self.table.change(Change { key: Key::of_id(id.as_str()), set, only_if: OnlyIf::Always }).await?;
        } else {
            let place = Key::removed(&bucket, &key);
            let this = KeyRemoval { sequencer, seq, at };
            if known.get(&place.sk).is_some_and(|known| this.standing().is_before(known.standing())) {
                return Ok(());
            }
            self.table.put(&place, item.clone()).await?;
            known.insert(place.sk, this);
        }
        // Written last: whoever is told of it finds what it says.
        if let Some(feed) = &self.feed {
            item.extend(is_alone.then(|| ("object".to_owned(), s(id.as_str()))));
            self.table.put(&Key::untold(seq), item).await?;
            feed.note_removals();
        }
        Ok(())
    }

    /// Versions that are known have arrived again. Those that were removed before are there again.
    pub(super) async fn restore(&self, arrivals: Vec<(&Arrival, u64)>) -> Result<()> {
        if arrivals.is_empty() {
            return Ok(());
        }
        let removals =
            removals_of(&self.table, arrivals.iter().map(|(arrival, _)| (&*arrival.object.bucket, &*arrival.object.key))).await?;
        let wanted = arrivals.iter().map(|(arrival, _)| Key::of_id(arrival.object.id().as_str())).collect();
        let mut stored = HashMap::new();
        for item in self.table.get_many(wanted).await? {
            let object = StoredObject::read(&item)?;
            stored.insert(object.id.clone(), object);
        }
        for (arrival, seq) in arrivals {
            let Some(object) = stored.get(&arrival.object.id()) else { continue };
            let sequencer = arrival.object.sequencer.as_deref();
            let place = Key::removed(&arrival.object.bucket, &arrival.object.key);
            let removal = removals.get(&place.sk);
            let is_after = removal.is_some_and(|removal| !Standing { sequencer, seq }.is_before(removal.standing()));
            // A removal of the version alone has no number: only a later sequencer tells that it is over.
            let is_newer = sequencer.is_none() || is_earlier(object.arrival.object.sequencer.as_deref(), sequencer);
            if !(is_after || (object.removed.is_some() && is_newer)) {
                continue;
            }
            let mut again = object.arrival.clone();
            again.object.sequencer = arrival.object.sequencer.clone().or(again.object.sequencer);
            let set =
                vec![("arrival".to_owned(), s(to_json(&ArrivalRecord::from(&again))?)), (REMOVED.to_owned(), AttributeValue::Null(true))];
            self.table.change(Change { key: Key::of_id(object.id.as_str()), set, only_if: OnlyIf::Always }).await?;
            if is_after {
                self.table.delete(&place).await?;
            }
            if let Some(feed) = &self.feed {
                let text = |name: &str, text: &str| (name.to_owned(), s(text));
                let item = Item::from([
                    text("bucket", &again.object.bucket),
                    text("key", &again.object.key),
                    text("again", object.id.as_str()),
                    ("seq".to_owned(), n(seq)),
                ]);
                self.table.put(&Key::untold(seq), item).await?;
                feed.note_removals();
            }
        }
        Ok(())
    }
}

/// What SDLF's table is still to be told of, oldest first, at most `limit`.
pub(super) async fn untold(table: &Table, limit: usize) -> Result<Vec<Untold>> {
    let items = table.query(Range { limit, ..Range::all(keys::UNTOLD) }).await?;
    let read = |item: &Item| {
        let optional = |name: &str| item.get(name).and_then(|value| value.as_s().ok()).cloned();
        Ok(Untold {
            seq: number(item, "seq")?,
            bucket: text(item, "bucket")?.to_owned(),
            key: text(item, "key")?.to_owned(),
            sequencer: optional("sequencer"),
            object: optional("object").map(ObjectId::from_text),
            again: optional("again").and_then(|id| keys::raw(&id)).map(Subject::Object),
        })
    };
    items.iter().map(read).collect()
}
