//! An object: one version of one file.

use serde::{Deserialize, Serialize};

use crate::ids::{ExecutionId, ObjectId};

/// One version of one file in a zone.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ObjectVersion {
    /// The name of the zone it lies in: `raw`, `stage` or `analytics`.
    pub bucket: String,
    /// The key below the zone, as plain text: decoded, `/` between segments.
    pub key: String,
    /// What tells this version from others of the same key: the version id or etag; for a file on
    /// a disk its size and modification time. Etags are without their quotes.
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

    /// The same file as an object of its own, after an execution had set it aside: released again from
    /// the same execution it is the same object.
    #[must_use]
    pub fn released_from(&self, execution: &ExecutionId) -> ObjectVersion {
        let stored = self.as_stored();
        ObjectVersion { version: format!("{}~{execution}", stored.version), ..stored }
    }

    /// The version as it lies in the lake, whether it was released or not.
    #[must_use]
    pub fn as_stored(&self) -> ObjectVersion {
        let version = self.version.split_once(RELEASED).map_or(self.version.as_str(), |(stored, _)| stored);
        ObjectVersion { version: version.to_owned(), ..self.clone() }
    }
}

/// What stands in the version of an object that was released, before the rest of the execution's id. No
/// etag, version id or version of a file on a disk has it.
const RELEASED: &str = "~ex-";

/// Whether `a` is an earlier event's sequencer than `b`, both of one key. S3's rule: the shorter is
/// filled up with zeros at its right end, then they are compared as text. Without both there is no order.
/// Source: Amazon S3 User Guide, "Event message structure".
pub fn is_earlier(a: Option<&str>, b: Option<&str>) -> bool {
    let (Some(a), Some(b)) = (a, b) else { return false };
    let length = a.len().max(b.len());
    format!("{a:0<length$}") < format!("{b:0<length$}")
}

/// Where an event of a key stands among its events: S3's sequencer, and the place in the order in which
/// a ledger learnt of them, which counts where one of two has no sequencer.
#[derive(Clone, Copy, Debug)]
pub struct Standing<'a> {
    /// S3's sequencer.
    pub sequencer: Option<&'a str>,
    /// The ledger's number.
    pub seq: u64,
}

impl Standing<'_> {
    /// Whether this event is an earlier one than another of the same key.
    pub fn is_before(self, other: Standing<'_>) -> bool {
        match (self.sequencer, other.sequencer) {
            (Some(_), Some(_)) => is_earlier(self.sequencer, other.sequencer),
            _ => self.seq < other.seq,
        }
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
    fn sequencers_are_compared_as_s3_says() {
        assert!(is_earlier(Some("0055AED6DCD90281E5"), Some("0055AED6DCD90281E6")));
        assert!(is_earlier(Some("00AB"), Some("00AB01")));
        assert!(!is_earlier(Some("00AB"), Some("00AB00")));
        assert!(!is_earlier(Some("00AB00"), Some("00AB")));
        assert!(!is_earlier(None, Some("1")) && !is_earlier(Some("1"), None));
    }

    #[test]
    fn a_released_object_is_another_and_lies_where_it_lay() {
        let object = ObjectVersion { bucket: "raw".into(), key: "a.csv".into(), version: "7-1".into(), sequencer: None, size: 7 };
        let [first, second] = ["ex-1", "ex-2"].map(|id| object.released_from(&ExecutionId::from_text(id)));
        assert_eq!(first, object.released_from(&ExecutionId::from_text("ex-1")));
        assert!(first.id() != object.id() && first.id() != second.id());
        assert_eq!(first.as_stored(), object);
        assert_eq!(first.released_from(&ExecutionId::from_text("ex-2")), second, "marks do not pile up");
    }

    #[test]
    fn without_both_sequencers_the_order_of_the_ledger_counts() {
        let standing = |sequencer, seq| Standing { sequencer, seq };
        assert!(standing(Some("0A"), 9).is_before(standing(Some("0B"), 1)));
        assert!(!standing(Some("0B"), 1).is_before(standing(Some("0A"), 9)));
        assert!(standing(None, 1).is_before(standing(Some("0A"), 2)));
        assert!(!standing(Some("0A"), 2).is_before(standing(None, 1)));
    }

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
