//! Where ports meet adapters: the addresses of the settings become a ledger, a catalog, storage
//! and sources of events.

use std::{collections::BTreeMap, net::SocketAddr, path::Path, sync::Arc, time::Duration};

use lakegate_coordinator::{
    Running, Setup,
    ports::{EventSource, Ledger, Meter, Ports, Storage, SystemClock, TableCatalog},
};
use lakegate_local::{Directory, DirectoryCatalog, SqliteLedger, WatchOptions, Watcher};
use lakegate_model::{
    Failure, FailureCode, Location, Pipeline, StageKey,
    pipeline::Zone,
    project::{CatalogAddress, EventSourceAddress, LedgerAddress, Settings},
};
use lakegate_telemetry::Tracer;
use tokio::time::{Instant, sleep};

use super::{cloud::Cloud, messengers::Messengers};
use crate::{config::webhook_secret, error::at_path};

/// How long a ledger that another process holds is waited for: a command that only looked lets it
/// go at once, and a coordinator that is stopping soon does.
const LEDGER_PATIENCE: Duration = Duration::from_secs(3);

/// Makes the folders of the zones; buckets are there already.
pub(crate) fn make_zones(settings: &Settings) -> Result<(), Failure> {
    for path in Zone::ALL.iter().filter_map(|zone| settings.zones.location(*zone).path()) {
        std::fs::create_dir_all(path).map_err(|error| at_path(Path::new(path), "make the folder", &error))?;
    }
    Ok(())
}

/// The account, if anything is on AWS.
pub(crate) struct Places<'a> {
    settings: &'a Settings,
    cloud: Option<Cloud>,
    meter: Meter,
}

impl Places<'_> {
    /// Finds the account if one is needed.
    pub(crate) async fn of(settings: &Settings) -> Result<Places<'_>, Failure> {
        Places::counted(settings, Meter::default()).await
    }

    /// The same, with what is asked for counted on a meter that there is.
    async fn counted(settings: &Settings, meter: Meter) -> Result<Places<'_>, Failure> {
        let cloud = if settings.is_on_aws() { Some(Cloud::counted(meter.clone()).await?) } else { None };
        Ok(Places { settings, cloud, meter })
    }

    /// The account.
    pub(crate) fn cloud(&self) -> Result<&Cloud, Failure> {
        self.cloud.as_ref().ok_or_else(|| Failure::new(FailureCode::Internal, "nothing of this project is on AWS"))
    }

    /// The ports that the settings ask for. A ledger that another process holds is waited for, for a while.
    pub(crate) async fn ports(&self, patience: Duration) -> Result<Ports, Failure> {
        let settings = self.settings;
        let ledger: Arc<dyn Ledger> = match &settings.ledger {
            LedgerAddress::Sqlite(path) => Arc::new(open_ledger(path, patience).await?),
            LedgerAddress::DynamoDb(prefix) => self.cloud()?.ledger(prefix, settings).await?,
        };
        let catalog: Arc<dyn TableCatalog> = match &settings.catalog {
            CatalogAddress::Local(path) => Arc::new(DirectoryCatalog::open(path).await?),
            CatalogAddress::Glue(prefix) => self.cloud()?.catalog(prefix, settings).await?,
        };
        let messenger = Arc::new(Messengers::new(self.meter.clone(), webhook_secret()));
        Ok(Ports { ledger, catalog, storage: self.storage()?, messenger, clock: Arc::new(SystemClock), meter: self.meter.clone() })
    }

    /// The lake's files.
    pub(crate) fn storage(&self) -> Result<Arc<dyn Storage>, Failure> {
        let zones = &self.settings.zones;
        // All zones are of a kind: `lakegate check` sees to it.
        if zones.raw.s3().is_some() { self.cloud()?.storage(zones) } else { Ok(Arc::new(Directory::new(zones.clone()))) }
    }

    /// The sources of events that the settings ask for, and the queues of stages.
    pub(crate) async fn sources(&self, pipelines: &[Pipeline]) -> Result<Vec<Arc<dyn EventSource>>, Failure> {
        let mut sources: Vec<Arc<dyn EventSource>> = Vec::new();
        for source in &self.settings.events {
            sources.push(match source {
                EventSourceAddress::Watch { settle } => {
                    let raw = path_of(&self.settings.zones.raw)?;
                    Arc::new(Watcher::start(raw, WatchOptions { settle: *settle, ..WatchOptions::default() }).await?)
                }
                EventSourceAddress::Sqs { queue } => self.cloud()?.source(queue, &self.settings.zones).await?,
            });
        }
        let queues = stage_queues(pipelines);
        if queues.is_empty() {
            return Ok(sources);
        }
        let loaded;
        let cloud = match &self.cloud {
            Some(cloud) => cloud,
            // Only the pipelines name AWS.
            None => {
                loaded = Cloud::counted(self.meter.clone()).await?;
                &loaded
            }
        };
        for (queue, stages) in queues {
            sources.push(cloud.stage_source(queue, &self.settings.zones, stages).await?);
        }
        Ok(sources)
    }
}

