//! Where what is in the table: keys, and ids as the sixteen bytes that they are.

use lakegate_model::{BatchId, ExecutionId, ObjectId, StageKey, ids::digest};

/// The sixteen bytes of an id of ours, without its two letters.
pub(super) type Raw = [u8; 16];

/// A primary key.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Key {
    pub(super) pk: String,
    pub(super) sk: String,
}

impl Key {
    pub(super) fn new(pk: impl Into<String>, sk: impl Into<String>) -> Key {
        Key { pk: pk.into(), sk: sk.into() }
    }

    /// Of an object, an execution or a batch: its id, in the shard that the id's beginning names.
    pub(super) fn of_id(id: &str) -> Key {
        Key::new(id.get(..SHARD).unwrap_or(id), id)
    }

    pub(super) fn seq() -> Key {
        Key::new("meta", "seq")
    }

    pub(super) fn stage(stage: &StageKey) -> Key {
        Key::new(STAGES, stage.to_string())
    }

    pub(super) fn schema(stage: &StageKey) -> Key {
        Key::new("schemas", stage.to_string())
    }

    pub(super) fn log(stage: &StageKey, ordinal: u64) -> Key {
        Key::new(log(stage), number(ordinal))
    }

    /// Of a sealed batch, found by the `seq` of any of its members: the last one's.
    pub(super) fn sealed(stage: &StageKey, last: u64) -> Key {
        Key::new(sealed(stage), number(last))
    }

    pub(super) fn unrouted(id: &str) -> Key {
        Key::new(UNROUTED, id)
    }

    /// Of the newest removal of a key.
    pub(super) fn removed(bucket: &str, key: &str) -> Key {
        Key::of_id(&format!("rm-{}", digest("removed", &[bucket.as_bytes(), key.as_bytes()])))
    }

    /// Of a removal that SDLF's tables are still to be told of.
    pub(super) fn untold(seq: u64) -> Key {
        Key::new(UNTOLD, number(seq))
    }

    pub(super) fn part(token: &str, index: usize) -> Key {
        Key::new(format!("part#{token}"), format!("{index:06}"))
    }
}

/// The partition of the stages.
pub(super) const STAGES: &str = "stages";
/// The partition of the objects that nobody takes.
pub(super) const UNROUTED: &str = "unrouted";
/// The partition of the removals that SDLF's tables are still to be told of.
pub(super) const UNTOLD: &str = "untold";
/// The partition that names the datasets that have pipelines.
pub(super) const DATASETS: &str = "datasets";
/// An id's first characters that name its shard: two letters, a dash, two digits.
const SHARD: usize = 5;

/// The partition of a stage's log.
pub(super) fn log(stage: &StageKey) -> String {
    format!("log#{stage}")
}

/// The partition of a stage's sealed batches.
pub(super) fn sealed(stage: &StageKey) -> String {
    format!("sealed#{stage}")
}

/// The name in the index of a stage's executions of which something lies in quarantine. No file has a key with
/// this character.
pub(super) fn aside(stage: &StageKey) -> String {
    format!("\u{0}aside#{stage}")
}

/// A number that sorts as text.
pub(super) fn number(n: u64) -> String {
    format!("{n:020}")
}

/// The bytes of an id's text; `None` if it is no such id.
pub(super) fn raw(text: &str) -> Option<Raw> {
    let digits = text.get(3..)?;
    if digits.len() != 32 || !digits.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte)) {
        return None;
    }
    u128::from_str_radix(digits, 16).ok().map(u128::to_be_bytes)
}

fn text(kind: &str, raw: &Raw) -> String {
    format!("{kind}-{:032x}", u128::from_be_bytes(*raw))
}

pub(super) fn object_id(raw: &Raw) -> ObjectId {
    ObjectId::from_text(text("ob", raw))
}

pub(super) fn batch_id(raw: &Raw) -> BatchId {
    BatchId::from_text(text("ba", raw))
}

pub(super) fn execution_id(raw: &Raw) -> ExecutionId {
    ExecutionId::from_text(text("ex", raw))
}

/// The shards in which ids of a kind (`ob-`, `ex-`, `ba-`) that start with `prefix` can be.
pub(super) fn shards(kind: &str, prefix: &str) -> Vec<String> {
    let digits = match prefix.strip_prefix(kind) {
        Some(digits) => digits,
        None if kind.starts_with(prefix) => "",
        None => return Vec::new(),
    };
    if digits.len() > 32 || !digits.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte)) {
        return Vec::new();
    }
    (0..=255_u8)
        .map(|shard| format!("{shard:02x}"))
        .filter(|shard| shard.starts_with(digits.get(..2).unwrap_or(digits)))
        .map(|shard| format!("{kind}{shard}"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_the_same_after_packing() {
        let id = ObjectId::of("raw", "a", "1");
        assert_eq!(raw(id.as_str()).map(|raw| object_id(&raw)), Some(id));
        for none in ["", "ex", "ex-00", "ex-ü", "ob-zz000000000000000000000000000000", "ob-+0000000000000000000000000000000"] {
            assert_eq!(raw(none), None, "{none}");
        }
    }

    #[test]
    fn a_prefix_names_the_shards_it_can_be_in() {
        let cases =
            [("ob-", 256), ("o", 256), ("", 256), ("ob-3", 16), ("ob-3f", 1), ("ob-3fa", 1), ("ex-", 0), ("ob-%", 0), ("nyc/a.csv", 0)];
        for (prefix, count) in cases {
            assert_eq!(shards("ob-", prefix).len(), count, "{prefix}");
        }
        assert_eq!(shards("ob-", "ob-3fa"), ["ob-3f"]);
        assert_eq!(Key::of_id("ob-3fa0").pk, "ob-3f");
    }
}
