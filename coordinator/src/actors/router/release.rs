//! What was set aside and comes again: admitted to the stage that set it aside, by its pipeline as it is now.

use lakegate_model::{Failure, FailureCode, StageKey, pipeline::Trigger};

use super::admission::{self, Pipelines};
use crate::{
    ports::{Result, ledger::Admission},
    quarantine::{Again, arrival},
    shared::Shared,
};

/// Whether the ledger has learnt of each just now; or why it was refused.
pub(super) type Outcomes = Vec<std::result::Result<bool, Failure>>;

/// Admits what is released.
pub(super) async fn admit(shared: Shared, pipelines: Pipelines, again: Vec<Again>) -> Result<(Vec<(StageKey, Admission)>, Outcomes)> {
    let now = shared.now();
    let (mut arrivals, mut outcomes) = (Vec::new(), Vec::new());
    for again in again {
        let known = pipelines.get(&again.stage.dataset).and_then(|version| Some((version, version.pipeline.stage(&again.stage.stage)?.1)));
        let Some((version, stage)) = known else {
            let gone = Failure::new(FailureCode::NotFound, format!("the pipeline has no stage {} any more", again.stage));
            outcomes.push(Err(gone));
            continue;
        };
        arrivals.push(arrival(again, version.version, matches!(stage.trigger, Trigger::Batch(_)), now));
        outcomes.push(Ok(false));
    }
    let admissions = admission::admit_arrivals(&shared, arrivals, Vec::new()).await?;
    let accepted = outcomes.iter_mut().filter_map(|outcome| outcome.as_mut().ok());
    for (new, (_, admission)) in accepted.zip(&admissions) {
        *new = *admission != Admission::Known;
    }
    Ok((admissions, outcomes))
}
