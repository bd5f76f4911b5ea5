//! A lake that runs in this process: the coordinator and its workers, from start to orderly end.

use std::{future::pending, path::Path, time::Duration};

use lakegate_coordinator::{Running, ports::Ports};
use lakegate_model::{Failure, FailureCode};
use lakegate_sdk::Client;
use lakegate_telemetry::{Guard, Tracer};
use lakegate_worker::WorkerOptions;
use tokio::{
    sync::watch,
    task::{JoinError, JoinSet},
};

use super::{
    Plan, compose,
    endpoint::{EndpointFile, endpoint_of},
    until_idle::Baseline,
};
use crate::{error::telemetry_failure, project::Project};

/// How long what runs is given to finish.
pub(crate) const DEADLINE: Duration = Duration::from_secs(30);

/// A lake that runs in this process.
pub(crate) struct Session {
    /// A connection to it, as any other program's.
    pub(crate) client: Client,
    /// What the ledger counted before this session began.
    pub(crate) baseline: Baseline,
    coordinator: Running,
    workers: JoinSet<Result<(), Failure>>,
    stop_workers: watch::Sender<bool>,
    _endpoint: EndpointFile,
    guard: Guard,
}

impl Session {
    /// Makes the folders, opens the ports, starts the coordinator, then the workers.
    pub(crate) async fn start(project: &Project, plan: &Plan) -> Result<Session, Failure> {
        let settings = &project.settings;
        compose::make_zones(settings)?;
        let (tracer, guard) = start_tracing("lakegate")?;
        let ports = compose::ports(settings).await?;
        let baseline = before(&ports).await?;
        let pipelines = project.pipelines.iter().map(|(_, pipeline)| pipeline.clone()).collect();
        let coordinator = compose::coordinator(settings, ports, pipelines, plan.listen, plan.insecure, tracer.clone()).await?;
        let endpoint = endpoint_of(coordinator.address());
        let file = EndpointFile::write(&project.dir, &endpoint)?;
        let (stop_workers, stopped) = watch::channel(false);
        let workers = start_workers(plan, &endpoint, &scratch(&project.dir), &tracer, &stopped);
        let client = Client::connect(endpoint).await?;
        Ok(Session { client, baseline, coordinator, workers, stop_workers, _endpoint: file, guard })
    }

    /// Waits until the coordinator or a worker gives up, which neither does by itself.
    pub(crate) async fn failed(&mut self) -> Failure {
        tokio::select! {
            failure = self.coordinator.failed() => failure,
            Some(ended) = self.workers.join_next() => worker_ended(ended),
            () = pending() => Failure::new(FailureCode::Internal, "unreachable"),
        }
    }

    /// Workers finish what they have begun and leave, then the coordinator. Says who was late.
    pub(crate) async fn shutdown(mut self) -> Vec<String> {
        drop(self.client);
        let _ = self.stop_workers.send(true);
        let mut late = self.coordinator.shutdown(DEADLINE).await;
        let left = tokio::time::timeout(DEADLINE, async { while self.workers.join_next().await.is_some() {} }).await;
        if left.is_err() {
            late.push("workers of this process".to_owned());
        }
        self.guard.shutdown();
        late
    }
}

fn worker_ended(ended: Result<Result<(), Failure>, JoinError>) -> Failure {
    match ended {
        Ok(Err(failure)) => failure,
        Ok(Ok(())) => Failure::new(FailureCode::WorkerLost, "a worker of this process left though nobody told it to"),
        Err(error) => Failure::new(FailureCode::EnginePanic, format!("a worker of this process ended: {error}")),
    }
}

/// Starts tracing as the standard `OTEL_*` variables ask.
pub(crate) fn start_tracing(service: &str) -> Result<(Tracer, Guard), Failure> {
    lakegate_telemetry::start(lakegate_telemetry::Options::from_env(service)).map_err(|error| telemetry_failure(&error))
}

/// What the ledger counts before anything is taken in.
async fn before(ports: &Ports) -> Result<Baseline, Failure> {
    let counts = ports.ledger.counts().await?;
    Ok(Baseline::new(&counts, ports.ledger.unrouted().await?))
}

/// Where workers decompress what is larger than memory: beside the ledger, so that it is on the
/// disk the lake was given and is cleared with it.
pub(crate) fn scratch(project: &Path) -> std::path::PathBuf {
    project.join(".lakegate").join("scratch")
}

fn start_workers(
    plan: &Plan,
    endpoint: &str,
    scratch: &Path,
    tracer: &Tracer,
    stopped: &watch::Receiver<bool>,
) -> JoinSet<Result<(), Failure>> {
    let mut workers = JoinSet::new();
    for number in 1..=plan.workers {
        let defaults = WorkerOptions::new(endpoint);
        let options = WorkerOptions {
            name: format!("{}-{number}", defaults.name),
            slots: plan.slots.unwrap_or((defaults.slots / plan.workers).max(1)),
            memory: defaults.memory / plan.workers as u64,
            scratch: scratch.join(number.to_string()),
            ..defaults
        };
        let mut stopped = stopped.clone();
        let stop = async move {
            // A sender that is gone means that the session is.
            let _ = stopped.wait_for(|stop| *stop).await;
        };
        workers.spawn(lakegate_worker::run(options, tracer.clone(), stop));
    }
    workers
}
