//! The names of things. Ids of work are derived from what the work is of, so that hearing of the
//! same thing twice finds the same id.

use std::fmt;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::trace::hex;

/// A stable 128-bit name from parts. Each part is written with its length, so that no two lists
/// of parts run together.
pub fn digest(domain: &str, parts: &[&[u8]]) -> String {
    hex(hash(domain, parts).get(..16).unwrap_or_default())
}

fn hash(domain: &str, parts: &[&[u8]]) -> [u8; 32] {
    let mut hasher = Sha256::new();
    for part in std::iter::once(domain.as_bytes()).chain(parts.iter().copied()) {
        hasher.update((part.len() as u64).to_le_bytes());
        hasher.update(part);
    }
    hasher.finalize().into()
}

macro_rules! text_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(String);

        impl $name {
            /// Takes a text that is already such an id: one that was printed, stored or sent.
            pub fn from_text(text: impl Into<String>) -> Self {
                $name(text.into())
            }

            /// The id as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

text_id! {
    /// One version of one file: `ob-` and 32 hexadecimal digits.
    ObjectId
}
text_id! {
    /// A sealed batch, derived from its members: `ba-` and 32 hexadecimal digits.
    BatchId
}
text_id! {
    /// One stage applied to one object or sealed batch by one pipeline version: `ex-` and 32 hexadecimal digits.
    ExecutionId
}
text_id! {
    /// A worker's session, named by the coordinator when it registers.
    WorkerId
}

impl ObjectId {
    /// The id of (bucket, key, version).
    pub fn of(bucket: &str, key: &str, version: &str) -> ObjectId {
        ObjectId(format!("ob-{}", digest("object", &[bucket.as_bytes(), key.as_bytes(), version.as_bytes()])))
    }
}

impl BatchId {
    /// The id of the batch of a stage that has exactly these members, in whatever order they came.
    pub fn of<'a>(stage: &StageKey, members: impl IntoIterator<Item = &'a ObjectId>) -> BatchId {
        let mut members: Vec<&[u8]> = members.into_iter().map(|id| id.0.as_bytes()).collect();
        members.sort_unstable();
        let mut parts = stage.parts().map(str::as_bytes).to_vec();
        parts.append(&mut members);
        BatchId(format!("ba-{}", digest("batch", &parts)))
    }
}

impl ExecutionId {
    /// The id of `stage` applied to the object or batch named `subject` by a pipeline version.
    pub fn of(stage: &StageKey, subject: &str, pipeline_version: u32) -> ExecutionId {
        let [team, dataset, name] = stage.parts();
        let version = pipeline_version.to_string();
        let parts = [team, dataset, name, subject, &version].map(str::as_bytes);
        ExecutionId(format!("ex-{}", digest("execution", &parts)))
    }

    /// The id of the span that stands for this execution in its trace: derived, so that a
    /// restarted coordinator goes on with the span it began.
    pub fn span_id(&self) -> [u8; 8] {
        span_id("execution", &self.0)
    }
}

/// A span id derived from what the span is of; never all zero.
pub fn span_id(domain: &str, name: &str) -> [u8; 8] {
    let mut id = [0; 8];
    for (to, from) in id.iter_mut().zip(hash(domain, &[name.as_bytes()])) {
        *to = from;
    }
    if id == [0; 8] { [1; 8] } else { id }
}

/// A team's dataset.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct DatasetId {
    /// Who owns the data.
    pub team: String,
    /// What the data is.
    pub dataset: String,
}

impl DatasetId {
    /// The dataset of a team.
    pub fn new(team: impl Into<String>, dataset: impl Into<String>) -> DatasetId {
        DatasetId { team: team.into(), dataset: dataset.into() }
    }
}

/// `team/dataset`
impl fmt::Display for DatasetId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.team, self.dataset)
    }
}

/// A stage of a dataset's pipeline, whatever the pipeline's version.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct StageKey {
    /// Whose pipeline.
    pub dataset: DatasetId,
    /// The stage's name in it.
    pub stage: String,
}

impl StageKey {
    /// The stage of that name.
    pub fn new(dataset: DatasetId, stage: impl Into<String>) -> StageKey {
        StageKey { dataset, stage: stage.into() }
    }

    /// Reads `team/dataset/stage`.
    pub fn parse(text: &str) -> Option<StageKey> {
        let mut parts = text.splitn(3, '/');
        let (team, dataset, stage) = (parts.next()?, parts.next()?, parts.next()?);
        let named = !team.is_empty() && !dataset.is_empty() && !stage.is_empty() && !stage.contains('/');
        named.then(|| StageKey::new(DatasetId::new(team, dataset), stage))
    }

    fn parts(&self) -> [&str; 3] {
        [&self.dataset.team, &self.dataset.dataset, &self.stage]
    }
}

/// `team/dataset/stage`
impl fmt::Display for StageKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.dataset, self.stage)
    }
}

/// One step of one attempt of an execution, as sent to a worker.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct TaskId {
    /// The execution it belongs to.
    pub execution: ExecutionId,
    /// The index of the step in its stage.
    pub step: u32,
    /// The attempt, counted from 1. Only the current one can commit.
    pub attempt: u32,
}

/// `ex-…/step/attempt`
impl fmt::Display for TaskId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}", self.execution, self.step, self.attempt)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stage() -> StageKey {
        StageKey::new(DatasetId::new("nyc", "flights"), "clean")
    }

    #[test]
    fn ids_depend_on_every_part_and_on_where_parts_end() {
        assert_eq!(ObjectId::of("raw", "a/b.csv", "1"), ObjectId::of("raw", "a/b.csv", "1"));
        assert_ne!(ObjectId::of("raw", "a/b.csv", "1"), ObjectId::of("raw", "a/b.csv", "2"));
        assert_ne!(ObjectId::of("ra", "wa", "1"), ObjectId::of("raw", "a", "1"));
        assert_ne!(ExecutionId::of(&stage(), "ob-1", 1), ExecutionId::of(&stage(), "ob-1", 2));
    }

    #[test]
    fn a_batch_is_its_members_in_any_order() {
        let [a, b] = ["a", "b"].map(|key| ObjectId::of("raw", key, "1"));
        assert_eq!(BatchId::of(&stage(), [&a, &b]), BatchId::of(&stage(), [&b, &a]));
        assert_ne!(BatchId::of(&stage(), [&a, &b]), BatchId::of(&stage(), [&a]));
    }

    #[test]
    fn a_stage_key_reads_as_it_prints() {
        assert_eq!(StageKey::parse(&stage().to_string()), Some(stage()));
        for text in ["", "nyc", "nyc/flights", "nyc/flights/", "nyc/flights/clean/x", "//clean"] {
            assert_eq!(StageKey::parse(text), None, "{text}");
        }
    }
}
