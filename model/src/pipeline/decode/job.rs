//! Jobs.

use super::Context;
use crate::{
    pipeline::{DEFAULT_JOB_TIMEOUT, Engine, Job},
    yaml::Value,
};

/// Engines the language has and this version has not.
const LATER: &[&str] = &["glue", "emr", "emr-serverless", "ecs", "sagemaker", "spark", "process"];

impl Context<'_> {
    pub(super) fn job(&mut self, stage: usize, value: Value<'_>) -> Option<Job> {
        // The other keys of an engine that is not there yet are none of ours.
        if let Some(engine) = value.entry("engine")
            && let Some(name) = engine.as_text().filter(|name| LATER.contains(name))
        {
            engine.unsupported(&format!("engine `{name}`"));
            return None;
        }
        let fields = value.fields(&["engine", "sql", "references", "timeout"], &["name", "arguments"])?;
        let engine = fields.require("engine").and_then(|engine| engine.one_of(&[("worker", Engine::Worker)]));
        let sql = fields.require("sql").and_then(|sql| self.sql(sql));
        let references = fields.get("references").map(|references| self.references(stage, references)).unwrap_or_default();
        let timeout = fields.get("timeout").and_then(|timeout| timeout.positive_duration()).unwrap_or(DEFAULT_JOB_TIMEOUT);
        Some(Job { engine: engine?, sql: sql?, references, timeout })
    }
}
