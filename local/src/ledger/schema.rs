//! The tables, and how an older ledger becomes a newer one.

use std::path::Path;

use lakegate_coordinator::ports::Result;
use lakegate_model::{Failure, FailureCode};
use rusqlite::Connection;

use super::failure::ledger_failure;

/// What tells our files from other programs' databases: `LkGt`.
const APPLICATION: i32 = 0x4C6B_4774;

/// Each entry takes a ledger from the version of its index to the next; `user_version` says where it is.
const MIGRATIONS: &[&str] = &[FIRST, OUTBOX, REMOVALS, ROWS_ASIDE, ASIDE, AUDITED];

/// Everything that is recorded has one `seq`, taken from one row of numbers: an execution of an
/// object has its object's, an execution of a batch has its batch's.
///
/// Partial indexes keep what is under way and what was set aside at hand, however much is done.
const FIRST: &str = "
    CREATE TABLE stages (
        id INTEGER PRIMARY KEY,
        team TEXT NOT NULL, dataset TEXT NOT NULL, stage TEXT NOT NULL,
        paused INTEGER NOT NULL DEFAULT 0,
        schema TEXT,
        waiting INTEGER NOT NULL DEFAULT 0, ready INTEGER NOT NULL DEFAULT 0, running INTEGER NOT NULL DEFAULT 0,
        succeeded INTEGER NOT NULL DEFAULT 0, failed INTEGER NOT NULL DEFAULT 0, quarantined INTEGER NOT NULL DEFAULT 0,
        superseded INTEGER NOT NULL DEFAULT 0, collecting INTEGER NOT NULL DEFAULT 0, rows_out INTEGER NOT NULL DEFAULT 0,
        UNIQUE (team, dataset, stage)
    ) STRICT;

    CREATE TABLE objects (
        seq INTEGER PRIMARY KEY,
        id TEXT NOT NULL UNIQUE,
        stage INTEGER NOT NULL,
        state TEXT NOT NULL,
        execution INTEGER,
        batch INTEGER,
        size INTEGER NOT NULL,
        arrived_at INTEGER NOT NULL, updated_at INTEGER NOT NULL,
        bucket TEXT NOT NULL, key TEXT NOT NULL, version TEXT NOT NULL, sequencer TEXT, relative TEXT NOT NULL,
        made_by TEXT,
        trace TEXT NOT NULL,
        failure TEXT
    ) STRICT;
    CREATE INDEX objects_by_stage ON objects (stage);
    CREATE INDEX objects_by_key ON objects (key) WHERE made_by IS NULL;
    CREATE INDEX objects_by_maker ON objects (made_by) WHERE made_by IS NOT NULL;
    CREATE INDEX objects_by_batch ON objects (batch) WHERE batch IS NOT NULL;
    CREATE INDEX objects_collecting ON objects (stage, seq, size, arrived_at) WHERE state = 'collecting';
    CREATE INDEX objects_collecting_by_key ON objects (stage, key, bucket) WHERE state = 'collecting';
    CREATE INDEX objects_aside ON objects (stage, seq) WHERE state IN ('failed', 'quarantined', 'superseded');

    CREATE TABLE executions (
        seq INTEGER PRIMARY KEY,
        id TEXT NOT NULL UNIQUE,
        stage INTEGER NOT NULL,
        pipeline_version INTEGER NOT NULL,
        object INTEGER,
        batch INTEGER,
        revision INTEGER NOT NULL,
        phase TEXT NOT NULL,
        over INTEGER NOT NULL,
        created_at INTEGER NOT NULL, updated_at INTEGER NOT NULL,
        trace TEXT NOT NULL,
        state TEXT NOT NULL
    ) STRICT;
    CREATE INDEX executions_by_stage ON executions (stage);
    CREATE INDEX executions_unfinished ON executions (stage, seq) WHERE over = 0;
    CREATE INDEX executions_aside ON executions (stage, seq) WHERE phase IN ('failed', 'quarantined', 'superseded');

    CREATE TABLE batches (
        seq INTEGER PRIMARY KEY,
        id TEXT NOT NULL UNIQUE,
        stage INTEGER NOT NULL,
        objects INTEGER NOT NULL, bytes INTEGER NOT NULL,
        first_at INTEGER NOT NULL, sealed_at INTEGER NOT NULL,
        reason TEXT NOT NULL
    ) STRICT;
    CREATE INDEX batches_by_stage ON batches (stage);

    CREATE TABLE pipelines (
        team TEXT NOT NULL, dataset TEXT NOT NULL, version INTEGER NOT NULL,
        at INTEGER NOT NULL, digest TEXT NOT NULL, body TEXT NOT NULL,
        PRIMARY KEY (team, dataset, version)
    ) STRICT, WITHOUT ROWID;

    CREATE TABLE unrouted (
        id TEXT PRIMARY KEY NOT NULL,
        bucket TEXT NOT NULL, key TEXT NOT NULL, version TEXT NOT NULL, sequencer TEXT, size INTEGER NOT NULL,
        reason TEXT NOT NULL, at INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;
";

/// Messages to others that moves have left; those that are sent are deleted.
const OUTBOX: &str = "
    CREATE TABLE outbox (
        seq INTEGER PRIMARY KEY AUTOINCREMENT,
        id TEXT NOT NULL UNIQUE,
        destination TEXT NOT NULL,
        message TEXT NOT NULL
    ) STRICT;
    CREATE INDEX outbox_by_destination ON outbox (destination, seq);
";

/// The newest removal of a key; `seq` is its place in the order of what is recorded. A version that
/// was removed alone says so itself.
const REMOVALS: &str = "
    CREATE TABLE removals (
        bucket TEXT NOT NULL, key TEXT NOT NULL, sequencer TEXT, seq INTEGER NOT NULL, at INTEGER NOT NULL,
        PRIMARY KEY (bucket, key)
    ) STRICT, WITHOUT ROWID;
    ALTER TABLE objects ADD COLUMN removed_at INTEGER;
";

/// How many rows an execution's audit has set aside, once it has succeeded.
const ROWS_ASIDE: &str = "
    ALTER TABLE executions ADD COLUMN rows_aside INTEGER NOT NULL DEFAULT 0;
    CREATE INDEX executions_with_rows_aside ON executions (stage, seq) WHERE rows_aside > 0;
";

/// What is in quarantine, whatever it is, is found by one index.
const ASIDE: &str = "
    DROP INDEX executions_with_rows_aside;
    ALTER TABLE executions ADD COLUMN has_aside INTEGER NOT NULL DEFAULT 0;
    UPDATE executions SET has_aside = 1 WHERE rows_aside > 0 OR phase = 'quarantined'
        OR (phase = 'failed' AND state LIKE '%\"quality_failed\"%') OR (phase = 'succeeded' AND state LIKE '%\"rejected\":[{%');
    ALTER TABLE executions DROP COLUMN rows_aside;
    CREATE INDEX executions_with_aside ON executions (stage, seq) WHERE has_aside = 1;
";

/// What was audited is found by an index that costs other stages nothing, however much waits.
const AUDITED: &str = "
    CREATE INDEX executions_audited ON executions (stage, seq) WHERE over = 1 AND json_extract(state, '$.audit') IS NOT NULL;
";

/// Opens the file for the writer: makes what is missing, refuses what it does not know.
pub(super) fn open(path: &Path) -> Result<Connection> {
    let failed = |error: rusqlite::Error| ledger_failure(path, &error);
    let mut connection = Connection::open(path).map_err(failed)?;
    let tables: i64 = connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0)).map_err(failed)?;
    let application: i32 = connection.query_row("PRAGMA application_id", [], |row| row.get(0)).map_err(failed)?;
    if tables > 0 && application != APPLICATION {
        return Err(Failure::new(FailureCode::Ledger, format!("{} is another program's database, not a ledger", path.display()))
            .hint("name another file as `ledger:` in lakegate.yaml"));
    }
    let version: usize = connection
        .query_row("PRAGMA user_version", [], |row| row.get(0))
        .map(|v: i64| usize::try_from(v).unwrap_or(usize::MAX))
        .map_err(failed)?;
    let Some(missing) = MIGRATIONS.get(version..) else {
        let known = MIGRATIONS.len();
        return Err(Failure::new(
            FailureCode::Ledger,
            format!("the ledger {} has version {version}, and this lakegate knows up to {known}", path.display()),
        )
        .hint("a newer lakegate has written it: use that one, or a newer one still"));
    };
    for (step, to) in missing.iter().zip(version + 1..) {
        migrate(&mut connection, step, to).map_err(failed)?;
    }
    tune(&connection).map_err(failed)?;
    Ok(connection)
}

