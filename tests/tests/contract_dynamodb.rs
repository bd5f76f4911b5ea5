//! The ledger in DynamoDB keeps its port's contract, and its own promises when DynamoDB throttles,
//! answers are lost, and processes end in the middle.

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
        faults::{self, Fault},
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
        DynamoLedger::open(&account(faults::in_front_of(moto(), script)).await, &self.0).await.unwrap()
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

#[tokio::test]
async fn what_is_throttled_or_unprocessed_is_asked_for_again() {
    let place = Place::default();
    let ledger = place.open().await;
    let admitted = executions(ledger.admit((0..20).map(|n| arriving(&n.to_string())).collect()).await.unwrap());
    drop(ledger);
    let left: Vec<(&str, AtomicU32)> =
        ["PutItem", "UpdateItem", "Query", "GetItem", "BatchGetItem"].map(|operation| (operation, AtomicU32::new(3))).into();
    let ledger = place
        .open_behind(move |operation, _| {
            let again = left
                .iter()
                .find(|(name, _)| *name == operation)
                .is_some_and(|(_, left)| left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_ok());
            match operation {
                _ if !again => Fault::None,
                "BatchGetItem" => Fault::Unprocessed,
                "PutItem" => Fault::Throttled("ThrottlingException"),
                _ => Fault::Throttled("ProvisionedThroughputExceededException"),
            }
        })
        .await;
    let moves = admitted.iter().map(|execution| step(execution, running())).collect();
    assert!(ledger.advance(moves).await.unwrap().iter().all(|outcome| *outcome == MoveOutcome::Moved(Vec::new())));
    ledger.admit((0..9).map(|n| member(&format!("m{n}"))).collect()).await.unwrap();
    let sealed = ledger.seal(request(9)).await.unwrap().unwrap();
    assert_eq!(ledger.members(&sealed.batch.id).await.unwrap().len(), 9);
    assert_eq!(phases(&ledger, "clean").await, ["running"; 20]);
}

/// The SDK tries again, and what was done already must not look like somebody else's.
#[tokio::test]
async fn a_write_whose_answer_was_lost_was_ours() {
    let place = Place::default();
    drop(place.open().await);
    let (lost, was_lost) = (std::sync::Mutex::new(HashSet::new()), Arc::new(AtomicU32::new(0)));
    let count = Arc::clone(&was_lost);
    let ledger = place
        .open_behind(move |operation, asked| {
            let is_write = matches!(operation, "PutItem" | "UpdateItem");
            let is_first = is_write && lost.lock().unwrap().insert(asked.to_string());
            let is_lost = is_first && count.fetch_add(1, Ordering::SeqCst) % 3 == 0;
            if is_lost { Fault::AnswerLost } else { Fault::None }
        })
        .await;
    let admitted = executions(ledger.admit((0..20).map(|n| arriving(&n.to_string())).collect()).await.unwrap());
    for phase in [running(), succeeded(2)] {
        let mut moves = Vec::new();
        for execution in &admitted {
            moves.push(step(&ledger.execution(&execution.id).await.unwrap().unwrap(), phase.clone()));
        }
        let outcomes = ledger.advance(moves).await.unwrap();
        assert!(outcomes.iter().all(|outcome| *outcome == MoveOutcome::Moved(Vec::new())), "{outcomes:?}");
    }
    let collected = ledger.admit((0..20).map(|n| member(&format!("m{n}"))).collect()).await.unwrap();
    assert_eq!(collected, vec![Admission::Collected; 20]);
    assert_eq!(ledger.seal(request(100)).await.unwrap().unwrap().batch.objects, 20);
    assert!(was_lost.load(Ordering::SeqCst) > 60);
    let counts = ledger.counts().await.unwrap();
    drop(ledger);
    assert_eq!(place.open().await.counts().await.unwrap(), counts);
}

