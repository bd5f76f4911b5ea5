//! An event that S3 sends by way of EventBridge. Keys are plain text there.

use lakegate_model::event::EventKind;
use serde::Deserialize;
use serde_json::Value;

use super::{Happening, Understood};

#[derive(Deserialize)]
struct Event {
    source: String,
    #[serde(rename = "detail-type")]
    kind: String,
    time: String,
    detail: Value,
}

#[derive(Deserialize)]
struct Detail {
    bucket: Bucket,
    object: Object,
}

#[derive(Deserialize)]
struct Bucket {
    name: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Object {
    key: String,
    size: Option<u64>,
    // Emulators write it as the notifications do.
    #[serde(alias = "eTag")]
    etag: Option<String>,
    version_id: Option<String>,
    sequencer: Option<String>,
}

/// Reads one event.
pub(super) fn read(event: &Value) -> Understood {
    let Event { source, kind, time, detail } =
        Event::deserialize(event).map_err(|error| format!("it is no event of EventBridge: {error}"))?;
    if source != "aws.s3" {
        return Err(format!("it is an EventBridge event of `{source}`, not of S3"));
    }
    let kind = match kind.as_str() {
        "Object Created" => EventKind::Created,
        "Object Deleted" => EventKind::Removed,
        "Object ACL Updated"
        | "Object Access Tier Changed"
        | "Object Restore Completed"
        | "Object Restore Expired"
        | "Object Restore Initiated"
        | "Object Storage Class Changed"
        | "Object Tags Added"
        | "Object Tags Deleted" => return Ok(None),
        other => return Err(format!("`{other}` is no event of S3 that is known here")),
    };
    let Detail { bucket, object } = Detail::deserialize(&detail).map_err(|error| format!("its detail is not what S3 sends: {error}"))?;
    let Object { key, size, etag, version_id, sequencer } = object;
    Ok(Some(Happening { kind, bucket: bucket.name, key, version_id, etag, sequencer, size, time }))
}
