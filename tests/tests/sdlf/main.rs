//! SDLF's tables beside a ledger in DynamoDB, read as SDLF's users read them: by a client that knows
//! nothing of Lakegate.

mod outages;
mod tables;

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    time::Duration,
};

use lakegate_aws::{Account, AccountOptions, DynamoLedger, Projection, bootstrap::bootstrap};
use lakegate_coordinator::ports::{
    Ledger as _,
    ledger::{Admission, Arrival, Execution, Move, MoveOutcome, Purpose, Removal, SealRequest},
};
use lakegate_model::{
    DatasetId, Failure, FailureCode, Location, ObjectVersion, StageKey, Timestamp, TraceContext, WorkerId,
    machine::{
        batch::SealReason,
        execution::{ExecutionState, Phase, TaskOutput},
    },
    pipeline::{BatchTrigger, Schedule},
    project::{CatalogAddress, LedgerAddress, Settings, Zones, sdlf::SdlfTables},
};
use lakegate_tests::kit::{
    boto3::boto3,
    faults::{self, Fault},
    moto::{REGION, moto, unique},
    wait::within,
};
use serde_json::{Value, json};

const PATIENCE: Duration = Duration::from_secs(60);
/// 2023-05-23T02:24:43.000Z
const THEN: i64 = 1_684_808_683_000;

/// A ledger and SDLF's tables of one test.
struct Place {
    prefix: String,
    kept: SdlfTables,
}

async fn account(endpoint: String) -> Account {
    let keys = Some(("test".into(), "test".into()));
    Account::load(AccountOptions { region: Some(REGION.into()), endpoint: Some(endpoint), keys }).await
}

fn zones(prefix: &str) -> Zones {
    let zone = |name: &str| Location::new(format!("s3://{prefix}/{name}"));
    Zones { raw: zone("raw"), stage: zone("stage"), analytics: zone("analytics") }
}

impl Place {
    /// Makes the tables, as `lakegate bootstrap` does.
    async fn new(edit: impl FnOnce(&mut SdlfTables)) -> Place {
        let prefix = unique("lake");
        let mut kept = SdlfTables {
            objects: Some(format!("octagon-ObjectMetadata-{prefix}")),
            history: Some(format!("octagon-PipelineExecutionHistory-{prefix}")),
            ttl: Some(Duration::from_secs(120 * 86_400)),
            org: "acme".into(),
            app: "datalake".into(),
            env: "dev".into(),
            pipelines: BTreeMap::from([(DatasetId::new("engineering", "legislators"), "main".to_owned())]),
        };
        edit(&mut kept);
        let settings = Settings {
            zones: zones(&prefix),
            ledger: LedgerAddress::DynamoDb(prefix.clone()),
            catalog: CatalogAddress::Glue(String::new()),
            events: Vec::new(),
            sdlf: Some(kept.clone()),
            lf_tags: [].into(),
            teams: [].into(),
        };
        bootstrap(&account(moto().endpoint()).await, &settings, &[], false).await.unwrap();
        Place { prefix, kept }
    }

    async fn open(&self) -> DynamoLedger {
        self.open_at(moto().endpoint()).await
    }

    async fn open_at(&self, endpoint: String) -> DynamoLedger {
        let kept = Projection { tables: self.kept.clone(), zones: zones(&self.prefix) };
        DynamoLedger::open_with(&account(endpoint).await, &self.prefix, Some(kept)).await.unwrap()
    }

    /// What boto3 finds of an object.
    fn object(&self, key: &str) -> Value {
        boto3(&format!("get({:?}, {:?})", self.kept.objects.as_ref().unwrap(), self.id(key)))
    }

    fn id(&self, key: &str) -> String {
        format!("s3://{}/raw/engineering/legislators/{key}", self.prefix)
    }

    /// What boto3 finds of an execution.
    fn history(&self, id: &str) -> Value {
        boto3(&format!("get({:?}, {id:?})", self.kept.history.as_ref().unwrap()))
    }

