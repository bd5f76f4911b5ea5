//! Where something lies: a directory or an S3 prefix, and what is below it.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A place in the lake as an absolute URI without a trailing slash: `file:///lake/raw` or
/// `s3://bucket/prefix`. Below it, keys are plain text with `/` between segments: nothing is
/// percent-encoded, so `file:///lake/raw/100%.csv` names the file `100%.csv`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Location(String);

impl Location {
    /// Takes an absolute URI.
    pub fn new(uri: impl Into<String>) -> Location {
        let mut uri: String = uri.into();
        while uri.ends_with('/') && !uri.ends_with("://") {
            uri.pop();
        }
        Location(uri)
    }

    /// The place of an absolute path on this machine.
    pub fn of_path(path: &str) -> Location {
        Location::new(format!("file://{path}"))
    }

    /// What lies at `key` below this place.
    pub fn join(&self, key: &str) -> Location {
        if key.is_empty() { self.clone() } else { Location(format!("{}/{key}", self.0)) }
    }

    /// The path on this machine; `None` if it lies elsewhere.
    pub fn path(&self) -> Option<&str> {
        self.0.strip_prefix("file://")
    }

    /// The bucket and the key of a place on S3; `None` if it lies elsewhere. The key of a whole
    /// bucket is empty.
    pub fn s3(&self) -> Option<(&str, &str)> {
        let rest = self.0.strip_prefix("s3://")?;
        Some(rest.split_once('/').unwrap_or((rest, "")))
    }

    /// The key of this place below `base`; `None` if it is not below it.
    pub fn below<'a>(&'a self, base: &Location) -> Option<&'a str> {
        self.0.strip_prefix(&base.0)?.strip_prefix('/')
    }

    /// The place below which this is the key; `None` if it is not its key below anything.
    pub fn above(&self, key: &str) -> Option<Location> {
        let above = self.0.strip_suffix(key)?.strip_suffix('/')?;
        (!key.is_empty()).then(|| Location(above.to_owned()))
    }

    /// The URI as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_on_s3_is_a_bucket_and_a_key() {
        assert_eq!(Location::new("s3://lake/raw/").join("a b").s3(), Some(("lake", "raw/a b")));
        assert_eq!(Location::new("s3://lake/").s3(), Some(("lake", "")));
        assert_eq!(Location::of_path("/lake").s3(), None);
    }

    #[test]
    fn keys_are_plain_text() {
        let place = Location::of_path("/lake/raw/").join("nyc/flights/100% + ü.csv");
        assert_eq!(place.path(), Some("/lake/raw/nyc/flights/100% + ü.csv"));
        assert_eq!(place.below(&Location::of_path("/lake/raw")), Some("nyc/flights/100% + ü.csv"));
        assert_eq!(place.below(&Location::of_path("/lake/ra")), None);
        assert_eq!(place.above("nyc/flights/100% + ü.csv"), Some(Location::of_path("/lake/raw")));
        assert_eq!((place.above("x.csv"), place.above("")), (None, None));
    }
}
