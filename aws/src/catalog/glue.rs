//! Glue's requests: databases, tables, and partitions by the hundred.

use std::time::Duration;

use aws_sdk_glue::{
    Client,
    config::{Builder, retry::RetryConfig},
    error::{ProvideErrorMetadata, SdkError},
    types::{BatchUpdatePartitionRequestEntry, DatabaseInput, ErrorDetail, PartitionInput, Table, TableInput},
};
use futures::{StreamExt as _, TryStreamExt as _, stream};
use lakegate_coordinator::ports::Result;
use lakegate_model::{Failure, FailureCode, table::TableId};

use super::entry::{database_name, table_name};
use crate::{account::Account, failure::failed};

/// Tries of one request. Glue throttles an account's publishers together.
pub(super) const TRIES: u32 = 8;
/// Partitions in one request.
const BATCH: usize = 100;
/// Such requests under way at once.
const AT_ONCE: usize = 4;

/// Why Glue did not do something.
#[derive(Debug)]
pub(super) enum Refused {
    /// Somebody else changed the same thing at the same time: look again.
    Overtaken,
    /// It failed.
    Failed(Failure),
}

impl From<Failure> for Refused {
    fn from(failure: Failure) -> Refused {
        Refused::Failed(failure)
    }
}

/// The values that name partitions.
pub(super) type Values = Vec<Vec<String>>;

/// The Glue Data Catalog of an account, of which the databases that start so are ours.
#[derive(Clone, Debug)]
pub(super) struct Glue {
    client: Client,
    prefix: String,
}

impl Glue {
    pub(super) fn new(account: &Account, prefix: String) -> Glue {
        let retry = RetryConfig::standard().with_max_attempts(TRIES).with_max_backoff(Duration::from_secs(10));
        let config = Builder::from(&account.config).retry_config(retry).build();
        Glue { client: Client::from_conf(config), prefix }
    }

    /// Whether a table's database is there.
    pub(super) async fn has_database(&self, id: &TableId) -> Result<bool> {
        let name = database_name(&self.prefix, id);
        match self.client.get_database().name(&name).send().await {
            Ok(_) => Ok(true),
            Err(error) if is(&error, "EntityNotFoundException") => Ok(false),
            Err(error) => Err(failed(FailureCode::Catalog, &format!("read Glue database {name}"), &error)),
        }
    }

    /// Makes a table's database if it is not there.
    pub(super) async fn ensure_database(&self, id: &TableId) -> Result<()> {
        let name = database_name(&self.prefix, id);
        if self.has_database(id).await? {
            return Ok(());
        }
        let description = format!("Tables of {} that Lakegate publishes", id.database);
        let input = DatabaseInput::builder().name(&name).description(description).build().map_err(|error| undescribed(&name, &error))?;
        match self.client.create_database().database_input(input).send().await {
            Ok(_) => Ok(()),
            Err(error) if is(&error, "AlreadyExistsException") => Ok(()),
            Err(error) => {
                let failure = failed(FailureCode::Catalog, &format!("make Glue database {name}, which is not there,"), &error);
                Err(match failure.code {
                    FailureCode::PermissionDenied => failure.hint(format!(
                        "make it with `lakegate bootstrap`, or let the role that lakegate runs with do glue:CreateDatabase on {name}"
                    )),
                    _ => failure,
                })
            }
        }
    }

    /// A table's entry; `None` if there is none, or no such database.
    pub(super) async fn table(&self, id: &TableId) -> Result<Option<Table>> {
        let request = self.client.get_table().database_name(database_name(&self.prefix, id)).name(table_name(id));
        match request.send().await {
            Ok(answer) => Ok(answer.table),
            Err(error) if is(&error, "EntityNotFoundException") => Ok(None),
            Err(error) => Err(failed(FailureCode::Catalog, &format!("read {}", self.shown(id)), &error)),
        }
    }

    /// Makes a table's entry.
    pub(super) async fn create(&self, id: &TableId, input: TableInput) -> std::result::Result<(), Refused> {
        let request = self.client.create_table().database_name(database_name(&self.prefix, id)).table_input(input);
        match request.send().await {
            Ok(_) => Ok(()),
            Err(error) if is(&error, "AlreadyExistsException") => Err(Refused::Overtaken),
            Err(error) => Err(self.refused(id, "make", &error)),
        }
    }

