//! Which tasks may run beside each other, by the memory they are estimated to need.
//!
//! The estimate is the input's size times what its format and compression make of it in memory.
//! What the engine can read in a stream counts for no more than a slot's even share; an input that
//! must be in memory as a whole counts in full, and one larger than all the memory gets all of it
//! and runs alone. It is a limit on what starts, not on what a running task allocates: a join or a
//! sort can need more than its input's size tells, and referenced tables aren't counted.

use std::sync::Arc;

use lakegate_model::pipeline::{Compression, Format, Stage};
use lakegate_proto::manifest::Manifest;
use tokio::{
    runtime::Handle,
    sync::{OwnedSemaphorePermit, Semaphore},
};

use crate::engine::TaskInput;

const MIB: u64 = 1 << 20;
/// What any task needs, however small its input.
const LEAST: u64 = 2 * MIB;
/// How much text grows when its compression is undone; measured data lies between 3 and 10.
const DECOMPRESSED: u64 = 6;

/// The memory tasks share, counted in MiB.
pub(super) struct Memory {
    free: Arc<Semaphore>,
    all: u32,
    share: u64,
}

impl Memory {
    /// So many bytes for so many slots.
    pub(super) fn new(bytes: u64, slots: usize) -> Memory {
        let most = Semaphore::MAX_PERMITS.min(u32::MAX as usize);
        let all = (bytes / MIB).clamp(1, most as u64);
        Memory {
            free: Arc::new(Semaphore::new(usize::try_from(all).unwrap_or(most))),
            all: u32::try_from(all).unwrap_or(u32::MAX),
            share: bytes / slots.max(1) as u64,
        }
    }

    /// Waits until a task on this input fits. It fits until the permit is dropped. Blocks, and must
    /// be called on a thread where that is allowed.
    pub(super) fn admit(&self, stage: &Stage, input: &TaskInput) -> Option<OwnedSemaphorePermit> {
        let wanted = u32::try_from(self.estimate(stage, input).div_ceil(MIB)).unwrap_or(u32::MAX).min(self.all);
        if let Ok(permit) = Arc::clone(&self.free).try_acquire_many_owned(wanted) {
            return Some(permit);
        }
        // The semaphore is never closed, so there is always a permit in the end.
        Handle::current().block_on(Arc::clone(&self.free).acquire_many_owned(wanted)).ok()
    }

    fn estimate(&self, stage: &Stage, input: &TaskInput) -> u64 {
        let need = match input {
            TaskInput::Object { object, .. } | TaskInput::Rows { object, .. } => self.need(stage, &object.key, object.size),
            TaskInput::Batch { manifest } => {
                // A manifest that can't be read is for the engine to complain about.
                let read = manifest.path().and_then(|path| std::fs::read(path).ok());
                let manifest: Option<Manifest> = read.and_then(|bytes| serde_json::from_slice(&bytes).ok());
                let objects = manifest.map(|manifest| manifest.objects).unwrap_or_default();
                let (mut streamed, mut whole) = (0_u64, 0_u64);
                for object in objects {
                    let need = in_memory(stage, &object.object.key, object.object.size);
                    let sum = if is_streamed(stage, &object.object.key) { &mut streamed } else { &mut whole };
                    *sum = sum.saturating_add(need);
                }
                streamed.min(self.share).saturating_add(whole)
            }
        };
        need.max(LEAST)
    }

    fn need(&self, stage: &Stage, key: &str, size: u64) -> u64 {
        let need = in_memory(stage, key, size);
        if is_streamed(stage, key) { need.min(self.share) } else { need }
    }
}

fn format(stage: &Stage, key: &str) -> Format {
    stage.input.format.or_else(|| Format::of_key(key)).unwrap_or(Format::Csv)
}

fn is_streamed(stage: &Stage, key: &str) -> bool {
    !matches!(format(stage, key), Format::Json | Format::Avro)
}

/// Bytes of the input in memory, with its output and what lies between.
fn in_memory(stage: &Stage, key: &str, size: u64) -> u64 {
    let factor = match format(stage, key) {
        Format::Arrow => 3,
        Format::Csv | Format::Ndjson => 4,
        Format::Json | Format::Avro => 6,
        Format::Parquet => 8,
    };
    let text = size.saturating_mul(if Compression::of_key(key).is_some() { DECOMPRESSED } else { 1 });
    text.saturating_mul(factor)
}

#[cfg(test)]
mod tests {
    use lakegate_model::{Location, ObjectVersion};

    use super::{super::tests::message, *};

    fn object(key: &str, size: u64) -> TaskInput {
        let object = ObjectVersion { bucket: "raw".into(), key: key.into(), version: "v".into(), sequencer: None, size };
        TaskInput::Object { location: Location::of_path("/nowhere"), object }
    }

    #[test]
    fn what_is_streamed_needs_a_share_and_what_is_not_needs_all_of_itself() {
        let (memory, stage) = (Memory::new(1 << 30, 4), message::stage());
        let estimate = |key: &str, size: u64| memory.estimate(&stage, &object(key, size)) / MIB;
        assert_eq!(estimate("a.csv", 10), 2);
        assert_eq!(estimate("a.csv", 10 * MIB), 40);
        assert_eq!(estimate("a.csv.gz", 10 * MIB), 240);
        assert_eq!(estimate("a.csv", 10_000 * MIB), 256);
        assert_eq!(estimate("a.json", 100 * MIB), 600);
    }

    #[test]
    fn a_batch_needs_what_its_objects_need() {
        let (memory, stage) = (Memory::new(1 << 30, 4), message::stage());
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("manifest.json");
        let member = |key: &str, size: u64| serde_json::json!({ "id": "ob-1", "location": "file:///x", "object": { "bucket": "stage", "key": key, "version": "v", "size": size } });
        let manifest = serde_json::json!({
            "batch": "ba-1",
            "stage": { "dataset": { "team": "t", "dataset": "d" }, "stage": "s" },
            "objects": [member("a.parquet", MIB), member("b.parquet", 2 * MIB), member("c.json", MIB)],
        });
        std::fs::write(&path, manifest.to_string()).unwrap();
        let batch = TaskInput::Batch { manifest: Location::of_path(path.to_str().unwrap()) };
        assert_eq!(memory.estimate(&stage, &batch), 30 * MIB);
    }

    #[tokio::test]
    async fn one_larger_than_all_runs_alone() {
        let (memory, stage) = (Arc::new(Memory::new(100 * MIB, 1)), message::stage());
        let small = memory.admit(&stage, &object("a.csv", 10)).unwrap();
        let waiting = {
            let (memory, stage) = (Arc::clone(&memory), stage.clone());
            tokio::task::spawn_blocking(move || memory.admit(&stage, &object("huge.json", u64::MAX)))
        };
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        assert!(!waiting.is_finished());
        drop(small);
        let all = waiting.await.unwrap().unwrap();
        assert_eq!((all.num_permits(), memory.free.available_permits()), (100, 0));
    }
}
