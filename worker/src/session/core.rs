//! One session: waits for whatever comes next, and deals with it.

use std::{
    collections::{HashMap, VecDeque},
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use lakegate_model::{Failure, TaskId};
use lakegate_proto::v1::{
    CoordinatorMessage, Credits, Draining, HandedBack, TaskResult, WorkerMessage, coordinator_message::Message as Said,
    task_result::Result as Outcome, worker_message::Message,
};
use tokio::{
    sync::mpsc,
    time::{Interval, MissedTickBehavior, interval, sleep_until, timeout},
};
use tonic::{Status, Streaming};
use tracing::{debug, error, info, warn};

use super::{
    connect::{Link, lost},
    control::{Control, Stopped},
    heartbeat::heartbeat,
    parcel::{self, Parcel, Stages},
    results::Gathered,
    slots::{Freed, Slots},
    work::Outlet,
};

/// Parcels a slot may have: the one that runs, and the one that runs next.
const PARCELS_PER_SLOT: usize = 2;
/// Reports between the slots and the session; a slot waits when there are more.
const REPORTS: usize = 128;
/// Messages that wait for the connection before reports are left to wait in their turn.
const OUTBOX: usize = 8;
/// How often running tasks are looked at for their timeouts, which are meant in seconds or more.
const WATCH: Duration = Duration::from_millis(250);
/// What closing may take, once all is reported.
const CLOSE: Duration = Duration::from_secs(5);

/// How a session ended.
#[derive(Debug)]
pub(super) enum End {
    /// The worker has left: everything is reported or handed back.
    Left,
    /// It broke; whatever its tasks made is worthless.
    Lost(Failure),
}

/// What comes next.
enum Next {
    Said(Result<Option<CoordinatorMessage>, Status>),
    Reported(TaskResult),
    Freed(Freed),
    Heartbeat,
    Watch,
    ResultsDue,
    Room,
    Stop,
}

pub(super) struct Session<'a> {
    slots: &'a mut Slots,
    worker: String,
    incoming: Streaming<CoordinatorMessage>,
    outgoing: mpsc::Sender<WorkerMessage>,
    outbox: VecDeque<Message>,
    gathered: Gathered,
    reports: mpsc::Receiver<TaskResult>,
    outlet: Outlet,
    /// Parcels that wait for a slot.
    waiting: VecDeque<Parcel>,
    /// Tasks taken and not yet reported.
    tasks: HashMap<TaskId, Arc<Control>>,
    /// Parcels the coordinator may still send.
    credits: usize,
    stages: Stages,
    heartbeat: Interval,
    watch: Interval,
    leaving: bool,
}

