//! How much is waiting, running and done.

use std::collections::{BTreeMap, BTreeSet};

use lakegate_model::machine::execution::Phase;
use lakegate_proto::v1;

use super::Api;
use crate::{
    actors::{envelope::Envelope, fleet::Workers},
    ports::{
        Result,
        ledger::{Filter, Page, StageCounts},
    },
};

/// Waiting executions looked at to say for which tables.
const WAITING_LOOKED_AT: usize = 50;

/// The status now.
pub(super) async fn status_now(api: &Api) -> Result<v1::Status> {
    let ledger = &api.shared.ports.ledger;
    // Asked before the counts: what has arrived by then is in them.
    let arriving = if api.system.is_some() { api.shared.leaving().await? + api.shared.arriving() } else { 0 };
    let counts = ledger.counts().await?;
    let paused: BTreeSet<String> = ledger.paused().await?.iter().map(ToString::to_string).collect();
    let mut stages: BTreeMap<String, v1::StageStatus> = known_stages(api).await?;
    for count in counts {
        let Some(key) = &count.stage else { continue };
        let name = key.to_string();
        let waiting_for = if count.waiting > 0 { waiting_for(api, key).await? } else { Vec::new() };
        stages.insert(name.clone(), stage(name, &count, waiting_for));
    }
    for stage in stages.values_mut() {
        stage.paused = paused.contains(&stage.stage);
    }
    let workers = match api.actors() {
        Ok(actors) => actors.fleet.send(Envelope::many(Workers)).await.unwrap_or_default(),
        Err(_) => Vec::new(),
    };
    let moving = |stage: &v1::StageStatus| stage.running > 0 || (stage.ready > 0 && !stage.paused);
    let left = |stage: &v1::StageStatus| stage.waiting + stage.ready + stage.running + stage.collecting > 0;
    let stalled = arriving == 0 && !stages.values().any(moving);
    Ok(v1::Status {
        idle: stalled && !stages.values().any(left),
        stalled,
        workers: u32::try_from(workers.len()).unwrap_or(u32::MAX),
        slots: workers.iter().map(|worker| worker.slots).sum(),
        stages: stages.into_values().collect(),
        arriving,
        unrouted: ledger.unrouted().await?,
        at: api.shared.now().0,
    })
}

/// Every stage of every pipeline, with nothing in it.
async fn known_stages(api: &Api) -> Result<BTreeMap<String, v1::StageStatus>> {
    let mut stages = BTreeMap::new();
    for version in api.shared.ports.ledger.pipelines().await? {
        for index in 0..version.pipeline.stages.len() {
            if let Some(key) = version.pipeline.stage_key(index) {
                stages.insert(key.to_string(), v1::StageStatus { stage: key.to_string(), ..v1::StageStatus::default() });
            }
        }
    }
    Ok(stages)
}

async fn waiting_for(api: &Api, key: &lakegate_model::StageKey) -> Result<Vec<String>> {
    let filter = Filter {
        dataset: Some(key.dataset.clone()),
        stage: Some(key.stage.clone()),
        state: Some("waiting".to_owned()),
        ..Filter::default()
    };
    let page = Page { size: WAITING_LOOKED_AT, token: String::new() };
    let waiting = api.shared.ports.ledger.runs(&filter, &page).await?;
    let tables = waiting.items.iter().filter_map(|execution| match &execution.state.phase {
        Phase::Waiting { tables } => Some(tables.iter().map(ToString::to_string)),
        _ => None,
    });
    Ok(tables.flatten().collect::<BTreeSet<String>>().into_iter().collect())
}

fn stage(name: String, counts: &StageCounts, waiting_for: Vec<String>) -> v1::StageStatus {
    v1::StageStatus {
        stage: name,
        waiting: counts.waiting,
        ready: counts.ready,
        running: counts.running,
        succeeded: counts.succeeded,
        failed: counts.failed,
        quarantined: counts.quarantined,
        collecting: counts.collecting,
        paused: false,
        rows_out: counts.rows_out,
        waiting_for,
    }
}
