//! From the body of a queue's message to events of the lake. Pure: no I/O, no clock.
//!
//! ```text
//!   body ─► envelope (SNS, if any) ─► shape ─┬─ notification of S3: every record of `Records`, or one alone
//!                                            ├─ event of EventBridge: one object
//!                                            ├─ S3's test event: says nothing
//!                                            └─ anything else: not understood
//! ```
//!
//! What is understood is looked up in the lake's zones. What lies in no zone, or in a zone's
//! `_lakegate` folder, is nobody's and is left out; a record that is not understood is set aside
//! alone, and its neighbours go on.
//!
//! Shapes: Amazon S3 User Guide, "Event message structure" and "EventBridge event message
//! structure"; Amazon SNS Developer Guide, "Parsing Amazon SNS message formats".

mod bridge;
mod key;
mod notification;
pub(crate) mod order;
pub(crate) mod passed;
#[cfg(test)]
mod tests;

use lakegate_coordinator::ports::{NotUnderstood, Passed};
use lakegate_model::{
    ObjectVersion, Timestamp,
    event::{EventKind, ObjectEvent},
    layout::INTERNAL,
    project::Zones,
};
use serde_json::Value;

/// What one message says.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Told {
    /// What happened in the lake, in the message's order but for events of one key, which are in the
    /// order of their sequencers.
    pub(crate) events: Vec<ObjectEvent>,
    /// Objects that are handed to a stage.
    pub(crate) passed: Vec<Passed>,
    /// What in it says nothing that is understood.
    pub(crate) not_understood: Vec<NotUnderstood>,
}

impl Told {
    /// Whether there is nothing in it for anybody.
    pub(crate) fn is_nothing(&self) -> bool {
        self.events.is_empty() && self.passed.is_empty() && self.not_understood.is_empty()
    }
}

/// What happened to an object, as S3 says it.
#[derive(Debug)]
struct Happening {
    kind: EventKind,
    bucket: String,
    key: String,
    version_id: Option<String>,
    etag: Option<String>,
    sequencer: Option<String>,
    size: Option<u64>,
    time: String,
}

/// Why something is not understood, for people.
type Reason = String;
/// What is understood: a happening, or `None` for what changes no object's data.
type Understood = Result<Option<Happening>, Reason>;

/// Reads the body of one message.
pub(crate) fn read(zones: &Zones, body: &str) -> Told {
    let mut told = Told::default();
    match parts(body) {
        Ok(parts) => {
            for (part, understood) in parts {
                match understood.and_then(|happening| happening.map_or(Ok(None), |happening| placed(zones, happening))) {
                    Ok(event) => told.events.extend(event),
                    Err(reason) => told.not_understood.push(NotUnderstood { body: part.unwrap_or_else(|| body.to_owned()), reason }),
                }
            }
        }
        Err(reason) => told.not_understood.push(NotUnderstood { body: body.to_owned(), reason }),
    }
    order::within(&mut told.events);
    told
}

/// A part of a message as text, `None` for all of it, and what it says.
type Part = (Option<String>, Understood);

fn parts(body: &str) -> Result<Vec<Part>, Reason> {
    let value = parse(body)?;
    // An SNS topic wraps what it was sent, unless the subscription says that it delivers raw.
    let value = match sns_message(&value) {
        Some(Ok(inner)) => parse(inner).map_err(|reason| format!("the message inside an SNS notification: {reason}"))?,
        Some(Err(reason)) => return Err(reason),
        None => value,
    };
    if let Some(records) = value.get("Records") {
        let records = records.as_array().ok_or("`Records` is not a list")?;
        return Ok(records.iter().map(|record| (Some(record.to_string()), notification::read(record))).collect());
    }
    // What was set aside of a notification is a record alone, and is read again as it lies there.
    if value.get("eventSource").is_some() {
        return Ok(vec![(None, notification::read(&value))]);
    }
    if value.get("detail-type").is_some() {
        return Ok(vec![(None, bridge::read(&value))]);
    }
    if value.get("Event").and_then(Value::as_str) == Some("s3:TestEvent") {
        return Ok(Vec::new());
    }
    Err("it is neither a notification of S3, nor an event of EventBridge, nor one of these in an SNS notification".to_owned())
}

fn parse(text: &str) -> Result<Value, Reason> {
    serde_json::from_str(text).map_err(|error| format!("it is no JSON: {error}"))
}

/// The message inside an SNS notification; `None` if the value is not one.
fn sns_message(value: &Value) -> Option<Result<&str, Reason>> {
    value.get("TopicArn")?;
    let text = |name| value.get(name).and_then(Value::as_str);
    match (text("Type")?, text("Message")) {
        ("Notification", Some(message)) => Some(Ok(message)),
        (other, _) => Some(Err(format!("it is an SNS message of type `{other}` that carries no event"))),
    }
}

/// The event of the lake, if what happened lies in it.
fn placed(zones: &Zones, happening: Happening) -> Result<Option<ObjectEvent>, Reason> {
    let Happening { kind, bucket, key, version_id, etag, sequencer, size, time } = happening;
    let Some((zone, below)) = zones.of_s3(&bucket, &key).filter(|(_, below)| is_ours(below)) else {
        tracing::debug!(bucket, key, ?kind, "an event of what is in no zone is left out");
        return Ok(None);
    };
    let version = version_of(version_id.as_deref(), etag.as_deref());
    let (version, size) = match kind {
        EventKind::Removed => (version.unwrap_or_default(), 0),
        EventKind::Created => (version.ok_or("it has neither a version id nor an etag")?, size.ok_or("it has no size")?),
    };
    let object = ObjectVersion { bucket: zones.bucket(zone).to_owned(), key: below.to_owned(), version, sequencer, size };
    Ok(Some(ObjectEvent { kind, object, at: timestamp(&time)? }))
}

fn is_ours(below: &str) -> bool {
    let first = below.split('/').next().unwrap_or_default();
    !(below.is_empty() || first == INTERNAL)
}

/// What tells a version of an object from others: its version id, or its etag where the bucket keeps
/// no versions and calls each of them `null`.
pub(crate) fn version_of(version_id: Option<&str>, etag: Option<&str>) -> Option<String> {
    let version_id = version_id.filter(|id| !id.is_empty() && *id != "null");
    let etag = etag.map(|etag| etag.trim_matches('"')).filter(|etag| !etag.is_empty());
    version_id.or(etag).map(str::to_owned)
}

fn timestamp(text: &str) -> Result<Timestamp, Reason> {
    use aws_sdk_sqs::primitives::{DateTime, DateTimeFormat};
    let time = DateTime::from_str(text, DateTimeFormat::DateTimeWithOffset).ok().and_then(|time| time.to_millis().ok());
    time.map(Timestamp).ok_or_else(|| format!("its time `{text}` is not in the form of RFC 3339"))
}
