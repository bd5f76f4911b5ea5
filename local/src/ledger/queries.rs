//! What the coordinator asks to go on with its work.

use lakegate_coordinator::ports::ledger::{Execution, Member, StageCounts, Unrouted};
use lakegate_model::{
    BatchId, ExecutionId, ObjectId, StageKey, Timestamp, machine::batch::OpenBatch, pipeline::BatchTrigger, table::Schema,
};
use rusqlite::{Connection, OptionalExtension as _, Row, params};

use super::rows::{EXECUTION, EXECUTION_JOINS, execution as read_execution, from_json, int, member, stage_key, unrouted as read_unrouted};

pub(super) fn unfinished(connection: &Connection, stage: &StageKey, after: u64, limit: usize) -> rusqlite::Result<Vec<Execution>> {
    let Some(stage) = stage_row(connection, stage)? else { return Ok(Vec::new()) };
    let sql = format!(
        "{EXECUTION} FROM executions e INDEXED BY executions_unfinished {EXECUTION_JOINS} WHERE e.stage = ?1 AND e.over = 0 AND e.seq > ?2 ORDER BY e.seq LIMIT ?3"
    );
    connection.prepare_cached(&sql)?.query_map(params![stage, int(after), int(limit as u64)], read_execution)?.collect()
}

pub(super) fn busy_stages(connection: &Connection) -> rusqlite::Result<Vec<StageKey>> {
    stages_where(connection, "waiting + ready + running + collecting > 0")
}

pub(super) fn paused(connection: &Connection) -> rusqlite::Result<Vec<StageKey>> {
    stages_where(connection, "paused = 1")
}

fn stages_where(connection: &Connection, condition: &str) -> rusqlite::Result<Vec<StageKey>> {
    let sql = format!("SELECT team, dataset, stage FROM stages WHERE {condition} ORDER BY team, dataset, stage");
    connection.prepare_cached(&sql)?.query_map([], |row| stage_key(row, 0))?.collect()
}

fn stage_row(connection: &Connection, key: &StageKey) -> rusqlite::Result<Option<i64>> {
    let sql = "SELECT id FROM stages WHERE team = ?1 AND dataset = ?2 AND stage = ?3";
    connection.prepare_cached(sql)?.query_row(params![key.dataset.team, key.dataset.dataset, key.stage], |row| row.get(0)).optional()
}

pub(super) fn execution(connection: &Connection, id: &ExecutionId) -> rusqlite::Result<Option<Execution>> {
    let sql = format!("{EXECUTION} FROM executions e {EXECUTION_JOINS} WHERE e.id = ?1");
    connection.prepare_cached(&sql)?.query_row([id.as_str()], read_execution).optional()
}

pub(super) fn open_batch(connection: &Connection, stage: &StageKey, trigger: &BatchTrigger) -> rusqlite::Result<OpenBatch> {
    let mut open = OpenBatch::default();
    let Some(stage) = stage_row(connection, stage)? else { return Ok(open) };
    let sql = "SELECT size, arrived_at FROM objects INDEXED BY objects_collecting WHERE stage = ?1 AND state = 'collecting' ORDER BY seq";
    let mut statement = connection.prepare_cached(sql)?;
    let mut members = statement.query([stage])?;
    while let Some(row) = members.next()? {
        let bytes: i64 = row.get(0)?;
        open = open.with_member(trigger, bytes.unsigned_abs(), Timestamp(row.get(1)?));
    }
    Ok(open)
}

pub(super) fn members(connection: &Connection, batch: &BatchId) -> rusqlite::Result<Vec<Member>> {
    members_from(connection, batch, 0, usize::MAX)
}

pub(super) fn members_from(connection: &Connection, batch: &BatchId, from: usize, limit: usize) -> rusqlite::Result<Vec<Member>> {
    let sql = "SELECT bucket, key, version, sequencer, size, relative, trace FROM objects
        WHERE batch = (SELECT seq FROM batches WHERE id = ?1) ORDER BY seq LIMIT ?2 OFFSET ?3";
    let (limit, from) = (int(limit as u64), int(from as u64));
    connection.prepare_cached(sql)?.query_map(params![batch.as_str(), limit, from], member)?.collect()
}

pub(super) fn members_named(connection: &Connection, objects: &[ObjectId]) -> rusqlite::Result<Vec<Member>> {
    let sql = "SELECT bucket, key, version, sequencer, size, relative, trace FROM objects WHERE id = ?1";
    let mut statement = connection.prepare_cached(sql)?;
    let mut found = Vec::with_capacity(objects.len());
    for id in objects {
        found.extend(statement.query_row([id.as_str()], member).optional()?);
    }
    Ok(found)
}

pub(super) fn schema(connection: &Connection, stage: &StageKey) -> rusqlite::Result<Option<Schema>> {
    let Some(stage) = stage_row(connection, stage)? else { return Ok(None) };
    let text: Option<String> =
        connection.prepare_cached("SELECT schema FROM stages WHERE id = ?1")?.query_row([stage], |row| row.get(0))?;
    text.map(|text| from_json(&text, 0)).transpose()
}

pub(super) fn unrouted_objects(connection: &Connection, after: &str, limit: usize) -> rusqlite::Result<Vec<Unrouted>> {
    let sql = "SELECT bucket, key, version, sequencer, size, reason, at FROM unrouted WHERE id > ?1 ORDER BY id LIMIT ?2";
    connection.prepare_cached(sql)?.query_map(params![after, int(limit as u64)], read_unrouted)?.collect()
}

pub(super) fn unrouted(connection: &Connection) -> rusqlite::Result<u64> {
    let count: i64 = connection.prepare_cached("SELECT count(*) FROM unrouted")?.query_row([], |row| row.get(0))?;
    Ok(count.unsigned_abs())
}

pub(super) fn counts(connection: &Connection) -> rusqlite::Result<Vec<StageCounts>> {
    let sql = "SELECT team, dataset, stage, waiting, ready, running, succeeded, failed, quarantined, superseded, collecting, rows_out
        FROM stages ORDER BY team, dataset, stage";
    connection.prepare_cached(sql)?.query_map([], read_counts)?.collect()
}

fn read_counts(row: &Row<'_>) -> rusqlite::Result<StageCounts> {
    let count = |column| -> rusqlite::Result<u64> { row.get(column).map(|count: i64| u64::try_from(count).unwrap_or(0)) };
    Ok(StageCounts {
        stage: Some(stage_key(row, 0)?),
        waiting: count(3)?,
        ready: count(4)?,
        running: count(5)?,
        succeeded: count(6)?,
        failed: count(7)?,
        quarantined: count(8)?,
        superseded: count(9)?,
        collecting: count(10)?,
        rows_out: count(11)?,
    })
}
