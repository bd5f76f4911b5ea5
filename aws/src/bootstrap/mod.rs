//! Makes what a lake needs in an account and is not there yet: buckets, the queue of events with its
//! dead letters, the bucket's notifications, the tables of ledger and SDLF, the databases. Doing it again
//! changes nothing.

mod buckets;
pub(crate) mod notifications;
pub mod policies;
mod queues;
mod told;

use std::collections::{BTreeMap, BTreeSet};

use lakegate_coordinator::ports::Result;
use lakegate_model::{
    Failure, FailureCode, Pipeline,
    pipeline::{StageQueue, Zone},
    project::{CatalogAddress, EventSourceAddress, LedgerAddress, Settings, Uses},
};
use serde::Serialize;

use self::queues::Wanted;
use crate::{Account, catalog, ledger::DynamoLedger, sdlf};

/// The tag on everything that is made here, so that it can be found and charged.
pub(crate) const TAG: (&str, &str) = ("created-by", "lakegate");

/// One thing that a lake needs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Step {
    /// What kind of thing: `bucket`, `queue`, `notification`, `table`, `database`.
    pub kind: &'static str,
    /// Its name.
    pub name: String,
    /// What was done about it.
    pub outcome: Outcome,
}

/// What was done about a thing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It was there, as it should be.
    Present,
    /// It was made, or changed to what it should be.
    Made,
    /// It is missing or otherwise, and nothing was changed because only a look was asked for.
    Missing,
}

impl Outcome {
    /// The outcome of something that was there or not, looked at only or not.
    pub(crate) fn of(present: bool, dry_run: bool) -> Outcome {
        match (present, dry_run) {
            (true, _) => Outcome::Present,
            (false, true) => Outcome::Missing,
            (false, false) => Outcome::Made,
        }
    }
}

/// Makes what these settings need, or, with `dry_run`, only says what is missing. `pipelines`
/// are the project's.
///
/// # Errors
/// What could not be looked at or made; what was made before stays. Doing it again goes on.
pub async fn bootstrap(account: &Account, settings: &Settings, pipelines: &[Pipeline], dry_run: bool) -> Result<Vec<Step>> {
    let told = told::destinations(settings, pipelines);
    if !(settings.is_on_aws() || !stage_queues(pipelines).is_empty() || told.iter().any(|to| to.is_on_aws())) {
        return Err(Failure::new(FailureCode::InvalidRequest, "nothing of this project is on AWS")
            .hint("set zones, ledger, catalog and events in lakegate.yaml to s3://, dynamodb://, glue:// and sqs:// addresses"));
    }
    let mut steps = Vec::new();
    let buckets: BTreeSet<&str> =
        Zone::ALL.iter().filter_map(|zone| settings.zones.location(*zone).s3()).map(|(bucket, _)| bucket).collect();
    for bucket in buckets {
        steps.push(buckets::ensure(account, bucket, dry_run).await?);
    }
    for event in &settings.events {
        if let (EventSourceAddress::Sqs { queue }, Some((bucket, prefix))) = (event, settings.zones.raw.s3()) {
            steps.extend(queues::ensure(account, &Wanted::of_events(queue, bucket), dry_run).await?);
            steps.push(buckets::ensure_notification(account, bucket, prefix, queue, dry_run).await?);
        }
    }
    for queue in stage_queues(pipelines).into_values() {
        steps.extend(queues::ensure(account, &Wanted::of_stage(queue), dry_run).await?);
    }
    for to in told {
        steps.extend(told::ensure(account, to, dry_run).await?);
    }
    if let LedgerAddress::DynamoDb(prefix) = &settings.ledger {
        let present = DynamoLedger::ensure(account, prefix, dry_run).await?;
        steps.push(Step { kind: "table", name: format!("{prefix}-ledger"), outcome: Outcome::of(present, dry_run) });
    }
    for (name, present) in sdlf::ensure(account, settings.sdlf.as_ref(), dry_run).await? {
        steps.push(Step { kind: "table", name, outcome: Outcome::of(present, dry_run) });
    }
    if let CatalogAddress::Glue(prefix) = &settings.catalog {
        for database in &Uses::of(settings, pipelines).databases {
            let name = format!("{prefix}{database}");
            let present = catalog::ensure_database(account, prefix, database, dry_run).await?;
            steps.push(Step { kind: "database", name, outcome: Outcome::of(present, dry_run) });
        }
    }
    Ok(steps)
}

/// The queues of stages, each once.
fn stage_queues(pipelines: &[Pipeline]) -> BTreeMap<&str, &StageQueue> {
    let queues = pipelines.iter().flat_map(|pipeline| &pipeline.stages).filter_map(|stage| stage.queue.as_ref());
    queues.map(|queue| (queue.name.as_str(), queue)).collect()
}
