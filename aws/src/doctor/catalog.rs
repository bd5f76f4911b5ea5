//! The table catalog: databases, what may be done with their tables, crawlers, LF-Tags.

use std::collections::BTreeSet;

use aws_sdk_glue::{
    Client,
    types::{PartitionInput, TableInput},
};
use lakegate_model::{Location, project::Uses};

use super::{Examined, Finding, For, Verdict};
use crate::Account;

/// A database and a table that nobody has.
const NOBODY: &str = "lakegate_doctor";
const ABSENT: [&str; 1] = ["EntityNotFoundException"];

/// Findings about the catalog in databases whose names begin so, and about what pipelines use of it.
pub(super) async fn examine(account: &Account, prefix: &str, uses: &Uses) -> Vec<Finding> {
    let client = Client::new(&account.config);
    let mut findings = tables(&client, prefix, uses).await;
    for (name, folders) in &uses.crawlers {
        findings.extend(crawler(&client, name, folders).await);
    }
    if !uses.lf_tags.is_empty() {
        findings.extend(tags(account, uses).await);
    }
    findings
}

async fn tables(client: &Client, prefix: &str, uses: &Uses) -> Vec<Finding> {
    let mut examined = Examined::new("catalog", format!("glue://{prefix}"));
    let mut present = None;
    for database in &uses.databases {
        let name = format!("{prefix}{database}").to_lowercase();
        let resource = format!("arn:aws:glue:*:*:database/{name}");
        let found = client.get_database().name(&name).send().await;
        if found.as_ref().err().and_then(|error| error.as_service_error()).is_some_and(|error| error.is_entity_not_found_exception()) {
            let fix = "`lakegate bootstrap` makes it; or the first publish, if the role may do glue:CreateDatabase";
            examined.add(Verdict::Warning, format!("there is no Glue database {name}"), fix);
        } else if examined.tried(For::Running, ("glue:GetDatabase", &resource), &[], found).is_some() {
            present = present.or(Some(name));
        }
    }
    // Nothing is made in a database that is not there.
    let database = format!("{prefix}{NOBODY}");
    let resource = format!("arn:aws:glue:*:*:table/{prefix}*/*");
    if let Ok(input) = TableInput::builder().name(NOBODY).build() {
        let create = client.create_table().database_name(&database).table_input(input).send().await;
        examined.tried(For::Running, ("glue:CreateTable", &resource), &ABSENT, create);
    }
    let database = present.unwrap_or(database);
    let get = client.get_table().database_name(&database).name(NOBODY).send().await;
    examined.tried(For::Running, ("glue:GetTable", &resource), &ABSENT, get);
    if let Ok(input) = TableInput::builder().name(NOBODY).build() {
        let update = client.update_table().database_name(&database).table_input(input).send().await;
        examined.tried(For::Running, ("glue:UpdateTable", &resource), &ABSENT, update);
    }
    let partition = PartitionInput::builder().values("none").build();
    let add = client.batch_create_partition().database_name(&database).table_name(NOBODY).partition_input_list(partition).send().await;
    examined.tried(For::Running, ("glue:BatchCreatePartition", &resource), &ABSENT, add);
    examined.done("")
}

async fn crawler(client: &Client, name: &str, folders: &BTreeSet<Location>) -> Vec<Finding> {
    let mut examined = Examined::new("crawler", name);
    let resource = format!("arn:aws:glue:*:*:crawler/{name}");
    let found = client.get_crawler().name(name).send().await;
    if found.as_ref().err().and_then(|error| error.as_service_error()).is_some_and(|error| error.is_entity_not_found_exception()) {
        let targets: Vec<&str> = folders.iter().map(Location::as_str).collect();
        let fix = format!("make it, with the target {}; or correct `publish: {{ crawler: … }}`", targets.join(" and "));
        examined.add(Verdict::Problem, format!("there is no crawler \"{name}\" in Glue"), fix);
        return examined.done("");
    }
    if let Some(crawler) = examined.tried(For::Running, ("glue:GetCrawler", &resource), &[], found).and_then(|found| found.crawler) {
        let targets = crawler.targets.and_then(|targets| targets.s3_targets).unwrap_or_default();
        let paths: Vec<&str> = targets.iter().filter_map(|target| target.path()).collect();
        for folder in folders.iter().filter(|folder| !paths.iter().any(|path| is_within(folder, path))) {
            let found = format!("none of its targets takes in {folder}: what is let in there stays unknown");
            examined.add(Verdict::Warning, found, format!("add {folder} to the targets of crawler {name}"));
        }
    }
    examined.done("")
}

/// Whether a folder is a crawler's target, or below it.
fn is_within(folder: &Location, target: &str) -> bool {
    let target = Location::new(target);
    *folder == target || folder.below(&target).is_some()
}

async fn tags(account: &Account, uses: &Uses) -> Vec<Finding> {
    let client = aws_sdk_lakeformation::Client::new(&account.config);
    let mut examined = Examined::new("LF-Tags", "Lake Formation");
    for (key, values) in &uses.lf_tags {
        let wanted = values.iter().map(String::as_str).collect::<Vec<_>>().join(",");
        let found = client.get_lf_tag().tag_key(key).send().await;
        let made = |verb: &str| format!("`aws lakeformation {verb} {wanted}`");
        if found.as_ref().err().and_then(|error| error.as_service_error()).is_some_and(|error| error.is_entity_not_found_exception()) {
            examined.add(
                Verdict::Problem,
                format!("there is no LF-Tag {key}"),
                made(&format!("create-lf-tag --tag-key {key} --tag-values")),
            );
            continue;
        }
        let resource = format!("the LF-Tag {key}");
        let Some(found) = examined.tried(For::Looking, ("lakeformation:GetLFTag", &resource), &[], found) else { continue };
        for value in values.iter().filter(|value| !found.tag_values().contains(value)) {
            let fix = format!("`aws lakeformation update-lf-tag --tag-key {key} --tag-values-to-add {value}`");
            examined.add(Verdict::Problem, format!("the LF-Tag {key} has no value \"{value}\""), fix);
        }
    }
    examined.done("")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_takes_in_what_is_below_it() {
        let folder = Location::new("s3://lake/analytics/nyc/flights/load");
        for (target, expected) in [
            ("s3://lake/analytics/nyc/flights/load", true),
            ("s3://lake/analytics/nyc/flights/load/", true),
            ("s3://lake/analytics/", true),
            ("s3://lake", true),
            ("s3://lake/analytics/nyc/flights/lo", false),
            ("s3://other/analytics", false),
        ] {
            assert_eq!(is_within(&folder, target), expected, "{target}");
        }
    }
}
