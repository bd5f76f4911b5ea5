//! Dialling the coordinator and registering with it.

use std::time::Duration;

use lakegate_model::{Failure, FailureCode};
use lakegate_proto::{
    MAX_MESSAGE, failure_of_status,
    v1::{self, CoordinatorMessage, Register, WorkerMessage, coordinator_message, fleet_client::FleetClient, worker_message},
};
use tokio::{sync::mpsc, time::timeout};
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Code, Status, Streaming, transport::Endpoint};

use crate::WorkerOptions;

/// What the coordinator checks: its major and minor number must be its own.
const VERSION: &str = env!("CARGO_PKG_VERSION");
/// What dialling may take, and what registering may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long the connection may be silent before it is tested, and how long the test may take. It
/// finds a coordinator whose machine is gone, which closes no connection.
const KEEP_ALIVE: Duration = Duration::from_secs(10);
/// Messages on their way to the connection.
const OUTGOING: usize = 16;
/// The shortest time between heartbeats, whatever the coordinator asks for.
const SHORTEST_HEARTBEAT: Duration = Duration::from_millis(10);

/// A registered session.
pub(super) struct Link {
    /// The id the coordinator gave it.
    pub(super) worker: String,
    /// The time between heartbeats.
    pub(super) heartbeat: Duration,
    pub(super) outgoing: mpsc::Sender<WorkerMessage>,
    pub(super) incoming: Streaming<CoordinatorMessage>,
}

/// Why there is no session.
#[derive(Debug)]
pub(super) enum NotOpened {
    /// It makes no sense to try again.
    Refused(Failure),
    /// It may work later.
    Unreached(Failure),
}

pub(super) async fn open(options: &WorkerOptions) -> Result<Link, NotOpened> {
    let endpoint = endpoint(&options.coordinator)?;
    let unreached = |why: String| NotOpened::Unreached(lost(format!("the coordinator at {} can't be reached: {why}", options.coordinator)));
    let channel = endpoint.connect().await.map_err(|error| unreached(with_causes(&error)))?;
    let mut client = FleetClient::new(channel).max_decoding_message_size(MAX_MESSAGE).max_encoding_message_size(MAX_MESSAGE);

    let (outgoing, messages) = mpsc::channel(OUTGOING);
    let register = worker_message::Message::Register(register(options));
    outgoing.send(WorkerMessage { message: Some(register) }).await.map_err(|_| unreached("the session was closed".to_owned()))?;
    let registered = async {
        let mut incoming = client.session(ReceiverStream::new(messages)).await?.into_inner();
        let first = incoming.message().await?;
        Ok((incoming, first))
    };
    let (incoming, first) = timeout(PATIENCE, registered)
        .await
        .map_err(|_| unreached(format!("it did not answer within {} s", PATIENCE.as_secs())))?
        .map_err(|status| refusal(&options.coordinator, &status))?;
    match first.and_then(|message| message.message) {
        Some(coordinator_message::Message::Registered(v1::Registered { worker, heartbeat_ms })) => {
            let heartbeat = Duration::from_millis(heartbeat_ms.into()).max(SHORTEST_HEARTBEAT);
            Ok(Link { worker, heartbeat, outgoing, incoming })
        }
        _ => Err(unreached("it did not answer the registration".to_owned())),
    }
}

fn endpoint(coordinator: &str) -> Result<Endpoint, NotOpened> {
    let wrong = |problem: String| {
        let message = format!("`{coordinator}` is no address of a coordinator: {problem}");
        NotOpened::Refused(Failure::new(FailureCode::InvalidRequest, message).hint("write it as http://HOST:PORT"))
    };
    if !coordinator.starts_with("http://") {
        return Err(wrong("it does not start with http://".to_owned()));
    }
    let endpoint = Endpoint::from_shared(coordinator.to_owned()).map_err(|error| wrong(with_causes(&error)))?;
    Ok(endpoint
        .connect_timeout(PATIENCE)
        .tcp_nodelay(true)
        .http2_keep_alive_interval(KEEP_ALIVE)
        .keep_alive_timeout(KEEP_ALIVE)
        .keep_alive_while_idle(true))
}

fn register(options: &WorkerOptions) -> Register {
    Register {
        name: options.name.clone(),
        slots: u32::try_from(options.slots.max(1)).unwrap_or(u32::MAX),
        version: VERSION.to_owned(),
        memory: options.memory,
    }
}

/// Tells a coordinator that will not have this worker from one that is not ready.
fn refusal(coordinator: &str, status: &Status) -> NotOpened {
    let failure = failure_of_status(status);
    let refused = |hint: String| {
        let hint = if failure.hint.is_empty() { hint } else { failure.hint.clone() };
        let message = format!("the coordinator at {coordinator} refused the worker: {}", failure.message);
        NotOpened::Refused(Failure::new(failure.code, message).hint(hint))
    };
    match status.code() {
        Code::Unimplemented => refused("is that the address of a Lakegate coordinator?".to_owned()),
        Code::InvalidArgument | Code::FailedPrecondition | Code::AlreadyExists | Code::OutOfRange => {
            refused(format!("this worker is Lakegate {VERSION}; it must be of the coordinator's version"))
        }
        Code::PermissionDenied | Code::Unauthenticated => refused("see which workers the coordinator lets in".to_owned()),
        _ => NotOpened::Unreached(lost(format!("the coordinator at {coordinator} can't be reached: {}", failure.message))),
    }
}

/// The failure of a session that is over or never came to be.
pub(super) fn lost(message: String) -> Failure {
    Failure::new(FailureCode::Unavailable, message)
}

/// The error and what caused it: the transport's own text says only that there was an error.
fn with_causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use lakegate_proto::status_of_failure;

    use super::*;

    #[test]
    fn a_wrong_address_is_refused_with_how_to_write_it() {
        for address in ["127.0.0.1:4700", "https://127.0.0.1:4700", "http://", "http://a b"] {
            match endpoint(address) {
                Err(NotOpened::Refused(failure)) => assert!(failure.to_string().contains(address) && !failure.hint.is_empty(), "{failure}"),
                other => panic!("{address}: {other:?}"),
            }
        }
    }

    #[test]
    fn another_version_is_final_and_a_start_up_is_not() {
        let version = Failure::new(FailureCode::Conflict, "this is 0.2").hint("upgrade the worker");
        match refusal("http://c", &status_of_failure(&version)) {
            NotOpened::Refused(failure) => assert_eq!((failure.code, failure.hint.as_str()), (FailureCode::Conflict, "upgrade the worker")),
            other => panic!("{other:?}"),
        }
        let starting = Failure::new(FailureCode::Unavailable, "starting");
        assert!(matches!(refusal("http://c", &status_of_failure(&starting)), NotOpened::Unreached(_)));
        assert!(matches!(refusal("http://c", &Status::unimplemented("")), NotOpened::Refused(failure) if !failure.hint.is_empty()));
    }
}
