//! The IAM policies that let coordinator and worker do what they do and nothing else.

use std::collections::BTreeSet;

use lakegate_model::{
    Location, Pipeline,
    destination::Destination,
    pipeline::Zone,
    project::{CatalogAddress, EventSourceAddress, LedgerAddress, Settings, Uses},
};
use serde_json::{Value, json};

use super::told::destinations;

/// Who runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Takes events in, keeps the ledger, publishes.
    Coordinator,
    /// Reads and writes data.
    Worker,
}

/// The policy document of a role for a lake with these settings, whose pipelines use this. Regions and accounts stand as `*`
/// where the settings do not tell them.
pub fn policy(settings: &Settings, pipelines: &[Pipeline], role: Role) -> Value {
    let uses = &Uses::of(settings, pipelines);
    let mut statements = zones(settings, role);
    if role == Role::Coordinator {
        statements.extend(queues(settings, pipelines));
        statements.extend(told(settings, pipelines));
        statements.extend(ledger(settings));
        statements.extend(sdlf(settings));
        statements.extend(catalog(settings, uses));
    }
    json!({ "Version": "2012-10-17", "Statement": statements })
}

fn statement(sid: &str, actions: &[&str], resources: &[String]) -> Value {
    json!({ "Sid": sid, "Effect": "Allow", "Action": actions, "Resource": resources })
}

fn objects(zone: &Location, below: &str) -> Option<String> {
    let (bucket, prefix) = zone.s3()?;
    let prefix = if prefix.is_empty() { String::new() } else { format!("{prefix}/") };
    Some(format!("arn:aws:s3:::{bucket}/{prefix}{below}*"))
}

fn zones(settings: &Settings, role: Role) -> Vec<Value> {
    let all: Vec<&Location> = Zone::ALL.iter().map(|zone| settings.zones.location(*zone)).collect();
    let buckets: BTreeSet<String> = all.iter().filter_map(|zone| zone.s3()).map(|(bucket, _)| format!("arn:aws:s3:::{bucket}")).collect();
    if buckets.is_empty() {
        return Vec::new();
    }
    let everything: Vec<String> = all.iter().filter_map(|zone| objects(zone, "")).collect();
    let outputs = [Zone::Stage, Zone::Analytics].map(|zone| settings.zones.location(zone));
    let output: Vec<String> = outputs.iter().filter_map(|zone| objects(zone, "")).collect();
    let mut statements = vec![
        statement("ListZones", &["s3:ListBucket"], &buckets.into_iter().collect::<Vec<_>>()),
        statement("ReadZones", &["s3:GetObject", "s3:GetObjectVersion"], &everything),
        statement("WriteOutput", &["s3:PutObject", "s3:AbortMultipartUpload"], &output),
    ];
    // Staged files are moved and deleted by the coordinator; a worker tidies up what it has staged itself.
    let staged: Vec<String> = outputs.iter().filter_map(|zone| objects(zone, "_lakegate/")).collect();
    let deleting = if role == Role::Coordinator { staged } else { output };
    statements.push(statement("DeleteStaged", &["s3:DeleteObject"], &deleting));
    statements
}

fn queues(settings: &Settings, pipelines: &[Pipeline]) -> Vec<Value> {
    let arn = |queue: &str| format!("arn:aws:sqs:*:*:{}", queue.rsplit('/').next().unwrap_or(queue));
    let own: Vec<String> = super::stage_queues(pipelines).into_keys().map(arn).collect();
    let mut queues: Vec<String> = settings
        .events
        .iter()
        .filter_map(|event| match event {
            EventSourceAddress::Sqs { queue } => Some(arn(queue)),
            EventSourceAddress::Watch { .. } => None,
        })
        .collect();
    let actions = ["sqs:GetQueueUrl", "sqs:GetQueueAttributes", "sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:ChangeMessageVisibility"];
    queues.extend(own.iter().cloned());
    let mut statements = Vec::new();
    if !queues.is_empty() {
        statements.push(statement("ReceiveEvents", &actions, &queues));
    }
    if !own.is_empty() {
        statements.push(statement("HandToStages", &["sqs:SendMessage"], &own));
    }
    statements
}

