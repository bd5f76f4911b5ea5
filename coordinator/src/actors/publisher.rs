//! The publisher: lets an execution's staged output into its zone and, for a table, into the table
//! catalog, or has a crawler find it there. Everything it does can be done again: it is how an interrupted promotion is taken up.

use std::{collections::HashMap, sync::Arc};

use actix::{Actor, Context, Handler, ResponseFuture};
use lakegate_model::{
    ExecutionId, Failure, FailureCode, Location, Timestamp, TraceContext,
    cost::Requests,
    layout,
    machine::execution::TaskOutput,
    pipeline::{Crawl, Publish, Zone},
    table::{OutputFile, TableFile, TableId},
};
use lakegate_telemetry::Span;
use tokio::sync::{Mutex, Semaphore};

use super::envelope::{Envelope, message};
use crate::{
    ports::{Promotion, Result, Storage, TableCatalog, TableChange, meter},
    shared::Shared,
};

/// Promotions under way at once. Crawls are awaited beside them.
const AT_ONCE: usize = 8;

/// States that can't be moved; with so many nobody tries the rest.
const LOST_STATES: usize = 8;

/// The publisher.
pub(crate) struct Publisher {
    shared: Shared,
    permits: Arc<Semaphore>,
    /// One publish at a time per table, so that versions follow one another without conflict.
    tables: HashMap<TableId, Arc<Mutex<()>>>,
}

/// Let this output in.
pub(crate) struct Promote {
    /// Whose output.
    pub execution: ExecutionId,
    /// The zone it belongs in.
    pub zone: Zone,
    /// How the table catalog comes to know of it.
    pub register: Register,
    /// The version of the table that it was audited with, if its rules are about the whole of that.
    pub on_top_of: Option<u64>,
    /// What the worker wrote, in staging.
    pub output: TaskOutput,
}
message!(Promote => (Result<TaskOutput>, Requests));

/// How the table catalog comes to know of output.
#[derive(Clone, Debug)]
pub(crate) enum Register {
    /// It is no table's.
    Nowhere,
    /// Its files become part of a table.
    Table {
        /// Which, and how.
        publish: Publish,
        /// The key of the table's folder below the zone.
        root: String,
    },
    /// A crawler finds it.
    Crawler(Crawl),
}

impl Register {
    fn table(&self) -> Option<&TableId> {
        match self {
            Register::Table { publish, .. } => Some(&publish.table),
            Register::Nowhere | Register::Crawler(_) => None,
        }
    }
}

impl Publisher {
    /// A publisher with nothing under way.
    pub(crate) fn new(shared: Shared) -> Publisher {
        Publisher { shared, permits: Arc::new(Semaphore::new(AT_ONCE)), tables: HashMap::new() }
    }
}

impl Actor for Publisher {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        ctx.set_mailbox_capacity(64);
    }
}

impl Handler<Envelope<Promote>> for Publisher {
    type Result = ResponseFuture<(Result<TaskOutput>, Requests)>;

    fn handle(&mut self, envelope: Envelope<Promote>, _: &mut Self::Context) -> Self::Result {
        let (shared, permits) = (self.shared.clone(), Arc::clone(&self.permits));
        let lock = envelope.body.register.table().map(|table| Arc::clone(self.tables.entry(table.clone()).or_default()));
        Box::pin(async move {
            let mut span = span(&shared, envelope.trace, &envelope.body);
            let (result, requests) = meter::for_run(publish(&shared, &permits, lock, envelope.body)).await;
            if let Err(failure) = &result {
                span.fail(&failure.message);
            }
            (result, requests)
        })
    }
}

fn span(shared: &Shared, trace: TraceContext, promote: &Promote) -> Span {
    let mut span = shared.tracer.start("publish", trace);
    span.attribute("lakegate.execution", promote.execution.to_string());
    span.attribute("lakegate.files", i64::try_from(promote.output.files.len()).unwrap_or(i64::MAX));
    match &promote.register {
        Register::Table { publish, .. } => span.attribute("lakegate.table", publish.table.to_string()),
        Register::Crawler(crawl) => span.attribute("lakegate.crawler", crawl.crawler.clone()),
        Register::Nowhere => {}
    }
    span
}

async fn publish(shared: &Shared, permits: &Semaphore, lock: Option<Arc<Mutex<()>>>, promote: Promote) -> Result<TaskOutput> {
    let crawl = match &promote.register {
        Register::Crawler(crawl) => Some(crawl.clone()),
        Register::Nowhere | Register::Table { .. } => None,
    };
    let output = {
        let _permit = permits.acquire().await.map_err(|_| super::gone("publisher"))?;
        let _turn = match &lock {
            Some(lock) => Some(lock.lock().await),
            None => None,
        };
        let_in(shared, promote).await?
    };
    // A crawl takes minutes, and whoever waits for one must not keep others from being let in.
    if let Some(Crawl { crawler, timeout }) = crawl {
        shared.ports.catalog.crawl(&crawler, timeout).await?;
    }
    Ok(output)
}

