//! The ledger's table: making it, and looking whether it is there.

use std::time::Duration;

use aws_sdk_dynamodb::{
    Client,
    error::{BuildError, ProvideErrorMetadata},
    types::{
        AttributeDefinition, BillingMode, GlobalSecondaryIndex, KeySchemaElement, KeyType, PointInTimeRecoverySpecification, Projection,
        ProjectionType, ScalarAttributeType, TableStatus, Tag, TimeToLiveSpecification, TimeToLiveStatus,
    },
};
use lakegate_coordinator::ports::Result;
use lakegate_model::{Failure, FailureCode};

use super::{blob::EXPIRES, records::LANDED, table::Table};
use crate::failure::failed;

/// How long a new table may take, in tries of `PAUSE`.
const TRIES: u32 = 240;
const PAUSE: Duration = Duration::from_millis(500);

/// The table's name.
pub(crate) fn table_name(prefix: &str) -> String {
    format!("{prefix}-ledger")
}

/// Makes the table if it is missing, waits until it can be used, and switches on recovery to any second.
pub(super) async fn create(table: &Table, prefix: &str) -> Result<()> {
    if status(table).await?.is_none() {
        create_table(&table.client, &table.name, prefix).await?;
    }
    for _ in 0..TRIES {
        if status(table).await? == Some(TableStatus::Active) {
            keep_recoverable(table).await?;
            return let_expire(table).await;
        }
        tokio::time::sleep(PAUSE).await;
    }
    let message = format!("the ledger's table {} is not active after {} s", table.name, TRIES / 2);
    Err(Failure::new(FailureCode::Ledger, message).hint("look at it in the DynamoDB console, then do this again"))
}

/// That the table is there and can be used.
pub(super) async fn check(table: &Table) -> Result<()> {
    match status(table).await? {
        Some(TableStatus::Active | TableStatus::Updating) => Ok(()),
        Some(status) => {
            let message = format!("the ledger's table {} can't be used: it is {status}", table.name);
            Err(Failure::new(FailureCode::Ledger, message).hint("wait until it is ACTIVE"))
        }
        None => Err(Failure::new(FailureCode::Ledger, format!("the ledger's table {} does not exist", table.name))
            .hint("`lakegate bootstrap` creates it; look at the region and at `ledger:` in lakegate.yaml too")),
    }
}

/// Whether there is such a table.
pub(super) async fn is_there(table: &Table) -> Result<bool> {
    Ok(status(table).await?.is_some())
}

async fn status(table: &Table) -> Result<Option<TableStatus>> {
    match table.client.describe_table().table_name(&*table.name).send().await {
        Ok(answer) => Ok(answer.table.and_then(|table| table.table_status)),
        Err(error) if error.as_service_error().is_some_and(|error| error.is_resource_not_found_exception()) => Ok(None),
        Err(error) => Err(failed(FailureCode::Ledger, &format!("look at the ledger's table {}", table.name), &error)),
    }
}

async fn create_table(client: &Client, name: &str, prefix: &str) -> Result<()> {
    let attribute =
        |name: &str, kind| AttributeDefinition::builder().attribute_name(name).attribute_type(kind).build().map_err(|error| whole(&error));
    let key = |name: &str, kind| KeySchemaElement::builder().attribute_name(name).key_type(kind).build().map_err(|error| whole(&error));
    let tag = |name: &str, value: &str| Tag::builder().key(name).value(value).build().map_err(|error| whole(&error));
    let index = GlobalSecondaryIndex::builder()
        .index_name(LANDED)
        .key_schema(key(LANDED, KeyType::Hash)?)
        .key_schema(key("seq", KeyType::Range)?)
        .projection(Projection::builder().projection_type(ProjectionType::KeysOnly).build())
        .build()
        .map_err(|error| whole(&error))?;
    let answer = client
        .create_table()
        .table_name(name)
        .billing_mode(BillingMode::PayPerRequest)
        .attribute_definitions(attribute("pk", ScalarAttributeType::S)?)
        .attribute_definitions(attribute("sk", ScalarAttributeType::S)?)
        .attribute_definitions(attribute(LANDED, ScalarAttributeType::S)?)
        .attribute_definitions(attribute("seq", ScalarAttributeType::N)?)
        .key_schema(key("pk", KeyType::Hash)?)
        .key_schema(key("sk", KeyType::Range)?)
        .global_secondary_indexes(index)
        .tags(tag("lakegate:ledger", prefix)?)
        .send()
        .await;
    match answer {
        Ok(_) => Ok(()),
        // Somebody else makes it at the same time.
        Err(error) if error.as_service_error().and_then(ProvideErrorMetadata::code) == Some("ResourceInUseException") => Ok(()),
        Err(error) => Err(failed(FailureCode::Ledger, &format!("create the ledger's table {name}"), &error)),
    }
}

/// Right after the table was made DynamoDB may say that it is not ready for this.
async fn keep_recoverable(table: &Table) -> Result<()> {
    let on = PointInTimeRecoverySpecification::builder().point_in_time_recovery_enabled(true).build().map_err(|error| whole(&error))?;
    let request = table.client.update_continuous_backups().table_name(&*table.name).point_in_time_recovery_specification(on);
    for _ in 0..TRIES {
        match request.clone().send().await {
            Ok(_) => return Ok(()),
            Err(error) if error.code() == Some("ContinuousBackupsUnavailableException") => tokio::time::sleep(PAUSE).await,
            Err(error) => return Err(failed(FailureCode::Ledger, &format!("make the ledger's table {} recoverable", table.name), &error)),
        }
    }
    let message = format!("point-in-time recovery of the ledger's table {} could not be switched on", table.name);
    Err(Failure::new(FailureCode::Ledger, message).hint("do this again in some minutes"))
}

async fn let_expire(table: &Table) -> Result<()> {
    let what = format!("let items of the ledger's table {} expire", table.name);
    let answer = table.client.describe_time_to_live().table_name(&*table.name).send().await;
    let now = answer.map_err(|error| failed(FailureCode::Ledger, &what, &error))?.time_to_live_description;
    if now
        .and_then(|now| now.time_to_live_status)
        .is_some_and(|status| matches!(status, TimeToLiveStatus::Enabled | TimeToLiveStatus::Enabling))
    {
        return Ok(());
    }
    let on = TimeToLiveSpecification::builder().enabled(true).attribute_name(EXPIRES).build().map_err(|error| whole(&error))?;
    let answer = table.client.update_time_to_live().table_name(&*table.name).time_to_live_specification(on).send().await;
    answer.map(drop).map_err(|error| failed(FailureCode::Ledger, &what, &error))
}

fn whole(error: &BuildError) -> Failure {
    Failure::new(FailureCode::Internal, format!("a request to DynamoDB is not whole: {error}"))
}
