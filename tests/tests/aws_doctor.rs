//! What keeps a lake from running in an account is found, named by its IAM action, and nothing is
//! disturbed. Against an emulated AWS, with a server in front of it that denies what a test says.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex},
};

use lakegate_aws::{
    Account, AccountOptions,
    bootstrap::{Outcome, bootstrap},
    doctor::{Finding, Verdict, examine},
};
use lakegate_model::{
    DatasetId, Location, Pipeline,
    pipeline::{DriftPolicy, Input, Output, Publish, RetryPolicy, Stage, Step, Trigger, Zone},
    project::{CatalogAddress, EventSourceAddress, LedgerAddress, Settings, Uses, Zones},
    table::TableId,
};
use lakegate_tests::kit::{
    faults::{Fault, in_front_of},
    moto::{REGION, moto, unique},
};
use serde_json::{Value, json};

/// A lake of the test's own, and what its pipelines use.
struct Lake {
    name: String,
    settings: Settings,
    uses: Uses,
}

async fn account(endpoint: String) -> Account {
    let keys = Some(("test".to_owned(), "test".to_owned()));
    Account::load(AccountOptions { region: Some(REGION.to_owned()), endpoint: Some(endpoint), keys }).await
}

/// A pipeline that publishes to the database `shop`.
fn pipeline() -> Pipeline {
    let publish = Publish { table: TableId::new("shop", "orders"), partition_by: Vec::new(), lf_tags: [].into() };
    let stage = Stage {
        name: "load".into(),
        trigger: Trigger::Object,
        input: Input::default(),
        steps: vec![Step::Publish(publish)],
        output: Output { zone: Zone::Analytics },
        retry: RetryPolicy::default(),
        queue: None,
    };
    Pipeline { dataset: DatasetId::new("shop", "orders"), routes: Vec::new(), drift: DriftPolicy::Evolve, stages: vec![stage] }
}

impl Lake {
    fn new() -> Lake {
        let name = unique("doctor");
        let zone = |zone: &str| Location::new(format!("s3://{name}/{zone}"));
        let settings = Settings {
            zones: Zones { raw: zone("raw"), stage: zone("stage"), analytics: zone("analytics") },
            ledger: LedgerAddress::DynamoDb(name.clone()),
            catalog: CatalogAddress::Glue(format!("{}_", name.replace('-', "_"))),
            events: vec![EventSourceAddress::Sqs { queue: format!("{name}-events") }],
            lf_tags: [].into(),
            teams: [].into(),
            sdlf: None,
        };
        let folder = settings.zones.analytics.join("shop/orders/load");
        let uses = Uses {
            databases: ["shop".to_owned()].into(),
            crawlers: [(format!("{name}-crawler"), [folder].into())].into(),
            lf_tags: [(format!("{name}-domain"), ["sales".to_owned()].into())].into(),
        };
        Lake { name, settings, uses }
    }

    /// With all it needs.
    async fn made() -> Lake {
        let lake = Lake::new();
        lake.bootstrap().await;
        lake.make_crawler("analytics");
        let key = format!("{}-domain", lake.name);
        moto().post("lakeformation", "/CreateLFTag", &json!({ "TagKey": key, "TagValues": ["sales", "ops"] }));
        lake
    }

    fn make_crawler(&self, zone: &str) {
        let targets = json!({ "S3Targets": [{ "Path": format!("s3://{}/{zone}/", self.name) }] });
        let name = format!("{}-crawler", self.name);
        moto().call("AWSGlue.CreateCrawler", &json!({ "Name": name, "Role": "r", "DatabaseName": "d", "Targets": targets }));
    }

    async fn bootstrap(&self) -> BTreeSet<&'static str> {
        let account = account(moto().endpoint()).await;
        let steps = bootstrap(&account, &self.settings, &[pipeline()], false).await.unwrap();
        steps.iter().filter(|step| step.outcome == Outcome::Made).map(|step| step.kind).collect()
    }

    async fn examined(&self, endpoint: String) -> Vec<Finding> {
        examine(&account(endpoint).await, &self.settings, &self.uses).await
    }

    /// What is not well.
    async fn wrong(&self, endpoint: String) -> Vec<Finding> {
        self.examined(endpoint).await.into_iter().filter(|finding| finding.verdict != Verdict::Ok).collect()
    }

    /// What is not well if requests of which `denies` holds are denied. Of a request it is told the
    /// operation, or the method and the path.
    async fn denied(&self, denies: impl Fn(&str) -> bool + Send + Sync + 'static) -> Vec<Finding> {
        self.wrong(in_front_of(moto(), move |request, _| if denies(request) { Fault::Denied } else { Fault::None })).await
    }

    fn queue(&self, what: &str, mut body: Value) -> Value {
        body["QueueUrl"] = json!(format!("{}/123456789012/{}-events", moto().endpoint(), self.name));
        moto().call(&format!("AmazonSQS.{what}"), &body)
    }
}

