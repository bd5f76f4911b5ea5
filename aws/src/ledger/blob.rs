//! Values of any size in items of at most 400 KB: JSON while it is short, then compressed, then in
//! parts of their own that are written before the item that names them.

use std::{
    io::{Read as _, Write as _},
    time::Duration,
};

use aws_sdk_dynamodb::{primitives::Blob, types::AttributeValue};
use flate2::{Compression, read::DeflateDecoder, write::DeflateEncoder};
use futures::{StreamExt as _, TryStreamExt as _};
use lakegate_coordinator::ports::Result;
use lakegate_model::{Failure, FailureCode, Timestamp};
use serde::{Serialize, de::DeserializeOwned};

use super::{
    keys::Key,
    table::{Change, Item, OnlyIf, Range, Table, n, s, unreadable},
};

/// Up to here JSON stays text.
const PLAIN: usize = 700;
/// Up to here compressed bytes stay in the item; two such attributes fit beside one another.
const INLINE: usize = 150_000;
/// Bytes of a part.
const PART: usize = 300_000;

/// How long parts are kept that nothing names any longer.
const KEPT: Duration = Duration::from_secs(86_400);
/// The attribute by which DynamoDB deletes: seconds since 1970.
pub(super) const EXPIRES: &str = "expires";

/// A value as an attribute, and the parts to write before it.
pub(super) struct Packed {
    pub(super) value: AttributeValue,
    pub(super) parts: Vec<Vec<u8>>,
    pub(super) token: String,
}

/// Packs a value. `token` names its parts and must be no other's.
pub(super) fn pack<T: Serialize>(value: &T, token: &str) -> Result<Packed> {
    let json = serde_json::to_string(value).map_err(|error| broken(&error))?;
    let whole = |value| Packed { value, parts: Vec::new(), token: token.to_owned() };
    if json.len() <= PLAIN {
        return Ok(whole(s(json)));
    }
    let mut encoder = DeflateEncoder::new(Vec::with_capacity(json.len() / 4), Compression::fast());
    let bytes = encoder.write_all(json.as_bytes()).and_then(|()| encoder.finish()).map_err(|error| broken(&error))?;
    if bytes.len() <= INLINE {
        return Ok(whole(AttributeValue::B(Blob::new(bytes))));
    }
    let parts = cut(&bytes);
    Ok(Packed { value: s_parts(token, parts.len()), parts, token: token.to_owned() })
}

/// Bytes in parts.
pub(super) fn cut(bytes: &[u8]) -> Vec<Vec<u8>> {
    bytes.chunks(PART).map(<[u8]>::to_vec).collect()
}

fn s_parts(token: &str, count: usize) -> AttributeValue {
    AttributeValue::M([("parts".to_owned(), n(count)), ("token".to_owned(), s(token))].into())
}

/// The token of the parts that an attribute names, and how many they are.
pub(super) fn parts_of(value: &AttributeValue) -> Option<(&str, usize)> {
    let map = value.as_m().ok()?;
    let count = map.get("parts")?.as_n().ok()?.parse().ok()?;
    Some((map.get("token")?.as_s().ok()?, count))
}

impl Table {
    /// Writes a value's parts, for an item that will name them.
    pub(super) async fn put_parts(&self, token: &str, parts: Vec<Vec<u8>>) -> Result<()> {
        let puts = parts.into_iter().enumerate().map(|(index, bytes)| async move {
            let item = Item::from([("bytes".to_owned(), AttributeValue::B(Blob::new(bytes)))]);
            self.put(&Key::part(token, index), item).await
        });
        futures::stream::iter(puts).buffer_unordered(4).try_collect().await
    }

    /// All bytes of a value's parts.
    pub(super) async fn parts(&self, token: &str, count: usize) -> Result<Vec<u8>> {
        let range = Range { limit: count, ..Range::all(format!("part#{token}")) };
        let items = self.query(range).await?;
        if items.len() != count {
            let message = format!("the ledger's table {} has {} of the {count} parts of {token}", self.name, items.len());
            return Err(Failure::new(FailureCode::Ledger, message).hint("something else than lakegate has deleted them: restore the table"));
        }
        let mut bytes = Vec::new();
        for item in &items {
            let part = item.get("bytes").and_then(|value| value.as_b().ok()).ok_or_else(|| unreadable(item, "bytes"))?;
            bytes.extend_from_slice(part.as_ref());
        }
        Ok(bytes)
    }

    /// Lets a value's parts, which nothing names any longer, expire: whoever has just read what named
    /// them can still read them. What stays behind costs little and hurts nobody.
    pub(super) async fn expire_parts(&self, token: &str, count: usize, at: Timestamp) {
        let expires = (at + KEPT).0 / 1_000;
        for index in 0..count {
            let set = vec![(EXPIRES.to_owned(), n(expires))];
            if let Err(failure) = self.change(Change { key: Key::part(token, index), set, only_if: OnlyIf::Always }).await {
                tracing::warn!(%failure, token, "a part that is no longer needed stays in the ledger");
            }
        }
    }

    /// The value of an attribute that `pack` made.
    pub(super) async fn unpack<T: DeserializeOwned>(&self, item: &Item, name: &str) -> Result<T> {
        let value = item.get(name).ok_or_else(|| unreadable(item, name))?;
        let read = match value {
            AttributeValue::S(json) => serde_json::from_str(json).ok(),
            AttributeValue::B(bytes) => inflate(bytes.as_ref()),
            other => match parts_of(other) {
                Some((token, count)) => inflate(&self.parts(token, count).await?),
                None => None,
            },
        };
        read.ok_or_else(|| unreadable(item, name))
    }
}

fn inflate<T: DeserializeOwned>(bytes: &[u8]) -> Option<T> {
    let mut json = Vec::new();
    DeflateDecoder::new(bytes).read_to_end(&mut json).ok()?;
    serde_json::from_slice(&json).ok()
}

fn broken(error: &dyn std::fmt::Display) -> Failure {
    Failure::new(FailureCode::Internal, format!("a record can't be written as JSON: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_values_stay_text_and_long_ones_get_parts() {
        assert!(pack(&"short", "t").unwrap().value.is_s());
        let same = pack(&"x".repeat(100_000), "t").unwrap();
        assert!(same.value.is_b() && same.parts.is_empty());
        let noise: Vec<u64> = (0..200_000_u64).map(|n| n.wrapping_mul(0x9E37_79B9_7F4A_7C15)).collect();
        let long = pack(&noise, "t").unwrap();
        assert_eq!(parts_of(&long.value), Some(("t", long.parts.len())));
        assert!(long.parts.iter().all(|part| part.len() <= PART));
        assert_eq!(inflate::<Vec<u64>>(&long.parts.concat()), Some(noise));
    }
}