/// Wherever a process ends while it seals, its members are in one batch or still collect.
#[tokio::test]
async fn a_seal_that_ends_in_the_middle_is_finished_or_never_was() {
    let (mut never, mut finished) = (0, 0);
    for writes in 0..6 {
        let place = Place::default();
        let ledger = place.open().await;
        ledger.admit((0..30).map(|n| member(&n.to_string())).collect()).await.unwrap();
        drop(ledger);
        let begun = Arc::new(AtomicU32::new(0));
        let ledger = place.open_to_die(Arc::clone(&begun), writes).await;
        begun.store(1, Ordering::SeqCst);
        let answered = ledger.seal(request(20)).await;
        drop(ledger);

        let ledger = place.open().await;
        let batches = ledger.batches(&Filter::default(), &everything()).await.unwrap().items;
        assert!(answered.is_err() || batches.len() == 1, "what is answered is there");
        never += usize::from(batches.is_empty());
        finished += usize::from(answered.is_err() && !batches.is_empty());
        while ledger.seal(request(20)).await.unwrap().is_some() {}
        let batches = ledger.batches(&Filter::default(), &everything()).await.unwrap().items;
        assert_eq!(batches.iter().map(|batch| batch.objects).collect::<Vec<_>>(), [10, 20]);
        let mut seen = HashSet::new();
        for batch in &batches {
            assert_eq!(ledger.batches_by_prefix(batch.id.as_str()).await.unwrap(), std::slice::from_ref(batch));
            for member in ledger.members(&batch.id).await.unwrap() {
                let id = member.object.id();
                assert_eq!(ledger.objects_by_name(id.as_str()).await.unwrap()[0].batch.as_ref(), Some(&batch.id));
                assert!(seen.insert(id));
            }
        }
        assert_eq!((seen.len(), ledger.unfinished(&stage("monthly"), 0, 9).await.unwrap().len()), (30, 2));
    }
    assert!(never > 0 && finished > 0, "it ended before the commit {never} times, after it {finished} times");
}

/// Wherever a process ends while a move is written, all of it is there or nothing of it.
#[tokio::test]
async fn a_move_that_ends_in_the_middle_is_finished_or_never_was() {
    let (mut never, mut finished) = (0, 0);
    for writes in 0..8 {
        let place = Place::default();
        let ledger = place.open().await;
        let execution = executions(ledger.admit(vec![arriving("a")]).await.unwrap()).remove(0);
        drop(ledger);
        let mut to = step(&execution, succeeded(3));
        to.outputs = vec![arrival("next", "o1", Purpose::Execute { pipeline_version: 1 }), arrival("monthly", "o2", Purpose::Collect)];
        to.outputs.iter_mut().for_each(|output| output.made_by = Some(execution.id.clone()));
        to.schema = Some([("a", DataType::Date)].into_iter().collect());
        let begun = Arc::new(AtomicU32::new(0));
        let ledger = place.open_to_die(Arc::clone(&begun), writes).await;
        begun.store(1, Ordering::SeqCst);
        let answered = ledger.advance(vec![to.clone()]).await;
        drop(ledger);

        let ledger = place.open().await;
        let is_over = ledger.execution(&execution.id).await.unwrap().unwrap().revision == 1;
        assert!(answered.is_err() || is_over, "what is answered is there");
        never += usize::from(!is_over);
        finished += usize::from(is_over && answered.is_err());
        assert_eq!(ledger.made_by(&execution.id).await.unwrap().len(), if is_over { 2 } else { 0 });
        assert_eq!(phases(&ledger, "next").await.len(), usize::from(is_over));
        assert_eq!(ledger.schema(&stage("clean")).await.unwrap().is_some(), is_over);
        let again = ledger.advance(vec![to]).await.unwrap().remove(0);
        assert_eq!(again == MoveOutcome::Stale, is_over);
        let busy = ledger.busy_stages().await.unwrap();
        assert_eq!(busy, [stage("monthly"), stage("next")]);
    }
    assert!(never > 0 && finished > 0, "it ended before the commit {never} times, after it {finished} times");
}

/// A failed write does not stop the ledger: it reads what is there and goes on.
#[tokio::test]
async fn a_ledger_goes_on_after_a_failed_write() {
    let place = Place::default();
    drop(place.open().await);
    let refused = AtomicU32::new(0);
    let ledger = place
        .open_behind(move |operation, asked| {
            let is_output = operation == "PutItem" && asked["Item"]["sk"]["S"].as_str().is_some_and(|sk| sk.starts_with("ob-"));
            if is_output && refused.fetch_add(1, Ordering::SeqCst) == 1 { Fault::Refused } else { Fault::None }
        })
        .await;
    assert!(ledger.admit(vec![arriving("a"), arriving("b")]).await.is_err());
    let again = ledger.admit(vec![arriving("a"), arriving("b")]).await.unwrap();
    assert_eq!(again.iter().filter(|admission| **admission == Admission::Known).count(), 1);
    assert_eq!(ledger.unfinished(&stage("clean"), 0, 9).await.unwrap().len(), 2, "both are to be done");
    assert_eq!(phases(&ledger, "clean").await, ["ready"; 2]);
}

