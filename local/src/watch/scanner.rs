//! Watches folders and lists them: all at the start and whenever something was missed, new ones as
//! they appear.

use std::{
    fs::{self, DirEntry, ReadDir},
    io,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::Ordering,
        mpsc::{Receiver, RecvTimeoutError, SyncSender},
    },
    time::{Duration, Instant},
};

use lakegate_coordinator::ports::Result;
use lakegate_model::{Failure, FailureCode};
use notify::{RecommendedWatcher, RecursiveMode, Watcher as _};

use super::{
    complete::{Look, look},
    shared::Shared,
    signal::{Listener, Signal, What},
    tracker,
};

/// Requests that may wait.
pub(super) const WAITING: usize = 1_024;
/// Between two listings of everything at least.
const APART: Duration = Duration::from_secs(1);
/// How often everything is listed when the system lets us watch no more folders.
const BLIND: Duration = Duration::from_secs(5);
/// inotify watches single folders, and only who watches a folder before listing it misses nothing.
/// Elsewhere the whole tree is watched at once.
const BY_FOLDER: bool = cfg!(target_os = "linux");

/// What the scanner is asked.
#[derive(Debug)]
pub(super) enum Request {
    /// List this folder and what is below it.
    List(PathBuf),
    /// Look whether something was missed, or whether to stop.
    Wake,
}

/// The thread that watches and lists.
pub(super) struct Scanner {
    shared: Arc<Shared>,
    watcher: RecommendedWatcher,
    signals: SyncSender<Signal>,
    requests: Receiver<Request>,
    /// The system lets us watch no more folders.
    blind: bool,
    listed_at: Instant,
}

impl Scanner {
    /// Begins to watch; `run` lists.
    pub(super) fn new(
        shared: Arc<Shared>,
        signals: SyncSender<Signal>,
        wake: SyncSender<Request>,
        requests: Receiver<Request>,
    ) -> Result<Scanner> {
        let listener = Listener { shared: Arc::clone(&shared), signals: signals.clone(), requests: wake };
        let mode = if BY_FOLDER { RecursiveMode::NonRecursive } else { RecursiveMode::Recursive };
        let watcher = notify::recommended_watcher(listener).and_then(|mut watcher| watcher.watch(&shared.root, mode).map(|()| watcher));
        let watcher = watcher.map_err(|error| {
            Failure::new(FailureCode::LakeIo, format!("can't watch {}: {error}", shared.root.display())).hint(hint(&error))
        })?;
        // From the first moment on there is something under way.
        shared.missed.store(true, Ordering::Release);
        Ok(Scanner { shared, watcher, signals, requests, blind: false, listed_at: Instant::now() })
    }

    pub(super) fn run(mut self) {
        let mut wait = Duration::ZERO;
        loop {
            let asked = self.requests.recv_timeout(wait);
            if self.shared.is_stopping() || matches!(asked, Err(RecvTimeoutError::Disconnected)) {
                return;
            }
            if let Ok(Request::List(folder)) = asked {
                self.list(&folder);
                self.shared.listings.fetch_sub(1, Ordering::AcqRel);
            }
            wait = self.list_all_if_due(wait.is_zero());
        }
    }

    /// Lists everything if something was missed, and tells how long to wait for the next request.
    fn list_all_if_due(&mut self, first: bool) -> Duration {
        let since = self.listed_at.elapsed();
        let missed = self.shared.missed.load(Ordering::Acquire);
        if (missed && (first || since >= APART)) || (self.blind && since >= BLIND) {
            self.shared.listings.fetch_add(1, Ordering::AcqRel);
            self.shared.missed.store(false, Ordering::Release);
            self.blind = false;
            let root = self.shared.root.clone();
            self.list(&root);
            self.listed_at = Instant::now();
            self.shared.listings.fetch_sub(1, Ordering::AcqRel);
        }
        if self.shared.missed.load(Ordering::Acquire) {
            APART
        } else if self.blind {
            BLIND
        } else {
            Duration::from_secs(3_600)
        }
    }

