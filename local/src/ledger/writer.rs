//! The one thread that writes, and group commit: whatever waits when a transaction begins, and
//! whatever comes while it is filled, shares its one flush to the disk.

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    thread::JoinHandle,
};

use lakegate_coordinator::ports::Result;
use lakegate_model::{Failure, FailureCode, StageKey};
use rusqlite::{Connection, OptionalExtension as _, params};
use tokio::sync::{mpsc, oneshot};

use super::{
    failure::ledger_failure,
    rows::{Tally, int},
};

/// Requests that may wait; whoever comes then waits to wait.
const WAITING: usize = 1_024;
/// Requests in one transaction at most, so that the first in it does not wait for ever.
const GROUP: usize = 512;

/// Hands requests to the thread that writes.
pub(super) struct Writer {
    jobs: Option<mpsc::Sender<Box<dyn Job>>>,
    thread: Option<JoinHandle<()>>,
    commits: Arc<AtomicU64>,
    path: PathBuf,
}

impl Writer {
    pub(super) fn start(connection: Connection, path: &Path) -> Result<Writer> {
        let (jobs, waiting) = mpsc::channel(WAITING);
        let commits = Arc::new(AtomicU64::new(0));
        let book = Book::of(&connection).map_err(|error| ledger_failure(path, &error))?;
        let desk = Desk { connection, book, commits: Arc::clone(&commits), path: path.to_owned() };
        let thread = std::thread::Builder::new()
            .name("ledger-writer".to_owned())
            .spawn(move || desk.serve(waiting))
            .map_err(|error| Failure::new(FailureCode::Ledger, format!("the ledger's writer can't be started: {error}")))?;
        Ok(Writer { jobs: Some(jobs), thread: Some(thread), commits, path: path.to_owned() })
    }

    pub(super) fn commits(&self) -> u64 {
        self.commits.load(Ordering::Relaxed)
    }

    /// Does the work in a transaction, others' perhaps too, and answers once that is durable. If
    /// the work fails, none of it is written.
    pub(super) async fn write<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Changes<'_>) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T> {
        let stopped = || {
            Failure::new(FailureCode::Ledger, format!("the writer of the ledger {} has stopped", self.path.display()))
                .hint("start lakegate again")
        };
        let (reply, answer) = oneshot::channel();
        let call: Box<dyn Job> = Box::new(Call { work: Some(work), done: None, reply });
        self.jobs.as_ref().ok_or_else(stopped)?.send(call).await.map_err(|_| stopped())?;
        answer.await.map_err(|_| stopped())?
    }
}

impl Drop for Writer {
    /// What was asked for is finished first.
    fn drop(&mut self) {
        self.jobs = None;
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!(path = %self.path.display(), "the ledger's writer panicked");
        }
    }
}

/// A request, whatever its answer's type.
trait Job: Send {
    fn run(&mut self, changes: &mut Changes<'_>) -> rusqlite::Result<()>;
    fn answer(self: Box<Self>, failure: Option<Failure>);
}

struct Call<W, T> {
    work: Option<W>,
    done: Option<T>,
    reply: oneshot::Sender<Result<T>>,
}

impl<T: Send, W: FnOnce(&mut Changes<'_>) -> rusqlite::Result<T> + Send> Job for Call<W, T> {
    fn run(&mut self, changes: &mut Changes<'_>) -> rusqlite::Result<()> {
        if let Some(work) = self.work.take() {
            self.done = Some(work(changes)?);
        }
        Ok(())
    }

    fn answer(self: Box<Self>, failure: Option<Failure>) {
        let never_run = || Failure::new(FailureCode::Internal, "the ledger answered before it had worked");
        let answer = match failure {
            Some(failure) => Err(failure),
            None => self.done.ok_or_else(never_run),
        };
        // Whoever asked may have gone; what is written is written.
        let _ = self.reply.send(answer);
    }
}

/// What the writer remembers between transactions, so as not to ask SQLite for it.
struct Book {
    stages: HashMap<StageKey, i64>,
    next_seq: u64,
    /// False only if no unrouted object is on record: then an arrival need not look for itself there.
    any_unrouted: bool,
}

impl Book {
    fn of(connection: &Connection) -> rusqlite::Result<Book> {
        let newest = "SELECT max(ifnull((SELECT max(seq) FROM objects), 0), ifnull((SELECT max(seq) FROM executions), 0))";
        let newest: i64 = connection.query_row(newest, [], |row| row.get(0))?;
        let any_unrouted = connection.query_row("SELECT EXISTS (SELECT 1 FROM unrouted)", [], |row| row.get(0))?;
        Ok(Book { stages: HashMap::new(), next_seq: u64::try_from(newest).unwrap_or(0) + 1, any_unrouted })
    }
}

/// Requests that share a transaction, each with its own failure if it had one.
type Group = Vec<(Box<dyn Job>, Option<Failure>)>;

/// Where the thread works.
struct Desk {
    connection: Connection,
    book: Book,
    commits: Arc<AtomicU64>,
    path: PathBuf,
}

impl Desk {
    fn serve(mut self, mut waiting: mpsc::Receiver<Box<dyn Job>>) {
        while let Some(first) = waiting.blocking_recv() {
            let mut group = Group::new();
            let committed = self.commit_group(first, &mut waiting, &mut group);
            if let Err(error) = &committed {
                tracing::error!(path = %self.path.display(), %error, requests = group.len(), "a transaction of the ledger failed");
            }
            let shared = committed.err().map(|error| ledger_failure(&self.path, &error));
            for (job, own) in group {
                job.answer(own.or_else(|| shared.clone()));
            }
        }
    }

