//! The one task that writes, in rounds: whatever waits when a round begins shares its records in the
//! stages' logs, and its requests to DynamoDB are under way side by side.

use std::sync::{
    Arc, Mutex, MutexGuard, PoisonError,
    atomic::{AtomicBool, Ordering},
};

use futures::FutureExt as _;
use lakegate_coordinator::ports::{
    Result,
    ledger::{Admission, Arrival, Move, MoveOutcome, Removal, SealRequest, Sealed, Unrouted},
    meter,
};
use lakegate_model::{Failure, FailureCode, StageKey};
use tokio::sync::{mpsc, oneshot};

use super::{
    memory::Memory,
    moves::{Moved, newest_schemas},
    table::Table,
};
use crate::sdlf::pending::Pending;

/// Requests that may wait; whoever comes then waits to wait.
const WAITING: usize = 1_024;
/// Requests in one round at most.
const ROUND: usize = 512;

/// Who waits for an answer.
pub(super) type Reply<T> = oneshot::Sender<Result<T>>;

/// What the writer is asked for.
pub(super) enum Request {
    Admit(Vec<Arrival>, Reply<Vec<Admission>>),
    Advance(Vec<Move>, Reply<Vec<MoveOutcome>>),
    Seal(Box<SealRequest>, Reply<Option<Sealed>>),
    Pause(StageKey, bool, Reply<bool>),
    Unrouted(Vec<Unrouted>, Reply<()>),
    /// Nothing but that memory is what the table is.
    Settle(Reply<()>),
    Removed(Vec<Removal>, Reply<()>),
}

/// Hands requests to the task that writes. The task ends when this is gone and all is answered.
#[derive(Debug)]
pub(super) struct Writer {
    requests: mpsc::Sender<Request>,
    name: Arc<str>,
}

impl Writer {
    pub(super) fn start(desk: Desk) -> Writer {
        let (requests, waiting) = mpsc::channel(WAITING);
        let name = Arc::clone(&desk.table.name);
        tokio::spawn(desk.serve(waiting));
        Writer { requests, name }
    }

    pub(super) async fn ask<T>(&self, request: impl FnOnce(Reply<T>) -> Request) -> Result<T> {
        let stopped = || {
            Failure::new(FailureCode::Ledger, format!("the writer of the ledger's table {} has stopped", self.name))
                .hint("start lakegate again")
        };
        let (reply, answer) = oneshot::channel();
        self.requests.send(request(reply)).await.map_err(|_| stopped())?;
        answer.await.map_err(|_| stopped())?
    }
}

/// Whether a write has failed since the table was last read, so that what is in memory may not be what
/// is in the table.
#[derive(Clone, Debug, Default)]
pub(super) struct Doubtful(Arc<AtomicBool>);

impl Doubtful {
    pub(super) fn holds(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }

    pub(super) fn raise_if(&self, failed: bool) {
        if failed {
            self.0.store(true, Ordering::Release);
        }
    }

    pub(super) fn clear(&self) {
        self.0.store(false, Ordering::Release);
    }
}

/// Where the task works.
pub(super) struct Desk {
    pub(super) table: Table,
    pub(super) memory: Arc<Mutex<Memory>>,
    /// Numbers that are reserved and not used yet.
    pub(super) numbers: std::ops::Range<u64>,
    /// What nobody else's writes are marked with.
    instance: String,
    writes: u64,
    /// A write has failed, so that what is in memory may not be what is in the table.
    pub(super) doubtful: Doubtful,
    /// Who keeps SDLF's tables, if they are kept.
    pub(super) feed: Option<Arc<Pending>>,
}