    /// Replaces a table's entry, if it is still as it was when it was read. Glue keeps no older
    /// entries of it: the record has every version.
    pub(super) async fn update(&self, id: &TableId, input: TableInput, found: &Table) -> std::result::Result<(), Refused> {
        let request = self
            .client
            .update_table()
            .database_name(database_name(&self.prefix, id))
            .table_input(input)
            .skip_archive(true)
            .set_version_id(found.version_id().map(str::to_owned));
        match request.send().await {
            Ok(_) => Ok(()),
            // Deleted meanwhile.
            Err(error) if is(&error, "EntityNotFoundException") => Err(Refused::Overtaken),
            Err(error) => Err(self.refused(id, "update", &error)),
        }
    }

    /// Makes partitions; answers which of them are there already and were left as they are.
    pub(super) async fn create_partitions(&self, id: &TableId, partitions: Vec<PartitionInput>) -> std::result::Result<Values, Refused> {
        let batches = batches(partitions).map(|batch| async move {
            let request = self.client.batch_create_partition().database_name(database_name(&self.prefix, id)).table_name(table_name(id));
            let answer = request.set_partition_input_list(Some(batch)).send().await;
            let answer = answer.map_err(|error| self.refused(id, "make partitions of", &error))?;
            let errors = answer.errors.unwrap_or_default().into_iter();
            self.sorted_out(id, errors.map(|error| (error.partition_values, error.error_detail)), "AlreadyExistsException")
        });
        stream::iter(batches).buffered(AT_ONCE).try_concat().await
    }

    /// Replaces partitions; answers which of them are not there.
    pub(super) async fn update_partitions(&self, id: &TableId, partitions: Vec<PartitionInput>) -> std::result::Result<Values, Refused> {
        let batches = batches(partitions).map(|batch| async move {
            let entries = batch.into_iter().map(|input| {
                let entry = BatchUpdatePartitionRequestEntry::builder().set_partition_value_list(input.values.clone());
                entry.partition_input(input).build().map_err(|error| undescribed(&id.to_string(), &error))
            });
            let entries = entries.collect::<Result<Vec<_>>>()?;
            let request = self.client.batch_update_partition().database_name(database_name(&self.prefix, id)).table_name(table_name(id));
            let answer = request.set_entries(Some(entries)).send().await;
            let answer = answer.map_err(|error| self.refused(id, "update partitions of", &error))?;
            let errors = answer.errors.unwrap_or_default().into_iter();
            self.sorted_out(id, errors.map(|error| (error.partition_value_list, error.error_detail)), "EntityNotFoundException")
        });
        stream::iter(batches).buffered(AT_ONCE).try_concat().await
    }

    /// The partitions that were refused for the reason `code`; any other reason is a failure.
    fn sorted_out(
        &self,
        id: &TableId,
        errors: impl Iterator<Item = (Option<Vec<String>>, Option<ErrorDetail>)>,
        code: &str,
    ) -> std::result::Result<Values, Refused> {
        let mut values = Vec::new();
        for (partition, detail) in errors {
            let partition = partition.unwrap_or_default();
            match detail.as_ref().and_then(ErrorDetail::error_code) {
                Some(found) if found == code => values.push(partition),
                Some("ConcurrentModificationException") => return Err(Refused::Overtaken),
                found => {
                    let why = detail.as_ref().and_then(ErrorDetail::error_message).unwrap_or_default();
                    let message = format!(
                        "could not register partition {partition:?} of {}: {}: {why}",
                        self.shown(id),
                        found.unwrap_or("no reason")
                    );
                    return Err(Failure::new(FailureCode::Catalog, message).into());
                }
            }
        }
        Ok(values)
    }

    fn refused<E, R>(&self, id: &TableId, what: &str, error: &SdkError<E, R>) -> Refused
    where
        E: ProvideErrorMetadata + std::error::Error + 'static,
        R: std::fmt::Debug + 'static,
    {
        if is(error, "ConcurrentModificationException") {
            return Refused::Overtaken;
        }
        Refused::Failed(failed(FailureCode::Catalog, &format!("{what} {}", self.shown(id)), error))
    }

    fn shown(&self, id: &TableId) -> String {
        format!("Glue table {}.{}", database_name(&self.prefix, id), table_name(id))
    }
}

fn batches(partitions: Vec<PartitionInput>) -> impl Iterator<Item = Vec<PartitionInput>> {
    let mut left = partitions.into_iter().peekable();
    std::iter::from_fn(move || left.peek().is_some().then(|| left.by_ref().take(BATCH).collect()))
}

/// Whether a service says so by this name.
pub(super) fn is<E: ProvideErrorMetadata, R>(error: &SdkError<E, R>, code: &str) -> bool {
    error.as_service_error().and_then(ProvideErrorMetadata::code) == Some(code)
}

fn undescribed(what: &str, error: &dyn std::error::Error) -> Failure {
    Failure::new(FailureCode::Internal, format!("{what} can't be described to Glue: {error}"))
}