/// Who is told how runs end. Topics are found by their names in the account's list.
fn told(settings: &Settings, pipelines: &[Pipeline]) -> Vec<Value> {
    let whole = |name: &str, arn: String| if name.starts_with("arn:") { name.to_owned() } else { arn };
    let (mut topics, mut buses) = (Vec::new(), Vec::new());
    for to in destinations(settings, pipelines) {
        match to {
            Destination::Topic(name) => topics.push(whole(name, format!("arn:aws:sns:*:*:{name}"))),
            Destination::Bus(name) => buses.push(whole(name, format!("arn:aws:events:*:*:event-bus/{name}"))),
            Destination::Queue(_) | Destination::Webhook(_) => {}
        }
    }
    let mut statements = Vec::new();
    if !topics.is_empty() {
        statements.push(statement("TellTopics", &["sns:Publish"], &topics));
        statements.push(statement("FindTopics", &["sns:ListTopics"], &["*".to_owned()]));
    }
    if !buses.is_empty() {
        statements.push(statement("TellBuses", &["events:PutEvents"], &buses));
    }
    statements
}

fn ledger(settings: &Settings) -> Vec<Value> {
    let LedgerAddress::DynamoDb(prefix) = &settings.ledger else { return Vec::new() };
    let tables = [format!("arn:aws:dynamodb:*:*:table/{prefix}-*"), format!("arn:aws:dynamodb:*:*:table/{prefix}-*/index/*")];
    let actions = [
        "dynamodb:DescribeTable",
        "dynamodb:GetItem",
        "dynamodb:BatchGetItem",
        "dynamodb:Query",
        "dynamodb:Scan",
        "dynamodb:PutItem",
        "dynamodb:UpdateItem",
        "dynamodb:DeleteItem",
        "dynamodb:BatchWriteItem",
        "dynamodb:ConditionCheckItem",
    ];
    vec![statement("KeepLedger", &actions, &tables)]
}

/// The tables that tools built on SDLF read, whatever they are called.
fn sdlf(settings: &Settings) -> Vec<Value> {
    let Some(kept) = &settings.sdlf else { return Vec::new() };
    let tables: Vec<String> =
        [&kept.objects, &kept.history].into_iter().flatten().map(|name| format!("arn:aws:dynamodb:*:*:table/{name}")).collect();
    let actions = ["dynamodb:DescribeTable", "dynamodb:UpdateItem", "dynamodb:DeleteItem"];
    vec![statement("KeepSdlfTables", &actions, &tables)]
}

