//! DynamoDB tables of ours: making them as they should be, and looking whether they are. Tables are
//! paid by request, can be recovered to any second, and have the tag of everything that is made here.

use std::time::Duration;

use aws_sdk_dynamodb::{
    Client,
    error::{BuildError, ProvideErrorMetadata},
    types::{
        AttributeDefinition, BillingMode, GlobalSecondaryIndex, KeySchemaElement, KeyType, PointInTimeRecoverySpecification,
        PointInTimeRecoveryStatus, Projection, ProjectionType, ScalarAttributeType, TableDescription, TableStatus, Tag,
        TimeToLiveSpecification, TimeToLiveStatus,
    },
};
use lakegate_coordinator::ports::Result;
use lakegate_model::{Failure, FailureCode};

use crate::{bootstrap::TAG, failure::failed};

/// How long a new table may take, in tries of `PAUSE`.
const TRIES: u32 = 240;
const PAUSE: Duration = Duration::from_millis(500);

/// An attribute of a key, with its type.
pub(crate) type Attribute = (&'static str, ScalarAttributeType);

/// What a table is to be.
#[derive(Clone, Debug)]
pub(crate) struct TableSpec {
    pub(crate) name: String,
    /// What it is, for people: `the ledger's table`.
    pub(crate) what: &'static str,
    /// Where lakegate.yaml names it, for people.
    pub(crate) setting: &'static str,
    pub(crate) hash: Attribute,
    pub(crate) range: Option<Attribute>,
    pub(crate) indexes: Vec<Index>,
    /// The attribute by which items expire.
    pub(crate) expires: Option<&'static str>,
}

/// A global index.
#[derive(Clone, Debug)]
pub(crate) struct Index {
    pub(crate) name: &'static str,
    pub(crate) hash: Attribute,
    pub(crate) range: Attribute,
    /// Whether it holds whole items, or keys only.
    pub(crate) is_whole: bool,
}

/// Makes the table if it is missing, waits until it can be used, and switches on what is off. Tells
/// whether all was as it should be; with `dry_run` it only looks.
pub(crate) async fn ensure(client: &Client, spec: &TableSpec, dry_run: bool) -> Result<bool> {
    let there = describe(client, spec).await?;
    let is_whole = match &there {
        Some(table) => {
            has_indexes(spec, table)?;
            is_recoverable(client, spec).await? && lets_expire(client, spec).await?
        }
        None => false,
    };
    if is_whole || dry_run {
        return Ok(is_whole);
    }
    if there.is_none() {
        create(client, spec).await?;
    }
    wait_until_active(client, spec).await?;
    if !is_recoverable(client, spec).await? {
        keep_recoverable(client, spec).await?;
    }
    if !lets_expire(client, spec).await? {
        let_expire(client, spec).await?;
    }
    Ok(false)
}

/// That the table is there, with its indexes, and can be used.
pub(crate) async fn check(client: &Client, spec: &TableSpec) -> Result<()> {
    let TableSpec { name, what, setting, .. } = spec;
    let Some(table) = describe(client, spec).await? else {
        return Err(Failure::new(FailureCode::Ledger, format!("{what} {name} does not exist"))
            .hint(format!("`lakegate bootstrap` creates it; look at the region and at `{setting}` in lakegate.yaml too")));
    };
    match table.table_status() {
        Some(TableStatus::Active | TableStatus::Updating) => has_indexes(spec, &table),
        status => {
            let status = status.map_or("in no state", TableStatus::as_str);
            Err(Failure::new(FailureCode::Ledger, format!("{what} {name} can't be used: it is {status}")).hint("wait until it is ACTIVE"))
        }
    }
}

async fn describe(client: &Client, spec: &TableSpec) -> Result<Option<TableDescription>> {
    match client.describe_table().table_name(&spec.name).send().await {
        Ok(answer) => Ok(answer.table),
        Err(error) if error.as_service_error().is_some_and(|error| error.is_resource_not_found_exception()) => Ok(None),
        Err(error) => Err(failed(FailureCode::Ledger, &format!("look at {} {}", spec.what, spec.name), &error)),
    }
}

/// A table that somebody else made may lack what is asked of it.
fn has_indexes(spec: &TableSpec, table: &TableDescription) -> Result<()> {
    let there = || table.global_secondary_indexes().iter().filter_map(|index| index.index_name());
    let missing: Vec<&str> = spec.indexes.iter().map(|index| index.name).filter(|name| !there().any(|there| there == *name)).collect();
    let is_keyed = table.key_schema().iter().any(|key| key.key_type() == &KeyType::Hash && key.attribute_name() == spec.hash.0);
    if is_keyed && missing.is_empty() {
        return Ok(());
    }
    let lacks = if is_keyed { format!("lacks the indexes {}", missing.join(", ")) } else { format!("has not the key `{}`", spec.hash.0) };
    Err(Failure::new(FailureCode::Ledger, format!("{} {} {lacks}", spec.what, spec.name))
        .hint(format!("add them to it, or name another table as `{}` in lakegate.yaml", spec.setting)))
}

async fn create(client: &Client, spec: &TableSpec) -> Result<()> {
    let key = |attribute: &Attribute, kind| {
        KeySchemaElement::builder().attribute_name(attribute.0).key_type(kind).build().map_err(|error| whole(&error))
    };
    let mut attributes: Vec<&Attribute> = std::iter::once(&spec.hash).chain(&spec.range).collect();
    attributes.extend(spec.indexes.iter().flat_map(|index| [&index.hash, &index.range]));
    attributes.sort_by_key(|attribute| attribute.0);
    attributes.dedup_by_key(|attribute| attribute.0);
    let tag = Tag::builder().key(TAG.0).value(TAG.1).build().map_err(|error| whole(&error))?;
    let mut request = client.create_table().table_name(&spec.name).billing_mode(BillingMode::PayPerRequest).tags(tag);
    for (name, kind) in attributes {
        let defined = AttributeDefinition::builder().attribute_name(*name).attribute_type(kind.clone()).build();
        request = request.attribute_definitions(defined.map_err(|error| whole(&error))?);
    }
    request = request.key_schema(key(&spec.hash, KeyType::Hash)?);
    if let Some(range) = &spec.range {
        request = request.key_schema(key(range, KeyType::Range)?);
    }
    for index in &spec.indexes {
        let projected = if index.is_whole { ProjectionType::All } else { ProjectionType::KeysOnly };
        let index = GlobalSecondaryIndex::builder()
            .index_name(index.name)
            .key_schema(key(&index.hash, KeyType::Hash)?)
            .key_schema(key(&index.range, KeyType::Range)?)
            .projection(Projection::builder().projection_type(projected).build())
            .build();
        request = request.global_secondary_indexes(index.map_err(|error| whole(&error))?);
    }
    match request.send().await {
        Ok(_) => Ok(()),
        // Somebody else makes it at the same time.
        Err(error) if error.as_service_error().and_then(ProvideErrorMetadata::code) == Some("ResourceInUseException") => Ok(()),
        Err(error) => Err(failed(FailureCode::Ledger, &format!("create {} {}", spec.what, spec.name), &error)),
    }
}

async fn wait_until_active(client: &Client, spec: &TableSpec) -> Result<()> {
    for _ in 0..TRIES {
        let status = describe(client, spec).await?.and_then(|table| table.table_status);
        if matches!(status, Some(TableStatus::Active | TableStatus::Updating)) {
            return Ok(());
        }
        tokio::time::sleep(PAUSE).await;
    }
    let message = format!("{} {} is not active after {} s", spec.what, spec.name, TRIES / 2);
    Err(Failure::new(FailureCode::Ledger, message).hint("look at it in the DynamoDB console, then do this again"))
}

async fn is_recoverable(client: &Client, spec: &TableSpec) -> Result<bool> {
    let answer = client.describe_continuous_backups().table_name(&spec.name).send().await;
    let answer =
        answer.map_err(|error| failed(FailureCode::Ledger, &format!("look whether {} {} is recoverable", spec.what, spec.name), &error))?;
    let recovery = answer.continuous_backups_description.and_then(|backups| backups.point_in_time_recovery_description);
    Ok(recovery.and_then(|recovery| recovery.point_in_time_recovery_status) == Some(PointInTimeRecoveryStatus::Enabled))
}

/// Right after the table was made DynamoDB may say that it is not ready for this.
async fn keep_recoverable(client: &Client, spec: &TableSpec) -> Result<()> {
    let on = PointInTimeRecoverySpecification::builder().point_in_time_recovery_enabled(true).build().map_err(|error| whole(&error))?;
    let request = client.update_continuous_backups().table_name(&spec.name).point_in_time_recovery_specification(on);
    for _ in 0..TRIES {
        match request.clone().send().await {
            Ok(_) => return Ok(()),
            Err(error) if error.code() == Some("ContinuousBackupsUnavailableException") => tokio::time::sleep(PAUSE).await,
            Err(error) => return Err(failed(FailureCode::Ledger, &format!("make {} {} recoverable", spec.what, spec.name), &error)),
        }
    }
    let message = format!("point-in-time recovery of {} {} could not be switched on", spec.what, spec.name);
    Err(Failure::new(FailureCode::Ledger, message).hint("do this again in some minutes"))
}

async fn lets_expire(client: &Client, spec: &TableSpec) -> Result<bool> {
    if spec.expires.is_none() {
        return Ok(true);
    }
    let answer = client.describe_time_to_live().table_name(&spec.name).send().await;
    let what = format!("look whether items of {} {} expire", spec.what, spec.name);
    let now = answer.map_err(|error| failed(FailureCode::Ledger, &what, &error))?.time_to_live_description;
    let status = now.and_then(|now| now.time_to_live_status);
    Ok(matches!(status, Some(TimeToLiveStatus::Enabled | TimeToLiveStatus::Enabling)))
}

async fn let_expire(client: &Client, spec: &TableSpec) -> Result<()> {
    let Some(attribute) = spec.expires else { return Ok(()) };
    let on = TimeToLiveSpecification::builder().enabled(true).attribute_name(attribute).build().map_err(|error| whole(&error))?;
    let answer = client.update_time_to_live().table_name(&spec.name).time_to_live_specification(on).send().await;
    answer.map(drop).map_err(|error| failed(FailureCode::Ledger, &format!("let items of {} {} expire", spec.what, spec.name), &error))
}

fn whole(error: &BuildError) -> Failure {
    Failure::new(FailureCode::Internal, format!("a request to DynamoDB is not whole: {error}"))
}
