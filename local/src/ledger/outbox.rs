//! Messages to others that moves have left.

use lakegate_coordinator::ports::Outgoing;
use lakegate_model::destination::Destination;
use rusqlite::{Connection, params, types::Type};

use super::{
    rows::{from_json, int, to_json},
    writer::Changes,
};

impl Changes<'_> {
    /// Leaves a move's messages.
    pub(super) fn leave(&mut self, messages: &[Outgoing]) -> rusqlite::Result<()> {
        let sql = "INSERT INTO outbox (id, destination, message) VALUES (?1, ?2, ?3) ON CONFLICT (id) DO NOTHING";
        for message in messages {
            let values = params![message.id, message.to.to_string(), to_json(message)?];
            self.connection.prepare_cached(sql)?.execute(values)?;
        }
        Ok(())
    }

    pub(super) fn mark_sent(&mut self, ids: &[String]) -> rusqlite::Result<()> {
        let mut delete = self.connection.prepare_cached("DELETE FROM outbox WHERE id = ?1")?;
        ids.iter().try_for_each(|id| delete.execute(params![id]).map(drop))
    }
}

/// The destinations that messages wait for.
pub(super) fn destinations(connection: &Connection) -> rusqlite::Result<Vec<Destination>> {
    let mut query = connection.prepare_cached("SELECT DISTINCT destination FROM outbox ORDER BY destination")?;
    let found = query.query_map([], |row| {
        let text: String = row.get(0)?;
        text.parse().map_err(|error: String| rusqlite::Error::FromSqlConversionFailure(0, Type::Text, error.into()))
    })?;
    found.collect()
}

/// The oldest messages for a destination.
pub(super) fn outgoing(connection: &Connection, to: &str, limit: usize) -> rusqlite::Result<Vec<Outgoing>> {
    let mut query = connection.prepare_cached("SELECT message FROM outbox WHERE destination = ?1 ORDER BY seq LIMIT ?2")?;
    let found = query.query_map(params![to, int(limit as u64)], |row| from_json(&row.get::<_, String>(0)?, 0))?;
    found.collect()
}