fn catalog(settings: &Settings, uses: &Uses) -> Vec<Value> {
    let CatalogAddress::Glue(prefix) = &settings.catalog else { return Vec::new() };
    let places = ["catalog".to_owned(), format!("database/{prefix}*"), format!("table/{prefix}*/*")];
    let places = places.map(|place| format!("arn:aws:glue:*:*:{place}"));
    let actions = [
        "glue:GetDatabase",
        "glue:CreateDatabase",
        "glue:GetTable",
        "glue:GetTables",
        "glue:CreateTable",
        "glue:UpdateTable",
        "glue:GetPartition",
        "glue:GetPartitions",
        "glue:BatchGetPartition",
        "glue:BatchCreatePartition",
        "glue:BatchUpdatePartition",
    ];
    let mut statements = vec![statement("PublishTables", &actions, &places)];
    if !uses.crawlers.is_empty() {
        let crawlers: Vec<String> = uses.crawlers.keys().map(|name| format!("arn:aws:glue:*:*:crawler/{name}")).collect();
        statements.push(statement("RunCrawlers", &["glue:GetCrawler", "glue:StartCrawler"], &crawlers));
    }
    if !uses.lf_tags.is_empty() {
        // Lake Formation's actions know no resources; what may be tagged with what is granted there.
        statements.push(statement("TagTables", &["lakeformation:AddLFTagsToResource", "lakeformation:GetLFTag"], &["*".to_owned()]));
    }
    statements
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use lakegate_model::{
        notify::{Event, Notify},
        project::{Zones, sdlf::SdlfTables},
    };

    use super::*;

    fn settings() -> Settings {
        let zone = |name: &str| Location::new(format!("s3://lake/{name}"));
        Settings {
            zones: Zones { raw: zone("raw"), stage: zone("stage"), analytics: zone("analytics") },
            ledger: LedgerAddress::DynamoDb("lake".into()),
            catalog: CatalogAddress::Glue("lake_".into()),
            teams: Default::default(),
            events: vec![EventSourceAddress::Sqs { queue: "https://sqs.eu-west-1.amazonaws.com/1/events".into() }],
            lf_tags: [].into(),
            sdlf: Some(SdlfTables {
                objects: Some("octagon-ObjectMetadata-dev".into()),
                history: None,
                ttl: None,
                org: "acme".into(),
                app: "datalake".into(),
                env: "dev".into(),
                pipelines: BTreeMap::new(),
            }),
        }
    }

    fn resources(role: Role, action: &str) -> Vec<String> {
        let policy = policy(&settings(), &[], role);
        let statements = policy["Statement"].as_array().unwrap().clone();
        let with = statements.into_iter().filter(|statement| statement["Action"].as_array().unwrap().contains(&json!(action)));
        with.flat_map(|statement| statement["Resource"].as_array().unwrap().clone())
            .map(|resource| resource.as_str().unwrap().to_owned())
            .collect()
    }

    #[test]
    fn nobody_may_change_what_landed() {
        for role in [Role::Coordinator, Role::Worker] {
            for action in ["s3:PutObject", "s3:DeleteObject"] {
                assert!(resources(role, action).iter().all(|resource| !resource.contains("/raw/")), "{role:?} {action}");
            }
        }
        assert_eq!(
            resources(Role::Coordinator, "s3:DeleteObject"),
            ["arn:aws:s3:::lake/stage/_lakegate/*", "arn:aws:s3:::lake/analytics/_lakegate/*"]
        );
    }

    #[test]
    fn only_who_is_told_may_be_told() {
        let notify = |to: &str| Notify { on: vec![Event::Failure], to: to.parse().unwrap() };
        let told = ["sns://alerts", "sns://arn:aws:sns:eu-west-1:1:theirs", "eventbridge://lake", "https://x.org/h"].map(notify);
        let settings = Settings { teams: [("shop".to_owned(), told.to_vec())].into(), ..settings() };
        let policy = policy(&settings, &[], Role::Coordinator).to_string();
        for resource in ["\"arn:aws:sns:*:*:alerts\"", "\"arn:aws:sns:eu-west-1:1:theirs\"", "\"arn:aws:events:*:*:event-bus/lake\""] {
            assert!(policy.contains(resource), "{resource} in {policy}");
        }
        assert!(!policy.contains("x.org"));
        assert!(resources(Role::Coordinator, "sns:Publish").is_empty(), "nobody is told");
    }

    #[test]
    fn only_what_pipelines_use_is_allowed() {
        let uses = Uses {
            crawlers: [("the lake's".to_owned(), [].into())].into(),
            lf_tags: [("pii".to_owned(), [].into())].into(),
            ..Uses::default()
        };
        for (action, resource) in [("glue:StartCrawler", "arn:aws:glue:*:*:crawler/the lake's"), ("lakeformation:AddLFTagsToResource", "*")]
        {
            let statements = catalog(&settings(), &uses);
            let with = statements.iter().find(|statement| statement["Action"].as_array().unwrap().contains(&json!(action))).unwrap();
            assert_eq!(with["Resource"], json!([resource]));
            assert!(resources(Role::Coordinator, action).is_empty(), "{action}");
        }
    }

    #[test]
    fn a_worker_knows_nothing_of_queue_ledger_and_catalog() {
        for action in ["sqs:ReceiveMessage", "dynamodb:PutItem", "glue:UpdateTable"] {
            assert!(resources(Role::Worker, action).is_empty(), "{action}");
            assert!(!resources(Role::Coordinator, action).is_empty(), "{action}");
        }
        assert_eq!(resources(Role::Coordinator, "sqs:ReceiveMessage"), ["arn:aws:sqs:*:*:events"]);
        let tables = resources(Role::Coordinator, "dynamodb:UpdateItem");
        assert!(tables.contains(&"arn:aws:dynamodb:*:*:table/octagon-ObjectMetadata-dev".to_owned()), "{tables:?}");
    }
}
