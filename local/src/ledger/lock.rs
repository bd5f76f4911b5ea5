//! One coordinator per ledger: a lock file that the system gives free when its process ends,
//! however it ends.

use std::{
    fs::{File, OpenOptions},
    io::{Read as _, Seek as _, Write as _},
    path::{Path, PathBuf},
};

use lakegate_coordinator::ports::Result;
use lakegate_model::{Failure, FailureCode};
use rustix::fs::{FlockOperation, flock};

use crate::files::io_failure;

/// Held for as long as the ledger is.
pub(super) struct Lock {
    _file: File,
}

impl Lock {
    /// Takes `<path>.lock`, which then holds this process's id.
    pub(super) fn take(path: &Path) -> Result<Lock> {
        let at = lock_path(path);
        let failed = |what: &str, error: &std::io::Error| io_failure(FailureCode::Ledger, what, &at, error);
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&at)
            .map_err(|error| failed("open the ledger's lock file", &error))?;
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {}
            Err(rustix::io::Errno::WOULDBLOCK) => return Err(taken(path, &mut file)),
            Err(error) => return Err(failed("lock the ledger's lock file", &error.into())),
        }
        let noted = file.set_len(0).and_then(|()| file.rewind()).and_then(|()| writeln!(file, "{}", std::process::id()));
        noted.map_err(|error| failed("write the ledger's lock file", &error))?;
        Ok(Lock { _file: file })
    }
}

fn lock_path(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".lock");
    PathBuf::from(name)
}

fn taken(path: &Path, file: &mut File) -> Failure {
    let mut text = String::new();
    // Whoever has just taken the lock may not have written its id yet.
    let _ = file.read_to_string(&mut text);
    let holder = text.trim().parse::<u32>().map_or_else(|_| "another process".to_owned(), |pid| format!("process {pid}"));
    Failure::new(FailureCode::Conflict, format!("the ledger {} is in use by {holder}", path.display()))
        .hint("a ledger belongs to one coordinator at a time: stop that one, or start this one in another directory")
}