    fn commit_group(&mut self, first: Box<dyn Job>, waiting: &mut mpsc::Receiver<Box<dyn Job>>, group: &mut Group) -> rusqlite::Result<()> {
        let mut tallies = HashMap::new();
        let committed = self.fill(first, waiting, group, &mut tallies).and_then(|()| self.commit(&tallies));
        match &committed {
            Ok(()) => {
                self.commits.fetch_add(1, Ordering::Relaxed);
            }
            Err(_) => self.give_up(),
        }
        committed
    }

    /// Begins a transaction and does in it what waits. An error is the whole group's.
    fn fill(
        &mut self,
        first: Box<dyn Job>,
        waiting: &mut mpsc::Receiver<Box<dyn Job>>,
        group: &mut Group,
        tallies: &mut HashMap<i64, Tally>,
    ) -> rusqlite::Result<()> {
        let begun = self.connection.prepare_cached("BEGIN IMMEDIATE").and_then(|mut begin| begin.execute([]));
        if let Err(error) = begun {
            group.push((first, None));
            return Err(error);
        }
        let mut next = Some(first);
        while let Some(mut job) = next {
            let ran = self.run(job.as_mut(), tallies);
            match ran {
                Ok(()) => group.push((job, None)),
                Err(error) if self.connection.is_autocommit() => {
                    // SQLite has given the whole transaction up, as it does when the disk is full.
                    group.push((job, None));
                    return Err(error);
                }
                Err(error) => group.push((job, Some(ledger_failure(&self.path, &error)))),
            }
            next = if group.len() < GROUP { waiting.try_recv().ok() } else { None };
        }
        Ok(())
    }

    /// One request under its own savepoint.
    fn run(&mut self, job: &mut dyn Job, tallies: &mut HashMap<i64, Tally>) -> rusqlite::Result<()> {
        self.connection.prepare_cached("SAVEPOINT request")?.execute([])?;
        let mut changes = Changes { connection: &self.connection, book: &mut self.book, tallies: HashMap::new() };
        let ran = job.run(&mut changes);
        let own = std::mem::take(&mut changes.tallies);
        match ran {
            Ok(()) => {
                for (stage, tally) in own {
                    tallies.entry(stage).or_default().add(&tally);
                }
                self.connection.prepare_cached("RELEASE request")?.execute([]).map(drop)
            }
            Err(error) => {
                self.book.stages.clear();
                if !self.connection.is_autocommit() {
                    self.connection.execute_batch("ROLLBACK TO request; RELEASE request")?;
                }
                Err(error)
            }
        }
    }

    fn commit(&mut self, tallies: &HashMap<i64, Tally>) -> rusqlite::Result<()> {
        for (stage, tally) in tallies {
            tally.write(&self.connection, *stage)?;
        }
        self.connection.prepare_cached("COMMIT")?.execute([]).map(drop)
    }

    fn give_up(&mut self) {
        self.book.stages.clear();
        if !self.connection.is_autocommit()
            && let Err(error) = self.connection.execute_batch("ROLLBACK")
        {
            tracing::error!(path = %self.path.display(), %error, "a transaction of the ledger can't be rolled back");
        }
    }
}

/// What a request may do within its transaction. The other files of this folder say what that is.
pub(super) struct Changes<'a> {
    pub(super) connection: &'a Connection,
    book: &'a mut Book,
    tallies: HashMap<i64, Tally>,
}

impl Changes<'_> {
    /// The next number in the order of what is recorded. One given to a request that fails is a gap.
    pub(super) fn next_seq(&mut self) -> u64 {
        let seq = self.book.next_seq;
        self.book.next_seq += 1;
        seq
    }

    /// What to add to the stage's counts with this request.
    pub(super) fn tally(&mut self, stage: i64) -> &mut Tally {
        self.tallies.entry(stage).or_default()
    }

    /// The stage's row, which is made if there is none.
    pub(super) fn stage(&mut self, key: &StageKey) -> rusqlite::Result<i64> {
        if let Some(id) = self.book.stages.get(key) {
            return Ok(*id);
        }
        let parts = params![key.dataset.team, key.dataset.dataset, key.stage];
        let known = self
            .connection
            .prepare_cached("SELECT id FROM stages WHERE team = ?1 AND dataset = ?2 AND stage = ?3")?
            .query_row(parts, |row| row.get(0))
            .optional()?;
        let id = match known {
            Some(id) => id,
            None => self.connection.prepare_cached("INSERT INTO stages (team, dataset, stage) VALUES (?1, ?2, ?3)")?.insert(parts)?,
        };
        self.book.stages.insert(key.clone(), id);
        Ok(id)
    }

    /// Notes that there may be unrouted objects on record from now on.
    pub(super) fn unrouted_may_exist(&mut self) {
        self.book.any_unrouted = true;
    }

    /// Forgets that nobody took this object.
    pub(super) fn forget_unrouted(&mut self, id: &str) -> rusqlite::Result<()> {
        if self.book.any_unrouted {
            self.connection.prepare_cached("DELETE FROM unrouted WHERE id = ?1")?.execute([id])?;
        }
        Ok(())
    }
}

