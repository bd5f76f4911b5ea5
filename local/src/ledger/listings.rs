//! What people ask: pages of executions, objects and batches, newest first, and finding one by the
//! start of its id. A page's token is the number of its last record, so that pages neither repeat
//! nor skip anything while new records come in.

use std::collections::BTreeSet;

use lakegate_coordinator::ports::{
    Result,
    ledger::{BatchRecord, Execution, Filter, ObjectRecord, Page, Paged},
};
use lakegate_model::{ExecutionId, Failure, FailureCode, ObjectId, machine::object::ObjectState};
use rusqlite::{Connection, Row, params};

use super::rows::{BATCH, BATCH_JOINS, EXECUTION, EXECUTION_JOINS, OBJECT, OBJECT_JOINS, batch, execution, int, object};

const PHASES: &[&str] = &["waiting", "ready", "running", "promoting", "succeeded", "failed", "quarantined", "superseded"];
/// As the index has it.
const AUDITED: &str = "e.over = 1 AND json_extract(e.state, '$.audit') IS NOT NULL";
const LARGEST_PAGE: usize = 1_000;

/// A page to read.
pub(super) struct Listing {
    select: &'static str,
    /// The table, its alias, and the index that serves the state asked for, if one does.
    from: &'static str,
    joins: &'static str,
    /// The alias of the table that has the `seq` and the stage.
    alias: &'static str,
    /// What else must hold, made of our own words only.
    condition: String,
    filter: Filter,
    before: i64,
    size: usize,
}

impl Listing {
    pub(super) fn of_runs(filter: &Filter, page: &Page) -> Result<Listing> {
        let state = known_state(filter, PHASES)?;
        if filter.with_audit {
            let aside = if filter.with_aside { " AND e.has_aside = 1" } else { "" };
            let state = state.map(|state| format!(" AND e.phase = '{state}'")).unwrap_or_default();
            let condition = format!("{AUDITED}{aside}{state}");
            return Listing::new(EXECUTION, "executions e INDEXED BY executions_audited", EXECUTION_JOINS, "e", condition, filter, page);
        }
        let (from, condition) = match state {
            None if filter.with_aside => ("executions e INDEXED BY executions_with_aside", "e.has_aside = 1".to_owned()),
            Some(state) if filter.with_aside => {
                ("executions e INDEXED BY executions_with_aside", format!("e.has_aside = 1 AND e.phase = '{state}'"))
            }
            Some(state @ ("waiting" | "ready" | "running" | "promoting")) => {
                ("executions e INDEXED BY executions_unfinished", format!("e.over = 0 AND e.phase = '{state}'"))
            }
            Some(state @ ("failed" | "quarantined" | "superseded")) => (
                "executions e INDEXED BY executions_aside",
                format!("e.phase IN ('failed', 'quarantined', 'superseded') AND e.phase = '{state}'"),
            ),
            Some(state) => ("executions e", format!("e.phase = '{state}'")),
            None => ("executions e", "1".to_owned()),
        };
        Listing::new(EXECUTION, from, EXECUTION_JOINS, "e", condition, filter, page)
    }

    pub(super) fn of_objects(filter: &Filter, page: &Page) -> Result<Listing> {
        let states: Vec<&str> = ObjectState::ALL.iter().map(|state| state.as_str()).collect();
        let state = known_state(filter, &states)?;
        let (from, condition) = match state {
            Some("collecting") => ("objects o INDEXED BY objects_collecting", "o.state = 'collecting'".to_owned()),
            Some(state @ ("failed" | "quarantined" | "superseded")) => (
                "objects o INDEXED BY objects_aside",
                format!("o.state IN ('failed', 'quarantined', 'superseded') AND o.state = '{state}'"),
            ),
            Some(state) => ("objects o", format!("o.state = '{state}'")),
            None => ("objects o", "1".to_owned()),
        };
        Listing::new(OBJECT, from, OBJECT_JOINS, "o", condition, filter, page)
    }

    pub(super) fn of_batches(filter: &Filter, page: &Page) -> Result<Listing> {
        let condition = known_state(filter, PHASES)?.map_or("1".to_owned(), |state| format!("e.phase = '{state}'"));
        Listing::new(BATCH, "batches b", BATCH_JOINS, "b", condition, filter, page)
    }

    fn new(
        select: &'static str,
        from: &'static str,
        joins: &'static str,
        alias: &'static str,
        condition: String,
        filter: &Filter,
        page: &Page,
    ) -> Result<Listing> {
        let before = match page.token.as_str() {
            "" => i64::MAX,
            token => token.parse().map_err(|_| {
                Failure::new(FailureCode::InvalidRequest, format!("\"{token}\" is no page token"))
                    .hint("pass `next` of the page before, or nothing for the first")
            })?,
        };
        let size = page.size.clamp(1, LARGEST_PAGE);
        Ok(Listing { select, from, joins, alias, condition, filter: filter.clone(), before, size })
    }