#[tokio::test]
async fn a_lake_that_has_all_it_needs_is_well_and_is_left_as_it_is() {
    let lake = Lake::made().await;
    let asked = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&asked);
    let endpoint = in_front_of(moto(), move |request, _| {
        log.lock().unwrap().push(request.to_owned());
        Fault::None
    });
    lake.queue("SendMessage", json!({ "MessageBody": "for the coordinator" }));
    let findings = lake.examined(endpoint).await;
    assert!(findings.iter().all(|finding| finding.verdict == Verdict::Ok), "{findings:#?}");
    let checks: Vec<&str> = findings.iter().map(|finding| finding.check.as_str()).collect();
    assert_eq!(checks, ["zone raw", "zone stage", "zone analytics", "events", "ledger", "catalog", "crawler", "LF-Tags"]);
    assert!(findings[1].found.contains("s3:PutObject") && findings[4].found.contains("dynamodb:PutItem"), "{findings:#?}");

    let asked = asked.lock().unwrap();
    assert!(asked.len() > 20 && !asked.iter().any(|request| request == "ReceiveMessage"), "{asked:?}");
    let raw = format!("/{}/raw/", lake.name);
    assert!(!asked.iter().any(|request| request.contains(&raw) && !request.starts_with("GET ")), "nothing is written there: {asked:?}");
    let (_, listed) = moto().s3("GET", &format!("/{}", lake.name), "list-type=2", b"");
    assert_eq!(String::from_utf8(listed).unwrap().matches("<Key>").count(), 0, "what was written is removed");
    let rows = moto().call("DynamoDB_20120810.Scan", &json!({ "TableName": format!("{}-ledger", lake.name) }));
    assert_eq!(rows["Count"], 0);
    let wanted = json!({ "AttributeNames": ["ApproximateNumberOfMessages"] });
    let waiting = lake.queue("GetQueueAttributes", wanted)["Attributes"]["ApproximateNumberOfMessages"].clone();
    assert!(waiting != "0", "the message still waits: {waiting}");
}

#[tokio::test]
async fn an_account_with_nothing_in_it_lacks_everything() {
    let lake = Lake::new();
    let wrong = lake.wrong(moto().endpoint()).await;
    for (check, found) in [
        ("zone raw", "there is no bucket"),
        ("zone stage", "there is no bucket"),
        ("zone analytics", "there is no bucket"),
        ("events", "there is no queue"),
        ("ledger", "does not exist"),
        ("catalog", "there is no Glue database"),
        ("crawler", "there is no crawler"),
        // Amazon says that there is no such tag, and moto that it has no values.
        ("LF-Tags", "LF-Tag"),
    ] {
        let said = wrong.iter().find(|finding| finding.check == check).unwrap_or_else(|| panic!("nothing of {check}: {wrong:#?}"));
        assert!(said.found.contains(found) && !said.fix.is_empty(), "{said:?}");
    }
}

/// One request is denied, and one permission is named, with what it is for.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_permission_that_is_lacking_is_named() {
    let lake = Lake::made().await;
    let (name, stage) = (lake.name.clone(), format!("/{}/stage/_lakegate/doctor/", lake.name));
    let json_actions = [
        ("GetQueueUrl", "sqs:GetQueueUrl"),
        ("GetQueueAttributes", "sqs:GetQueueAttributes"),
        ("ChangeMessageVisibility", "sqs:ChangeMessageVisibility"),
        ("DeleteMessage", "sqs:DeleteMessage"),
        ("DescribeTable", "dynamodb:DescribeTable"),
        ("GetItem", "dynamodb:GetItem"),
        ("BatchGetItem", "dynamodb:BatchGetItem"),
        ("Query", "dynamodb:Query"),
        ("PutItem", "dynamodb:PutItem"),
        ("UpdateItem", "dynamodb:UpdateItem"),
        ("DeleteItem", "dynamodb:DeleteItem"),
        ("GetDatabase", "glue:GetDatabase"),
        ("GetTable", "glue:GetTable"),
        ("CreateTable", "glue:CreateTable"),
        ("UpdateTable", "glue:UpdateTable"),
        ("BatchCreatePartition", "glue:BatchCreatePartition"),
        ("GetCrawler", "glue:GetCrawler"),
    ];
    for (operation, action) in json_actions {
        let wrong = lake.denied(move |request| request == operation).await;
        assert_eq!(wrong.len(), 1, "{action}: {wrong:#?}");
        assert_eq!(wrong[0].verdict, Verdict::Problem);
        assert!(wrong[0].found.contains(action) && wrong[0].fix.contains(action), "{:?}", wrong[0]);
    }
    for (method, path, action) in [
        ("PUT", stage.clone(), "s3:PutObject"),
        ("GET", stage.clone(), "s3:GetObject"),
        ("GET", format!("/{name}/raw/_lakegate/doctor/"), "s3:GetObject"),
        ("GET", format!("/{name}/?list-type=2&max-keys=1&prefix=analytics"), "s3:ListBucket"),
    ] {
        let denied = format!("{method} {path}");
        let wrong = lake.denied(move |request| request.starts_with(&denied)).await;
        assert_eq!(wrong.len(), 1, "{action}: {wrong:#?}");
        assert!(wrong[0].found.contains(&format!("not allowed: {action} on arn:aws:s3:::{name}")), "{:?}", wrong[0]);
    }
    let denied = format!("DELETE {stage}");
    let wrong = lake.denied(move |request| request.starts_with(&denied)).await;
    let found: Vec<&str> = wrong.iter().map(|finding| finding.found.as_str()).collect();
    assert_eq!(found.len(), 2, "{found:?}");
    assert!(found[0].contains("s3:DeleteObject") && found[1].contains("is left behind"), "{found:?}");
}

