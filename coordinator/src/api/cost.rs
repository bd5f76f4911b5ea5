//! What runs cost: the requests kept with them, added up by stage.

use std::collections::BTreeMap;

use lakegate_model::{DatasetId, StageKey, Timestamp, cost::Requests};
use lakegate_proto::{convert::requests_to_wire, v1};

use super::{MAX_PAGE, filter, the_one};
use crate::{
    ports::{
        Result,
        ledger::{Execution, Filter, Page},
    },
    shared::Shared,
};

/// What the runs of a stage cost.
#[derive(Default)]
struct StageCost {
    runs: u64,
    objects: u64,
    requests: Requests,
}

pub(super) async fn get(shared: &Shared, request: v1::GetCostRequest) -> Result<v1::Cost> {
    let mut stages: BTreeMap<StageKey, StageCost> = BTreeMap::new();
    if !request.run.is_empty() {
        let run = the_one("run", &request.run, shared.ports.ledger.runs_by_prefix(&request.run).await?)?;
        add(&mut stages, &run);
        return Ok(v1::Cost { stages: told(stages), open: Vec::new() });
    }
    let since = Timestamp(request.since);
    for filter in filters(shared, &request.within).await? {
        add_all(shared, &filter, since, &mut stages).await?;
    }
    Ok(v1::Cost { stages: told(stages), open: requests_to_wire(&shared.ports.meter.open()) })
}

/// A team is all its datasets; a list knows only datasets and stages.
async fn filters(shared: &Shared, within: &str) -> Result<Vec<Filter>> {
    if within.is_empty() || within.contains('/') {
        return Ok(vec![filter(within, "")?]);
    }
    let pipelines = shared.ports.ledger.pipelines().await?;
    let datasets = pipelines.into_iter().map(|version| version.pipeline.dataset).filter(|dataset| dataset.team == within);
    let of_dataset = |dataset: DatasetId| Filter { dataset: Some(dataset), ..Filter::default() };
    Ok(datasets.map(of_dataset).collect())
}

/// Runs are listed in the order they were recorded, newest first: the first that is older ends it.
async fn add_all(shared: &Shared, filter: &Filter, since: Timestamp, stages: &mut BTreeMap<StageKey, StageCost>) -> Result<()> {
    let mut page = Page { size: MAX_PAGE, token: String::new() };
    loop {
        let runs = shared.ports.ledger.runs(filter, &page).await?;
        for run in &runs.items {
            if run.created_at < since {
                return Ok(());
            }
            add(stages, run);
        }
        if runs.next.is_empty() {
            return Ok(());
        }
        page.token = runs.next;
    }
}

fn add(stages: &mut BTreeMap<StageKey, StageCost>, run: &Execution) {
    let cost = stages.entry(run.stage.clone()).or_default();
    cost.requests.merge(&run.state.requests);
    if run.state.phase.is_terminal() {
        cost.runs += 1;
        cost.objects += run.subject.objects();
    }
}

fn told(stages: BTreeMap<StageKey, StageCost>) -> Vec<v1::StageCost> {
    let stage = |(stage, cost): (StageKey, StageCost)| v1::StageCost {
        stage: stage.to_string(),
        runs: cost.runs,
        objects: cost.objects,
        requests: requests_to_wire(&cost.requests),
    };
    stages.into_iter().map(stage).collect()
}
