//! Paths as keys.

use std::{
    collections::HashSet,
    path::{Component, Path, PathBuf},
    sync::{Mutex, PoisonError},
};

use lakegate_model::object::is_data;

/// Names that are remembered to have been logged.
const LOGGED: usize = 1_024;

/// Turns paths below the watched directory into keys.
pub(super) struct Keys {
    root: PathBuf,
    logged: Mutex<HashSet<PathBuf>>,
}

impl Keys {
    pub(super) fn new(root: PathBuf) -> Keys {
        Keys { root, logged: Mutex::default() }
    }

    /// The key of a path, if it may name data. A name that is not UTF-8 is logged once.
    pub(super) fn of(&self, path: &Path) -> Option<String> {
        self.text(path).filter(|key| is_data(key))
    }

    /// Whether a folder may have data in it.
    pub(super) fn is_open_folder(&self, path: &Path) -> bool {
        self.text(path).is_some_and(|key| key.is_empty() || is_data(&format!("{key}/file")))
    }

    fn text(&self, path: &Path) -> Option<String> {
        let mut key = String::new();
        for part in path.strip_prefix(&self.root).ok()?.components() {
            let Component::Normal(name) = part else { return None };
            let Some(name) = name.to_str() else {
                self.log(path);
                return None;
            };
            if !key.is_empty() {
                key.push('/');
            }
            key.push_str(name);
        }
        Some(key)
    }

    fn log(&self, path: &Path) {
        let mut logged = self.logged.lock().unwrap_or_else(PoisonError::into_inner);
        if logged.len() < LOGGED && logged.insert(path.to_owned()) {
            tracing::warn!(path = %path.display(), "the file is left alone: its name is not UTF-8, and no key can hold it; rename it");
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{ffi::OsStr, os::unix::ffi::OsStrExt as _};

    use super::*;

    #[test]
    fn keys_are_what_is_below_the_directory() {
        let keys = Keys::new(PathBuf::from("/lake/raw"));
        assert_eq!(keys.of(Path::new("/lake/raw/nyc/a b+%ü\n.csv")).as_deref(), Some("nyc/a b+%ü\n.csv"));
        for path in ["/lake/raw", "/lake/stage/a.csv", "/lake/raw/nyc/.hidden", "/lake/raw/_lakegate/a.csv", "/lake/raw/a.csv.part"] {
            assert_eq!(keys.of(Path::new(path)), None, "{path}");
        }
        assert_eq!(keys.of(Path::new(OsStr::from_bytes(b"/lake/raw/nyc/\xff.csv"))), None);
    }

    #[test]
    fn hidden_folders_are_closed() {
        let keys = Keys::new(PathBuf::from("/lake/raw"));
        assert!(keys.is_open_folder(Path::new("/lake/raw")) && keys.is_open_folder(Path::new("/lake/raw/x.tmp")));
        assert!(!keys.is_open_folder(Path::new("/lake/raw/.git")) && !keys.is_open_folder(Path::new("/lake/raw/_lakegate/x")));
    }
}
