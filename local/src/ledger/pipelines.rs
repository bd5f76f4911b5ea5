//! Pipelines, every version of them, and which stages are paused.

use lakegate_coordinator::ports::ledger::{Applied, PipelineVersion};
use lakegate_model::{DatasetId, Pipeline, StageKey, Timestamp};
use rusqlite::{Connection, OptionalExtension as _, Row, params};

use super::{
    rows::{from_json, to_json},
    writer::Changes,
};

impl Changes<'_> {
    pub(super) fn apply_pipeline(&mut self, pipeline: &Pipeline, at: Timestamp) -> rusqlite::Result<Applied> {
        let DatasetId { team, dataset } = &pipeline.dataset;
        let digest = pipeline.digest();
        let sql = "SELECT version, digest FROM pipelines WHERE team = ?1 AND dataset = ?2 ORDER BY version DESC LIMIT 1";
        let newest = self.connection.query_row(sql, params![team, dataset], |row| Ok((row.get(0)?, row.get(1)?))).optional()?;
        let version = match newest {
            Some((version, known)) if digest == String::as_str(&known) => return Ok(Applied { version, changed: false }),
            Some((version, _)) => version + 1,
            None => 1_u32,
        };
        let sql = "INSERT INTO pipelines (team, dataset, version, at, digest, body) VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
        self.connection.execute(sql, params![team, dataset, version, at.0, digest, to_json(pipeline)?])?;
        Ok(Applied { version, changed: true })
    }

    pub(super) fn set_paused(&mut self, stage: &StageKey, paused: bool) -> rusqlite::Result<bool> {
        let id = self.stage(stage)?;
        let changed = self.connection.execute("UPDATE stages SET paused = ?2 WHERE id = ?1 AND paused <> ?2", params![id, paused])?;
        Ok(changed > 0)
    }
}

pub(super) fn newest(connection: &Connection) -> rusqlite::Result<Vec<PipelineVersion>> {
    let sql = "SELECT version, at, body FROM pipelines p
        WHERE version = (SELECT max(version) FROM pipelines q WHERE q.team = p.team AND q.dataset = p.dataset) ORDER BY team, dataset";
    connection.prepare_cached(sql)?.query_map([], read)?.collect()
}

pub(super) fn version(connection: &Connection, dataset: &DatasetId, version: u32) -> rusqlite::Result<Option<PipelineVersion>> {
    let sql = "SELECT version, at, body FROM pipelines WHERE team = ?1 AND dataset = ?2 AND version = ?3";
    connection.prepare_cached(sql)?.query_row(params![dataset.team, dataset.dataset, version], read).optional()
}

fn read(row: &Row<'_>) -> rusqlite::Result<PipelineVersion> {
    let body: String = row.get(2)?;
    Ok(PipelineVersion { version: row.get(0)?, at: Timestamp(row.get(1)?), pipeline: from_json(&body, 2)? })
}