/// What only doctor asks for is no reason not to run.
#[tokio::test]
async fn what_can_not_be_seen_and_is_not_needed_is_a_warning() {
    let lake = Lake::made().await;
    let notification = format!("GET /{}/?notification", lake.name);
    for (request, action) in [
        ("DescribeContinuousBackups".to_owned(), "dynamodb:DescribeContinuousBackups"),
        ("DescribeTimeToLive".to_owned(), "dynamodb:DescribeTimeToLive"),
        ("POST /GetLFTag".to_owned(), "lakeformation:GetLFTag"),
        (notification, "s3:GetBucketNotification"),
    ] {
        let wrong = lake.denied(move |asked| asked == request).await;
        assert_eq!(wrong.len(), 1, "{action}: {wrong:#?}");
        assert_eq!(wrong[0].verdict, Verdict::Warning);
        assert!(wrong[0].found.contains(action), "{:?}", wrong[0]);
    }
}

#[tokio::test]
async fn settings_that_should_be_otherwise_are_told() {
    let lake = Lake::made().await;
    let attributes = json!({ "VisibilityTimeout": "5", "MessageRetentionPeriod": "3600", "RedrivePolicy": "" });
    lake.queue("SetQueueAttributes", json!({ "Attributes": attributes }));
    let (status, _) = moto().s3(
        "PUT",
        &format!("/{}", lake.name),
        "notification=",
        b"<NotificationConfiguration xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"/>",
    );
    assert_eq!(status, 200);
    let table = format!("{}-ledger", lake.name);
    let off = json!({ "TableName": table, "PointInTimeRecoverySpecification": { "PointInTimeRecoveryEnabled": false } });
    moto().call("DynamoDB_20120810.UpdateContinuousBackups", &off);
    moto().call("AWSGlue.DeleteCrawler", &json!({ "Name": format!("{}-crawler", lake.name) }));
    lake.make_crawler("stage");
    moto().post("lakeformation", "/UpdateLFTag", &json!({ "TagKey": format!("{}-domain", lake.name), "TagValuesToDelete": ["sales"] }));
    let wrong = lake.wrong(moto().endpoint()).await;
    let found: Vec<(&str, Verdict, &str)> =
        wrong.iter().map(|finding| (finding.check.as_str(), finding.verdict, finding.found.as_str())).collect();
    for (check, verdict, part) in [
        ("events", Verdict::Warning, "hidden for only 5 s"),
        ("events", Verdict::Warning, "kept for only 3600 s"),
        ("events", Verdict::Warning, "no redrive policy"),
        ("events", Verdict::Problem, "does not tell the queue"),
        ("ledger", Verdict::Warning, "can't be recovered"),
        ("crawler", Verdict::Warning, "none of its targets takes in"),
        ("LF-Tags", Verdict::Problem, "has no value \"sales\""),
    ] {
        assert!(found.iter().any(|(c, v, f)| (*c, *v) == (check, verdict) && f.contains(part)), "{check} {part}: {found:#?}");
    }
    assert_eq!(found.len(), 7, "{found:#?}");
}

#[tokio::test]
async fn a_queue_without_a_redrive_policy_is_given_one_and_another_policy_is_left() {
    let lake = Lake::made().await;
    let policy = || {
        let attributes = lake.queue("GetQueueAttributes", json!({ "AttributeNames": ["All"] }))["Attributes"].clone();
        (attributes["RedrivePolicy"].as_str().unwrap_or_default().to_owned(), attributes["Policy"].clone())
    };
    let (ours, allowed) = policy();
    assert!(ours.contains("-events-dead-letters"), "{ours}");
    assert_eq!(lake.bootstrap().await, BTreeSet::new());

    lake.queue("SetQueueAttributes", json!({ "Attributes": { "RedrivePolicy": "" } }));
    assert_eq!(policy().0, "");
    assert_eq!(lake.bootstrap().await, ["queue"].into());
    let as_value = |text: &str| serde_json::from_str::<Value>(text).unwrap();
    assert_eq!((as_value(&policy().0), policy().1), (as_value(&ours), allowed));
    assert_eq!(lake.bootstrap().await, BTreeSet::new());

    let mut theirs = as_value(&ours);
    theirs["maxReceiveCount"] = json!(3);
    lake.queue("SetQueueAttributes", json!({ "Attributes": { "RedrivePolicy": theirs.to_string() } }));
    assert_eq!(lake.bootstrap().await, BTreeSet::new());
    assert_eq!(as_value(&policy().0)["maxReceiveCount"].to_string().trim_matches('"'), "3");
}
