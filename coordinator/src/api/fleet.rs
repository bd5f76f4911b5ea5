//! The workers' service: one session per worker, from Register to whatever ends it.

use std::{pin::Pin, time::Duration};

use lakegate_model::{Failure, FailureCode, WorkerId};
use lakegate_proto::v1::{self, fleet_server::Fleet, worker_message::Message};
use tokio::sync::mpsc;
use tokio_stream::{Stream, StreamExt as _, wrappers::ReceiverStream};
use tonic::{Request, Response, Status, Streaming};

use super::{Api, status};
use crate::actors::{
    Singletons,
    envelope::{Envelope, tell},
    fleet::{Gone, Register, Said},
    gone,
};

/// What workers are told to send heartbeats in, in milliseconds.
const HEARTBEAT_MS: u32 = 2_000;
/// Silence after which a worker counts as lost: several heartbeats, and time for a busy machine.
const LOST_AFTER: Duration = Duration::from_secs(20);
/// Messages to a worker that may be on their way; credits bound parcels far below this.
const OUTGOING: usize = 64;

type Outgoing = Pin<Box<dyn Stream<Item = Result<v1::CoordinatorMessage, Status>> + Send>>;

#[tonic::async_trait]
impl Fleet for Api {
    type SessionStream = Outgoing;

    async fn session(&self, request: Request<Streaming<v1::WorkerMessage>>) -> Result<Response<Outgoing>, Status> {
        let mut incoming = request.into_inner();
        let actors = self.actors().map_err(status)?;
        let register = match incoming.message().await?.and_then(|message| message.message) {
            Some(Message::Register(register)) => register,
            _ => return Err(status(Failure::new(FailureCode::InvalidRequest, "a session begins with Register"))),
        };
        let (sender, receiver) = mpsc::channel(OUTGOING);
        let registered = actors.fleet.send(Envelope::many(Register { register, sender: sender.clone() })).await;
        let worker = registered.unwrap_or_else(|_| Err(gone("fleet"))).map_err(status)?;
        let welcome = v1::Registered { worker: worker.to_string(), heartbeat_ms: HEARTBEAT_MS };
        let message = v1::CoordinatorMessage { message: Some(v1::coordinator_message::Message::Registered(welcome)) };
        // There is room: nothing was sent before.
        drop(sender.send(message).await);
        // The fleet alone keeps the sender: when it forgets the worker, the stream ends.
        drop(sender);
        tokio::spawn(listen(actors, worker, incoming));
        Ok(Response::new(Box::pin(ReceiverStream::new(receiver).map(Ok))))
    }
}

/// Passes on what the worker says until the session ends, then posts that it is gone.
async fn listen(actors: Singletons, worker: WorkerId, mut incoming: Streaming<v1::WorkerMessage>) {
    let why = loop {
        match tokio::time::timeout(LOST_AFTER, incoming.message()).await {
            Ok(Ok(Some(v1::WorkerMessage { message: Some(message) }))) => {
                let said = Said { worker: worker.clone(), message };
                if actors.fleet.send(Envelope::many(said)).await.is_err() {
                    break "the coordinator is beginning anew".to_owned();
                }
            }
            Ok(Ok(Some(v1::WorkerMessage { message: None }))) => tracing::warn!(%worker, "an empty message, perhaps of a newer version"),
            Ok(Ok(None)) => break "it closed its session".to_owned(),
            Ok(Err(error)) => break format!("its session broke: {}", error.message()),
            Err(_) => break format!("nothing was heard of it for {} s", LOST_AFTER.as_secs()),
        }
    };
    // A fleet that is gone has lost all its workers anyway.
    tell(&actors.fleet, Gone { worker, why }).await;
}
