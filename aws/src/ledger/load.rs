//! Reading what is under way from the table: at the start, and again after a write that failed.
//! What a crash has left half done is finished here, from what was written first.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    sync::Arc,
};

use futures::{StreamExt as _, TryStreamExt as _, future::BoxFuture};
use lakegate_coordinator::ports::{Result, ledger::Arrival};
use lakegate_model::{DatasetId, StageKey, machine::execution::ExecutionState};

use super::{
    admit::{Overwritten, overtaken, replaced},
    backfill::UNLISTED,
    feed::PROJECTED,
    keys::{self, Key, Raw},
    listings::PHASES,
    log::is_paused,
    memory::{Collecting, Counts, Entry, Joined, Mark, Memory, NAMES, Of, Run, StageMemory, is_unfinished},
    moves::{OUTPUTS, SchemaChange, ending, record_schema},
    outbox::{self, Letters},
    records::{ArrivalRecord, LogRecord, StoredBatch, StoredObject},
    seal::record_batch,
    table::{Item, Range, number, text, unreadable},
    writer::{Desk, lock},
};

/// Stages whose logs are read side by side.
const STAGES: usize = 8;

/// A stage as read.
struct Loaded {
    key: StageKey,
    memory: StageMemory,
    log: Vec<(u64, LogRecord)>,
}

/// What is to be finished.
#[derive(Default)]
struct Repairs {
    overwritten: Vec<Overwritten>,
    outputs: Vec<Arrival>,
    schemas: HashMap<StageKey, SchemaChange>,
    known: HashSet<Raw>,
    letters: Vec<Letters>,
}

