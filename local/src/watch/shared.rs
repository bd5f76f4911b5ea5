//! What the watcher's threads share.

use std::{
    fs::Metadata,
    path::PathBuf,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

use lakegate_model::{ObjectVersion, event::ObjectEvent, pipeline::Zone};

use super::{WatchOptions, keys::Keys, outbox::Outbox, recent::Recent};
use crate::files::object_of;

/// What the watcher's threads share.
pub(super) struct Shared {
    /// The watched directory's real path.
    pub(super) root: PathBuf,
    pub(super) options: WatchOptions,
    pub(super) keys: Keys,
    pub(super) outbox: Outbox,
    recent: Mutex<Recent>,
    /// Something was missed: all is to be listed again.
    pub(super) missed: AtomicBool,
    /// Signals sent and not yet handled.
    pub(super) signals: AtomicU64,
    /// Files that are not complete yet.
    pub(super) incomplete: AtomicU64,
    /// Folders to be listed or being listed.
    pub(super) listings: AtomicU64,
    pub(super) stopping: AtomicBool,
}

impl Shared {
    pub(super) fn new(root: PathBuf, options: WatchOptions) -> Shared {
        Shared {
            keys: Keys::new(root.clone()),
            outbox: Outbox::new(options.capacity),
            root,
            options,
            recent: Mutex::new(Recent::new()),
            missed: AtomicBool::new(false),
            signals: AtomicU64::new(0),
            incomplete: AtomicU64::new(0),
            listings: AtomicU64::new(0),
            stopping: AtomicBool::new(false),
        }
    }

    /// What is known of and not yet in the outbox.
    pub(super) fn under_way(&self) -> u64 {
        let counted = [&self.signals, &self.incomplete, &self.listings].map(|count| count.load(Ordering::Acquire));
        counted.iter().sum::<u64>() + u64::from(self.missed.load(Ordering::Acquire))
    }

    pub(super) fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Acquire)
    }

    /// Delivers a complete file, unless it was this key's last delivery already.
    pub(super) fn deliver(&self, key: &str, metadata: &Metadata) {
        let object = object_of(Zone::Raw.as_str(), key, metadata);
        if self.recent.lock().unwrap_or_else(PoisonError::into_inner).note(key, &object.version) {
            self.outbox.put(ObjectEvent::created(object, self.options.clock.now()));
        }
    }

    /// Delivers that a key names nothing any more.
    pub(super) fn deliver_removed(&self, key: &str) {
        self.recent.lock().unwrap_or_else(PoisonError::into_inner).forget(key);
        let object =
            ObjectVersion { bucket: Zone::Raw.as_str().to_owned(), key: key.to_owned(), version: String::new(), sequencer: None, size: 0 };
        self.outbox.put(ObjectEvent::removed(object, self.options.clock.now()));
    }
}