    /// The objects' row once it is as it should be.
    fn object_when(&self, key: &str, is_right: impl Fn(&Value) -> bool) -> Value {
        let mut last = Value::Null;
        let found = within(PATIENCE, || {
            last = self.object(key);
            is_right(&last).then(|| last.clone())
        });
        found.unwrap_or_else(|| panic!("{key} has the row {last:#}"))
    }

    fn history_when(&self, id: &str, is_right: impl Fn(&Value) -> bool) -> Value {
        let mut last = Value::Null;
        let found = within(PATIENCE, || {
            last = self.history(id);
            is_right(&last).then(|| last.clone())
        });
        found.unwrap_or_else(|| panic!("{id} has the row {last:#}"))
    }
}

fn arrival(stage: &str, key: &str, version: &str, sequencer: Option<&str>, size: u64) -> Arrival {
    let key = format!("engineering/legislators/{key}");
    let sequencer = sequencer.map(str::to_owned);
    Arrival {
        object: ObjectVersion { bucket: "raw".into(), key: key.clone(), version: version.into(), sequencer, size },
        relative: key,
        stage: StageKey::new(DatasetId::new("engineering", "legislators"), stage),
        purpose: Purpose::Execute { pipeline_version: 3 },
        made_by: None,
        at: Timestamp(THEN),
        trace: TraceContext { trace_id: [1; 16], span_id: [7; 8] },
    }
}

fn member(key: &str) -> Arrival {
    Arrival { purpose: Purpose::Collect, ..arrival("stage-b", key, "v1", None, 10) }
}

async fn started(ledger: &DynamoLedger, arrival: Arrival) -> Execution {
    match ledger.admit(vec![arrival]).await.unwrap().remove(0) {
        Admission::Started(execution) => *execution,
        other => panic!("not started: {other:?}"),
    }
}

/// Moves an execution through these phases, a second each.
async fn through(ledger: &DynamoLedger, execution: &Execution, phases: Vec<Phase>) {
    for phase in phases {
        let now = ledger.execution(&execution.id).await.unwrap().unwrap();
        let at = Timestamp(now.updated_at.0 + 1_000);
        let to = ExecutionState { phase, attempt: 1, ..now.state };
        let step = Move { execution: now.id, from: now.revision, to, at, outputs: Vec::new(), schema: None, outgoing: Vec::new() };
        assert!(matches!(ledger.advance(vec![step]).await.unwrap()[0], MoveOutcome::Moved(_)));
    }
}

fn running() -> Phase {
    Phase::Running { worker: WorkerId::from_text("w-1") }
}

fn succeeded() -> Phase {
    Phase::Succeeded { output: TaskOutput { rows_in: 9, rows_out: 7, ..TaskOutput::default() } }
}

fn failed() -> Phase {
    Phase::Failed { failure: Failure::new(FailureCode::Timeout, "it took too long").hint("make it shorter") }
}

fn removal(key: &str, sequencer: Option<&str>) -> Removal {
    let sequencer = sequencer.map(str::to_owned);
    Removal { bucket: "raw".into(), key: format!("engineering/legislators/{key}"), version: String::new(), sequencer, at: Timestamp(THEN) }
}