/// What has failed after its commit is known before the next request of the same round is served.
#[tokio::test]
async fn a_seal_after_one_that_failed_takes_other_members() {
    let place = Place::default();
    drop(place.open().await);
    let sealed = AtomicU32::new(0);
    let ledger = place
        .open_behind(move |operation, asked| {
            let is_second_half = operation == "PutItem" && asked["Item"]["pk"]["S"].as_str().is_some_and(|pk| pk.starts_with("sealed#"));
            if is_second_half && sealed.fetch_add(1, Ordering::SeqCst) % 2 == 1 { Fault::Refused } else { Fault::None }
        })
        .await;
    ledger.admit((0..30).map(|n| member(&n.to_string())).collect()).await.unwrap();
    let seal = || ledger.seal(request(5));
    let answers: [_; 4] = tokio::join!(seal(), seal(), seal(), seal()).into();
    assert!(answers.iter().any(Result::is_err) && answers.iter().any(Result::is_ok));
    drop(ledger);
    let ledger = place.open().await;
    while ledger.seal(request(5)).await.unwrap().is_some() {}
    let batches = ledger.batches(&Filter::default(), &everything()).await.unwrap().items;
    let mut seen = HashSet::new();
    for batch in &batches {
        seen.extend(ledger.members(&batch.id).await.unwrap().into_iter().map(|member| member.object.id()));
    }
    assert_eq!((batches.len(), seen.len()), (6, 30), "each member in one batch");
    assert_eq!(ledger.counts().await.unwrap()[0].ready, 6);
}

/// Half of a failed admission may be written: it is found, and its neighbours' moves are not hurt.
#[tokio::test]
async fn what_a_failed_admission_has_left_is_found() {
    let place = Place::default();
    drop(place.open().await);
    let fails = Arc::new(AtomicU32::new(0));
    let script = Arc::clone(&fails);
    let ledger = place
        .open_behind(move |operation, asked| {
            let is = |name: &str, start: &str| asked["Item"][name]["S"].as_str().is_some_and(|text| text.starts_with(start));
            let is_b = operation == "PutItem" && is("sk", "ob-") && is("landed", "nyc/flights/b");
            if is_b && script.load(Ordering::SeqCst) == 1 { Fault::Refused } else { Fault::None }
        })
        .await;
    let admitted = executions(ledger.admit((0..600).map(|n| arriving(&n.to_string())).collect()).await.unwrap());
    fails.store(1, Ordering::SeqCst);
    let (moved, failed) = tokio::join!(
        ledger.advance(admitted.iter().map(|execution| step(execution, succeeded(1))).collect()),
        ledger.admit(vec![arriving("a"), arriving("b")])
    );
    assert!(failed.is_err());
    assert_eq!(moved.unwrap(), vec![MoveOutcome::Moved(Vec::new()); 600]);
    drop(ledger);
    let ledger = place.open().await;
    let known = ledger.admit(vec![arriving("a"), arriving("b")]).await.unwrap();
    assert_eq!(known.iter().filter(|admission| **admission == Admission::Known).count(), 1, "{known:?}");
    let keys = ["a", "b"].map(|key| arriving(key).object.id());
    for execution in ledger.unfinished(&stage("clean"), 0, 1_000).await.unwrap() {
        assert!(matches!(execution.state.phase, Phase::Ready { .. }));
    }
    let mut ready = 0;
    for id in &keys {
        let runs = ledger.runs_of(id).await.unwrap();
        ready += usize::from(runs.iter().any(|run| matches!(run.state.phase, Phase::Ready { .. })));
    }
    assert_eq!(ready, 2, "both are to be done");
}

