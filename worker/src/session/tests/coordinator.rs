//! A coordinator that does what a test tells it, over real gRPC.

use std::time::Duration;

use lakegate_model::{Failure, FailureCode};
use lakegate_proto::v1::{
    self, CoordinatorMessage, Registered, Results, TaskResult, WorkerMessage,
    coordinator_message::Message as Said,
    fleet_server::{Fleet, FleetServer},
    task_result::Result as Outcome,
    worker_message::Message,
};
use tokio::{net::TcpListener, sync::mpsc, time::timeout};
use tokio_stream::wrappers::{ReceiverStream, TcpListenerStream};
use tonic::{Request, Response, Status, Streaming, transport::Server};

use super::message::said;

const PATIENCE: Duration = Duration::from_secs(10);

struct Door(mpsc::UnboundedSender<Conversation>);

#[tonic::async_trait]
impl Fleet for Door {
    type SessionStream = ReceiverStream<Result<CoordinatorMessage, Status>>;

    async fn session(&self, request: Request<Streaming<WorkerMessage>>) -> Result<Response<Self::SessionStream>, Status> {
        let (outgoing, stream) = mpsc::channel(64);
        let conversation = Conversation { incoming: request.into_inner(), outgoing, pending: Vec::new() };
        self.0.send(conversation).map_err(|_| Status::unavailable("the test is over"))?;
        Ok(Response::new(ReceiverStream::new(stream)))
    }
}

/// A listening coordinator.
pub(crate) struct Coordinator {
    pub(crate) url: String,
    sessions: mpsc::UnboundedReceiver<Conversation>,
}

impl Coordinator {
    pub(crate) async fn listen() -> Coordinator {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (sender, sessions) = mpsc::unbounded_channel();
        let server = FleetServer::new(Door(sender));
        tokio::spawn(Server::builder().add_service(server).serve_with_incoming(TcpListenerStream::new(listener)));
        Coordinator { url, sessions }
    }

    /// The next session somebody opens.
    pub(crate) async fn session(&mut self) -> Conversation {
        timeout(PATIENCE, self.sessions.recv()).await.expect("nobody dialled").unwrap()
    }

    /// The next session, registered, with the credits that were granted at first.
    pub(crate) async fn registered(&mut self, heartbeat_ms: u32) -> (Conversation, u32) {
        let mut session = self.session().await;
        let Some(Message::Register(_)) = session.next_message().await else { panic!("register comes first") };
        session.say(Said::Registered(Registered { worker: "w-1".into(), heartbeat_ms })).await;
        let credits = session.credits().await;
        (session, credits)
    }
}

/// The coordinator's end of a session.
pub(crate) struct Conversation {
    incoming: Streaming<WorkerMessage>,
    outgoing: mpsc::Sender<Result<CoordinatorMessage, Status>>,
    pending: Vec<TaskResult>,
}

impl Conversation {
    pub(crate) async fn say(&self, message: Said) {
        self.outgoing.send(Ok(said(message))).await.unwrap();
    }

    pub(crate) async fn refuse(&self, failure: &Failure) {
        self.outgoing.send(Err(lakegate_proto::status_of_failure(failure))).await.unwrap();
    }

    pub(crate) async fn send(&self, parcel: v1::Parcel) {
        self.say(Said::Parcel(parcel)).await;
    }

    /// The next message; `None` when the worker has ended its half.
    pub(crate) async fn next_message(&mut self) -> Option<Message> {
        let message = timeout(PATIENCE, self.incoming.message()).await.expect("the worker is silent").unwrap();
        message.map(|message| message.message.unwrap())
    }

    /// The next message that is no heartbeat.
    pub(crate) async fn next_news(&mut self) -> Option<Message> {
        loop {
            match self.next_message().await {
                Some(Message::Heartbeat(_)) => {}
                other => return other,
            }
        }
    }

    pub(crate) async fn credits(&mut self) -> u32 {
        match self.next_news().await {
            Some(Message::Credits(credits)) => credits.parcels,
            other => panic!("not credits: {other:?}"),
        }
    }

    pub(crate) async fn results(&mut self) -> Vec<TaskResult> {
        match self.next_news().await {
            Some(Message::Results(Results { results })) => results,
            other => panic!("not results: {other:?}"),
        }
    }

    /// The next result.
    pub(crate) async fn result(&mut self) -> TaskResult {
        if self.pending.is_empty() {
            self.pending = self.results().await;
        }
        self.pending.remove(0)
    }

    /// Whether the next thing is the stream's end.
    pub(crate) async fn is_over(&mut self) -> bool {
        loop {
            match timeout(PATIENCE, self.incoming.message()).await.expect("the session goes on") {
                Ok(Some(WorkerMessage { message: Some(Message::Heartbeat(_)) })) => {}
                Ok(Some(other)) => panic!("{other:?}"),
                Ok(None) | Err(_) => return true,
            }
        }
    }
}

/// `ex-1: finished`, `ex-1: timeout`, `ex-1: handed back`
pub(crate) fn told(result: &TaskResult) -> String {
    let what = match result.result.as_ref().unwrap() {
        Outcome::Finished(_) => "finished".to_owned(),
        Outcome::Failed(failure) => FailureCode::from_text(&failure.code).unwrap().to_string(),
        Outcome::HandedBack(_) => "handed back".to_owned(),
    };
    format!("{}: {what}", result.task.as_ref().unwrap().execution)
}

/// All of them, in the order of their executions.
pub(crate) fn all_told(results: &[TaskResult]) -> Vec<String> {
    let mut all: Vec<String> = results.iter().map(told).collect();
    all.sort();
    all
}
