//! One record of a notification that S3 sends itself, straight to the queue or by way of SNS.

use lakegate_model::event::EventKind;
use serde::Deserialize;
use serde_json::Value;

use super::{Happening, Understood, key};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Record {
    event_source: String,
    event_name: String,
    event_time: String,
    s3: Entity,
}

#[derive(Deserialize)]
struct Entity {
    bucket: Bucket,
    object: Object,
}

#[derive(Deserialize)]
struct Bucket {
    name: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Object {
    /// Url-encoded.
    key: String,
    size: Option<u64>,
    e_tag: Option<String>,
    version_id: Option<String>,
    sequencer: Option<String>,
}

/// What happened.
enum Kind {
    To(EventKind),
    /// Something that neither makes nor removes data.
    Other,
}

/// Reads one record.
pub(super) fn read(record: &Value) -> Understood {
    let Record { event_source, event_name, event_time, s3 } =
        Record::deserialize(record).map_err(|error| format!("it is no record of S3: {error}"))?;
    // Others that speak like S3 call themselves `minio:s3` or `ceph:s3`.
    if !event_source.ends_with(":s3") {
        return Err(format!("it comes from `{event_source}`, not from S3"));
    }
    let kind = match kind_of(&event_name) {
        Some(Kind::To(kind)) => kind,
        Some(Kind::Other) => return Ok(None),
        None => return Err(format!("`{event_name}` is no event of S3 that is known here")),
    };
    let Object { key, size, e_tag, version_id, sequencer } = s3.object;
    let key = key::decoded(&key)?;
    Ok(Some(Happening { kind, bucket: s3.bucket.name, key, version_id, etag: e_tag, sequencer, size, time: event_time }))
}

/// By the name without `s3:`, which S3 leaves out in what it sends and others don't. Every way in
/// which an object is made or removed is the same here: put, copied, completed in parts; deleted, hidden
/// by a delete marker, expired by a lifecycle rule.
fn kind_of(name: &str) -> Option<Kind> {
    let name = name.strip_prefix("s3:").unwrap_or(name);
    match name.split(':').next().unwrap_or_default() {
        "ObjectCreated" => Some(Kind::To(EventKind::Created)),
        "ObjectRemoved" | "LifecycleExpiration" => Some(Kind::To(EventKind::Removed)),
        "IntelligentTiering"
        | "LifecycleTransition"
        | "ObjectAccessed"
        | "ObjectAcl"
        | "ObjectRestore"
        | "ObjectTagging"
        | "ReducedRedundancyLostObject"
        | "Replication"
        | "TestEvent" => Some(Kind::Other),
        _ => None,
    }
}
