//! Pipelines as the coordinator knows them.

use lakegate_model::{Failure, FailureCode, Pipeline, Timestamp};
use lakegate_proto::v1;
use serde::Serialize;

/// What applying a pipeline did.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct AppliedPipeline {
    /// The pipeline's version, counted from 1.
    pub version: u32,
    /// False if it was the newest version already.
    pub changed: bool,
}

/// The newest version of a dataset's pipeline.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PipelineInfo {
    /// Whose.
    pub team: String,
    /// For what data.
    pub dataset: String,
    /// Its version, counted from 1.
    pub version: u32,
    /// When it was applied.
    pub applied_at: Timestamp,
    /// Its stages in order.
    pub stages: Vec<StageInfo>,
    /// What it says, SQL files inlined.
    pub pipeline: Pipeline,
}

/// A stage of a pipeline.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct StageInfo {
    /// Its name in the pipeline.
    pub name: String,
    /// `object` or `batch`.
    pub trigger: String,
    /// Whether it is paused.
    pub paused: bool,
}

impl TryFrom<v1::PipelineInfo> for PipelineInfo {
    type Error = Failure;

    fn try_from(info: v1::PipelineInfo) -> Result<PipelineInfo, Failure> {
        let pipeline = serde_json::from_str(&info.pipeline_json).map_err(|error| {
            let message = format!("the pipeline of {}/{} can't be read: {error}", info.team, info.dataset);
            Failure::new(FailureCode::Internal, message).hint("use a client of the coordinator's version")
        })?;
        let stage = |stage: v1::StageInfo| StageInfo { name: stage.name, trigger: stage.trigger, paused: stage.paused };
        Ok(PipelineInfo {
            team: info.team,
            dataset: info.dataset,
            version: info.version,
            applied_at: Timestamp(info.applied_at),
            stages: info.stages.into_iter().map(stage).collect(),
            pipeline,
        })
    }
}

/// Whether a stage is paused, and whether it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct StagePause {
    /// Whether it is paused now.
    pub paused: bool,
    /// Whether the call changed that.
    pub changed: bool,
}
