//! What was removed from its zone, and what is there again.

use lakegate_coordinator::ports::ledger::Removal;
use lakegate_model::{ObjectId, ObjectVersion, object::Standing};
use rusqlite::{OptionalExtension as _, params};

use super::{rows::int, writer::Changes};

impl Changes<'_> {
    pub(super) fn record_removed(&mut self, removals: &[Removal]) -> rusqlite::Result<()> {
        removals.iter().try_for_each(|removal| self.remove(removal))
    }

    fn remove(&mut self, removal: &Removal) -> rusqlite::Result<()> {
        let Removal { bucket, key, version, sequencer, at } = removal;
        if !version.is_empty() {
            let sql = "UPDATE objects SET removed_at = ?2 WHERE id = ?1";
            if self.connection.prepare_cached(sql)?.execute(params![ObjectId::of(bucket, key, version).as_str(), at.0])? > 0 {
                return Ok(());
            }
        }
        let seq = self.next_seq();
        let this = Standing { sequencer: sequencer.as_deref(), seq };
        if let Some((known, seq)) = self.removal_of(bucket, key)?
            && this.is_before(Standing { sequencer: known.as_deref(), seq })
        {
            return Ok(());
        }
        let sql = "INSERT OR REPLACE INTO removals (bucket, key, sequencer, seq, at) VALUES (?1, ?2, ?3, ?4, ?5)";
        self.connection.prepare_cached(sql)?.execute(params![bucket, key, sequencer, int(seq), at.0]).map(drop)
    }

    /// The sequencer and the number of a key's newest removal.
    fn removal_of(&self, bucket: &str, key: &str) -> rusqlite::Result<Option<(Option<String>, u64)>> {
        let sql = "SELECT sequencer, seq FROM removals WHERE bucket = ?1 AND key = ?2";
        let mut statement = self.connection.prepare_cached(sql)?;
        statement.query_row(params![bucket, key], |row| Ok((row.get(0)?, row.get::<_, i64>(1)?.unsigned_abs()))).optional()
    }

    /// A version that is known has arrived again, as the event of this number. If it was removed
    /// before, it is there again.
    pub(super) fn restore(&mut self, object: &ObjectVersion, seq: u64) -> rusqlite::Result<()> {
        let id = object.id();
        let this = Standing { sequencer: object.sequencer.as_deref(), seq };
        let removal = self.removal_of(&object.bucket, &object.key)?;
        let is_after =
            removal.as_ref().is_some_and(|(sequencer, seq)| !this.is_before(Standing { sequencer: sequencer.as_deref(), seq: *seq }));
        if is_after {
            let sql = "DELETE FROM removals WHERE bucket = ?1 AND key = ?2";
            self.connection.prepare_cached(sql)?.execute(params![object.bucket, object.key])?;
        }
        // A removal of the version alone has no number: only a later sequencer tells that it is over.
        let sql = "SELECT sequencer, removed_at FROM objects WHERE id = ?1";
        let read = |row: &rusqlite::Row<'_>| Ok((row.get::<_, Option<String>>(0)?, row.get::<_, Option<i64>>(1)?));
        let Some((known, alone)) = self.connection.prepare_cached(sql)?.query_row([id.as_str()], read).optional()? else { return Ok(()) };
        let is_newer = lakegate_model::object::is_earlier(known.as_deref(), object.sequencer.as_deref());
        if is_after || (alone.is_some() && (is_newer || object.sequencer.is_none())) {
            let sql = "UPDATE objects SET removed_at = NULL, sequencer = ifnull(?2, sequencer) WHERE id = ?1";
            self.connection.prepare_cached(sql)?.execute(params![id.as_str(), object.sequencer])?;
        }
        Ok(())
    }
}