impl Desk {
    /// Reads everything that is not below a floor, and finishes what was begun.
    ///
    /// In a box: the compiler can't see by itself that what this future holds may be sent.
    pub(super) fn load(&mut self) -> BoxFuture<'_, Result<()>> {
        Box::pin(self.load_now())
    }

    async fn load_now(&mut self) -> Result<()> {
        let loaded = self.read_stages().await?;
        let objects = self.read_objects(&loaded).await?;
        let executions = self.read_executions(&loaded, &objects).await?;
        let mut memory = Memory::default();
        let mut repairs = Repairs::default();
        for stage in loaded {
            self.recall(stage, &objects, &executions, &mut memory, &mut repairs).await?;
        }
        for item in self.table.query(Range::all(keys::UNROUTED)).await? {
            memory.unrouted.extend(keys::raw(text(&item, "sk")?));
        }
        self.finish(memory, repairs).await
    }

    async fn read_stages(&self) -> Result<Vec<Loaded>> {
        let items = self.table.query(Range::all(keys::STAGES)).await?;
        let stages = items.into_iter().map(|item| async move {
            let key = StageKey::new(DatasetId::new(text(&item, "team")?, text(&item, "dataset")?), text(&item, "stage")?);
            let floor = if item.contains_key("floor") { number(&item, "floor")? } else { 0 };
            if let Some(feed) = &self.feed {
                feed.reread(&key, if item.contains_key(PROJECTED) { number(&item, PROJECTED)? } else { 0 });
            }
            let mut memory = StageMemory::new(is_paused(&item), floor, counts(&item));
            let range = Range { from: keys::number(floor), ..Range::all(keys::log(&key)) };
            let mut log = Vec::new();
            for item in self.table.query(range).await? {
                let ordinal = text(&item, "sk")?.parse().map_err(|_| unreadable(&item, "sk"))?;
                log.push((ordinal, LogRecord::read(&item)?));
                memory.next = ordinal + 1;
            }
            memory.unlisted = if item.contains_key(UNLISTED) { number(&item, UNLISTED)? } else { memory.next };
            Ok(Loaded { key, memory, log })
        });
        futures::stream::iter(stages).buffered(STAGES).try_collect().await
    }

    async fn read_objects(&self, loaded: &[Loaded]) -> Result<HashMap<Raw, StoredObject>> {
        let mut wanted = Vec::new();
        for (_, record) in loaded.iter().flat_map(|stage| &stage.log) {
            if let LogRecord::Arrivals(entries) = record {
                wanted.extend(entries.iter().map(|(_, raw)| Key::of_id(keys::object_id(raw).as_str())));
            }
        }
        let mut objects = HashMap::new();
        for item in self.table.get_many(wanted).await? {
            let object = StoredObject::read(&item)?;
            objects.extend(keys::raw(object.id.as_str()).map(|raw| (raw, object)));
        }
        Ok(objects)
    }

    /// The items of executions, those of batches among them whose items may have to be made again.
    async fn read_executions(&self, loaded: &[Loaded], objects: &HashMap<Raw, StoredObject>) -> Result<HashMap<String, Item>> {
        let mut wanted: Vec<Key> = objects.values().filter_map(StoredObject::execution_id).map(|id| Key::of_id(id.as_str())).collect();
        let sealed: Vec<&StoredBatch> = loaded.iter().flat_map(|stage| &stage.log).filter_map(|(_, record)| sealed(record)).collect();
        for batch in &sealed {
            let by_member = Key::sealed(&batch.stage, batch.last);
            wanted.extend([Key::of_id(batch.execution.as_str()), Key::of_id(batch.id.as_str()), by_member]);
        }
        let mut found = HashMap::new();
        let mut there = HashSet::new();
        for item in self.table.get_many(wanted).await? {
            let (pk, sk) = (text(&item, "pk")?.to_owned(), text(&item, "sk")?.to_owned());
            there.insert(Key::new(pk, sk.clone()));
            found.insert(sk, item);
        }
        for batch in sealed {
            if !there.contains(&Key::of_id(batch.id.as_str())) || !there.contains(&Key::sealed(&batch.stage, batch.last)) {
                record_batch(&self.table, batch).await?;
            }
        }
        Ok(found)
    }

    /// Remembers a stage's log, entry by entry.
    async fn recall(
        &self,
        stage: Loaded,
        objects: &HashMap<Raw, StoredObject>,
        executions: &HashMap<String, Item>,
        memory: &mut Memory,
        repairs: &mut Repairs,
    ) -> Result<()> {
        let Loaded { key, memory: stage_memory, log } = stage;
        let key = Arc::new(key);
        memory.stages.insert(Arc::clone(&key), stage_memory);
        let sealed_to = log.iter().filter_map(|(_, record)| sealed(record)).map(|batch| batch.last).max().unwrap_or(0);
        // In the order of numbers, whatever the order of records.
        let mut entries = BTreeMap::new();
        for (ordinal, record) in &log {
            match record {
                LogRecord::Arrivals(arrivals) => {
                    entries.extend(arrivals.iter().map(|(seq, raw)| (*seq, (*ordinal, Of::Object(*raw), None))))
                }
                LogRecord::Sealed(batch) => {
                    entries.extend(keys::raw(batch.id.as_str()).map(|raw| (batch.seq, (*ordinal, Of::Batch(raw), Some(batch)))));
                }
            }
        }
        for (seq, (ordinal, of, batch)) in entries {
            let object = match of {
                // An entry whose object is not there, or was recorded by another entry, is nothing.
                Of::Object(raw) => match objects.get(&raw).filter(|object| object.seq == seq) {
                    Some(object) => {
                        repairs.known.insert(raw);
                        Some((raw, object))
                    }
                    None => continue,
                },
                Of::Batch(_) => None,
            };
            let execution = object.map_or_else(|| batch.map(|batch| batch.execution.clone()), |(_, object)| object.execution_id());
            match (execution, object) {
                (Some(id), _) => {
                    let run = Run { stage: Arc::clone(&key), seq, of };
                    let mark = match executions.get(id.as_str()) {
                        Some(item) => self.recall_execution(item, &run, repairs).await?,
                        None => Mark::ready(),
                    };
                    memory.insert_run(&key, seq, Entry { ordinal, of, mark, execution: keys::raw(id.as_str()) });
                }
                (None, Some((raw, object))) => {
                    if let Some(stage) = memory.stages.get_mut(&key) {
                        recall_member(stage, seq, ordinal, raw, object, sealed_to, repairs);
                    }
                }
                (None, None) => {}
            }
        }
        Ok(())
    }

    async fn recall_execution(&self, item: &Item, run: &Run, repairs: &mut Repairs) -> Result<Mark> {
        for name in item.keys().filter(|name| name.starts_with(OUTPUTS)) {
            let outputs: Vec<ArrivalRecord> = self.table.unpack(item, name).await?;
            repairs.outputs.extend(outputs.into_iter().map(Arrival::from));
        }
        repairs.letters.extend(outbox::recalled(&self.table, item, run).await?);
        if item.contains_key("schema") {
            let number = number(item, "number")?;
            let is_newer = repairs.schemas.get(&*run.stage).is_none_or(|known| known.number < number);
            if is_newer {
                let item = ["schema", "number"].into_iter().filter_map(|name| Some((name.to_owned(), item.get(name)?.clone()))).collect();
                repairs.schemas.insert((*run.stage).clone(), SchemaChange { stage: (*run.stage).clone(), number, item });
            }
        }
        let phase = text(item, "phase")?;
        let phase = PHASES.iter().find(|known| **known == phase).ok_or_else(|| unreadable(item, "phase"))?;
        if is_unfinished(phase) {
            return Ok(Mark::phase(phase));
        }
        let state: ExecutionState = self.table.unpack(item, "state").await?;
        ending(&self.table, run, &state).await
    }

    async fn finish(&mut self, memory: Memory, repairs: Repairs) -> Result<()> {
        let forgotten: Vec<Raw> = memory.unrouted.intersection(&repairs.known).copied().collect();
        let mut memory = memory;
        repairs.letters.into_iter().for_each(|letters| memory.leave(letters));
        *lock(&self.memory) = memory;
        for raw in forgotten {
            self.table.delete(&Key::unrouted(keys::object_id(&raw).as_str())).await?;
            lock(&self.memory).unrouted.remove(&raw);
        }
        self.set_aside(repairs.overwritten).await?;
        for change in repairs.schemas.values() {
            record_schema(&self.table, change).await?;
        }
        let wanted = repairs.outputs.iter().map(|output| Key::of_id(output.object.id().as_str())).collect();
        let mut there = HashSet::new();
        for item in self.table.get_many(wanted).await? {
            there.insert(text(&item, "sk")?.to_owned());
        }
        let missing = repairs.outputs.into_iter().filter(|output| !there.contains(output.object.id().as_str())).collect();
        self.admit(missing).await?;
        self.doubtful.clear();
        self.tell_settled();
        Ok(())
    }
}