    /// Goes through a folder and all below it. Only one open listing per level is in memory.
    fn list(&mut self, folder: &Path) {
        let mut levels: Vec<ReadDir> = self.enter(folder).into_iter().collect();
        while let Some(entries) = levels.last_mut() {
            if self.shared.is_stopping() {
                return;
            }
            match entries.next() {
                Some(Ok(entry)) => levels.extend(self.entry(&entry)),
                Some(Err(error)) => tracing::warn!(folder = %folder.display(), %error, "a folder can't be listed to its end"),
                None => {
                    levels.pop();
                }
            }
        }
    }

    /// Watches a folder, then opens it.
    fn enter(&mut self, folder: &Path) -> Option<ReadDir> {
        if !self.shared.keys.is_open_folder(folder) {
            return None;
        }
        if BY_FOLDER && let Err(error) = self.watcher.watch(folder, RecursiveMode::NonRecursive) {
            self.unwatched(folder, &error);
        }
        match fs::read_dir(folder) {
            Ok(entries) => Some(entries),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => {
                tracing::warn!(folder = %folder.display(), %error, "a folder can't be listed; give the user that runs lakegate the right to read it");
                None
            }
        }
    }

    fn unwatched(&mut self, folder: &Path, error: &notify::Error) {
        match error.kind {
            notify::ErrorKind::PathNotFound => {}
            notify::ErrorKind::MaxFilesWatch => {
                if !self.blind {
                    tracing::warn!(folder = %folder.display(), hint = hint(error), "the system lets us watch no more folders; all is listed every few seconds instead");
                }
                self.blind = true;
            }
            _ => tracing::warn!(folder = %folder.display(), %error, hint = hint(error), "a folder can't be watched"),
        }
    }

    /// A file is delivered or left to the tracker; a folder is entered.
    fn entry(&mut self, entry: &DirEntry) -> Option<ReadDir> {
        let path = entry.path();
        let kind = entry.file_type().ok()?;
        if kind.is_dir() {
            return self.enter(&path);
        }
        if kind.is_symlink() && path.is_dir() {
            return if self.leads_out(&path) { self.enter(&path) } else { None };
        }
        if let Some(key) = self.shared.keys.of(&path) {
            match look(&path) {
                Look::Closed(metadata) => self.shared.deliver(&key, &metadata),
                Look::Open | Look::Unsure(_) => self.leave_to_tracker(path),
                Look::Gone | Look::Folder => {}
            }
        }
        None
    }

    /// Waits while the tracker has much to wait for itself, so that what it must remember stays little.
    fn leave_to_tracker(&self, path: PathBuf) {
        while self.shared.incomplete.load(Ordering::Acquire) + self.shared.signals.load(Ordering::Acquire) >= tracker::INCOMPLETE / 2 {
            if self.shared.is_stopping() {
                return;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        self.shared.signals.fetch_add(1, Ordering::AcqRel);
        if self.signals.send(Signal { path, what: What::Changed }).is_err() {
            self.shared.signals.fetch_sub(1, Ordering::AcqRel);
        }
    }

    /// Whether a symbolic link to a folder leads to one that is not here already: neither in the
    /// watched directory nor around it, nor one that we came through.
    fn leads_out(&self, link: &Path) -> bool {
        let (Ok(target), Ok(metadata)) = (link.canonicalize(), fs::metadata(link)) else { return false };
        if target.starts_with(&self.shared.root) || self.shared.root.starts_with(&target) {
            return false;
        }
        let same = |way: &Path| fs::metadata(way).is_ok_and(|way| (way.dev(), way.ino()) == (metadata.dev(), metadata.ino()));
        !link.ancestors().skip(1).take_while(|way| way.starts_with(&self.shared.root)).any(same)
    }
}

fn hint(error: &notify::Error) -> &'static str {
    match error.kind {
        notify::ErrorKind::MaxFilesWatch => "raise fs.inotify.max_user_watches with sysctl",
        _ => {
            "see that it is a folder that the user that runs lakegate may read, and raise fs.inotify.max_user_instances if many programs watch"
        }
    }
}