    /// Reads the page. With a filter each stage is read by its own index and the newest of all are kept.
    pub(super) fn read<T>(&self, connection: &Connection, record: fn(&Row<'_>) -> rusqlite::Result<T>) -> rusqlite::Result<Paged<T>> {
        let mut found: Vec<(i64, T)> = Vec::new();
        for stage in self.stages(connection)? {
            let of_stage = if stage.is_some() { format!("{}.stage = ?3", self.alias) } else { "?3 IS NULL".to_owned() };
            let sql = format!(
                "{} FROM {} {} WHERE {of_stage} AND {} AND {alias}.seq < ?1 ORDER BY {alias}.seq DESC LIMIT ?2",
                self.select,
                self.from,
                self.joins,
                self.condition,
                alias = self.alias
            );
            let mut statement = connection.prepare_cached(&sql)?;
            let rows =
                statement.query_map(params![self.before, int(self.size as u64 + 1), stage], |row| Ok((row.get(0)?, record(row)?)))?;
            for row in rows {
                found.push(row?);
            }
        }
        found.sort_by_key(|(seq, _)| std::cmp::Reverse(*seq));
        let more = found.len() > self.size;
        found.truncate(self.size);
        let next = found.last().filter(|_| more).map(|(seq, _)| seq.to_string()).unwrap_or_default();
        Ok(Paged { items: found.into_iter().map(|(_, item)| item).collect(), next })
    }

    /// The stages to read one by one; `[None]` reads all at once.
    fn stages(&self, connection: &Connection) -> rusqlite::Result<Vec<Option<i64>>> {
        let Filter { dataset, stage, state, with_aside, with_audit } = &self.filter;
        if dataset.is_none() && stage.is_none() && state.is_none() && !with_aside && !with_audit {
            return Ok(vec![None]);
        }
        let sql = "SELECT id FROM stages WHERE (?1 IS NULL OR team = ?1) AND (?2 IS NULL OR dataset = ?2) AND (?3 IS NULL OR stage = ?3)";
        let (team, dataset) = (dataset.as_ref().map(|id| &id.team), dataset.as_ref().map(|id| &id.dataset));
        connection.prepare_cached(sql)?.query_map(params![team, dataset, stage], |row| row.get(0).map(Some))?.collect()
    }
}

fn known_state<'a>(filter: &'a Filter, known: &[&str]) -> Result<Option<&'a str>> {
    match filter.state.as_deref() {
        Some(state) if !known.contains(&state) => Err(Failure::new(FailureCode::InvalidRequest, format!("there is no state \"{state}\""))
            .hint(format!("the states are {}", known.join(", ")))),
        state => Ok(state),
    }
}

/// The least text that is greater than all that start with `prefix`: no id has this character.
fn after_all(prefix: &str) -> String {
    format!("{prefix}\u{10FFFF}")
}

pub(super) fn runs_by_prefix(connection: &Connection, prefix: &str) -> rusqlite::Result<Vec<Execution>> {
    let sql = format!("{EXECUTION} FROM executions e {EXECUTION_JOINS} WHERE e.id >= ?1 AND e.id < ?2 ORDER BY e.id LIMIT 2");
    connection.prepare_cached(&sql)?.query_map(params![prefix, after_all(prefix)], execution)?.collect()
}

pub(super) fn batches_by_prefix(connection: &Connection, prefix: &str) -> rusqlite::Result<Vec<BatchRecord>> {
    let sql = format!("{BATCH} FROM batches b {BATCH_JOINS} WHERE b.id >= ?1 AND b.id < ?2 ORDER BY b.id LIMIT 2");
    connection.prepare_cached(&sql)?.query_map(params![prefix, after_all(prefix)], batch)?.collect()
}

/// What landed was made by no execution; that tells the raw zone's objects from later ones.
pub(super) fn objects_by_name(connection: &Connection, name: &str) -> rusqlite::Result<Vec<ObjectRecord>> {
    let sql = format!("{OBJECT} FROM objects o {OBJECT_JOINS} WHERE o.id >= ?1 AND o.id < ?2 ORDER BY o.id LIMIT 2");
    let by_id: Vec<ObjectRecord> =
        connection.prepare_cached(&sql)?.query_map(params![name, after_all(name)], object)?.collect::<rusqlite::Result<_>>()?;
    if !by_id.is_empty() {
        return Ok(by_id);
    }
    let sql = format!("{OBJECT} FROM objects o {OBJECT_JOINS} WHERE o.key = ?1 AND o.made_by IS NULL ORDER BY o.seq DESC LIMIT 1");
    connection.prepare_cached(&sql)?.query_map([name], object)?.collect()
}

pub(super) fn known(connection: &Connection, ids: &[ObjectId]) -> rusqlite::Result<BTreeSet<ObjectId>> {
    let mut statement = connection.prepare_cached("SELECT 1 FROM objects WHERE id = ?1")?;
    let mut known = BTreeSet::new();
    for id in ids {
        if statement.exists([id.as_str()])? {
            known.insert(id.clone());
        }
    }
    Ok(known)
}

pub(super) fn made_by(connection: &Connection, maker: &ExecutionId) -> rusqlite::Result<Vec<ObjectRecord>> {
    let sql = format!("{OBJECT} FROM objects o {OBJECT_JOINS} WHERE o.made_by = ?1 ORDER BY o.seq");
    connection.prepare_cached(&sql)?.query_map([maker.as_str()], object)?.collect()
}

pub(super) fn runs_of(connection: &Connection, id: &ObjectId) -> rusqlite::Result<Vec<Execution>> {
    let sql = format!("{EXECUTION} FROM executions e {EXECUTION_JOINS} WHERE e.seq = (SELECT execution FROM objects WHERE id = ?1)");
    connection.prepare_cached(&sql)?.query_map([id.as_str()], execution)?.collect()
}
