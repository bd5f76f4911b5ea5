//! A worker against a coordinator that keeps to a script, over real gRPC.

mod coordinator;
pub(crate) mod message;
mod real_engine;

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use lakegate_model::{Failure, FailureCode, cost::Requests, machine::execution::TaskOutput};
use lakegate_proto::v1::{Cancel, Drain, coordinator_message::Message as Said, worker_message::Message};
use lakegate_telemetry::Tracer;
use tokio::{sync::oneshot, task::JoinHandle, time::timeout};

use self::{
    coordinator::{Conversation, Coordinator, all_told, told},
    message::{parcel, parcel_of, task, task_id},
};
use super::{
    serve,
    work::{Execute, Executed},
};
use crate::{
    WorkerOptions,
    engine::{Assignment, TaskInput},
};

/// Does what the object's key says.
#[derive(Default)]
struct Script {
    begun: AtomicUsize,
    released: AtomicBool,
}

impl Script {
    async fn has_begun(&self, tasks: usize) {
        while self.begun.load(Ordering::SeqCst) < tasks {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }

    fn release(&self) {
        self.released.store(true, Ordering::SeqCst);
    }
}

impl Execute for Script {
    fn execute(&self, assignment: &Assignment) -> Executed {
        let TaskInput::Object { object, .. } = &assignment.input else { panic!("only objects here") };
        self.begun.fetch_add(1, Ordering::SeqCst);
        let wait = |over: &dyn Fn() -> bool| {
            while !over() {
                std::thread::sleep(Duration::from_millis(1));
            }
        };
        match object.key.as_str() {
            "quick.csv" => {}
            "stubborn.csv" => wait(&|| self.released.load(Ordering::SeqCst)),
            "endless.csv" => {
                wait(&|| assignment.cancelled.load(Ordering::SeqCst));
                return (Err(Failure::new(FailureCode::Cancelled, "stopped")), Requests::default());
            }
            "panic.csv" => panic!("a defect"),
            other => panic!("no script for {other}"),
        }
        let requests = [("s3:GetObject", 1_000)].into_iter().collect();
        (Ok(TaskOutput { rows_in: 1, rows_out: 1, ..TaskOutput::default() }), requests)
    }
}

struct Worker {
    script: Arc<Script>,
    stop: Option<oneshot::Sender<()>>,
    running: JoinHandle<Result<(), Failure>>,
}

impl Worker {
    fn start(options: WorkerOptions) -> Worker {
        let script = Arc::new(Script::default());
        let (stop, stopped) = oneshot::channel::<()>();
        let engine = Arc::clone(&script);
        let running = tokio::spawn(serve(options, Tracer::disabled(), engine, async move { drop(stopped.await) }));
        Worker { script, stop: Some(stop), running }
    }

    fn stop(&mut self) {
        self.stop.take();
    }

