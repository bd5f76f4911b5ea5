//! The coordinator: takes events in, routes them, runs stages on the fleet, seals batches and
//! publishes tables. It decides with `lakegate-model`, remembers in the ledger, and never touches
//! data: there is no Polars here, and no cloud SDK.

mod actors;
mod api;
mod history;
mod passing;
pub mod ports;
mod quarantine;
mod server;
mod shared;
mod task;
mod telling;
pub mod versions;
mod window;

use std::{net::SocketAddr, sync::Arc, time::Duration};

use lakegate_model::{Failure, FailureCode, Pipeline, notify::TeamNotices, project::Zones};
use lakegate_telemetry::Tracer;
use tokio::sync::oneshot;

use actors::{
    envelope::{Envelope, tell},
    fleet::{Drain, StillThere},
    system::{self, System},
};
use api::Api;
use ports::{EventSource, Ledger, Ports, Result};
use server::Listening;
use shared::Shared;

/// What a coordinator is made of.
pub struct Setup {
    /// Where to listen; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Whether an address that other machines reach is all right.
    pub insecure: bool,
    /// Where each zone lies.
    pub zones: Zones,
    /// The ports.
    pub ports: Ports,
    /// Where events come from.
    pub sources: Vec<Arc<dyn EventSource>>,
    /// Where spans go.
    pub tracer: Tracer,
    /// Applied before anything is taken in.
    pub pipelines: Vec<Pipeline>,
    /// Whom each team has told how its runs end.
    pub teams: TeamNotices,
    /// Answer queries only: take nothing in and run nothing.
    pub serve_only: bool,
}

/// A coordinator that runs.
pub struct Running {
    listening: Listening,
    system: Option<System>,
    ended: Option<oneshot::Receiver<Option<Failure>>>,
    ledger: Arc<dyn Ledger>,
}

/// Starts a coordinator. When this returns it listens, and what the ledger says was under way
/// is under way again.
///
/// # Errors
/// The address is refused or taken, or the ledger can't be read.
pub async fn start(setup: Setup) -> Result<Running> {
    let ledger = Arc::clone(&setup.ports.ledger);
    let (sources, outbox, doubt, on_the_way) = (Arc::new(setup.sources), Arc::default(), Arc::default(), Arc::default());
    let shared = Shared {
        ports: setup.ports,
        zones: setup.zones,
        tracer: setup.tracer,
        sources,
        doubt,
        on_the_way,
        outbox,
        teams: Arc::new(setup.teams),
        resting: Arc::default(),
    };
    for pipeline in &setup.pipelines {
        let applied = shared.ports.ledger.apply_pipeline(pipeline, shared.now()).await?;
        tracing::debug!(dataset = %pipeline.dataset, version = applied.version, changed = applied.changed, "pipeline");
    }
    if setup.serve_only {
        let listening = server::listen(setup.listen, setup.insecure, Api { shared, system: None }).await?;
        return Ok(Running { listening, system: None, ended: None, ledger });
    }
    let (system, ended) = system::begin(shared.clone()).await?;
    let listening = match server::listen(setup.listen, setup.insecure, Api { shared, system: Some(system.clone()) }).await {
        Ok(listening) => listening,
        Err(failure) => {
            system.stop();
            return Err(failure);
        }
    };
    Ok(Running { listening, system: Some(system), ended: Some(ended), ledger })
}

impl Running {
    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.listening.address
    }

    /// Waits until the coordinator gives up, which it does only after several beginnings anew.
    pub async fn failed(&mut self) -> Failure {
        if let Some(ended) = &mut self.ended {
            match ended.await {
                Ok(Some(failure)) => return failure,
                Err(_) => return Failure::new(FailureCode::Internal, "the actors' thread is gone"),
                Ok(None) => {}
            }
        }
        std::future::pending().await
    }

    /// Leaves in order: unready, no new work, workers finish and leave, actors stop, the server
    /// stops. Says who was late. Nothing is lost by being late: the ledger has it.
    pub async fn shutdown(self, deadline: Duration) -> Vec<String> {
        let mut late = Vec::new();
        let is_whole = self.system.is_some();
        self.listening.unready().await;
        if let Some(system) = &self.system {
            if let Ok(actors) = system.actors() {
                tell(&actors.fleet, Drain).await;
                if !workers_left(&actors, deadline).await {
                    late.push("workers".to_owned());
                }
            }
            system.stop();
        }
        if let Some(ended) = self.ended
            && tokio::time::timeout(deadline, ended).await.is_err()
        {
            late.push("actors".to_owned());
        }
        // Whoever only answered has written nothing that others wait for.
        if is_whole {
            self.ledger.close().await;
        }
        if !self.listening.stop(Duration::from_secs(1)).await {
            late.push("open connections".to_owned());
        }
        late
    }
}

/// Whether every worker left within the deadline.
async fn workers_left(actors: &actors::Singletons, deadline: Duration) -> bool {
    let left = async {
        while let Ok(1..) = actors.fleet.send(Envelope::many(StillThere)).await {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(deadline, left).await.is_ok()
}