fn statuses(row: &Value) -> Vec<&str> {
    row["history"].as_array().map(|entries| entries.iter().filter_map(|entry| entry["status"].as_str()).collect()).unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_success_is_told_in_both_tables_and_in_every_index() {
    let place = Place::new(|_| ()).await;
    let ledger = place.open().await;
    let execution = started(&ledger, arrival("stage-a", "a b+ü.json", "etag", Some("0055"), 42)).await;
    through(&ledger, &execution, vec![running(), succeeded()]).await;
    ledger.close().await;

    let object = place.object("a b+ü.json");
    let expected = json!({
        "id": place.id("a b+ü.json"), "bucket": place.prefix, "key": "raw/engineering/legislators/a b+ü.json", "size": 42,
        "last_modified_date": "2023-05-23T02:24:43+00:00", "timestamp": THEN, "stage": "raw", "org": "acme", "app": "datalake",
        "env": "dev", "team": "engineering", "dataset": "legislators", "pipeline": "main", "pipeline_stage": "StageA",
        "object_version": "etag", "sequencer": "0055", "pipeline_version": 3, "attempt": 1, "state": "succeeded",
        "trace_id": "01010101010101010101010101010101", "execution_id": execution.id.as_str(),
    });
    for (name, value) in expected.as_object().unwrap() {
        assert_eq!(&object[name], value, "{name}");
    }
    let row = place.history(object["peh_id"].as_str().unwrap());
    let expected = json!({
        "version": 3, "pipeline": "engineering-main-stage-a", "dataset": "engineering-legislators", "dataset_date": "2023-05-23",
        "execution_date": "2023-05-23", "active": false, "status": "COMPLETED", "success": true,
        "comment": "Pipeline: engineering-main-stage-a has started execution",
        "start_timestamp": "2023-05-23T02:24:43.000Z", "end_timestamp": "2023-05-23T02:24:45.000Z",
        "last_updated_timestamp": "2023-05-23T02:24:45.000Z",
        "status_last_updated_timestamp": "COMPLETED#2023-05-23T02:24:45.000Z",
        "history": [
            { "status": "STARTED", "timestamp": "2023-05-23T02:24:43.000Z" },
            { "status": "StageA Process Processing", "timestamp": "2023-05-23T02:24:44.000Z", "component": "Process" },
            { "status": "COMPLETED", "timestamp": "2023-05-23T02:24:45.000Z" },
        ],
        "duration_in_seconds": 2, "ttl": THEN / 1_000 + 120 * 86_400, "execution_id": execution.id.as_str(), "pipeline_version": 3,
        "attempt": 1, "rows_in": 9, "rows_out": 7,
    });
    for (name, value) in expected.as_object().unwrap() {
        assert_eq!(&row[name], value, "{name}");
    }
    for (index, hash, range) in [
        ("pipeline-last-updated-index", "pipeline", "last_updated_timestamp"),
        ("execution_date-status-index", "execution_date", "status"),
        ("pipeline-execution_date-index", "pipeline", "execution_date"),
        ("execution_date-last_updated-index", "execution_date", "last_updated_timestamp"),
        ("status-last_updated-index", "status", "last_updated_timestamp"),
        ("pipeline-status_last_updated-index", "pipeline", "status_last_updated_timestamp"),
        ("dataset-status_last_updated_timestamp-index", "dataset", "status_last_updated_timestamp"),
    ] {
        let table = place.kept.history.as_ref().unwrap();
        let found = boto3(&format!("query({table:?}, {index:?}, ({hash:?}, {}), ({range:?}, {}))", row[hash], row[range]));
        assert_eq!(found, json!([row]), "{index}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_follows_a_long_execution_and_tells_each_status_once() {
    let place = Place::new(|_| ()).await;
    let ledger = place.open().await;
    let execution = started(&ledger, arrival("clean", "a", "v1", None, 1)).await;
    let peh_id = place.object_when("a", |row| row["peh_id"].is_string())["peh_id"].as_str().unwrap().to_owned();
    let row = place.history_when(&peh_id, |row| row["status"] == "STARTED");
    assert_eq!((&row["active"], &row["success"], statuses(&row)), (&json!(true), &Value::Null, vec!["STARTED"]));
    through(&ledger, &execution, vec![running()]).await;
    place.history_when(&peh_id, |row| row["status"] == "StageClean Process Processing");
    through(&ledger, &execution, vec![Phase::Ready { not_before: Timestamp(THEN) }, running(), failed()]).await;
    ledger.close().await;
    let row = place.history(&peh_id);
    let expected =
        ["STARTED", "StageClean Process Processing", "StageClean Preupdate Processing", "StageClean Process Processing", "FAILED"];
    assert_eq!(statuses(&row), expected);
    assert_eq!(
        (&row["version"], &row["status"], &row["success"], &row["active"]),
        (&json!(5), &json!("FAILED"), &json!(false), &json!(false))
    );
    assert!(row["issue_comment"].as_str().unwrap().contains("it took too long"), "{row:#}");
    assert_eq!(place.object("a")["state"], "failed");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_overwrite_changes_the_row_and_a_late_older_event_does_not() {
    let place = Place::new(|_| ()).await;
    let ledger = place.open().await;
    started(&ledger, arrival("clean", "a", "v2", Some("00B0"), 200)).await;
    place.object_when("a", |row| row["size"] == 200);
    started(&ledger, arrival("clean", "a", "v1", Some("00A"), 100)).await;
    started(&ledger, arrival("clean", "b", "v1", None, 1)).await;
    place.object_when("b", |row| row["size"] == 1);
    let row = place.object("a");
    assert_eq!((&row["size"], &row["object_version"], &row["sequencer"]), (&json!(200), &json!("v2"), &json!("00B0")));
    started(&ledger, arrival("clean", "a", "v3", Some("00C"), 300)).await;
    started(&ledger, arrival("clean", "b", "v2", None, 2)).await;
    place.object_when("a", |row| row["size"] == 300 && row["object_version"] == "v3");
    place.object_when("b", |row| row["size"] == 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_removed_object_has_no_row_and_one_that_came_later_has() {
    let place = Place::new(|_| ()).await;
    let ledger = place.open().await;
    for key in ["gone", "newer", "again"] {
        started(&ledger, arrival("clean", key, "v1", Some("00B"), 1)).await;
    }
    place.object_when("again", Value::is_object);
    ledger.record_removed(vec![removal("gone", Some("00C")), removal("newer", Some("00A")), removal("again", Some("00C"))]).await.unwrap();
    ledger.record_removed(vec![removal("late", Some("00B"))]).await.unwrap();
    place.object_when("gone", Value::is_null);
    place.object_when("again", Value::is_null);
    assert!(place.object("newer").is_object(), "the removal was older");
    // The same content is the same version, and an event that is late is of what is gone.
    ledger.admit(vec![arrival("clean", "again", "v1", Some("00D"), 1), arrival("clean", "late", "v1", Some("00A"), 1)]).await.unwrap();
    place.object_when("again", |row| row["sequencer"] == "00D");
    ledger.close().await;
    assert!(place.object("late").is_null() && place.object("gone").is_null());
}

#[tokio::test(flavor = "multi_thread")]
async fn members_of_a_batch_lead_to_its_execution() {
    let place = Place::new(|_| ()).await;
    let ledger = place.open().await;
    ledger.admit(vec![member("a"), member("b"), member("c")]).await.unwrap();
    assert!(place.object_when("a", Value::is_object)["peh_id"].is_null(), "it collects");
    let trigger = BatchTrigger { schedule: Schedule::Never, max_objects: 2, ..BatchTrigger::default() };
    let trace = TraceContext { trace_id: [1; 16], span_id: [7; 8] };
    let stage = member("a").stage;
    let request = SealRequest { stage, trigger, pipeline_version: 4, reason: SealReason::Requested, at: Timestamp(THEN), trace };
    let sealed = ledger.seal(request).await.unwrap().unwrap();
    through(&ledger, &sealed.execution, vec![running(), Phase::Promoting { output: TaskOutput::default() }, succeeded()]).await;
    ledger.close().await;
    let row = place.object("b");
    assert_eq!((&row["pipeline_version"], &row["execution_id"]), (&json!(4), &json!(sealed.execution.id.as_str())));
    assert_eq!(place.object("a")["peh_id"], row["peh_id"]);
    assert!(place.object("c")["peh_id"].is_null());
    let history = place.history(row["peh_id"].as_str().unwrap());
    let expected = ["STARTED", "StageB Process Processing", "StageB Postupdate Processing", "COMPLETED"];
    assert_eq!(
        (statuses(&history), &history["objects"], &history["pipeline"]),
        (expected.into(), &json!(2), &json!("engineering-main-stage-b"))
    );
}
