//! The task that brings SDLF's tables to where the ledger is, a second or two behind it: in rounds, what
//! is new first, then removals, then a piece of what is to be read again from a log.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use futures::StreamExt as _;
use lakegate_coordinator::ports::Result;
use lakegate_model::{Failure, StageKey};
use tokio::{
    task::{AbortHandle, JoinHandle},
    time::{Instant, sleep, timeout},
};

use super::{
    Projection,
    pending::{Note, Pending, Raw, Subject, Work},
    rows,
    writes::{Gone, Rows},
};
use crate::{
    account::Account,
    backoff,
    ledger::{
        feed::{MembersNow, Now, Source},
        removals::Untold,
    },
};

/// How long what changes is waited for, so that a short execution costs one write.
const LAG: Duration = Duration::from_millis(1_000);
/// How often it is looked whether a mark is to be written, though nothing is noted.
const LOOK_EVERY: Duration = Duration::from_secs(5);
/// Things in one round.
const ROUND: usize = 2_000;
/// Things that are read at once.
const READ: usize = 100;
/// Rows that are written at once.
const WRITES: usize = 32;
/// Records of a log, and removals, in one piece.
const PIECE: usize = 16;
/// The shortest and the longest wait after failures.
const SHORTEST_WAIT: Duration = Duration::from_millis(200);
const LONGEST_WAIT: Duration = Duration::from_secs(20);
/// How long a coordinator that stops waits for the tables.
const CLOSE: Duration = Duration::from_secs(15);

/// Keeps the tables for as long as it lives.
pub(crate) struct Projector {
    pending: Arc<Pending>,
    task: Mutex<Option<JoinHandle<()>>>,
    abort: AbortHandle,
}

impl Projector {
    pub(crate) fn start(account: &Account, kept: Projection, source: Source, pending: Arc<Pending>) -> Projector {
        let Projection { tables, zones } = kept;
        let desk = Desk { source, pending: Arc::clone(&pending), rows: Rows::new(account, tables), zones };
        let task = tokio::spawn(desk.serve());
        Projector { pending, abort: task.abort_handle(), task: Mutex::new(Some(task)) }
    }

    /// Writes what waits, and ends. What takes too long is written after the next start.
    pub(crate) async fn close(&self) {
        self.pending.close();
        let task = self.task.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(task) = task else { return };
        if timeout(CLOSE, task).await.is_err() {
            tracing::warn!("SDLF's tables are behind the ledger; the next coordinator goes on with them");
        }
    }
}

impl Drop for Projector {
    fn drop(&mut self) {
        self.abort.abort();
    }
}

struct Desk {
    source: Source,
    pending: Arc<Pending>,
    rows: Rows,
    zones: lakegate_model::project::Zones,
}

impl Desk {
    async fn serve(self) {
        let mut failures = 0_u32;
        loop {
            let is_closing = self.pending.is_closing();
            if is_closing && self.pending.is_idle() {
                return;
            }
            if !is_closing && self.pending.is_idle() {
                // Nothing is missed: a note that comes meanwhile has left a permit.
                let _ = timeout(LOOK_EVERY, self.pending.changed.notified()).await;
            }
            if !self.pending.is_closing() && self.pending.has_works() {
                let _ = timeout(LAG, self.closing()).await;
            }
            match self.round().await {
                Ok(()) => failures = 0,
                Err(failure) => {
                    failures += 1;
                    if failures.is_power_of_two() {
                        tracing::warn!(%failure, failures, "SDLF's tables can't be written; the ledger goes on, and they will follow");
                    }
                    sleep(backoff::after(failures, SHORTEST_WAIT, LONGEST_WAIT)).await;
                }
            }
        }
    }

    async fn closing(&self) {
        while !self.pending.is_closing() {
            sleep(Duration::from_millis(20)).await;
        }
    }

    async fn round(&self) -> Result<()> {
        let works = self.pending.take(ROUND);
        let (left, written) = self.write(works).await;
        self.pending.give_back(left);
        written?;
        if self.pending.take_removals()
            && let Err(failure) = self.removals().await
        {
            self.pending.note_removals();
            return Err(failure);
        }
        let begun = Instant::now();
        while let Some((stage, from)) = self.pending.behind().filter(|_| begun.elapsed() < LAG) {
            self.reread(&stage, from).await?;
        }
        for (stage, ordinal) in self.pending.due() {
            self.source.mark(&stage, ordinal).await?;
            self.pending.marked(&stage, ordinal);
        }
        Ok(())
    }