    async fn ended(mut self) -> Result<(), Failure> {
        timeout(Duration::from_secs(10), &mut self.running).await.expect("the worker goes on").unwrap()
    }
}

/// A failed test must not wait for threads that wait for it.
impl Drop for Worker {
    fn drop(&mut self) {
        self.script.release();
    }
}

fn options(coordinator: &Coordinator, slots: usize) -> WorkerOptions {
    WorkerOptions { slots, name: "under-test".into(), memory: 1 << 30, ..WorkerOptions::new(coordinator.url.clone()) }
}

async fn started(slots: usize) -> (Coordinator, Conversation, Worker) {
    let mut coordinator = Coordinator::listen().await;
    let worker = Worker::start(options(&coordinator, slots));
    let (session, credits) = coordinator.registered(1000).await;
    assert_eq!(credits, 2 * u32::try_from(slots).unwrap(), "one that runs and one that waits for each slot");
    (coordinator, session, worker)
}

#[tokio::test(flavor = "multi_thread")]
async fn it_registers_first_and_says_what_it_is() {
    let mut coordinator = Coordinator::listen().await;
    let _worker = Worker::start(options(&coordinator, 3));
    let mut session = coordinator.session().await;
    let Some(Message::Register(register)) = session.next_message().await else { panic!("register comes first") };
    assert_eq!((register.name.as_str(), register.slots, register.memory), ("under-test", 3, 1 << 30));
    assert_eq!(register.version, env!("CARGO_PKG_VERSION"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_parcel_is_worked_off_in_order_reported_and_its_credit_returned() {
    let (_coordinator, mut session, _worker) = started(1).await;
    session.send(parcel(7, &["ex-3", "ex-1", "ex-2"])).await;
    for execution in ["ex-3", "ex-1", "ex-2"] {
        let result = session.result().await;
        assert_eq!((told(&result), result.parcel), (format!("{execution}: finished"), 7));
    }
    assert_eq!(session.credits().await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn small_tasks_share_messages() {
    let (_coordinator, mut session, _worker) = started(1).await;
    let names: Vec<String> = (0..500).map(|n| format!("ex-{n}")).collect();
    session.send(parcel(1, &names.iter().map(String::as_str).collect::<Vec<_>>())).await;
    let (mut reported, mut messages) = (0, 0);
    while reported < 500 {
        reported += session.results().await.len();
        messages += 1;
    }
    assert!(messages <= 100, "{messages} messages for 500 results");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_single_result_does_not_wait_for_company() {
    let (_coordinator, mut session, worker) = started(2).await;
    session.send(parcel_of(1, vec![task("ex-1", "stubborn.csv")])).await;
    worker.script.has_begun(1).await;
    let begun = Instant::now();
    for id in 2..102 {
        session.send(parcel(id, &["ex-2"])).await;
        assert_eq!(told(&session.result().await), "ex-2: finished");
        assert_eq!(session.credits().await, 1);
    }
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?} for 100", begun.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancelled_task_stops_and_one_that_waits_is_skipped() {
    let (_coordinator, mut session, worker) = started(1).await;
    session.send(parcel_of(1, vec![task("ex-1", "endless.csv"), task("ex-2", "panic.csv"), task("ex-3", "quick.csv")])).await;
    worker.script.has_begun(1).await;
    session.say(Said::Cancel(Cancel { tasks: vec![task_id("ex-2"), task_id("ex-unknown"), task_id("ex-1")] })).await;
    assert_eq!(told(&session.result().await), "ex-1: cancelled");
    assert_eq!(told(&session.result().await), "ex-2: cancelled");
    assert_eq!(told(&session.result().await), "ex-3: finished");
    assert_eq!(worker.script.begun.load(Ordering::SeqCst), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_task_past_its_timeout_is_stopped() {
    let (_coordinator, mut session, _worker) = started(1).await;
    let mut late = task("ex-1", "endless.csv");
    late.timeout_ms = 100;
    session.send(parcel_of(1, vec![late])).await;
    assert_eq!(told(&session.result().await), "ex-1: timeout");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_panic_ends_its_task_and_nothing_else() {
    let (_coordinator, mut session, _worker) = started(1).await;
    session.send(parcel_of(1, vec![task("ex-1", "panic.csv"), task("ex-2", "quick.csv")])).await;
    assert_eq!(told(&session.result().await), "ex-1: engine_panic");
    assert_eq!(told(&session.result().await), "ex-2: finished");
}

#[tokio::test(flavor = "multi_thread")]
async fn hearts_beat_while_every_slot_is_busy() {
    let mut coordinator = Coordinator::listen().await;
    let worker = Worker::start(options(&coordinator, 2));
    let (mut session, _) = coordinator.registered(20).await;
    for id in [1, 2, 3] {
        session.send(parcel_of(id, vec![task(&format!("ex-{id}"), "stubborn.csv")])).await;
    }
    worker.script.has_begun(2).await;
    let mut beats = 0;
    while beats < 20 {
        match session.next_message().await {
            Some(Message::Heartbeat(heartbeat)) if heartbeat.busy_slots == 2 => {
                assert!(heartbeat.memory > 0);
                beats += 1;
            }
            Some(Message::Heartbeat(_)) => {}
            other => panic!("{other:?}"),
        }
    }
}

/// From the moment the worker says that it is leaving.
async fn leaves(session: &mut Conversation, worker: Worker) {
    worker.script.release();
    assert_eq!(told(&session.result().await), "ex-1: finished");
    assert_eq!(told(&session.result().await), "ex-2: handed back");
    assert!(session.is_over().await);
    assert_eq!(worker.ended().await, Ok(()));
}

#[tokio::test(flavor = "multi_thread")]
async fn told_to_stop_it_hands_back_finishes_and_leaves() {
    let (_coordinator, mut session, mut worker) = started(1).await;
    session.send(parcel_of(1, vec![task("ex-1", "stubborn.csv"), task("ex-2", "quick.csv")])).await;
    session.send(parcel(2, &["ex-3", "ex-4"])).await;
    worker.script.has_begun(1).await;
    worker.stop();
    assert!(matches!(session.next_news().await, Some(Message::Draining(_))));
    assert_eq!(all_told(&session.results().await), ["ex-3: handed back", "ex-4: handed back"]);
    leaves(&mut session, worker).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn it_leaves_with_the_coordinator_and_hands_back_what_crosses_its_notice() {
    let (_coordinator, mut session, worker) = started(1).await;
    session.send(parcel_of(1, vec![task("ex-1", "stubborn.csv"), task("ex-2", "quick.csv")])).await;
    worker.script.has_begun(1).await;
    session.say(Said::Drain(Drain {})).await;
    assert!(matches!(session.next_news().await, Some(Message::Draining(_))));
    session.send(parcel(2, &["ex-3"])).await;
    assert_eq!(told(&session.result().await), "ex-3: handed back");
    leaves(&mut session, worker).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_session_is_replaced_and_its_tasks_are_stopped() {
    let (mut coordinator, session, worker) = started(2).await;
    session.send(parcel_of(1, vec![task("ex-1", "endless.csv"), task("ex-2", "panic.csv")])).await;
    session.send(parcel_of(2, vec![task("ex-3", "stubborn.csv"), task("ex-4", "panic.csv")])).await;
    session.send(parcel_of(3, vec![task("ex-5", "panic.csv")])).await;
    worker.script.has_begun(2).await;
    drop(session);

    let (mut session, mut credits) = coordinator.registered(1000).await;
    // The endless task stops because it was told to; the stubborn one keeps its slot.
    if credits == 0 {
        credits = session.credits().await;
    }
    assert_eq!(credits, 2);
    session.send(parcel_of(1, vec![task("ex-6", "quick.csv")])).await;
    assert_eq!(told(&session.result().await), "ex-6: finished");
    assert_eq!(session.credits().await, 1);
    worker.script.release();
    assert_eq!(session.credits().await, 2, "the stubborn task's slot is free again");
    assert_eq!(worker.script.begun.load(Ordering::SeqCst), 3, "nothing of the lost session was begun any more");
}

#[tokio::test(flavor = "multi_thread")]
async fn more_parcels_than_granted_end_the_session() {
    let (mut coordinator, mut session, _worker) = started(1).await;
    for id in 1..=3 {
        session.send(parcel_of(id, vec![task("ex-1", "stubborn.csv")])).await;
    }
    assert!(session.is_over().await);
    coordinator.session().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_worker_ends_with_the_reason() {
    let mut coordinator = Coordinator::listen().await;
    let worker = Worker::start(options(&coordinator, 1));
    let session = coordinator.session().await;
    session.refuse(&Failure::new(FailureCode::Conflict, "the coordinator is Lakegate 9.9").hint("run 9.9")).await;
    let failure = worker.ended().await.unwrap_err();
    assert_eq!((failure.code, failure.hint.as_str()), (FailureCode::Conflict, "run 9.9"));
    assert!(failure.message.contains("9.9") && failure.message.contains(&coordinator.url), "{failure}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_coordinator_that_is_not_ready_is_dialled_again() {
    let mut coordinator = Coordinator::listen().await;
    let _worker = Worker::start(options(&coordinator, 1));
    coordinator.session().await.refuse(&Failure::new(FailureCode::Unavailable, "starting")).await;
    coordinator.registered(1000).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_coordinator_it_waits_for_one_or_says_so() {
    let nobody = WorkerOptions::new("http://127.0.0.1:1");
    let once = Worker::start(WorkerOptions { reconnect: false, ..nobody.clone() });
    let failure = once.ended().await.unwrap_err();
    assert_eq!(failure.code, FailureCode::Unavailable);
    assert!(failure.message.contains("http://127.0.0.1:1"), "{failure}");

    let mut patient = Worker::start(nobody);
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert!(!patient.running.is_finished());
    patient.stop();
    assert_eq!(patient.ended().await, Ok(()));
}
