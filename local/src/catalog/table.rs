//! One table's folder: reading its versions and adding one.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use lakegate_coordinator::{
    ports::{Result, TableChange},
    versions::{TableState, VersionRecord},
};
use lakegate_model::{
    Failure, FailureCode,
    table::{TableId, TableVersion},
};

use crate::files::{create_dirs, io_failure, sync_dir, write_beside};

/// A table's folder and the newest version seen in it.
pub(super) struct TableFolder {
    id: TableId,
    path: PathBuf,
    newest: Option<TableState>,
}

impl TableFolder {
    pub(super) fn new(id: TableId, path: PathBuf) -> TableFolder {
        TableFolder { id, path, newest: None }
    }

    /// The newest version, others' publishes included.
    pub(super) fn newest(&mut self) -> Result<Option<&TableState>> {
        if self.newest.is_none()
            && let Some(version) = self.newest_version()?
        {
            self.newest = self.load(version)?;
        }
        while let Some(state) = &mut self.newest
            && let Some(record) = read(&self.path, state.table.version + 1)?
        {
            state.take(record);
        }
        Ok(self.newest.as_ref())
    }

    /// One version; `None` if there is none such.
    pub(super) fn at(&self, version: u64) -> Result<Option<TableVersion>> {
        if let Some(state) = &self.newest
            && state.table.version == version
        {
            return Ok(Some(state.table.clone()));
        }
        Ok(self.load(version)?.map(|state| state.table))
    }

    /// Refuses what `publish` would refuse.
    pub(super) fn check(&mut self, change: &TableChange) -> Result<()> {
        let current = self.newest()?;
        if current.is_some_and(|state| state.has(&change.execution)) {
            return Ok(());
        }
        VersionRecord::next(current, change).map(drop)
    }

    /// Adds an execution's files. If another process adds a version at the same time, one of the
    /// two is first and the other tries again on top of it.
    pub(super) fn publish(&mut self, change: &TableChange) -> Result<TableVersion> {
        create_dirs(&self.path).map_err(|error| self.failed("make", &error))?;
        loop {
            let current = self.newest()?;
            if let Some(state) = current
                && state.has(&change.execution)
            {
                return Ok(state.table.clone());
            }
            let record = VersionRecord::next(current, change)?;
            if !self.add(&record)? {
                continue;
            }
            match &mut self.newest {
                Some(state) => state.take(record),
                None => self.newest = Some(TableState::of(record)),
            }
            if let Some(state) = &self.newest {
                return Ok(state.table.clone());
            }
        }
    }

    /// Makes the version's file; false if there is one of that version already.
    fn add(&self, record: &VersionRecord) -> Result<bool> {
        let target = self.path.join(VersionRecord::file_name(record.version));
        let text = record.encode()?;
        let beside = write_beside(&target, &text).map_err(|error| self.failed("write to", &error))?;
        let linked = fs::hard_link(&beside, &target);
        // Left behind, it is a hidden file that nobody reads.
        let _ = fs::remove_file(&beside);
        match linked {
            Ok(()) => sync_dir(&self.path).map_err(|error| self.failed("flush", &error)).map(|()| true),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
            Err(error) => Err(self.failed("write to", &error)),
        }
    }

    /// The table as of a version: the last whole one before, and what came since.
    fn load(&self, version: u64) -> Result<Option<TableState>> {
        let Some(record) = read(&self.path, version)? else { return Ok(None) };
        let Some(since) = record.since else { return Ok(Some(TableState::of(record))) };
        let mut state = TableState::of(self.expect(since)?);
        for between in since + 1..version {
            state.take(self.expect(between)?);
        }
        state.take(record);
        Ok(Some(state))
    }

    fn expect(&self, version: u64) -> Result<VersionRecord> {
        let missing = || VersionRecord::missing(&self.id, &self.path.join(VersionRecord::file_name(version)).to_string_lossy());
        read(&self.path, version)?.ok_or_else(missing)
    }

    fn newest_version(&self) -> Result<Option<u64>> {
        let entries = match fs::read_dir(&self.path) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(self.failed("list", &error)),
        };
        let mut newest = None;
        for entry in entries {
            let name = entry.map_err(|error| self.failed("list", &error))?.file_name();
            newest = newest.max(name.to_str().and_then(VersionRecord::version_of));
        }
        Ok(newest)
    }

    fn failed(&self, what: &str, error: &io::Error) -> Failure {
        io_failure(FailureCode::Catalog, &format!("{what} the folder of table {},", self.id), &self.path, error)
    }
}

fn read(folder: &Path, version: u64) -> Result<Option<VersionRecord>> {
    let path = folder.join(VersionRecord::file_name(version));
    let text = match fs::read(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(io_failure(FailureCode::Catalog, "read", &path, &error)),
    };
    Ok(Some(VersionRecord::decode(&text, &path.to_string_lossy())?))
}
