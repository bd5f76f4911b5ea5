//! The manifest of a sealed batch: exactly its objects. Written once, read by whatever runs the batch.

use lakegate_model::{BatchId, Location, ObjectId, ObjectVersion, StageKey};
use serde::{Deserialize, Serialize};

/// The manifest as JSON.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// The batch.
    pub batch: BatchId,
    /// Whose.
    pub stage: StageKey,
    /// Its objects, in the order they came.
    pub objects: Vec<ManifestObject>,
}

/// An object of a batch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ManifestObject {
    /// Its id.
    pub id: ObjectId,
    /// Where it lies.
    pub location: Location,
    /// Which version of it; a reader must find this one.
    pub object: ObjectVersion,
}