/// What an object costs, in requests that write; each of them is less than a kilobyte.
#[tokio::test]
async fn a_small_object_costs_three_writes_and_a_member_one() {
    let place = Place::default();
    drop(place.open().await);
    let writes = Arc::new(AtomicU32::new(0));
    let counted = Arc::clone(&writes);
    let ledger = place
        .open_behind(move |operation, asked| {
            if matches!(operation, "PutItem" | "UpdateItem" | "DeleteItem" | "TransactWriteItems" | "BatchWriteItem") {
                let values = asked.get("Item").or_else(|| asked.get("ExpressionAttributeValues")).map_or(0, |item| item.to_string().len());
                let is_log = asked["Item"]["entries"] != Value::Null || asked["Item"]["bytes"] != Value::Null;
                assert!(values < 1_000 || is_log, "{asked}");
                counted.fetch_add(1, Ordering::SeqCst);
            }
            Fault::None
        })
        .await;
    let cost = || writes.swap(0, Ordering::SeqCst);
    let admitted = executions(ledger.admit((0..100).map(|n| arriving(&n.to_string())).collect()).await.unwrap());
    assert_eq!(cost(), 103, "its item; a stage, numbers and a record of the log for all");
    ledger.advance(admitted.iter().map(|execution| step(execution, running())).collect()).await.unwrap();
    assert_eq!(cost(), 100);
    let mut ends: Vec<Move> = admitted.iter().map(|execution| step(execution, succeeded(1))).collect();
    ends.iter_mut().for_each(|end| end.from = 1);
    ledger.advance(ends).await.unwrap();
    assert_eq!(cost(), 100);
    ledger.admit((0..100).map(|n| member(&format!("m{n}"))).collect()).await.unwrap();
    assert_eq!(cost(), 102);
    let sealed = ledger.seal(request(1_000)).await.unwrap().unwrap();
    assert_eq!(cost(), 4, "the members, the log, and twice the batch");
    ledger.advance(vec![step(&sealed.execution, succeeded(1))]).await.unwrap();
    assert_eq!(cost(), 1, "all members end with their batch");
}

/// The floor has risen, and nothing that is counted or listed has changed.
#[tokio::test]
async fn counts_and_lists_are_the_same_after_the_floor_has_risen() {
    let place = Place::default();
    let ledger = place.open().await;
    for round in 0..3 {
        let admitted = executions(ledger.admit((0..300).map(|n| arriving(&format!("{round}-{n}"))).collect()).await.unwrap());
        ledger.advance(admitted.iter().map(|execution| step(execution, succeeded(2))).collect()).await.unwrap();
    }
    let left = executions(ledger.admit(vec![arriving("left")]).await.unwrap()).remove(0);
    let counts = ledger.counts().await.unwrap();
    assert_eq!((counts[0].succeeded, counts[0].ready, counts[0].rows_out), (900, 1, 1_800));
    drop(ledger);
    let key = json!({ "pk": { "S": "stages" }, "sk": { "S": "nyc/flights/clean" } });
    let item = moto().call("DynamoDB_20120810.GetItem", &json!({ "TableName": format!("{}-ledger", place.0), "Key": key }));
    assert_ne!(item["Item"]["floor"]["N"], Value::Null, "{item}");
    let ledger = place.open().await;
    assert_eq!(ledger.counts().await.unwrap(), counts);
    assert_eq!(phases(&ledger, "clean").await.len(), 901);
    assert_eq!(ledger.unfinished(&stage("clean"), 0, 9).await.unwrap(), [left]);
    assert_eq!(ledger.admit(vec![arriving("0-7")]).await.unwrap(), [Admission::Known], "also what is below the floor");
}

