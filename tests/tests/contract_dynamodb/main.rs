//! The ledger in DynamoDB keeps its port's contract, and its own promises (`faults`, `sizes`).

mod faults;
mod sizes;

use std::{
    collections::HashSet,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
};

use async_trait::async_trait;
use lakegate_aws::{Account, AccountOptions, DynamoLedger};
use lakegate_coordinator::ports::{
    Ledger as _,
    ledger::{Admission, Arrival, Execution, Filter, Move, MoveOutcome, Page, Purpose, SealRequest},
};
use lakegate_model::{
    DatasetId, Failure, FailureCode, ObjectId, ObjectVersion, StageKey, Timestamp, TraceContext, WorkerId,
    machine::{
        batch::SealReason,
        execution::{ExecutionState, Phase, Rejected, TaskOutput},
        object::ObjectState,
    },
    pipeline::{BatchTrigger, Schedule},
    table::DataType,
};
use lakegate_tests::{
    contract::ledger::LedgerPlace,
    kit::{
        faults::{Fault, in_front_of},
        moto::{REGION, moto, unique},
    },
};
use serde_json::{Value, json};

/// A table of its own for one test.
struct Place(String);

impl Default for Place {
    fn default() -> Place {
        Place(unique("lake"))
    }
}

async fn account(endpoint: String) -> Account {
    let keys = Some(("test".into(), "test".into()));
    Account::load(AccountOptions { region: Some(REGION.into()), endpoint: Some(endpoint), keys }).await
}

#[async_trait]
impl LedgerPlace for Place {
    type Ledger = DynamoLedger;

    async fn open(&self) -> DynamoLedger {
        let account = account(moto().endpoint()).await;
        DynamoLedger::create(&account, &self.0).await.unwrap();
        DynamoLedger::open(&account, &self.0).await.unwrap()
    }
}

impl Place {
    /// Opens the ledger, which is there, through a server that misbehaves.
    async fn open_behind(&self, script: impl Fn(&str, &Value) -> Fault + Send + Sync + 'static) -> DynamoLedger {
        DynamoLedger::open(&account(in_front_of(moto(), script)).await, &self.0).await.unwrap()
    }

    /// Opens the ledger so that it gets no further than its first `writes` writes, once `begun` says that they count.
    async fn open_to_die(&self, begun: Arc<AtomicU32>, writes: u32) -> DynamoLedger {
        self.open_behind(move |operation, _| {
            let is_write = matches!(operation, "PutItem" | "UpdateItem" | "DeleteItem");
            let counts = begun.load(Ordering::SeqCst) > 0;
            if is_write && counts && begun.fetch_add(1, Ordering::SeqCst) > writes { Fault::Refused } else { Fault::None }
        })
        .await
    }
}

mod contract {
    lakegate_tests::ledger_contract!(super::Place);
}

fn stage(name: &str) -> StageKey {
    StageKey::new(DatasetId::new("nyc", "flights"), name)
}

fn arrival(stage_name: &str, key: &str, purpose: Purpose) -> Arrival {
    let object = ObjectVersion { bucket: "raw".into(), key: format!("nyc/flights/{key}"), version: "v1".into(), sequencer: None, size: 10 };
    let trace = TraceContext { trace_id: [1; 16], span_id: [7; 8] };
    Arrival { object, relative: key.into(), stage: stage(stage_name), purpose, made_by: None, at: Timestamp(5), trace }
}

fn arriving(key: &str) -> Arrival {
    arrival("clean", key, Purpose::Execute { pipeline_version: 1 })
}

fn member(key: &str) -> Arrival {
    arrival("monthly", key, Purpose::Collect)
}

fn request(max_objects: u64) -> SealRequest {
    let trigger = BatchTrigger { schedule: Schedule::Never, max_objects, ..BatchTrigger::default() };
    let trace = TraceContext { trace_id: [1; 16], span_id: [7; 8] };
    SealRequest { stage: stage("monthly"), trigger, pipeline_version: 1, reason: SealReason::Requested, at: Timestamp(9), trace }
}

fn step(execution: &Execution, phase: Phase) -> Move {
    let to = ExecutionState { phase, ..execution.state.clone() };
    Move {
        execution: execution.id.clone(),
        from: execution.revision,
        to,
        at: Timestamp(7),
        outputs: Vec::new(),
        schema: None,
        outgoing: Vec::new(),
    }
}

fn running() -> Phase {
    Phase::Running { worker: WorkerId::from_text("w-1") }
}

fn succeeded(rows_out: u64) -> Phase {
    Phase::Succeeded { output: TaskOutput { rows_out, ..TaskOutput::default() } }
}

fn executions(admissions: Vec<Admission>) -> Vec<Execution> {
    admissions
        .into_iter()
        .map(|admission| match admission {
            Admission::Started(execution) => *execution,
            other => panic!("not started: {other:?}"),
        })
        .collect()
}

fn everything() -> Page {
    Page { size: 1_000, token: String::new() }
}

/// The phases of all executions of a stage that are listed.
async fn phases(ledger: &DynamoLedger, stage_name: &str) -> Vec<&'static str> {
    let (mut phases, mut page) = (Vec::new(), everything());
    let filter = Filter { dataset: Some(stage(stage_name).dataset), stage: Some(stage_name.into()), ..Filter::default() };
    loop {
        let read = ledger.runs(&filter, &page).await.unwrap();
        phases.extend(read.items.iter().map(|run| run.state.phase.as_str()));
        if read.next.is_empty() {
            return phases;
        }
        page.token = read.next;
    }
}

#[tokio::test]
async fn a_ledger_without_its_table_says_so() {
    let failure = DynamoLedger::open(&account(moto().endpoint()).await, &unique("none")).await.err().unwrap();
    assert_eq!(failure.code, FailureCode::Ledger);
    assert!(failure.message.contains("-ledger does not exist") && failure.hint.contains("lakegate bootstrap"), "{failure}");
}

#[tokio::test]
async fn the_table_can_be_recovered_and_is_paid_by_request() {
    let place = Place::default();
    drop((place.open().await, place.open().await));
    let name = json!({ "TableName": format!("{}-ledger", place.0) });
    let table = &moto().call("DynamoDB_20120810.DescribeTable", &name)["Table"];
    assert_eq!(table["BillingModeSummary"]["BillingMode"], "PAY_PER_REQUEST");
    let backups = moto().call("DynamoDB_20120810.DescribeContinuousBackups", &name);
    let recovery = &backups["ContinuousBackupsDescription"]["PointInTimeRecoveryDescription"]["PointInTimeRecoveryStatus"];
    assert_eq!(recovery, "ENABLED");
}
