//! Watches the raw zone: a directory becomes a source of events.
//!
//! ```text
//!   notify's thread ──signals──► tracker: waits until a file is complete ──┐
//!      │ lost some: look at all            │ new folder                    ├──► outbox ──► receive
//!      └──────────────────► scanner: watches each folder, then lists it ───┘
//! ```
//!
//! A file is complete when nobody has it open for writing. On Linux the system is asked that (see
//! `complete`); where it does not tell, a file is taken once it was closed or moved in, or else once
//! its size and modification time have stayed the same for `settle`.
//!
//! * Every folder is watched before it is listed, so that nothing falls between the two. The first
//!   listing of all finds what landed while nobody watched. When events were lost, all is listed again.
//! * Every queue is bounded: whoever lists waits while the outbox is full, and signals that find
//!   their queue full are made up for by listing again. Of what was delivered only the newest is
//!   remembered, so that it is not delivered again; what is forgotten may be, and the ledger knows it.
//! * Hidden and temporary files, and what is below `_lakegate`, are never delivered. Neither are
//!   names that are not UTF-8, which no key can hold: each is logged once.
//! * Symbolic links to files are followed; those to folders only if they lead out of the directory,
//!   and never in a circle. A change of a link's target is found when it is listed next.
//! * A folder that is moved out says nothing about the files in it.

mod complete;
mod keys;
mod outbox;
mod recent;
mod scanner;
mod shared;
mod signal;
mod tracker;

use std::{
    fmt,
    path::{Path, PathBuf},
    sync::{Arc, atomic::Ordering, mpsc},
    time::Duration,
};

use async_trait::async_trait;
use lakegate_coordinator::ports::{Clock, EventSource, Message, Receipt, Result, SystemClock};
use lakegate_model::{Failure, FailureCode};

use self::{
    scanner::{Request, Scanner},
    shared::Shared,
    tracker::Tracker,
};
use crate::{
    blocking::blocking,
    files::{create_dirs, io_failure},
};

/// How a directory is watched.
#[derive(Clone)]
pub struct WatchOptions {
    /// How long a file must not have changed where the system can't tell whether it is open.
    pub settle: Duration,
    /// Events that wait to be received; more are not looked for until these are.
    pub capacity: usize,
    /// Dates the events.
    pub clock: Arc<dyn Clock>,
}

impl Default for WatchOptions {
    fn default() -> WatchOptions {
        WatchOptions { settle: Duration::from_secs(1), capacity: 4_096, clock: Arc::new(SystemClock) }
    }
}

impl fmt::Debug for WatchOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WatchOptions").field("settle", &self.settle).field("capacity", &self.capacity).finish_non_exhaustive()
    }
}

/// A watched directory: the raw zone as a source of events.
pub struct Watcher {
    shared: Arc<Shared>,
    requests: mpsc::SyncSender<Request>,
}

impl Watcher {
    /// Watches `root`, which is made if need be, and lists what is in it.
    ///
    /// # Errors
    /// `LakeIo` or `PermissionDenied` if the directory can't be made or watched.
    pub async fn start(root: impl AsRef<Path>, options: WatchOptions) -> Result<Watcher> {
        let root = root.as_ref().to_owned();
        blocking(move || Watcher::start_now(&root, options)).await
    }

    fn start_now(root: &Path, options: WatchOptions) -> Result<Watcher> {
        let failed = |error: std::io::Error| io_failure(FailureCode::LakeIo, "watch", root, &error);
        // Events name files below the path that is watched, so it must be the real one.
        let real: PathBuf = create_dirs(root).and_then(|()| root.canonicalize()).map_err(failed)?;
        let shared = Arc::new(Shared::new(real, options));
        let (signals, incoming) = mpsc::sync_channel(signal::WAITING);
        let (requests, wanted) = mpsc::sync_channel(scanner::WAITING);
        let scanner = Scanner::new(Arc::clone(&shared), signals, requests.clone(), wanted)?;
        let tracker = Tracker::new(Arc::clone(&shared), incoming, requests.clone());
        spawn("watch-scanner", move || scanner.run()).map_err(failed)?;
        spawn("watch-tracker", move || tracker.run()).map_err(failed)?;
        Ok(Watcher { shared, requests })
    }
}

fn spawn(name: &str, work: impl FnOnce() + Send + 'static) -> std::io::Result<()> {
    std::thread::Builder::new().name(name.to_owned()).spawn(work).map(drop)
}

impl Drop for Watcher {
    /// The scanner's end is the end of what it watches with, and that of the tracker.
    fn drop(&mut self) {
        self.shared.stopping.store(true, Ordering::Release);
        self.shared.outbox.close();
        // If its queue is full, it is awake and will see the flag.
        let _ = self.requests.try_send(Request::Wake);
    }
}

#[async_trait]
impl EventSource for Watcher {
    fn name(&self) -> &str {
        "watch"
    }

    async fn receive(&self, max: usize) -> Result<Vec<Message>> {
        let stopped = || {
            Failure::new(FailureCode::Unavailable, format!("{} is no longer watched", self.shared.root.display()))
                .hint("start lakegate again")
        };
        self.shared.outbox.receive(max).await.ok_or_else(stopped)
    }

    async fn acknowledge(&self, receipts: Vec<Receipt>) -> Result<()> {
        self.shared.outbox.acknowledge(&receipts);
        Ok(())
    }

    async fn hand_back(&self, receipts: Vec<Receipt>) -> Result<()> {
        self.shared.outbox.hand_back(&receipts);
        Ok(())
    }

    fn arriving(&self) -> u64 {
        self.shared.under_way() + self.shared.outbox.len()
    }
}