/// More members, rejected members and state than an item holds.
/// What waits is newer than what is over, and would be read first.
#[tokio::test]
async fn nothing_is_read_of_what_waits_to_list_what_is_over() {
    let place = Place::default();
    place.open().await;
    let asked = Arc::new(AtomicU32::new(0));
    let counted = Arc::clone(&asked);
    let ledger = place
        .open_behind(move |operation, body| {
            if operation == "BatchGetItem" {
                let keys =
                    body["RequestItems"].as_object().into_iter().flatten().map(|(_, table)| table["Keys"].as_array().map_or(0, Vec::len));
                counted.fetch_add(u32::try_from(keys.sum::<usize>()).unwrap(), Ordering::SeqCst);
            }
            Fault::None
        })
        .await;
    let over = executions(ledger.admit((0..4).map(|n| arriving(&format!("over-{n}"))).collect()).await.unwrap());
    ledger.advance(over.iter().map(|run| step(run, succeeded(1))).collect()).await.unwrap();
    ledger.admit((0..400).map(|n| arriving(&format!("waits-{n}"))).collect()).await.unwrap();
    let filter = Filter { state: Some("succeeded".into()), ..Filter::default() };
    for (size, token_of) in [(10, 4), (2, 2)] {
        asked.store(0, Ordering::SeqCst);
        let page = ledger.runs(&filter, &Page { size, token: String::new() }).await.unwrap();
        assert_eq!(page.items.len(), token_of);
        let read = asked.load(Ordering::SeqCst);
        assert!(read <= 8, "{read} items were read for {token_of}");
    }
}

#[tokio::test]
async fn a_batch_of_thousands_is_sealed_and_ends() {
    let place = Place::default();
    let ledger = place.open().await;
    let keys: Vec<String> = (0..3_000).map(|n| n.to_string()).collect();
    for keys in keys.chunks(1_000) {
        ledger.admit(keys.iter().map(|key| member(key)).collect()).await.unwrap();
    }
    let sealed = ledger.seal(request(10_000)).await.unwrap().unwrap();
    let members = ledger.members(&sealed.batch.id).await.unwrap();
    assert!(members.iter().map(|member| &member.relative).eq(&keys), "in the order they came");
    assert_eq!(ledger.advance(vec![step(&sealed.execution, running())]).await.unwrap(), [MoveOutcome::Moved(Vec::new())]);
    let noise = |n: usize| -> String { (0..12).map(|m| ObjectId::of(&n.to_string(), &m.to_string(), "").to_string()).collect() };
    let rejected: Vec<Rejected> = members
        .iter()
        .enumerate()
        .take(1_500)
        .map(|(n, member)| Rejected { object: member.object.id(), failure: Failure::new(FailureCode::UnreadableData, noise(n)) })
        .collect();
    let mut to = step(&sealed.execution, Phase::Succeeded { output: TaskOutput { rejected, rows_out: 5, ..TaskOutput::default() } });
    to.from = 1;
    assert_eq!(ledger.advance(vec![to.clone()]).await.unwrap(), [MoveOutcome::Moved(Vec::new())]);
    let counts = ledger.counts().await.unwrap();
    assert_eq!((counts[0].succeeded, counts[0].quarantined, counts[0].collecting), (1, 1_500, 0));
    drop(ledger);
    let ledger = place.open().await;
    assert_eq!(ledger.counts().await.unwrap(), counts);
    assert_eq!(ledger.execution(&sealed.execution.id).await.unwrap().unwrap().state, to.to);
    for (member, state) in [(&members[3], ObjectState::Quarantined), (&members[2_999], ObjectState::Processed)] {
        assert_eq!(ledger.objects_by_name(member.object.id().as_str()).await.unwrap()[0].state, state);
    }
}

/// Two by mistake: the one that has not heard of the other's writes is refused, reads them, and may go on.
#[tokio::test]
async fn two_coordinators_never_seal_the_same_members() {
    let place = Place::default();
    let (a, b) = (place.open().await, place.open().await);
    a.admit((0..10).map(|n| member(&n.to_string())).collect()).await.unwrap();
    assert_eq!(b.admit(vec![member("10")]).await.unwrap_err().code, FailureCode::Ledger);
    assert_eq!(b.admit(vec![member("10"), member("3")]).await.unwrap(), [Admission::Collected, Admission::Known]);
    let failure = a.seal(request(100)).await.unwrap_err();
    assert!(failure.message.contains("another coordinator"), "{failure}");
    let sealed = a.seal(request(100)).await.unwrap().unwrap();
    assert_eq!(sealed.batch.objects, 11);
    assert!(b.seal(request(100)).await.is_err());
    assert_eq!(b.seal(request(100)).await.unwrap(), None);
    let execution = &sealed.execution;
    let outcomes = [a.advance(vec![step(execution, running())]).await.unwrap(), b.advance(vec![step(execution, running())]).await.unwrap()];
    assert_eq!(outcomes.concat(), [MoveOutcome::Moved(Vec::new()), MoveOutcome::Stale]);
}
