//! What a source tells: an object was created or removed.

use serde::{Deserialize, Serialize};

use crate::{object::ObjectVersion, time::Timestamp};

/// One thing that happened to one object, in the shape S3 tells it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ObjectEvent {
    /// What happened.
    pub kind: EventKind,
    /// To which object version. For a removal, `version` may be empty and `size` is 0.
    pub object: ObjectVersion,
    /// When it happened, by the source's clock.
    pub at: Timestamp,
}

/// What can happen to an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EventKind {
    /// A new object, or a new version of an old one.
    Created,
    /// The object is gone.
    Removed,
}

impl ObjectEvent {
    /// A creation.
    pub fn created(object: ObjectVersion, at: Timestamp) -> ObjectEvent {
        ObjectEvent { kind: EventKind::Created, object, at }
    }

    /// A removal.
    pub fn removed(object: ObjectVersion, at: Timestamp) -> ObjectEvent {
        ObjectEvent { kind: EventKind::Removed, object, at }
    }
}
