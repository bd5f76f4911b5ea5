//! Brings a table's entry in Glue up to the newest recorded version. All of it can be done again,
//! by anybody: it is how a publish that was interrupted after it was recorded is finished.

use std::{collections::HashSet, time::Duration};

use aws_sdk_glue::types::{StorageDescriptor, Table};
use lakegate_coordinator::{ports::Result, versions::TableState};
use lakegate_model::{Failure, FailureCode};

use super::{
    entry::{self, Progress},
    glue::{Glue, Refused, Values},
    partitions::{Partition, Touched, touched},
    table::TableRecord,
    types::Columns,
};

/// How often others may come between before it is left to the next try.
const OVERTAKEN: u32 = 20;
/// The longest wait before looking again.
const LONGEST_WAIT: Duration = Duration::from_secs(2);

/// Registers a table whose entry was `found` so, up to its newest version.
///
/// Others may register the same table meanwhile. The entry is replaced last, and only if it is still
/// the one that was found before anything was written. If it is not, what this wrote may be older than
/// what it replaced, or replace what is newer: then all of it is written again, from the newest version.
///
/// # Errors
/// What Glue refuses. The version is recorded all the same, and the next publish or try finishes this.
pub(super) async fn register(glue: &Glue, record: &TableRecord, mut found: Option<Table>) -> Result<()> {
    let mut doubtful = None;
    for tries in 1..=OVERTAKEN {
        let Some(state) = record.newest().await? else { return Ok(()) };
        if found.is_none() {
            record.untagged();
        }
        match bring_up(glue, &state, found, &mut doubtful).await {
            Ok(()) => return Ok(()),
            Err(Refused::Overtaken) => tokio::time::sleep((Duration::from_millis(50) * tries).min(LONGEST_WAIT)).await,
            Err(Refused::Failed(failure)) => return Err(recorded_only(&state, failure)),
        }
        found = glue.table(record.id()).await?;
    }
    let message = format!("table {} was changed in Glue by others {OVERTAKEN} times while it was to be brought up to date", record.id());
    Err(Failure::new(FailureCode::Catalog, message).hint("it is tried again; nothing is lost: the version is recorded"))
}

fn recorded_only(state: &TableState, failure: Failure) -> Failure {
    let message =
        format!("version {} of table {} is recorded, but not in Glue yet: {}", state.table.version, state.table.id, failure.message);
    Failure { message, ..failure }
}

/// Partitions first, then the table, so that who reads the table finds them. From the file `doubtful`
/// on, partitions were written that the entry does not vouch for.
async fn bring_up(glue: &Glue, state: &TableState, found: Option<Table>, doubtful: &mut Option<usize>) -> std::result::Result<(), Refused> {
    let table = &state.table;
    let columns = Columns::of(&table.id, &table.schema, &table.partition_by)?;
    let found = match found {
        Some(found) => found,
        None => match begin(glue, state, &columns).await? {
            Some(begun) => begun,
            None => return Ok(()),
        },
    };
    entry::refuse_other(&found, &table.id, &table.location, &table.partition_by)?;
    let progress = Progress::of(&found, table);
    if progress.version == table.version && doubtful.is_none() {
        return Ok(());
    }
    if !table.partition_by.is_empty() {
        let told = doubtful.map_or(progress.files, |files| files.min(progress.files));
        *doubtful = Some(told);
        let grown = columns.differ(found.storage_descriptor().map(StorageDescriptor::columns).unwrap_or_default());
        let stored = entry::stored(table, &columns, Some(&found))?;
        tell(glue, state, touched(table, told, grown), &stored).await?;
    }
    let input = entry::whole(state, &columns, Some(&found))?;
    glue.update(&table.id, input, &found).await
}

/// Makes the entry of a table that has none. One without partitions is whole at once: `None`. Else
/// it begins without any, and the answer is that entry.
async fn begin(glue: &Glue, state: &TableState, columns: &Columns) -> std::result::Result<Option<Table>, Refused> {
    let table = &state.table;
    if table.partition_by.is_empty() || table.files.is_empty() {
        glue.create(&table.id, entry::whole(state, columns, None)?).await?;
        return Ok(None);
    }
    glue.create(&table.id, entry::begun(table, columns)?).await?;
    glue.table(&table.id).await?.ok_or(Refused::Overtaken).map(Some)
}

/// Makes new partitions and updates known ones, and the other way round where somebody else made or
/// deleted one.
async fn tell(glue: &Glue, state: &TableState, touched: Touched, stored: &StorageDescriptor) -> std::result::Result<(), Refused> {
    let id = &state.table.id;
    let inputs = |partitions: &[Partition]| partitions.iter().map(|partition| partition.to_glue(stored)).collect();
    let Touched { new, mut known } = touched;
    let there = glue.create_partitions(id, inputs(&new)).await?;
    known.extend(among(&new, there));
    let not_there = glue.update_partitions(id, inputs(&known)).await?;
    let again = glue.create_partitions(id, inputs(&among(&known, not_there))).await?;
    if again.is_empty() { Ok(()) } else { Err(Refused::Overtaken) }
}

fn among(partitions: &[Partition], values: Values) -> Vec<Partition> {
    let values: HashSet<Vec<String>> = values.into_iter().collect();
    partitions.iter().filter(|partition| values.contains(&partition.values)).cloned().collect()
}