fn migrate(connection: &mut Connection, step: &str, to: usize) -> rusqlite::Result<()> {
    let transaction = connection.transaction()?;
    transaction.execute_batch(step)?;
    transaction.pragma_update(None, "application_id", APPLICATION)?;
    transaction.pragma_update(None, "user_version", i64::try_from(to).unwrap_or(i64::MAX))?;
    transaction.commit()
}

fn tune(connection: &Connection) -> rusqlite::Result<()> {
    connection.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(()))?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "cache_size", -16_384)?;
    connection.pragma_update(None, "temp_store", "MEMORY")?;
    // A checkpoint flushes the database itself: rarely enough not to be felt, often enough to keep the WAL small.
    connection.pragma_update_and_check(None, "wal_autocheckpoint", 8_000, |_| Ok(()))?;
    connection.pragma_update_and_check(None, "journal_size_limit", 67_108_864, |_| Ok(()))?;
    connection.set_prepared_statement_cache_capacity(64);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ledger_from_before_there_were_audits_is_taken_over() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ledger.db");
        let mut old = Connection::open(&path).unwrap();
        for (step, to) in MIGRATIONS.iter().zip(1..).take(3) {
            migrate(&mut old, step, to).unwrap();
        }
        let row =
            "INSERT INTO executions (seq, id, stage, pipeline_version, object, revision, phase, over, created_at, updated_at, trace, state)
            VALUES (1, 'ex-1', 1, 1, 1, 2, 'succeeded', 1, 0, 0, '', '{}'), (2, 'ex-2', 1, 1, 1, 2, 'quarantined', 1, 0, 0, '', '{}'),
                (3, 'ex-3', 1, 1, 1, 2, 'failed', 1, 0, 0, '', '{\"code\":\"quality_failed\"}')";
        old.execute(row, []).unwrap();
        drop(old);
        let new = open(&path).unwrap();
        let version: i64 = new.query_row("PRAGMA user_version", [], |row| row.get(0)).unwrap();
        assert_eq!(usize::try_from(version).unwrap(), MIGRATIONS.len());
        let aside: String =
            new.query_row("SELECT group_concat(id) FROM executions WHERE has_aside = 1 ORDER BY seq", [], |row| row.get(0)).unwrap();
        assert_eq!(aside, "ex-2,ex-3");
    }
}
