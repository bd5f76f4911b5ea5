//! The stages and their logs: who writes the next record of one has read all before it.

use std::{collections::HashSet, ops::Range, sync::Arc};

use aws_sdk_dynamodb::types::AttributeValue;
use lakegate_coordinator::ports::{Result, meter};
use lakegate_model::{Failure, FailureCode, StageKey};

use super::{
    backfill::UNLISTED,
    keys::Key,
    memory::{Counts, NAMES, StageMemory},
    records::LogRecord,
    table::{Change, Item, OnlyIf, Written, n, number, s},
    writer::{Desk, lock},
};

/// Numbers reserved at once.
const BLOCK: u64 = 1_000;
/// Entries that get below a floor when it is raised, at least: one write for so many.
const CHECKPOINT: usize = 512;

impl Desk {
    /// Numbers nobody else has or will have.
    pub(super) async fn take_numbers(&mut self, count: u64) -> Result<Range<u64>> {
        if self.numbers.end - self.numbers.start < count {
            self.numbers = self.reserve(count.max(BLOCK)).await?;
        }
        let taken = self.numbers.start..self.numbers.start + count;
        self.numbers.start = taken.end;
        Ok(taken)
    }

    async fn reserve(&self, count: u64) -> Result<Range<u64>> {
        loop {
            let key = Key::seq();
            let item = self.table.get(&key).await?;
            let (next, only_if) = match &item {
                Some(item) => {
                    let next: u64 = number(item, "next")?;
                    (next, OnlyIf::Is("next", n(next)))
                }
                None => (1, OnlyIf::New),
            };
            let change = Change { key, set: vec![("next".to_owned(), n(next + count))], only_if };
            // A lost answer looks like somebody else's reservation, and costs a gap.
            if let Written::Done(_) = self.table.change(change).await? {
                return Ok(next..next + count);
            }
        }
    }

    /// Writes a stage's next log record. Nobody can who has not read all of the log.
    pub(super) async fn append(&mut self, stage: &StageKey, record: &LogRecord) -> Result<u64> {
        let token = self.token();
        let ordinal = lock(&self.memory).stages.get(stage).map_or(0, |stage| stage.next);
        let mut item = record.item(&token)?;
        item.insert("first".to_owned(), n(record.first()));
        if let Written::Refused(there) = meter::for_stage(stage, self.table.put_new(&Key::log(stage, ordinal), item)).await?
            && there.get("token").and_then(|value| value.as_s().ok()) != Some(&token)
        {
            self.doubtful.raise_if(true);
            let message = format!("another coordinator writes to {stage} in the ledger's table {} too", self.table.name);
            return Err(Failure::new(FailureCode::Ledger, message).hint("run one coordinator on a ledger: stop the other one"));
        }
        if let Some(stage) = lock(&self.memory).stages.get_mut(stage) {
            stage.next = ordinal + 1;
        }
        Ok(ordinal)
    }

    /// Records the stages that are new.
    pub(super) async fn know(&mut self, stages: impl IntoIterator<Item = StageKey>) -> Result<()> {
        let new: HashSet<StageKey> = {
            let memory = lock(&self.memory);
            stages.into_iter().filter(|stage| !memory.stages.contains_key(stage)).collect()
        };
        for stage in new {
            let item = Item::from([
                ("team".to_owned(), s(&stage.dataset.team)),
                ("dataset".to_owned(), s(&stage.dataset.dataset)),
                ("stage".to_owned(), s(&stage.stage)),
                (UNLISTED.to_owned(), n(0)),
            ]);
            let mut known = StageMemory::default();
            if let Written::Refused(there) = self.table.put_new(&Key::stage(&stage), item).await? {
                // Ours, if an answer was lost. If another coordinator's, its log must be read first.
                known.paused = is_paused(&there);
                if self.table.get(&Key::log(&stage, 0)).await?.is_some() {
                    self.doubtful.raise_if(true);
                    return Err(Failure::new(FailureCode::Ledger, format!("another coordinator has begun the stage {stage}"))
                        .hint("run one coordinator on a ledger: stop the other one"));
                }
            }
            lock(&self.memory).stages.insert(Arc::new(stage), known);
        }
        Ok(())
    }

    pub(super) async fn pause(&mut self, stage: &StageKey, paused: bool) -> Result<bool> {
        self.know([stage.clone()]).await?;
        if lock(&self.memory).stages.get(stage).is_some_and(|stage| stage.paused == paused) {
            return Ok(false);
        }
        let set = vec![("paused".to_owned(), AttributeValue::Bool(paused))];
        self.table.change(Change { key: Key::stage(stage), set, only_if: OnlyIf::Always }).await?;
        if let Some(stage) = lock(&self.memory).stages.get_mut(stage) {
            stage.paused = paused;
        }
        Ok(true)
    }

    /// Raises the floors of stages in which much is over. What is below a floor never changes, so
    /// the counts kept with it are exact, whoever writes them.
    pub(super) async fn checkpoint(&self) -> Result<()> {
        let due: Vec<(Arc<StageKey>, (u64, Counts))> = {
            let memory = lock(&self.memory);
            memory.stages.iter().filter_map(|(key, stage)| Some((Arc::clone(key), stage.next_floor(CHECKPOINT)?))).collect()
        };
        for (key, (floor, base)) in due {
            let counts = NAMES.iter().zip(base.0).map(|(name, count)| ((*name).to_owned(), n(count))).collect();
            let set = vec![("floor".to_owned(), n(floor)), ("counts".to_owned(), AttributeValue::M(counts))];
            // Refused: it is as high already.
            let change = Change { key: Key::stage(&key), set, only_if: OnlyIf::Below("floor", n(floor)) };
            meter::for_stage(&key, self.table.change(change)).await?;
            if let Some(stage) = lock(&self.memory).stages.get_mut(&*key) {
                stage.raise_floor(floor, base);
            }
        }
        Ok(())
    }
}

/// Whether a stage's item says that it is paused.
pub(super) fn is_paused(item: &Item) -> bool {
    item.get("paused").and_then(|value| value.as_bool().ok()).is_some_and(|paused| *paused)
}
