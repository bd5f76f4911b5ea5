//! Where ports meet adapters: the addresses of the settings become a ledger, a catalog, storage
//! and sources of events.

use std::{net::SocketAddr, path::Path, sync::Arc, time::Duration};

use lakegate_coordinator::{
    Running, Setup,
    ports::{EventSource, Ports, SystemClock},
};
use lakegate_local::{Directory, DirectoryCatalog, SqliteLedger, WatchOptions, Watcher};
use lakegate_model::{
    Failure, FailureCode, Location, Pipeline,
    pipeline::Zone,
    project::{CatalogAddress, EventSourceAddress, LedgerAddress, Settings},
};
use lakegate_telemetry::Tracer;
use tokio::time::{Instant, sleep};

use crate::error::at_path;

/// How long a ledger that another process holds is waited for: a command that only looked lets it
/// go at once, and a coordinator that is stopping soon does.
const LEDGER_PATIENCE: Duration = Duration::from_secs(3);

/// Makes the folders of the zones.
pub(crate) fn make_zones(settings: &Settings) -> Result<(), Failure> {
    for zone in Zone::ALL {
        let path = Path::new(path_of(settings.zones.location(*zone))?);
        std::fs::create_dir_all(path).map_err(|error| at_path(path, "make the folder", &error))?;
    }
    Ok(())
}

/// The ports that the settings ask for.
pub(crate) async fn ports(settings: &Settings) -> Result<Ports, Failure> {
    let LedgerAddress::Sqlite(ledger) = &settings.ledger;
    let CatalogAddress::Local(catalog) = &settings.catalog;
    Ok(Ports {
        ledger: Arc::new(open_ledger(ledger).await?),
        catalog: Arc::new(DirectoryCatalog::open(catalog).await?),
        storage: Arc::new(Directory::new(settings.zones.clone())),
        clock: Arc::new(SystemClock),
    })
}

async fn open_ledger(path: &str) -> Result<SqliteLedger, Failure> {
    let deadline = Instant::now() + LEDGER_PATIENCE;
    loop {
        match SqliteLedger::open(path).await {
            Err(failure) if failure.code == FailureCode::Conflict && Instant::now() < deadline => sleep(Duration::from_millis(50)).await,
            opened => return opened,
        }
    }
}

/// The sources of events that the settings ask for.
pub(crate) async fn sources(settings: &Settings) -> Result<Vec<Arc<dyn EventSource>>, Failure> {
    let mut sources: Vec<Arc<dyn EventSource>> = Vec::new();
    for source in &settings.events {
        let EventSourceAddress::Watch { settle } = source;
        let raw = path_of(&settings.zones.raw)?;
        sources.push(Arc::new(Watcher::start(raw, WatchOptions { settle: *settle, ..WatchOptions::default() }).await?));
    }
    Ok(sources)
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
    let sources = sources(settings).await?;
    let zones = settings.zones.clone();
    lakegate_coordinator::start(Setup { listen, insecure, zones, ports, sources, tracer, pipelines, serve_only: false }).await
}

/// A coordinator that only answers, on a free port of this machine. Does not wait for a ledger
/// that another process holds: then that one is to be asked.
pub(crate) async fn serve_only(settings: &Settings, tracer: Tracer) -> Result<Running, Failure> {
    let LedgerAddress::Sqlite(ledger) = &settings.ledger;
    let CatalogAddress::Local(catalog) = &settings.catalog;
    let ports = Ports {
        ledger: Arc::new(SqliteLedger::open(ledger).await?),
        catalog: Arc::new(DirectoryCatalog::open(catalog).await?),
        storage: Arc::new(Directory::new(settings.zones.clone())),
        clock: Arc::new(SystemClock),
    };
    let zones = settings.zones.clone();
    let listen = SocketAddr::from(([127, 0, 0, 1], 0));
    let (sources, pipelines) = (Vec::new(), Vec::new());
    lakegate_coordinator::start(Setup { listen, insecure: false, zones, ports, sources, tracer, pipelines, serve_only: true }).await
}

/// The path of a place on this machine.
pub(crate) fn path_of(place: &Location) -> Result<&str, Failure> {
    place.path().ok_or_else(|| {
        Failure::new(FailureCode::InvalidPipeline, format!("{place} is not on this machine, and this version of Lakegate reads no other"))
            .hint("set the zones in lakegate.yaml to folders")
    })
}
