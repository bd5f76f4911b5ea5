//! What the system tells about the directory, in our words.

use std::{
    path::PathBuf,
    sync::{
        Arc,
        atomic::Ordering,
        mpsc::{SyncSender, TrySendError},
    },
};

use notify::{
    Event, EventKind,
    event::{AccessKind, AccessMode, CreateKind, ModifyKind, RemoveKind, RenameMode},
};

use super::{scanner::Request, shared::Shared};

/// Signals that may wait for the tracker.
pub(super) const WAITING: usize = 65_536;

/// Something happened at a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Signal {
    pub(super) path: PathBuf,
    pub(super) what: What,
}

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum What {
    /// It was made here; if it is a file, it is perhaps being written.
    Made,
    /// It was moved here, as it is.
    MovedIn,
    /// Its bytes or its times changed.
    Changed,
    /// A writer closed it.
    Closed,
    /// It was removed or moved away.
    Gone,
}

/// What an event says; nothing if it is none of our business, such as that somebody reads.
fn what(kind: EventKind) -> Option<What> {
    match kind {
        EventKind::Create(CreateKind::Any | CreateKind::File | CreateKind::Folder | CreateKind::Other) => Some(What::Made),
        EventKind::Access(AccessKind::Close(AccessMode::Write)) => Some(What::Closed),
        EventKind::Modify(ModifyKind::Name(RenameMode::To)) => Some(What::MovedIn),
        EventKind::Modify(ModifyKind::Name(RenameMode::From)) => Some(What::Gone),
        // Both halves have been told already.
        EventKind::Modify(ModifyKind::Name(RenameMode::Both)) | EventKind::Access(_) => None,
        // Where it is not told which half it is, it is looked at.
        EventKind::Modify(ModifyKind::Name(RenameMode::Any | RenameMode::Other)) => Some(What::Made),
        EventKind::Modify(ModifyKind::Any | ModifyKind::Data(_) | ModifyKind::Metadata(_) | ModifyKind::Other) => Some(What::Changed),
        EventKind::Remove(RemoveKind::Any | RemoveKind::File | RemoveKind::Other) => Some(What::Gone),
        EventKind::Remove(RemoveKind::Folder) | EventKind::Any | EventKind::Other => None,
    }
}

/// Where notify's thread leaves what it hears. It never waits: while it did, the system's own queue
/// would run over.
pub(super) struct Listener {
    pub(super) shared: Arc<Shared>,
    pub(super) signals: SyncSender<Signal>,
    pub(super) requests: SyncSender<Request>,
}

impl notify::EventHandler for Listener {
    fn handle_event(&mut self, event: notify::Result<Event>) {
        match event {
            Ok(event) if event.need_rescan() => self.missed("the system's queue of events ran over"),
            Ok(event) => self.hear(event),
            Err(error) => self.missed(&error.to_string()),
        }
    }
}

impl Listener {
    fn hear(&self, event: Event) {
        let Some(what) = what(event.kind) else { return };
        for path in event.paths {
            let wanted = self.shared.keys.of(&path).is_some()
                || (matches!(what, What::Made | What::MovedIn) && self.shared.keys.is_open_folder(&path));
            if !wanted {
                continue;
            }
            self.shared.signals.fetch_add(1, Ordering::AcqRel);
            if let Err(error) = self.signals.try_send(Signal { path, what }) {
                self.shared.signals.fetch_sub(1, Ordering::AcqRel);
                if let TrySendError::Full(_) = error {
                    self.missed("more changes at once than can be kept");
                }
            }
        }
    }

    fn missed(&self, why: &str) {
        if !self.shared.missed.swap(true, Ordering::AcqRel) && !self.shared.is_stopping() {
            tracing::info!(why, directory = %self.shared.root.display(), "the directory will be listed again");
        }
        // If its queue is full, it is awake and will see the flag.
        let _ = self.requests.try_send(Request::Wake);
    }
}

#[cfg(test)]
mod tests {
    use notify::event::{DataChange, MetadataKind};

    use super::*;

    #[test]
    fn events_that_change_nothing_are_not_heard() {
        let cases = [
            (EventKind::Create(CreateKind::File), Some(What::Made)),
            (EventKind::Modify(ModifyKind::Data(DataChange::Any)), Some(What::Changed)),
            (EventKind::Modify(ModifyKind::Metadata(MetadataKind::Any)), Some(What::Changed)),
            (EventKind::Access(AccessKind::Close(AccessMode::Write)), Some(What::Closed)),
            (EventKind::Access(AccessKind::Open(AccessMode::Any)), None),
            (EventKind::Modify(ModifyKind::Name(RenameMode::Both)), None),
            (EventKind::Remove(RemoveKind::File), Some(What::Gone)),
            (EventKind::Remove(RemoveKind::Folder), None),
        ];
        for (kind, heard) in cases {
            assert_eq!(what(kind), heard, "{kind:?}");
        }
    }
}
