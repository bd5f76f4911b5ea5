//! Sealing. The members are listed in parts that nothing names yet; then one record of the stage's
//! log, which only somebody can write who has read all of it, makes the batch sealed. The items by
//! which the batch is found follow, and are made again from the log after a crash.

use lakegate_coordinator::ports::{
    Result,
    ledger::{SealRequest, Sealed},
};
use lakegate_model::{BatchId, ExecutionId, ObjectId, Timestamp, machine::batch::members_to_seal};

use super::{
    blob,
    keys::{self, Key, Raw},
    memory::{Entry, Mark, Of},
    records::{LogRecord, StoredBatch, pack_entries},
    table::Table,
    writer::{Desk, lock},
};

/// The members to seal.
struct Chosen {
    entries: Vec<(u64, Raw)>,
    bytes: u64,
    first_at: Timestamp,
}

impl Desk {
    pub(super) async fn seal(&mut self, request: &SealRequest) -> Result<Option<Sealed>> {
        let Some(chosen) = self.choose(request) else { return Ok(None) };
        let (Some((first, _)), Some((last, _))) = (chosen.entries.first(), chosen.entries.last()) else { return Ok(None) };
        let ids: Vec<ObjectId> = chosen.entries.iter().map(|(_, raw)| keys::object_id(raw)).collect();
        let id = BatchId::of(&request.stage, &ids);
        let parts = blob::cut(&pack_entries(&chosen.entries));
        let stored = StoredBatch {
            seq: self.take_numbers(1).await?.start,
            execution: ExecutionId::of(&request.stage, id.as_str(), request.pipeline_version),
            id,
            stage: request.stage.clone(),
            objects: chosen.entries.len() as u64,
            bytes: chosen.bytes,
            first_at: chosen.first_at,
            sealed_at: request.at,
            reason: request.reason,
            pipeline_version: request.pipeline_version,
            trace: request.trace,
            first: *first,
            last: *last,
            parts: parts.len(),
        };
        self.table.put_parts(stored.id.as_str(), parts).await?;
        let ordinal = self.append(&request.stage, &LogRecord::Sealed(Box::new(stored.clone()))).await?;
        record_batch(&self.table, &stored).await?;
        self.tell_sealed(&stored, ordinal);
        self.remember(&stored, ordinal);
        let execution = stored.execution();
        Ok(Some(Sealed { batch: stored.record(execution.state.phase.as_str()), execution }))
    }

    /// The oldest members within the limits.
    fn choose(&self, request: &SealRequest) -> Option<Chosen> {
        let memory = lock(&self.memory);
        let stage = memory.stages.get(&request.stage)?;
        let take = members_to_seal(&request.trigger, stage.collecting.values().map(|member| member.object.size));
        let taken = || stage.collecting.iter().take(usize::try_from(take).unwrap_or(usize::MAX));
        let first_at = taken().next()?.1.at;
        let bytes = taken().fold(0, |sum: u64, (_, member)| sum.saturating_add(member.object.size));
        Some(Chosen { entries: taken().map(|(seq, member)| (*seq, member.id)).collect(), bytes, first_at })
    }

    fn remember(&self, stored: &StoredBatch, ordinal: u64) {
        let Some(raw) = keys::raw(stored.id.as_str()) else { return };
        let mut memory = lock(&self.memory);
        if let Some(stage) = memory.stages.get_mut(&stored.stage) {
            stage.seal(stored.last);
        }
        let entry = Entry { ordinal, of: Of::Batch(raw), mark: Mark::ready(), execution: keys::raw(stored.execution.as_str()) };
        memory.insert_run(&stored.stage, stored.seq, entry);
    }
}

/// Writes what a sealed batch is found by. Writing it again changes nothing.
pub(super) async fn record_batch(table: &Table, stored: &StoredBatch) -> Result<()> {
    let (by_id, by_member) = (Key::of_id(stored.id.as_str()), Key::sealed(&stored.stage, stored.last));
    let item = stored.item()?;
    futures::try_join!(table.put(&by_id, item.clone()), table.put(&by_member, item))?;
    Ok(())
}
