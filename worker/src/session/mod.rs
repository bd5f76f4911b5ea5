//! A worker's life with its coordinator: dial, register, take parcels, report, leave.
//!
//! ```text
//!  coordinator ══ parcels, cancel, drain ══► Session ── parcel ──► Slots ── task ──► engine
//!              ◄═ results, credits, heartbeat ═╝  ▲                  │ (a blocking thread each)
//!                    outbox                       └──── reports ─────┘
//! ```
//!
//! One session is one stream. When it breaks, whatever its tasks made is worthless, since the
//! coordinator gives them to another worker with a new attempt: they are told to stop, and a new
//! session starts at once with the slots that are free. A slot whose task doesn't stop is not used
//! again until it has. Every queue here is bounded: parcels by the credits granted, reports and
//! messages by their channels.

mod admission;
mod backoff;
mod connect;
mod control;
mod core;
mod heartbeat;
mod parcel;
mod results;
mod slots;
mod work;

#[cfg(test)]
mod tests;

use std::{pin::pin, sync::Arc};

use lakegate_model::Failure;
use lakegate_telemetry::Tracer;
use tracing::{info, warn};

use self::{
    backoff::Backoff,
    connect::NotOpened,
    core::{End, Session},
    slots::Slots,
    work::Execute,
};
use crate::{
    WorkerOptions,
    engine::{Engine, EngineOptions},
};

/// Runs a worker until it has left: because `stop` completed, because the coordinator is leaving,
/// or because it can't work. When `stop` completes, tasks that run are finished and reported, and
/// those that haven't begun are handed back.
///
/// # Errors
/// If the coordinator refuses the worker, or, without `reconnect`, can't be reached or is lost.
pub async fn run(options: WorkerOptions, tracer: Tracer, stop: impl Future<Output = ()> + Send) -> Result<(), Failure> {
    // A task may use all the memory there is if it was admitted alone; see `admission`.
    let engine = Engine::new(EngineOptions { scratch: options.scratch.clone(), slot_memory: options.memory });
    serve(options, tracer, Arc::new(engine), stop).await
}

async fn serve(
    options: WorkerOptions,
    tracer: Tracer,
    engine: Arc<dyn Execute>,
    stop: impl Future<Output = ()> + Send,
) -> Result<(), Failure> {
    let mut stop = pin!(stop);
    let mut slots = Slots::new(&options, engine, tracer);
    let mut backoff = Backoff::default();
    loop {
        let opened = tokio::select! {
            opened = connect::open(&options) => opened,
            () = &mut stop => return Ok(()),
        };
        let lost = match opened {
            Ok(link) => {
                info!(coordinator = options.coordinator, worker = link.worker, slots = options.slots, "registered");
                backoff = Backoff::default();
                match Session::new(link, &mut slots).run(stop.as_mut()).await {
                    End::Left => return Ok(()),
                    End::Lost(failure) => failure,
                }
            }
            Err(NotOpened::Refused(failure)) => return Err(failure),
            Err(NotOpened::Unreached(failure)) => failure,
        };
        if !options.reconnect {
            return Err(lost);
        }
        let wait = backoff.next_wait();
        warn!(coordinator = options.coordinator, why = %lost, wait_ms = wait.as_millis(), "no session with the coordinator, dialling again");
        tokio::select! {
            () = tokio::time::sleep(wait) => {}
            () = &mut stop => return Ok(()),
        }
    }
}
