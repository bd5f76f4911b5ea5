//! Connections that only read. In WAL mode they see every commit made before they begin, and wait
//! for no writer.

use std::{
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use lakegate_coordinator::ports::Result;
use lakegate_model::{Failure, FailureCode};
use rusqlite::{Connection, OpenFlags};
use tokio::sync::Semaphore;

use super::failure::ledger_failure;
use crate::blocking::blocking;

/// Reads at once, and so connections, at most.
const READERS: usize = 4;

/// A pool of reading connections, opened as they are needed.
pub(super) struct Readers {
    idle: Arc<Mutex<Vec<Connection>>>,
    permits: Semaphore,
    path: Arc<PathBuf>,
}

impl Readers {
    pub(super) fn new(path: &Path) -> Readers {
        Readers { idle: Arc::default(), permits: Semaphore::new(READERS), path: Arc::new(path.to_owned()) }
    }

    /// Reads in one snapshot.
    pub(super) async fn read<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T> {
        let stopped = |_| Failure::new(FailureCode::Unavailable, "the ledger is closed");
        let _permit = self.permits.acquire().await.map_err(stopped)?;
        let (idle, path) = (Arc::clone(&self.idle), Arc::clone(&self.path));
        blocking(move || {
            let failed = |error: rusqlite::Error| ledger_failure(&path, &error);
            let pooled = idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
            let mut connection = match pooled {
                Some(connection) => connection,
                None => open(&path).map_err(failed)?,
            };
            let answer = connection.transaction().and_then(|snapshot| work(&snapshot)).map_err(failed);
            idle.lock().unwrap_or_else(PoisonError::into_inner).push(connection);
            answer
        })
        .await
    }
}

fn open(path: &Path) -> rusqlite::Result<Connection> {
    let connection = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    connection.busy_timeout(std::time::Duration::from_secs(5))?;
    connection.pragma_update(None, "cache_size", -2_048)?;
    connection.set_prepared_statement_cache_capacity(32);
    Ok(connection)
}