impl<'a> Session<'a> {
    pub(super) fn new(link: Link, slots: &'a mut Slots) -> Session<'a> {
        slots.begin_session();
        let (sender, reports) = mpsc::channel(REPORTS);
        let mut session = Session {
            worker: link.worker,
            incoming: link.incoming,
            outgoing: link.outgoing,
            outbox: VecDeque::new(),
            gathered: Gathered::default(),
            reports,
            outlet: Outlet { reports: sender, leaving: Arc::new(AtomicBool::new(false)) },
            waiting: VecDeque::new(),
            tasks: HashMap::new(),
            credits: 0,
            stages: Stages::default(),
            heartbeat: every(link.heartbeat),
            watch: every(WATCH),
            leaving: false,
            slots,
        };
        session.grant(session.slots.free() * PARCELS_PER_SLOT);
        session
    }

    /// Runs until the worker has left or the session is lost.
    pub(super) async fn run<S: Future<Output = ()> + Send>(mut self, mut stop: Pin<&mut S>) -> End {
        loop {
            self.start_waiting();
            self.send();
            if self.is_done() {
                return self.close().await;
            }
            let next = self.next(stop.as_mut()).await;
            if let Err(why) = self.handle(next) {
                // Whoever waits for a worker that is leaving will see it gone.
                return if self.leaving { End::Left } else { End::Lost(why) };
            }
        }
    }

    async fn next<S: Future<Output = ()> + Send>(&mut self, stop: Pin<&mut S>) -> Next {
        let due = self.gathered.due();
        tokio::select! {
            said = self.incoming.message() => Next::Said(said),
            Some(result) = self.reports.recv(), if self.outbox.len() < OUTBOX => Next::Reported(result),
            freed = self.slots.freed(), if self.slots.busy() > 0 => Next::Freed(freed),
            _ = self.heartbeat.tick() => Next::Heartbeat,
            _ = self.watch.tick(), if !self.tasks.is_empty() => Next::Watch,
            () = until(due) => Next::ResultsDue,
            _ = self.outgoing.reserve(), if !self.outbox.is_empty() => Next::Room,
            () = stop, if !self.leaving => Next::Stop,
        }
    }

    fn handle(&mut self, next: Next) -> Result<(), Failure> {
        match next {
            Next::Said(Ok(Some(message))) => self.hear(message)?,
            Next::Said(Ok(None)) => return Err(lost("the coordinator ended the session".to_owned())),
            Next::Said(Err(status)) => return Err(lost(format!("the session broke: {}", status.message()))),
            Next::Reported(result) => self.report(result),
            Next::Freed(freed) => self.freed(freed)?,
            Next::Heartbeat => self.beat(),
            Next::Watch => self.stop_overdue(),
            Next::ResultsDue => self.flush(),
            Next::Room if self.outgoing.is_closed() => return Err(lost("the connection to the coordinator is gone".to_owned())),
            Next::Room => {}
            Next::Stop => self.leave(),
        }
        Ok(())
    }

    fn hear(&mut self, message: CoordinatorMessage) -> Result<(), Failure> {
        match message.message {
            Some(Said::Parcel(parcel)) => {
                self.credits =
                    self.credits.checked_sub(1).ok_or_else(|| lost("the coordinator sent more parcels than it may".to_owned()))?;
                let parcel_id = parcel.id;
                let decoded = parcel::decode(parcel, &mut self.stages)
                    .map_err(|why| lost(format!("the coordinator sent a parcel that can't be read: {why}")))?;
                self.take(parcel_id, decoded);
            }
            Some(Said::Cancel(cancel)) => {
                for task in cancel.tasks {
                    if let Some(control) = self.tasks.get(&task.into()) {
                        control.stop(Stopped::Cancelled);
                    }
                }
            }
            Some(Said::Drain(_)) => {
                info!(worker = self.worker, "the coordinator is leaving");
                self.leave();
            }
            Some(Said::Registered(_)) | None => debug!(worker = self.worker, "a message without meaning here"),
        }
        Ok(())
    }

    fn take(&mut self, parcel_id: u64, decoded: parcel::Decoded) {
        for (task, failure) in decoded.failed {
            error!(task = %task, why = %failure, "a task can't be read");
            self.report(TaskResult {
                task: Some((&task).into()),
                parcel: parcel_id,
                result: Some(Outcome::Failed((&failure).into())),
                requests: Vec::new(),
            });
        }
        match decoded.parcel {
            None => self.finish_parcel(),
            Some(parcel) => {
                self.tasks.extend(parcel.tasks.iter().map(|task| (task.control.id.clone(), Arc::clone(&task.control))));
                self.waiting.push_back(parcel);
                if self.leaving {
                    self.hand_back();
                }
            }
        }
    }

    fn start_waiting(&mut self) {
        while self.slots.free() > 0
            && let Some(parcel) = self.waiting.pop_front()
        {
            self.slots.start(parcel, self.outlet.clone());
        }
    }

    fn report(&mut self, result: TaskResult) {
        if let Some(task) = &result.task {
            self.tasks.remove(&task.clone().into());
        }
        let message = self.gathered.add(result, Instant::now());
        self.outbox.extend(message);
    }

    fn freed(&mut self, freed: Freed) -> Result<(), Failure> {
        match freed {
            Freed::Done => {
                // Everything the slot reported is in the channel by now.
                while let Ok(result) = self.reports.try_recv() {
                    self.report(result);
                }
                self.finish_parcel();
            }
            Freed::Stale => self.grant(PARCELS_PER_SLOT),
            Freed::Died => return Err(lost("a slot died of a defect in the worker, and its tasks with it".to_owned())),
        }
        Ok(())
    }

    fn finish_parcel(&mut self) {
        self.flush();
        self.grant(1);
    }

    fn grant(&mut self, parcels: usize) {
        if parcels > 0 && !self.leaving {
            self.credits += parcels;
            self.outbox.push_back(Message::Credits(Credits { parcels: u32::try_from(parcels).unwrap_or(u32::MAX) }));
        }
    }

    fn flush(&mut self) {
        let message = self.gathered.take();
        self.outbox.extend(message);
    }

    /// One heartbeat at most waits for the connection: a second would say nothing new.
    fn beat(&mut self) {
        if !self.outbox.iter().any(|message| matches!(message, Message::Heartbeat(_))) {
            self.outbox.push_front(heartbeat(self.slots.busy()));
        }
    }

    fn stop_overdue(&mut self) {
        let now = Instant::now();
        for control in self.tasks.values().filter(|control| control.is_overdue(now)) {
            if control.stopped().is_none() {
                warn!(task = %control.id, "task is past its timeout and told to stop");
            }
            control.stop(Stopped::TimedOut);
        }
    }

    fn leave(&mut self) {
        if !self.leaving {
            info!(worker = self.worker, running = self.slots.current(), waiting = self.waiting.len(), "leaving");
            self.leaving = true;
            self.outlet.leaving.store(true, Ordering::Relaxed);
            self.outbox.push_back(Message::Draining(Draining {}));
            self.hand_back();
        }
    }

    /// Gives back every task that hasn't come to a slot. The slots give back what they haven't begun.
    fn hand_back(&mut self) {
        for parcel in std::mem::take(&mut self.waiting) {
            for task in parcel.tasks {
                let task = Some((&task.control.id).into());
                self.report(TaskResult { task, parcel: parcel.id, result: Some(Outcome::HandedBack(HandedBack {})), requests: Vec::new() });
            }
        }
        self.flush();
    }

    /// Moves messages on as long as the connection takes them, without waiting.
    fn send(&mut self) {
        while !self.outbox.is_empty() {
            let Ok(room) = self.outgoing.try_reserve() else { return };
            if let Some(message) = self.outbox.pop_front() {
                room.send(WorkerMessage { message: Some(message) });
            }
        }
    }

    fn is_done(&self) -> bool {
        self.leaving && self.slots.current() == 0 && self.tasks.is_empty() && self.gathered.is_empty() && self.outbox.is_empty()
    }

    /// Ends our half of the stream and waits for the coordinator to end its half: by then it has
    /// read all that was sent.
    async fn close(mut self) -> End {
        let (closed, _) = mpsc::channel(1);
        drop(std::mem::replace(&mut self.outgoing, closed));
        let ended = timeout(CLOSE, async { while let Ok(Some(_)) = self.incoming.message().await {} }).await;
        if ended.is_err() {
            warn!(worker = self.worker, "the coordinator did not end the session");
        }
        info!(worker = self.worker, "left");
        End::Left
    }
}

/// Whatever still runs is worthless now: nobody takes its report.
impl Drop for Session<'_> {
    fn drop(&mut self) {
        for control in self.tasks.values() {
            control.stop(Stopped::Cancelled);
        }
    }
}

fn every(period: Duration) -> Interval {
    let mut interval = interval(period);
    interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
    interval
}

async fn until(due: Option<Instant>) {
    match due {
        Some(due) => sleep_until(due.into()).await,
        None => std::future::pending().await,
    }
}
