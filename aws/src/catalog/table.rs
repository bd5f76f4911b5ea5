//! One table: its newest version as last seen in the record, reading others, adding one.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use aws_sdk_glue::types::Table;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use lakegate_coordinator::{
    ports::{Result, TableChange},
    versions::{TableState, VersionRecord},
};
use lakegate_model::{
    Failure, FailureCode, Location,
    table::{TableId, TableVersion},
};

use super::{entry, glue::Glue, records::Records, register::register, tags::Tags, types::Columns};

/// Records read at once.
const AT_ONCE: usize = 16;
/// How often a publish is overtaken before it gives up. Each time somebody else's went through.
const OVERTAKEN: usize = 100;

/// A table and the newest version seen of it.
pub(super) struct TableRecord {
    id: TableId,
    records: Records,
    seen: Mutex<Option<Seen>>,
    /// The LF-Tags that this process gave its entry.
    tagged: Mutex<Option<BTreeMap<String, String>>>,
    /// Whose turn it is to publish, among the tasks of this process.
    turn: tokio::sync::Mutex<()>,
}

/// A table as last seen.
#[derive(Clone)]
struct Seen {
    /// Where its record is.
    folder: Location,
    state: Arc<TableState>,
}

/// A change that nothing speaks against, as it would be recorded.
struct Admitted {
    folder: Location,
    record: VersionRecord,
    /// The table's entry in Glue.
    found: Option<Table>,
}

impl TableRecord {
    pub(super) fn new(id: TableId, records: Records) -> TableRecord {
        TableRecord { id, records, seen: Mutex::default(), tagged: Mutex::default(), turn: tokio::sync::Mutex::default() }
    }

    pub(super) fn id(&self) -> &TableId {
        &self.id
    }

    /// The newest version, others' publishes included.
    pub(super) async fn newest(&self) -> Result<Option<Arc<TableState>>> {
        Ok(self.look().await?.map(|seen| seen.state))
    }

    /// One version; `None` if there is none such.
    pub(super) async fn at(&self, version: u64) -> Result<Option<TableVersion>> {
        let Some(seen) = self.look().await? else { return Ok(None) };
        if seen.state.table.version == version {
            return Ok(Some(seen.state.table.clone()));
        }
        if version == 0 || version > seen.state.table.version {
            return Ok(None);
        }
        Ok(Some(self.load(&seen.folder, version).await?.table))
    }

    /// Refuses what `publish` would refuse.
    pub(super) async fn check(&self, glue: &Glue, change: &TableChange) -> Result<()> {
        let seen = self.look().await?;
        if seen.as_ref().is_some_and(|seen| seen.state.has(&change.execution)) {
            return Ok(());
        }
        self.admit(glue, seen.as_ref(), change).await.map(drop)
    }

    /// What a change would be, on top of what was seen. Whatever can be refused is refused here, before
    /// anything is recorded.
    async fn admit(&self, glue: &Glue, seen: Option<&Seen>, change: &TableChange) -> Result<Admitted> {
        let record = VersionRecord::next(seen.map(|seen| &*seen.state), change)?;
        let folder = match seen {
            Some(seen) => seen.folder.clone(),
            None => self.records.folder(&self.id, &change.location)?,
        };
        Columns::of(&self.id, &record.schema, &record.partition_by)?;
        let found = glue.table(&self.id).await?;
        if let Some(found) = &found {
            entry::refuse_other(found, &change.id, &change.location, &change.partition_by)?;
        }
        Ok(Admitted { folder, record, found })
    }

    /// Adds an execution's files and registers them. If another process adds a version at the same
    /// time, one of the two is first and the other tries again on top of it.
    pub(super) async fn publish(&self, glue: &Glue, change: &TableChange) -> Result<TableVersion> {
        let _turn = self.turn.lock().await;
        for _ in 0..OVERTAKEN {
            let seen = self.look().await?;
            let current = seen.as_ref().map(|seen| &*seen.state);
            if let Some(state) = current
                && state.has(&change.execution)
            {
                // The try that recorded it may not have come to Glue.
                register(glue, self, glue.table(&self.id).await?).await?;
                return Ok(state.table.clone());
            }
            let Admitted { folder, record, found } = self.admit(glue, seen.as_ref(), change).await?;
            if found.is_none() {
                glue.ensure_database(&self.id).await?;
            }
            if self.records.add(&folder, &record).await? {
                let table = self.added(folder, current, record);
                register(glue, self, found).await?;
                return Ok(table);
            }
        }
        let message = format!("table {} was published to by others {OVERTAKEN} times while one version was to be added", self.id);
        Err(Failure::new(FailureCode::Catalog, message).hint("it is tried again; fewer pipelines should publish to one table"))
    }

    /// Gives the table its LF-Tags, unless this process gave it the same ones before.
    pub(super) async fn tag(&self, tags: &Tags, change: &TableChange) -> Result<()> {
        let wanted = tags.with_defaults(&change.lf_tags);
        if wanted.is_empty() || self.tagged() == Some(&wanted).cloned() {
            return Ok(());
        }
        tags.put(&self.id, &wanted).await?;
        *self.tagged.lock().unwrap_or_else(PoisonError::into_inner) = Some(wanted);
        Ok(())
    }

    fn tagged(&self) -> Option<BTreeMap<String, String>> {
        self.tagged.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The table's entry is made anew, and has no tags.
    pub(super) fn untagged(&self) {
        *self.tagged.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// Takes in what this process added to the record.
    fn added(&self, folder: Location, current: Option<&TableState>, record: VersionRecord) -> TableVersion {
        let state = match current {
            None => TableState::of(record),
            Some(current) => {
                let mut state = current.clone();
                state.take(record);
                state
            }
        };
        let table = state.table.clone();
        self.remember(Seen { folder, state: Arc::new(state) });
        table
    }

    /// Looks for versions newer than the one last seen.
    async fn look(&self) -> Result<Option<Seen>> {
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let mut seen = match seen {
            Some(seen) => seen,
            None => {
                let Some((folder, version)) = self.records.find(&self.id).await? else { return Ok(None) };
                let state = Arc::new(self.load(&folder, version).await?);
                Seen { folder, state }
            }
        };
        while let Some(record) = self.records.read(&seen.folder, seen.state.table.version + 1).await? {
            Arc::make_mut(&mut seen.state).take(record);
        }
        self.remember(seen.clone());
        Ok(Some(seen))
    }

    fn remember(&self, new: Seen) {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if seen.as_ref().is_none_or(|old| old.state.table.version < new.state.table.version) {
            *seen = Some(new);
        }
    }

    /// The table as of a version: the last whole record before, and what came since.
    async fn load(&self, folder: &Location, version: u64) -> Result<TableState> {
        let record = self.expect(folder, version).await?;
        let Some(since) = record.since else { return Ok(TableState::of(record)) };
        let mut state = TableState::of(self.expect(folder, since).await?);
        let mut between = stream::iter(since + 1..version).map(|version| self.expect(folder, version)).buffered(AT_ONCE);
        while let Some(record) = between.try_next().await? {
            state.take(record);
        }
        state.take(record);
        Ok(state)
    }

    async fn expect(&self, folder: &Location, version: u64) -> Result<VersionRecord> {
        let missing = || VersionRecord::missing(&self.id, folder.join(&VersionRecord::file_name(version)).as_str());
        self.records.read(folder, version).await?.ok_or_else(missing)
    }
}
