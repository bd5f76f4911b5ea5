//! Waits until files are complete. Signals of one file that come close together are one.

use std::{
    cmp::Reverse,
    collections::{BinaryHeap, HashMap},
    fs::Metadata,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::Ordering,
        mpsc::{Receiver, RecvTimeoutError, SyncSender},
    },
    time::{Duration, Instant},
};

use super::{
    complete::{Look, look},
    scanner::Request,
    shared::Shared,
    signal::{Signal, What},
};
use crate::files::object_of;

/// Files that are waited for at once. Beyond that, they are found by listing again.
pub(super) const INCOMPLETE: u64 = 65_536;
/// How long a file is left after its first signal, because a writer's signals come in bursts.
const PAUSE: Duration = Duration::from_millis(2);
/// How long until an open file is looked at again, at first and at most. Its closing is signalled;
/// this is for when that signal is lost.
const SOON: Duration = Duration::from_millis(20);
const LATE: Duration = Duration::from_secs(1);

/// A file that is perhaps not complete.
struct Waiting {
    look_at: Instant,
    /// Whether it is known to have come here whole.
    closed: bool,
    /// What it looked like where the system does not tell, and since when.
    seen: Option<(String, Instant)>,
    again: Duration,
}

/// The thread that waits.
pub(super) struct Tracker {
    shared: Arc<Shared>,
    signals: Receiver<Signal>,
    requests: SyncSender<Request>,
    waiting: HashMap<PathBuf, Waiting>,
    /// When to look at which file; an entry that is not its file's `look_at` any more is void.
    due: BinaryHeap<Reverse<(Instant, PathBuf)>>,
}

impl Tracker {
    pub(super) fn new(shared: Arc<Shared>, signals: Receiver<Signal>, requests: SyncSender<Request>) -> Tracker {
        Tracker { shared, signals, requests, waiting: HashMap::new(), due: BinaryHeap::new() }
    }

    pub(super) fn run(mut self) {
        loop {
            let heard = match self.due.peek() {
                Some(Reverse((at, _))) => self.signals.recv_timeout(at.saturating_duration_since(Instant::now())),
                None => self.signals.recv().map_err(|_| RecvTimeoutError::Disconnected),
            };
            match heard {
                Ok(signal) => {
                    self.hear(signal);
                    self.shared.signals.fetch_sub(1, Ordering::AcqRel);
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
            self.look_at_due();
            self.shared.incomplete.store(self.waiting.len() as u64, Ordering::Release);
        }
    }

    fn hear(&mut self, Signal { path, what }: Signal) {
        if what == What::Gone && path.symlink_metadata().is_err() {
            self.waiting.remove(&path);
            if let Some(key) = self.shared.keys.of(&path) {
                self.shared.deliver_removed(&key);
            }
            return;
        }
        if !self.waiting.contains_key(&path) && self.waiting.len() as u64 >= INCOMPLETE {
            self.shared.missed.store(true, Ordering::Release);
            let _ = self.requests.try_send(Request::Wake);
            return;
        }
        let look_at = Instant::now() + PAUSE;
        let waiting = self.waiting.entry(path.clone()).or_insert_with(|| {
            self.due.push(Reverse((look_at, path.clone())));
            Waiting { look_at, closed: false, seen: None, again: SOON }
        });
        match what {
            What::Closed | What::MovedIn => {
                waiting.closed = true;
                if look_at < waiting.look_at {
                    waiting.look_at = look_at;
                    self.due.push(Reverse((look_at, path)));
                }
            }
            What::Changed => waiting.closed = false,
            What::Made | What::Gone => {}
        }
        // So that nothing seems to be at rest between the signal and the look.
        self.shared.incomplete.store(self.waiting.len() as u64, Ordering::Release);
    }

    fn look_at_due(&mut self) {
        let now = Instant::now();
        while let Some(Reverse((at, _))) = self.due.peek()
            && *at <= now
        {
            let Some(Reverse((at, path))) = self.due.pop() else { return };
            if self.waiting.get(&path).is_some_and(|waiting| waiting.look_at == at)
                && let Some(waiting) = self.waiting.remove(&path)
                && let Some(later) = self.look_at(&path, waiting, now)
            {
                self.due.push(Reverse((later.look_at, path.clone())));
                self.waiting.insert(path, later);
            }
        }
    }

    /// Delivers the file if it is complete, or says when to look again.
    fn look_at(&self, path: &Path, mut waiting: Waiting, now: Instant) -> Option<Waiting> {
        match look(path) {
            Look::Gone => None,
            Look::Folder => {
                // New, or one that we may read only now.
                self.list(path);
                None
            }
            Look::Open => {
                waiting.closed = false;
                waiting.look_at = now + waiting.again;
                waiting.again = (waiting.again * 2).min(LATE);
                Some(waiting)
            }
            Look::Closed(metadata) => self.deliver(path, &metadata),
            Look::Unsure(metadata) if waiting.closed => self.deliver(path, &metadata),
            Look::Unsure(metadata) => {
                let version = object_of("", "", &metadata).version;
                match waiting.seen {
                    Some((seen, since)) if seen == version && now.duration_since(since) >= self.shared.options.settle => {
                        return self.deliver(path, &metadata);
                    }
                    Some((seen, since)) if seen == version => waiting.seen = Some((seen, since)),
                    _ => waiting.seen = Some((version, now)),
                }
                waiting.look_at = now + (self.shared.options.settle / 4).max(PAUSE);
                Some(waiting)
            }
        }
    }

    fn deliver(&self, path: &Path, metadata: &Metadata) -> Option<Waiting> {
        if let Some(key) = self.shared.keys.of(path) {
            self.shared.deliver(&key, metadata);
        }
        None
    }

    /// Has a folder listed; if too many wait for that, everything.
    fn list(&self, folder: &Path) {
        self.shared.listings.fetch_add(1, Ordering::AcqRel);
        if self.requests.try_send(Request::List(folder.to_owned())).is_err() {
            self.shared.missed.store(true, Ordering::Release);
            self.shared.listings.fetch_sub(1, Ordering::AcqRel);
            let _ = self.requests.try_send(Request::Wake);
        }
    }
}