/// The stages that take from each queue.
fn stage_queues(pipelines: &[Pipeline]) -> BTreeMap<&str, Vec<StageKey>> {
    let mut queues: BTreeMap<&str, Vec<StageKey>> = BTreeMap::new();
    for pipeline in pipelines {
        for stage in &pipeline.stages {
            if let Some(queue) = &stage.queue {
                queues.entry(&queue.name).or_default().push(StageKey::new(pipeline.dataset.clone(), &stage.name));
            }
        }
    }
    queues
}

/// The ports that the settings ask for.
pub(crate) async fn ports(settings: &Settings) -> Result<Ports, Failure> {
    Places::of(settings).await?.ports(LEDGER_PATIENCE).await
}

async fn open_ledger(path: &str, patience: Duration) -> Result<SqliteLedger, Failure> {
    let deadline = Instant::now() + patience;
    loop {
        match SqliteLedger::open(path).await {
            Err(failure) if failure.code == FailureCode::Conflict && Instant::now() < deadline => sleep(Duration::from_millis(50)).await,
            opened => return opened,
        }
    }
}

/// A coordinator that takes things in and runs them.
pub(crate) async fn coordinator(
    settings: &Settings,
    ports: Ports,
    pipelines: Vec<Pipeline>,
    listen: SocketAddr,
    insecure: bool,
    tracer: Tracer,
) -> Result<Running, Failure> {
    let sources = Places::counted(settings, ports.meter.clone()).await?.sources(&pipelines).await?;
    let (zones, teams) = (settings.zones.clone(), settings.teams.clone());
    lakegate_coordinator::start(Setup { listen, insecure, zones, ports, sources, tracer, pipelines, teams, serve_only: false }).await
}

/// A coordinator that only answers, on a free port of this machine. Does not wait for a ledger
/// that another process holds: then that one is to be asked.
pub(crate) async fn serve_only(settings: &Settings, tracer: Tracer) -> Result<Running, Failure> {
    let ports = Places::of(settings).await?.ports(Duration::ZERO).await?;
    let (zones, teams) = (settings.zones.clone(), settings.teams.clone());
    let listen = SocketAddr::from(([127, 0, 0, 1], 0));
    let (sources, pipelines) = (Vec::new(), Vec::new());
    lakegate_coordinator::start(Setup { listen, insecure: false, zones, ports, sources, tracer, pipelines, teams, serve_only: true }).await
}

/// The path of a place on this machine.
pub(crate) fn path_of(place: &Location) -> Result<&str, Failure> {
    place.path().ok_or_else(|| {
        Failure::new(FailureCode::InvalidPipeline, format!("{place} is not on this machine, and this version of Lakegate reads no other"))
            .hint("set the zones in lakegate.yaml to folders")
    })
}