    /// Writes what the ledger says of these; gives what could not be written, and why.
    async fn write(&self, works: Vec<Work>) -> (Vec<Work>, Result<()>) {
        let (mut left, mut result) = (Vec::new(), Ok(()));
        let (members, mut others): (Vec<Work>, Vec<Work>) =
            works.into_iter().partition(|work| matches!(work.note.subject, Subject::Members(_)));
        for work in members {
            let Subject::Members(raw) = work.note.subject else { continue };
            match self.members(&raw).await {
                // Their rows tell of the batch now, and more than their own would.
                Ok(written) => {
                    others.iter_mut().filter(|work| written.contains(&work.note.subject)).for_each(|work| work.note.is_row_due = false)
                }
                Err(failure) => {
                    left.push(work);
                    result = Err(failure);
                }
            }
        }
        let mut others = others.into_iter().peekable();
        while others.peek().is_some() {
            let part: Vec<Work> = others.by_ref().take(READ).collect();
            let (unwritten, failure) = self.write_part(part).await;
            left.extend(unwritten);
            if let Some(failure) = failure {
                result = Err(failure);
            }
        }
        (left, result)
    }

    async fn write_part(&self, part: Vec<Work>) -> (Vec<Work>, Option<Failure>) {
        let subjects: Vec<Subject> = part.iter().map(|work| work.note.subject).collect();
        let found = match self.source.look_at(&subjects).await {
            Ok(found) => found,
            Err(failure) => return (part, Some(failure)),
        };
        let mut found: HashMap<Subject, Now> = found.into_iter().map(|now| (now.subject, now)).collect();
        // What the ledger does not have is nothing.
        let works: Vec<(Now, Work)> = part.into_iter().filter_map(|work| Some((found.remove(&work.note.subject)?, work))).collect();
        let writes = works.into_iter().map(|(now, work)| async move {
            let written = self.write_one(&now, &work.note).await;
            (work, written)
        });
        let mut written = futures::stream::iter(writes).buffer_unordered(WRITES);
        let (mut left, mut why) = (Vec::new(), None);
        while let Some((work, outcome)) = written.next().await {
            if let Err(failure) = outcome {
                left.push(work);
                why = Some(failure);
            }
        }
        (left, why)
    }

    async fn write_one(&self, now: &Now, note: &Note) -> Result<()> {
        if note.is_row_due {
            self.object_row(now, None).await?;
        }
        match &now.execution {
            Some(execution) => self.rows.history(execution, note.steps.clone()).await,
            None => Ok(()),
        }
    }

    /// The row of an object, or none if it was removed.
    async fn object_row(&self, now: &Now, batch: Option<&MembersNow>) -> Result<()> {
        let Some(object) = &now.object else { return Ok(()) };
        if object.is_removed {
            return Ok(());
        }
        let batch = batch.map(|batch| (&batch.execution, batch.pipeline_version));
        match rows::object(&self.rows.kept, &self.zones, object, now.execution.as_ref(), batch) {
            Some(row) => self.rows.object(row).await,
            None => Ok(()),
        }
    }

    /// Writes the rows of a batch's members, which know of it now; gives them.
    async fn members(&self, batch: &Raw) -> Result<HashSet<Subject>> {
        if self.rows.kept.objects.is_none() {
            return Ok(HashSet::new());
        }
        let Some(now) = self.source.members(batch).await? else { return Ok(HashSet::new()) };
        for part in now.members.chunks(READ) {
            let found = self.source.look_at(part).await?;
            let batch = &now;
            let writes = found.into_iter().map(|member| async move { self.object_row(&member, Some(batch)).await });
            let mut writes = futures::stream::iter(writes).buffer_unordered(WRITES);
            while let Some(written) = writes.next().await {
                written?;
            }
        }
        Ok(now.members.into_iter().collect())
    }

    /// Tells the table of removals in the order in which the ledger has them.
    async fn removals(&self) -> Result<()> {
        loop {
            let removals = self.source.untold(PIECE).await?;
            for removal in &removals {
                self.removal(removal).await?;
                self.source.told(removal).await?;
            }
            if removals.len() < PIECE {
                return Ok(());
            }
        }
    }

    async fn removal(&self, removal: &Untold) -> Result<()> {
        let Some(id) = rows::object_id(&self.zones, &removal.bucket, &removal.key) else { return Ok(()) };
        if let Some(subject) = removal.again {
            for now in self.source.look_at(&[subject]).await? {
                self.object_row(&now, None).await?;
            }
            return Ok(());
        }
        let order = rows::order(removal.sequencer.as_deref());
        self.rows.remove(Gone { id, order, seq: removal.seq, object: removal.object.as_ref() }).await
    }

    /// Looks at a piece of a stage's log again. Rows that are right already stay as they are.
    async fn reread(&self, stage: &Arc<StageKey>, from: u64) -> Result<()> {
        let records = self.source.log(stage, from, PIECE).await?;
        let next = records.last().map(|(ordinal, _)| ordinal + 1).filter(|_| records.len() == PIECE);
        for (ordinal, subjects) in records {
            for part in subjects.chunks(ROUND) {
                let works = part.iter().map(|subject| Work::of_log(stage, ordinal, *subject)).collect();
                self.write(works).await.1?;
            }
        }
        self.pending.caught_up(stage, from, next);
        Ok(())
    }
}
