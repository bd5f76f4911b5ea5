//! The ledger's table: that it can be read and written, recovered, and lets items expire.

use std::collections::HashMap;

use aws_sdk_dynamodb::{
    Client,
    types::{AttributeValue, KeysAndAttributes, PointInTimeRecoveryStatus, TableStatus, TimeToLiveStatus},
};

use super::{Examined, Finding, For, Verdict};
use crate::{Account, ledger::table_name};

/// A key that no item has.
const NOBODY: &str = "lakegate-doctor";
/// What holds of no item: a change under it is refused by whoever may make it.
const NEVER: &str = "attribute_exists(pk) AND attribute_not_exists(pk)";
const REFUSED: [&str; 1] = ["ConditionalCheckFailedException"];

/// Findings about the ledger in tables whose names begin so.
pub(super) async fn examine(account: &Account, prefix: &str) -> Vec<Finding> {
    let table = table_name(prefix);
    let mut examined = Examined::new("ledger", format!("dynamodb://{prefix}"));
    let client = Client::new(&account.config);
    let resource = format!("arn:aws:dynamodb:*:*:table/{table}");
    let described = client.describe_table().table_name(&table).send().await;
    if described.as_ref().err().and_then(|error| error.as_service_error()).is_some_and(|error| error.is_resource_not_found_exception()) {
        let fix = "`lakegate bootstrap` makes it; look at the region and at `ledger:` in lakegate.yaml too";
        examined.add(Verdict::Problem, format!("the ledger's table {table} does not exist"), fix);
        return examined.done("");
    }
    if let Some(described) = examined.tried(For::Running, ("dynamodb:DescribeTable", &resource), &[], described) {
        let status = described.table.and_then(|table| table.table_status);
        if !matches!(status, Some(TableStatus::Active | TableStatus::Updating)) {
            let status = status.map_or_else(|| "in no state".to_owned(), |status| status.to_string());
            examined.add(Verdict::Problem, format!("the ledger's table {table} is {status}"), "wait until it is ACTIVE");
        }
    }
    reads(&mut examined, &client, &table, &resource).await;
    writes(&mut examined, &client, &table, &resource).await;
    settings(&mut examined, &client, &table, &resource).await;
    examined.done("")
}

fn key() -> HashMap<String, AttributeValue> {
    ["pk", "sk"].into_iter().map(|name| (name.to_owned(), AttributeValue::S(NOBODY.to_owned()))).collect()
}

async fn reads(examined: &mut Examined, client: &Client, table: &str, resource: &str) {
    let get = client.get_item().table_name(table).set_key(Some(key())).consistent_read(true).send().await;
    examined.tried(For::Running, ("dynamodb:GetItem", resource), &[], get);
    if let Ok(wanted) = KeysAndAttributes::builder().keys(key()).build() {
        let batch = client.batch_get_item().request_items(table, wanted).send().await;
        examined.tried(For::Running, ("dynamodb:BatchGetItem", resource), &[], batch);
    }
    let nobody = AttributeValue::S(NOBODY.to_owned());
    let query = client.query().table_name(table).key_condition_expression("pk = :pk").expression_attribute_values(":pk", nobody);
    examined.tried(For::Running, ("dynamodb:Query", resource), &[], query.limit(1).send().await);
}

/// Under a condition that can't hold.
async fn writes(examined: &mut Examined, client: &Client, table: &str, resource: &str) {
    let put = client.put_item().table_name(table).set_item(Some(key())).condition_expression(NEVER).send().await;
    examined.tried(For::Running, ("dynamodb:PutItem", resource), &REFUSED, put);
    let update = client.update_item().table_name(table).set_key(Some(key())).condition_expression(NEVER).send().await;
    examined.tried(For::Running, ("dynamodb:UpdateItem", resource), &REFUSED, update);
    let delete = client.delete_item().table_name(table).set_key(Some(key())).condition_expression(NEVER).send().await;
    examined.tried(For::Running, ("dynamodb:DeleteItem", resource), &REFUSED, delete);
}

async fn settings(examined: &mut Examined, client: &Client, table: &str, resource: &str) {
    let backups = client.describe_continuous_backups().table_name(table).send().await;
    if let Some(backups) = examined.tried(For::Looking, ("dynamodb:DescribeContinuousBackups", resource), &[], backups) {
        let recovery = backups.continuous_backups_description.and_then(|backups| backups.point_in_time_recovery_description);
        let status = recovery.and_then(|recovery| recovery.point_in_time_recovery_status);
        if status != Some(PointInTimeRecoveryStatus::Enabled) {
            let found = format!("the ledger's table {table} can't be recovered to a point in time");
            examined.add(Verdict::Warning, found, "`lakegate bootstrap` switches it on for tables that it makes; or switch on PITR");
        }
    }
    let expiry = client.describe_time_to_live().table_name(table).send().await;
    if let Some(expiry) = examined.tried(For::Looking, ("dynamodb:DescribeTimeToLive", resource), &[], expiry) {
        let status = expiry.time_to_live_description.and_then(|expiry| expiry.time_to_live_status);
        if !matches!(status, Some(TimeToLiveStatus::Enabled | TimeToLiveStatus::Enabling)) {
            let found = format!("the ledger's table {table} keeps for ever what was to expire");
            examined.add(Verdict::Warning, found, "switch on its time to live, by the attribute that `lakegate bootstrap` sets");
        }
    }
}
