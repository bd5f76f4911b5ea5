//! The gRPC server: both services, health and reflection, on loopback unless told otherwise.

use std::net::SocketAddr;

use lakegate_model::{Failure, FailureCode};
use lakegate_proto::{
    DESCRIPTORS, MAX_MESSAGE,
    v1::{fleet_server::FleetServer, lake_server::LakeServer},
};
use tokio::{net::TcpListener, sync::oneshot, task::JoinHandle};
use tokio_stream::wrappers::TcpListenerStream;
use tonic::transport::Server;
use tonic_health::server::HealthReporter;

use crate::{api::Api, ports::Result};

/// A server that listens.
pub(crate) struct Listening {
    /// Where.
    pub address: SocketAddr,
    health: HealthReporter,
    stop: Option<oneshot::Sender<()>>,
    task: JoinHandle<()>,
}

/// Binds the address and serves.
///
/// # Errors
/// The address is not loopback and `insecure` was not asked for, or it can't be bound.
pub(crate) async fn listen(address: SocketAddr, insecure: bool, api: Api) -> Result<Listening> {
    if !address.ip().is_loopback() && !insecure {
        let text = format!("{address} can be reached from other machines, and there is no TLS and no token yet");
        return Err(
            Failure::new(FailureCode::InvalidRequest, text).hint("listen on 127.0.0.1, or pass --insecure if the network is trusted")
        );
    }
    let cannot = |error: &dyn std::fmt::Display| Failure::new(FailureCode::Unavailable, format!("can't listen on {address}: {error}"));
    let listener = TcpListener::bind(address).await.map_err(|error| cannot(&error).hint("is another lake running there?"))?;
    let address = listener.local_addr().map_err(|error| cannot(&error))?;
    let (health, health_service) = tonic_health::server::health_reporter();
    health.set_serving::<LakeServer<Api>>().await;
    health.set_serving::<FleetServer<Api>>().await;
    let reflection = tonic_reflection::server::Builder::configure()
        .register_encoded_file_descriptor_set(DESCRIPTORS)
        .build_v1()
        .map_err(|error| Failure::new(FailureCode::Internal, format!("the service descriptors can't be read: {error}")))?;
    let lake = LakeServer::new(api.clone()).max_decoding_message_size(MAX_MESSAGE).max_encoding_message_size(MAX_MESSAGE);
    let fleet = FleetServer::new(api).max_decoding_message_size(MAX_MESSAGE).max_encoding_message_size(MAX_MESSAGE);
    let (stop, stopped) = oneshot::channel::<()>();
    let serving = Server::builder()
        .tcp_nodelay(true)
        .add_service(health_service)
        .add_service(reflection)
        .add_service(lake)
        .add_service(fleet)
        .serve_with_incoming_shutdown(nodelay(listener), async move { drop(stopped.await) });
    let task = tokio::spawn(async move {
        if let Err(error) = serving.await {
            tracing::error!(%error, "the server stopped");
        }
    });
    Ok(Listening { address, health, stop: Some(stop), task })
}

/// Small messages go out at once: latency is what users see.
fn nodelay(listener: TcpListener) -> impl tokio_stream::Stream<Item = std::io::Result<tokio::net::TcpStream>> {
    use tokio_stream::StreamExt as _;
    TcpListenerStream::new(listener).map(|stream| {
        stream.inspect(|stream| {
            if let Err(error) = stream.set_nodelay(true) {
                tracing::debug!(%error, "a connection without TCP_NODELAY");
            }
        })
    })
}

impl Listening {
    /// Says that it is not to be sent anything new.
    pub(crate) async fn unready(&self) {
        self.health.set_not_serving::<LakeServer<Api>>().await;
        self.health.set_not_serving::<FleetServer<Api>>().await;
    }

    /// Stops accepting and waits for what is open; true when all of it ended in time.
    pub(crate) async fn stop(mut self, deadline: std::time::Duration) -> bool {
        if let Some(stop) = self.stop.take() {
            // A server that ended by itself needs no telling.
            let _ = stop.send(());
        }
        let ended = tokio::time::timeout(deadline, &mut self.task).await.is_ok();
        if !ended {
            self.task.abort();
        }
        ended
    }
}