impl Tally {
    fn write(&self, connection: &Connection, stage: i64) -> rusqlite::Result<()> {
        let sql = "UPDATE stages SET waiting = waiting + ?2, ready = ready + ?3, running = running + ?4, succeeded = succeeded + ?5,
            failed = failed + ?6, quarantined = quarantined + ?7, superseded = superseded + ?8, collecting = collecting + ?9,
            rows_out = rows_out + ?10 WHERE id = ?1";
        let Tally { waiting, ready, running, succeeded, failed, quarantined, superseded, collecting, rows_out } = self;
        let values = params![stage, waiting, ready, running, succeeded, failed, quarantined, superseded, collecting, int(*rows_out)];
        connection.prepare_cached(sql)?.execute(values).map(drop)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::schema;

    fn writer(folder: &Path) -> Writer {
        let path = folder.join("ledger.db");
        Writer::start(schema::open(&path).unwrap(), &path).unwrap()
    }

    fn insert(changes: &mut Changes<'_>, name: &str) -> rusqlite::Result<i64> {
        let id = changes.stage(&StageKey::new(lakegate_model::DatasetId::new("nyc", "flights"), name))?;
        changes.tally(id).ready += 1;
        Ok(id)
    }

    async fn ready(writer: &Writer) -> Vec<(String, i64)> {
        writer
            .write(|changes| {
                let mut statement = changes.connection.prepare("SELECT stage, ready FROM stages ORDER BY stage")?;
                statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?.collect()
            })
            .await
            .unwrap()
    }

    #[tokio::test]
    async fn a_request_that_fails_writes_nothing_and_hurts_nobody() {
        let folder = tempfile::tempdir().unwrap();
        let writer = writer(folder.path());
        // The first holds the thread until the others wait, so that they share a transaction.
        let (go, wait) = std::sync::mpsc::channel::<()>();
        let first = writer.write(move |_| {
            let _ = wait.recv();
            Ok(())
        });
        let good = writer.write(|changes| insert(changes, "a").map(drop));
        let bad = writer.write(|changes| {
            insert(changes, "b")?;
            insert(changes, "a")?;
            changes.connection.execute("INSERT INTO nowhere VALUES (1)", []).map(drop)
        });
        let again = writer.write(|changes| insert(changes, "b").map(drop));
        let release = async {
            tokio::task::yield_now().await;
            go.send(()).unwrap();
        };
        let (first, good, bad, again, ()) = tokio::join!(first, good, bad, again, release);
        assert!(first.is_ok() && good.is_ok() && again.is_ok());
        assert_eq!(bad.unwrap_err().code, FailureCode::Ledger);
        assert_eq!(writer.commits(), 1, "they shared it");
        assert_eq!(ready(&writer).await, [("a".to_owned(), 1), ("b".to_owned(), 1)]);
    }

    #[tokio::test]
    async fn a_full_disk_fails_whole_requests_and_passes() {
        let folder = tempfile::tempdir().unwrap();
        let writer = writer(folder.path());
        let pages: i64 = writer.write(|changes| changes.connection.query_row("PRAGMA page_count", [], |row| row.get(0))).await.unwrap();
        let limit = move |pages: i64| {
            move |changes: &mut Changes<'_>| changes.connection.query_row(&format!("PRAGMA max_page_count = {pages}"), [], |_| Ok(()))
        };
        writer.write(limit(pages + 1)).await.unwrap();
        let much = |changes: &mut Changes<'_>| {
            insert(changes, "kept")?;
            for n in 0..2_000 {
                changes
                    .connection
                    .prepare_cached("INSERT INTO unrouted VALUES (?1, '', '', '', NULL, 0, '', 0)")?
                    .execute([format!("{n:0100}")])?;
            }
            Ok(())
        };
        let failure = writer.write(much).await.unwrap_err();
        assert_eq!(failure.code, FailureCode::Ledger);
        assert!(failure.message.contains("the disk is full"), "{failure}");
        assert_eq!(ready(&writer).await, [], "nothing is half-written");
        writer.write(limit(1_000_000)).await.unwrap();
        writer.write(much).await.unwrap();
        assert_eq!(ready(&writer).await, [("kept".to_owned(), 1)]);
    }
}
