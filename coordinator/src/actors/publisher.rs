//! The publisher: lets an execution's staged output into its zone and, for a table, into the table
//! catalog. Everything it does can be done again: it is how an interrupted promotion is taken up.

use std::{collections::HashMap, sync::Arc};

use actix::{Actor, Context, Handler, ResponseFuture};
use lakegate_model::{
    ExecutionId, Failure, FailureCode, Location, TraceContext,
    cost::Requests,
    layout,
    machine::execution::TaskOutput,
    pipeline::Zone,
    table::{OutputFile, TableFile, TableId},
};
use tokio::sync::{Mutex, Semaphore};

use super::envelope::{Envelope, message};
use crate::{
    ports::{Promotion, Result, TableChange, meter},
    shared::Shared,
};

/// Promotions under way at once.
const AT_ONCE: usize = 8;

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
    /// The table it is for, the key of its folder below the zone, and its partition columns.
    pub table: Option<(TableId, String, Vec<String>)>,
    /// What the worker wrote, in staging.
    pub output: TaskOutput,
}
message!(Promote => (Result<TaskOutput>, Requests));

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
        let lock = envelope.body.table.as_ref().map(|(table, ..)| Arc::clone(self.tables.entry(table.clone()).or_default()));
        Box::pin(async move {
            let Ok(_permit) = permits.acquire().await else { return (Err(super::gone("publisher")), Requests::default()) };
            let _turn = match &lock {
                Some(lock) => Some(lock.lock().await),
                None => None,
            };
            meter::for_run(promote(&shared, envelope.trace, envelope.body)).await
        })
    }
}

async fn promote(shared: &Shared, trace: TraceContext, promote: Promote) -> Result<TaskOutput> {
    let mut span = shared.tracer.start("publish", trace);
    span.attribute("lakegate.execution", promote.execution.to_string());
    span.attribute("lakegate.files", i64::try_from(promote.output.files.len()).unwrap_or(i64::MAX));
    if let Some((table, ..)) = &promote.table {
        span.attribute("lakegate.table", table.to_string());
    }
    let result = let_in(shared, promote).await;
    if let Err(failure) = &result {
        span.fail(&failure.message);
    }
    result
}

async fn let_in(shared: &Shared, promote: Promote) -> Result<TaskOutput> {
    let zone = shared.zones.location(promote.zone);
    if let Some((table, _, partition_by)) = &promote.table {
        // Asked before anything is moved: what the catalog refuses must not lie in the table's folder.
        refuse_other_partitions(shared, table, partition_by).await?;
    }
    let moves = promote.output.files.iter().map(|file| Promotion { from: file.location.clone(), to: zone.join(&file.key) });
    let moves: Vec<Promotion> = moves.filter(|promotion| promotion.from != promotion.to).collect();
    shared.ports.storage.promote(moves).await?;
    let files: Vec<OutputFile> =
        promote.output.files.into_iter().map(|file| OutputFile { location: zone.join(&file.key), ..file }).collect();
    let output = TaskOutput { files, ..promote.output };
    if let Some((id, root, partition_by)) = promote.table {
        register(shared, id, zone.join(&root), partition_by, &promote.execution, &output).await?;
    }
    Ok(output)
}

async fn refuse_other_partitions(shared: &Shared, id: &TableId, partition_by: &[String]) -> Result<()> {
    match shared.ports.catalog.table(id).await? {
        Some(table) if table.partition_by != partition_by => Err(Failure::new(
            FailureCode::Conflict,
            format!("table {id} is partitioned by {:?}, and this pipeline would partition it by {partition_by:?}", table.partition_by),
        )
        .hint("publish under another table name, or keep partition_by as it was")),
        _ => Ok(()),
    }
}

async fn register(
    shared: &Shared,
    id: TableId,
    location: Location,
    partition_by: Vec<String>,
    execution: &ExecutionId,
    output: &TaskOutput,
) -> Result<()> {
    let files = output.files.iter().map(|file| TableFile {
        location: file.location.clone(),
        partition: file.partition.clone(),
        rows: file.rows,
        bytes: file.bytes,
        execution: execution.clone(),
    });
    let change = TableChange {
        id,
        location,
        partition_by,
        schema: output.output_schema.clone(),
        files: files.collect(),
        execution: execution.clone(),
        at: shared.now(),
    };
    let table = shared.ports.catalog.publish(change).await?;
    tracing::debug!(table = %table.id, version = table.version, files = table.files.len(), "published");
    Ok(())
}

/// Deletes what an execution's attempts staged. What can't be deleted is left: it is in nobody's way.
pub(crate) async fn discard_staging(shared: &Shared, zone: Zone, execution: &ExecutionId) {
    let staged = layout::staging_root(shared.zones.location(zone), execution);
    if let Err(failure) = shared.ports.storage.discard(&staged).await {
        tracing::warn!(%execution, %failure, "staged files are left behind");
    }
}