/// Locks what is remembered. A panic elsewhere has left it whole: it is read again if in doubt.
pub(super) fn lock(memory: &Mutex<Memory>) -> MutexGuard<'_, Memory> {
    memory.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Desk {
    pub(super) fn new(table: Table, memory: Arc<Mutex<Memory>>, instance: String, feed: Option<Arc<Pending>>) -> Desk {
        let doubtful = Doubtful::default();
        doubtful.raise_if(true);
        Desk { table, memory, numbers: 0..0, instance, writes: 0, doubtful, feed }
    }

    /// A name for one write.
    pub(super) fn token(&mut self) -> String {
        self.writes += 1;
        format!("{}-{}", self.instance, self.writes)
    }

    async fn serve(mut self, mut waiting: mpsc::Receiver<Request>) {
        let mut round = Vec::new();
        while waiting.recv_many(&mut round, ROUND).await > 0 {
            let requests = std::mem::take(&mut round);
            self.round(requests).await;
            if self.doubtful.holds()
                && let Err(failure) = self.load().await
            {
                tracing::warn!(%failure, table = %self.table.name, "the ledger could not be read again after a failed write; trying again at the next one");
            }
        }
    }

    /// Answers everybody. A failure is answered to those whose writes shared it.
    async fn round(&mut self, requests: Vec<Request>) {
        if self.doubtful.holds()
            && let Err(failure) = self.load().await
        {
            requests.into_iter().for_each(|request| request.refuse(&failure));
            return;
        }
        let (mut moving, mut admitting, mut others) = (Vec::new(), Vec::new(), Vec::new());
        for request in requests {
            match request {
                Request::Advance(moves, reply) => moving.push((moves, reply)),
                Request::Admit(arrivals, reply) => admitting.push((arrivals, reply)),
                other => others.push(other),
            }
        }
        if !moving.is_empty() || !admitting.is_empty() {
            self.move_and_admit(moving, admitting).await;
        }
        for request in others {
            // What has just failed may be written all the same, and must be known first.
            if self.doubtful.holds()
                && let Err(failure) = self.load().await
            {
                request.refuse(&failure);
                continue;
            }
            match request {
                Request::Seal(request, reply) => {
                    let done = meter::for_stage(&request.stage, self.seal(&request)).boxed().await;
                    self.answer(reply, done);
                }
                Request::Pause(stage, paused, reply) => {
                    let done = meter::for_stage(&stage, self.pause(&stage, paused)).await;
                    self.answer(reply, done);
                }
                Request::Unrouted(objects, reply) => {
                    let done = self.record_unrouted(objects).await;
                    self.answer(reply, done);
                }
                Request::Removed(removals, reply) => {
                    let done = self.record_removed(removals).await;
                    self.answer(reply, done);
                }
                Request::Settle(reply) => self.answer(reply, Ok(())),
                Request::Advance(..) | Request::Admit(..) => {}
            }
        }
        // A record of a log that is not in memory must not get below the floor.
        if !self.doubtful.holds() {
            self.tell_settled();
        }
        if !self.doubtful.holds()
            && let Err(failure) = self.checkpoint().await
        {
            tracing::warn!(%failure, table = %self.table.name, "the ledger's floor could not be raised; the next start reads a little more");
        }
    }

    fn answer<T>(&mut self, reply: Reply<T>, answer: Result<T>) {
        self.doubtful.raise_if(answer.is_err());
        // Whoever asked may have gone; what is written is written.
        let _ = reply.send(answer);
    }

    async fn move_and_admit(
        &mut self,
        moving: Vec<(Vec<Move>, Reply<Vec<MoveOutcome>>)>,
        admitting: Vec<(Vec<Arrival>, Reply<Vec<Admission>>)>,
    ) {
        let mut moved: Vec<Result<Option<Moved>>> = self.advance(moving.iter().flat_map(|(moves, _)| moves).collect()).await;
        let mut arrivals: Vec<Arrival> = Vec::new();
        for (step, outcome) in moving.iter().flat_map(|(moves, _)| moves).zip(&moved) {
            if matches!(outcome, Ok(Some(_))) {
                arrivals.extend(step.outputs.iter().cloned());
            }
        }
        arrivals.extend(admitting.iter().flat_map(|(arrivals, _)| arrivals).cloned());
        let changes = newest_schemas(&moved);
        let admitted = match self.admit(arrivals).boxed().await {
            Ok(admissions) => self.record_schemas(changes).await.map(|()| admissions),
            Err(failure) => Err(failure),
        };
        self.remember_moves(&moved, admitted.is_ok());
        self.doubtful.raise_if(admitted.is_err());
        let mut admissions = match admitted {
            Ok(admissions) => Ok(admissions.into_iter()),
            Err(failure) => Err(failure),
        };
        let mut outcomes = moved.drain(..);
        for (moves, reply) in moving {
            let mut answer = Ok(Vec::with_capacity(moves.len()));
            for (step, outcome) in moves.iter().zip(outcomes.by_ref()) {
                let outcome = match (outcome, &mut admissions) {
                    (Ok(None), _) => Ok(MoveOutcome::Stale),
                    (Ok(Some(_)), Ok(admissions)) => Ok(MoveOutcome::Moved(admissions.by_ref().take(step.outputs.len()).collect())),
                    (Ok(Some(moved)), Err(failure)) if moved.is_followed => Err(failure.clone()),
                    (Ok(Some(_)), Err(_)) => Ok(MoveOutcome::Moved(Vec::new())),
                    (Err(failure), _) => Err(failure),
                };
                match (outcome, &mut answer) {
                    (Ok(outcome), Ok(outcomes)) => outcomes.push(outcome),
                    (Err(failure), Ok(_)) => answer = Err(failure),
                    (_, Err(_)) => {}
                }
            }
            self.answer(reply, answer);
        }
        for (arrivals, reply) in admitting {
            let answer = match &mut admissions {
                Ok(admissions) => Ok(admissions.by_ref().take(arrivals.len()).collect()),
                Err(failure) => Err(failure.clone()),
            };
            self.answer(reply, answer);
        }
    }
}

impl Request {
    fn refuse(self, failure: &Failure) {
        // Whoever asked may have gone.
        match self {
            Request::Admit(_, reply) => drop(reply.send(Err(failure.clone()))),
            Request::Advance(_, reply) => drop(reply.send(Err(failure.clone()))),
            Request::Seal(_, reply) => drop(reply.send(Err(failure.clone()))),
            Request::Pause(_, _, reply) => drop(reply.send(Err(failure.clone()))),
            Request::Unrouted(_, reply) | Request::Removed(_, reply) | Request::Settle(reply) => drop(reply.send(Err(failure.clone()))),
        }
    }
}
