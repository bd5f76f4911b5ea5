//! The actor system: begun from the ledger on a thread of its own, and begun anew, a bounded number
//! of times, when one of its singletons is gone.

use std::{
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use actix::Actor;
use lakegate_model::{Failure, FailureCode, Fault};
use tokio::sync::{oneshot, watch};

use super::{
    Singletons,
    courier::Courier,
    envelope::Envelope,
    fleet::Fleet,
    intake::Intake,
    monitor::Monitor,
    publisher::Publisher,
    router::{Meet, Router, Wake},
};
use crate::{ports::Result, shared::Shared};

/// How often the singletons are looked after.
const LOOK_EVERY: Duration = Duration::from_millis(250);
/// Beginnings anew before the coordinator gives up.
const MAX_RESTARTS: u32 = 5;
/// A system that has lived so long is taken to have recovered.
const RECOVERED_AFTER: Duration = Duration::from_secs(60);

/// The running actor system, from outside of it.
#[derive(Clone)]
pub(crate) struct System {
    current: Arc<RwLock<Option<Singletons>>>,
    stop: watch::Sender<bool>,
}

impl System {
    /// The singletons, unless the system is just starting or stopping.
    ///
    /// # Errors
    /// `Unavailable`: try again.
    pub(crate) fn actors(&self) -> Result<Singletons> {
        self.current.read().unwrap_or_else(PoisonError::into_inner).clone().ok_or_else(|| super::gone("coordinator"))
    }

    /// Stops all actors. What they knew is in the ledger.
    pub(crate) fn stop(&self) {
        self.stop.send_replace(true);
    }
}

/// Begins the actor system. `Ok` when its first life has begun; the receiver hears of its end.
///
/// # Errors
/// The ledger can't be read.
pub(crate) async fn begin(shared: Shared) -> Result<(System, oneshot::Receiver<Option<Failure>>)> {
    let (stop, stopping) = watch::channel(false);
    let system = System { current: Arc::default(), stop };
    let (began, beginning) = oneshot::channel();
    let (end, ended) = oneshot::channel();
    let current = Arc::clone(&system.current);
    let spawned = std::thread::Builder::new().name("lakegate-actors".to_owned()).spawn(move || {
        let end_of_it = live(&shared, &current, &stopping, began);
        // Nobody listens any more if the coordinator was dropped; then nobody needs to know.
        let _ = end.send(end_of_it);
    });
    spawned.map_err(|error| Failure::new(FailureCode::Internal, format!("no thread for the actors: {error}")))?;
    match beginning.await {
        Ok(Ok(())) => Ok((system, ended)),
        Ok(Err(failure)) => Err(failure),
        Err(_) => Err(Failure::new(FailureCode::Internal, "the actors could not be started")),
    }
}

/// Lives one life after another; why it ended, if not because it was stopped.
fn live(
    shared: &Shared,
    current: &RwLock<Option<Singletons>>,
    stopping: &watch::Receiver<bool>,
    began: oneshot::Sender<Result<()>>,
) -> Option<Failure> {
    let mut began = Some(began);
    let mut restarts = 0;
    loop {
        let born = std::time::Instant::now();
        let runner = actix::System::new();
        let life = runner.block_on(one_life(shared.clone(), current, stopping.clone(), began.take()));
        *current.write().unwrap_or_else(PoisonError::into_inner) = None;
        match life {
            Ok(()) => return None,
            Err(failure) => {
                if born.elapsed() > RECOVERED_AFTER {
                    restarts = 0;
                }
                restarts += 1;
                tracing::error!(%failure, restarts, "the actors are gone");
                // A ledger that is away comes back; actors that keep dying do not get better.
                if *stopping.borrow() {
                    return None;
                }
                if restarts > MAX_RESTARTS && failure.fault() != Fault::Outside {
                    return Some(failure);
                }
            }
        }
        std::thread::sleep(Duration::from_millis(100).saturating_mul(1 << restarts.min(MAX_RESTARTS)));
    }
}

/// One life: from the ledger to the stop, or to the death of a singleton.
async fn one_life(
    shared: Shared,
    current: &RwLock<Option<Singletons>>,
    mut stopping: watch::Receiver<bool>,
    began: Option<oneshot::Sender<Result<()>>>,
) -> Result<()> {
    let singletons = match populate(&shared).await {
        Ok(singletons) => singletons,
        Err(failure) => {
            if let Some(began) = began {
                let _ = began.send(Err(failure));
                return Ok(());
            }
            return Err(failure);
        }
    };
    *current.write().unwrap_or_else(PoisonError::into_inner) = Some(singletons.clone());
    if let Some(began) = began {
        let _ = began.send(Ok(()));
    }
    let intakes: Vec<_> =
        shared.sources.iter().map(|source| Intake::new(shared.clone(), Arc::clone(source), singletons.router.clone()).start()).collect();
    loop {
        tokio::select! {
            stopped = stopping.wait_for(|stop| *stop) => {
                drop(stopped);
                return Ok(());
            }
            () = tokio::time::sleep(LOOK_EVERY) => {
                if !singletons.alive() || intakes.iter().any(|intake| !intake.connected()) {
                    return Err(Failure::new(FailureCode::Internal, "an actor that everything needs has died"));
                }
            }
        }
    }
}

/// Starts the singletons and wakes the stages that have work in the ledger.
async fn populate(shared: &Shared) -> Result<Singletons> {
    let ledger = &shared.ports.ledger;
    let (pipelines, paused, busy) = (ledger.pipelines().await?, ledger.paused().await?, ledger.busy_stages().await?);
    let singletons = Singletons {
        router: Router::new(shared.clone(), pipelines, paused).start(),
        fleet: Fleet::new(shared.clone()).start(),
        publisher: Publisher::new(shared.clone()).start(),
        courier: Courier::new(shared.clone()).start(),
        monitor: Monitor::new(shared.clone()).start(),
    };
    let met = singletons.router.send(Envelope::many(Meet(singletons.clone()))).await;
    met.map_err(|_| super::gone("router"))?;
    singletons.router.send(Envelope::many(Wake(busy))).await.map_err(|_| super::gone("router"))?;
    Ok(singletons)
}