fn recall_member(stage: &mut StageMemory, seq: u64, ordinal: u64, raw: Raw, object: &StoredObject, sealed_to: u64, repairs: &mut Repairs) {
    let mark = match &object.aside {
        Some(_) => Mark::Superseded,
        None if seq <= sealed_to => Mark::Sealed,
        None => {
            let (key, at) = (&object.arrival.object.key, object.arrival.at);
            match stage.join(seq, ordinal, Collecting { id: raw, object: object.arrival.object.clone(), at }) {
                Joined::Replaced(old) => repairs.overwritten.extend(old.into_iter().map(|(_, id)| replaced(id, key, at))),
                Joined::Older => repairs.overwritten.push(overtaken(raw, key, at)),
            }
            return;
        }
    };
    stage.insert(seq, Entry { ordinal, of: Of::Object(raw), mark, execution: None });
}

fn sealed(record: &LogRecord) -> Option<&StoredBatch> {
    match record {
        LogRecord::Sealed(batch) => Some(batch),
        LogRecord::Arrivals(_) => None,
    }
}

fn counts(item: &Item) -> Counts {
    let stored = item.get("counts").and_then(|value| value.as_m().ok());
    let count = |name: &str| stored?.get(name)?.as_n().ok()?.parse().ok();
    Counts(NAMES.map(|name| count(name).unwrap_or(0)))
}
