//! What runs cost, in requests.

use lakegate_model::cost::Requests;
use lakegate_proto::{convert::requests_from_wire, v1};
use serde::Serialize;

/// The requests that runs made.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Cost {
    /// By stage.
    pub stages: Vec<StageCost>,
    /// What the coordinator has counted and no run has paid for yet, whoever is to pay for it.
    pub open: Requests,
}

/// The requests that the runs of a stage made.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct StageCost {
    /// `team/dataset/stage`.
    pub stage: String,
    /// Runs that are over.
    pub runs: u64,
    /// The objects in them.
    pub objects: u64,
    /// Amounts by meter, in thousandths.
    pub requests: Requests,
}

impl From<v1::Cost> for Cost {
    fn from(cost: v1::Cost) -> Cost {
        let stage = |stage: v1::StageCost| StageCost {
            stage: stage.stage,
            runs: stage.runs,
            objects: stage.objects,
            requests: requests_from_wire(stage.requests),
        };
        Cost { stages: cost.stages.into_iter().map(stage).collect(), open: requests_from_wire(cost.open) }
    }
}
