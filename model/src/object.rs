//! An object: one version of one file.

use serde::{Deserialize, Serialize};

use crate::ids::ObjectId;

/// One version of one file in a bucket. A directory zone is a bucket named like the zone.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ObjectVersion {
    /// The bucket, or the zone's name when the zone is a directory.
    pub bucket: String,
    /// The key below it, as plain text: decoded, `/` between segments.
    pub key: String,
    /// What tells this version from others of the same key: the version id or etag; for a file on
    /// a disk its size and modification time.
    pub version: String,
    /// S3's `sequencer`, which orders events of one key; absent where the source has none.
    pub sequencer: Option<String>,
    /// Size in bytes.
    pub size: u64,
}

impl ObjectVersion {
    /// The object's id.
    pub fn id(&self) -> ObjectId {
        ObjectId::of(&self.bucket, &self.key, &self.version)
    }
}

/// The version of a file on a disk: `<size>-<mtime in nanoseconds>`, both hexadecimal. The inode
/// is left out on purpose: a lake restored from a backup must not look like a lake of new files.
pub fn file_version(size: u64, mtime_nanos: i128) -> String {
    format!("{size:x}-{mtime_nanos:x}")
}

/// Whether a key names data. Hidden files, editors' and copiers' temporary files, directory
/// markers and everything below `_lakegate/` never do.
pub fn is_data(key: &str) -> bool {
    let base = key.rsplit('/').next().unwrap_or(key);
    let hidden = key.split('/').any(|segment| segment.starts_with('.') || segment == "_lakegate");
    let temporary = [".tmp", ".part", ".partial", ".crdownload", ".swp", "~"].iter().any(|end| base.ends_with(end));
    !(base.is_empty() || hidden || temporary)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_data_is_left_alone() {
        for key in ["nyc/f/a.csv", "nyc/f/a b+%ü.csv", "nyc/f/_SUCCESS", "nyc/f/x~y.csv"] {
            assert!(is_data(key), "{key}");
        }
        for key in ["", "nyc/f/", "nyc/f/.a.csv.swp", "nyc/.git/x", "_lakegate/staging/a", "nyc/f/a.csv.part", "nyc/f/a.csv~"] {
            assert!(!is_data(key), "{key}");
        }
    }
}