async fn let_in(shared: &Shared, promote: Promote) -> Result<TaskOutput> {
    let zone = shared.zones.location(promote.zone);
    let moved = promote.output.files.iter().chain(&promote.output.aside);
    let moves = moved.map(|file| Promotion { from: file.location.clone(), to: zone.join(&file.key) });
    let states = promote.output.files.iter().filter(|_| promote.output.states);
    let states: Vec<Promotion> =
        states.map(|file| Promotion { from: layout::staged_states(&file.location), to: zone.join(&layout::states(&file.key)) }).collect();
    let moves: Vec<Promotion> = moves.filter(|promotion| promotion.from != promotion.to).collect();
    let in_place = |file: OutputFile| OutputFile { location: zone.join(&file.key), ..file };
    let files: Vec<OutputFile> = promote.output.files.into_iter().map(in_place).collect();
    let mut output = TaskOutput { files, aside: promote.output.aside.map(in_place), ..promote.output };
    let change = match promote.register {
        Register::Table { publish, root } => {
            let change = change(publish, zone.join(&root), promote.execution, &output, shared.now());
            Some(TableChange { on_top_of: promote.on_top_of, ..change })
        }
        Register::Nowhere | Register::Crawler(_) => None,
    };
    let versions =
        move_and_register(shared.ports.catalog.as_ref(), shared.ports.storage.as_ref(), Moves { files: moves, states }, change).await?;
    versioned(&mut output, versions);
    Ok(output)
}

/// What is moved to where it belongs.
struct Moves {
    files: Vec<Promotion>,
    states: Vec<Promotion>,
}

/// Moves files to where they belong and adds them to their table; gives the versions that they have there.
async fn move_and_register(
    catalog: &dyn TableCatalog,
    storage: &dyn Storage,
    moves: Moves,
    change: Option<TableChange>,
) -> Result<HashMap<Location, String>> {
    // Asked before anything is moved: what the catalog refuses must not lie in the table's folder.
    if let Some(change) = &change
        && let Err(failure) = catalog.check(change).await
    {
        return Err(taken_back(storage, moves, failure).await);
    }
    let versions = moved(storage, moves.files.clone()).await?;
    move_states(storage, moves.states.clone()).await;
    let Some(change) = change else { return Ok(versions) };
    match catalog.publish(change).await {
        Ok(table) => {
            tracing::debug!(table = %table.id, version = table.version, files = table.files.len(), "published");
            Ok(versions)
        }
        Err(failure) => Err(taken_back(storage, moves, failure).await),
    }
}

async fn moved(storage: &dyn Storage, moves: Vec<Promotion>) -> Result<HashMap<Location, String>> {
    let to: Vec<Location> = moves.iter().map(|promotion| promotion.to.clone()).collect();
    Ok(to.into_iter().zip(storage.promote(moves).await?).collect())
}

/// What was overtaken is audited anew, and may be refused then: what this try or one before a crash has moved goes back
/// to staging. It is nobody else's: files of a table are named after their execution, and this one is not in the table.
async fn taken_back(storage: &dyn Storage, moves: Moves, failure: Failure) -> Failure {
    if failure.code != FailureCode::Overtaken {
        return failure;
    }
    let back = |moves: Vec<Promotion>| moves.into_iter().map(|Promotion { from, to }| Promotion { from: to, to: from }).collect();
    move_states(storage, back(moves.states)).await;
    storage.promote(back(moves.files)).await.err().unwrap_or(failure)
}

/// Moves the states of files. They are a short cut: one that is lost costs a measurement, and no publication.
async fn move_states(storage: &dyn Storage, states: Vec<Promotion>) {
    if states.is_empty() {
        return;
    }
    let Err(failure) = storage.promote(states.clone()).await else { return };
    // Others may not have been moved because of one.
    let (all, mut lost) = (states.len(), 0);
    for promotion in states {
        if lost < LOST_STATES {
            lost += usize::from(storage.promote(vec![promotion]).await.is_err());
        }
    }
    tracing::warn!(%failure, files = all, lost, "states of files are lost: the next audit of the table measures these again");
}

/// Gives files the versions that they have where they were moved to: whoever reads them next asks for these.
fn versioned(output: &mut TaskOutput, mut versions: HashMap<Location, String>) {
    for file in output.files.iter_mut().chain(&mut output.aside) {
        if let Some(version) = versions.remove(&file.location) {
            file.version = version;
        }
    }
}

/// What an execution's output, where it belongs, adds to its table.
fn change(publish: Publish, location: Location, execution: ExecutionId, output: &TaskOutput, at: Timestamp) -> TableChange {
    let files = output.files.iter().map(|file| TableFile {
        location: file.location.clone(),
        partition: file.partition.clone(),
        rows: file.rows,
        bytes: file.bytes,
        execution: execution.clone(),
    });
    TableChange {
        id: publish.table,
        location,
        partition_by: publish.partition_by,
        on_top_of: None,
        schema: output.output_schema.clone(),
        files: files.collect(),
        lf_tags: publish.lf_tags,
        execution,
        at,
    }
}

/// Deletes what an execution's attempts staged. What can't be deleted is left: it is in nobody's way.
pub(crate) async fn discard_staging(shared: &Shared, zone: Zone, execution: &ExecutionId) {
    let staged = layout::staging_root(shared.zones.location(zone), execution);
    if let Err(failure) = shared.ports.storage.discard(&staged).await {
        tracing::warn!(%execution, %failure, "staged files are left behind");
    }
}

#[cfg(test)]
#[path = "publisher_tests.rs"]
mod tests;
