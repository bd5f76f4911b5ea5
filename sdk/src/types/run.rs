//! Runs: one stage applied to one object or one sealed batch.

use lakegate_model::{Failure, Timestamp, cost::Requests, table::OutputFile};
use lakegate_proto::{convert::requests_from_wire, v1};
use serde::Serialize;

use super::{quality::Audit, text};

/// One stage applied to one object or one sealed batch, by one version of a pipeline.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Run {
    /// Its id: `ex-…`.
    pub id: String,
    /// `team/dataset/stage`.
    pub stage: String,
    /// The version of the pipeline.
    pub pipeline_version: u32,
    /// `object` or `batch`.
    pub subject_kind: String,
    /// The id of the object or batch.
    pub subject: String,
    /// The object's key, or `<n> objects`.
    pub subject_text: String,
    /// `waiting`, `ready`, `running`, `promoting`, `succeeded`, `failed` or `quarantined`.
    pub state: String,
    /// Succeeded, but some members of its batch could not be read.
    pub partial: bool,
    /// The attempt it is in, counted from 1.
    pub attempt: u32,
    /// The worker it is on, or was on last.
    pub worker: Option<String>,
    /// Why it failed, was quarantined, or is tried again.
    pub failure: Option<Failure>,
    /// The tables it waits for, `database.table`.
    pub waiting_for: Vec<String>,
    /// When it was recorded.
    pub created_at: Timestamp,
    /// When it last moved.
    pub updated_at: Timestamp,
    /// Rows it read.
    pub rows_in: u64,
    /// Rows it wrote.
    pub rows_out: u64,
    /// Files it wrote.
    pub outputs: Vec<OutputFile>,
    /// Its trace, 32 hexadecimal digits.
    pub trace_id: String,
    /// What it cost so far, in thousandths, by `service:Operation` or unit; once it is over with its
    /// share of what its stage cost.
    pub requests: Requests,
    /// What the audit of its output found, if its stage audits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub audit: Option<Audit>,
    /// The file of the rows that the audit set aside.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub aside: Option<OutputFile>,
}

impl Run {
    /// Whether it has ended and will never move again.
    pub fn is_over(&self) -> bool {
        matches!(self.state.as_str(), "succeeded" | "failed" | "quarantined")
    }
}

impl From<v1::Run> for Run {
    fn from(run: v1::Run) -> Run {
        Run {
            id: run.id,
            stage: run.stage,
            pipeline_version: run.pipeline_version,
            subject_kind: run.subject_kind,
            subject: run.subject,
            subject_text: run.subject_text,
            state: run.state,
            partial: run.partial,
            attempt: run.attempt,
            worker: text(run.worker),
            failure: run.failure.map(Into::into),
            waiting_for: run.waiting_for,
            created_at: Timestamp(run.created_at),
            updated_at: Timestamp(run.updated_at),
            rows_in: run.rows_in,
            rows_out: run.rows_out,
            outputs: run.outputs.into_iter().map(Into::into).collect(),
            trace_id: run.trace_id,
            requests: requests_from_wire(run.requests),
            audit: run.audit.map(|audit| (*audit).into()),
            aside: run.aside.map(|aside| (*aside).into()),
        }
    }
}
