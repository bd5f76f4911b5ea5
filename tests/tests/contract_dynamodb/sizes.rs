//! What things cost, and that large and old ledgers are listed, counted and ended like small ones.

use super::*;

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

/// More members, rejected members and state than an item holds.
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

/// A ledger of a lakegate that knew no list of what is in quarantine: it is in the list once that is asked for, and
/// nobody looks for it again.
#[tokio::test]
async fn what_was_set_aside_before_there_was_a_list_comes_into_it_once() {
    let place = Place::default();
    let ledger = place.open().await;
    let rejected = |number: u32| Phase::Quarantined { failure: Failure::new(FailureCode::SchemaDrift, number.to_string()) };
    let mut aside = Vec::new();
    // Many records of the log, and a floor that has risen.
    for round in 0..70 {
        let admitted = executions(ledger.admit((0..9).map(|n| arriving(&format!("{round}-{n}"))).collect()).await.unwrap());
        let phase = |n: usize| if n == 4 { rejected(round) } else { succeeded(1) };
        ledger.advance(admitted.iter().enumerate().map(|(n, run)| step(run, phase(n))).collect()).await.unwrap();
        aside.insert(0, admitted[4].id.clone());
    }
    ledger.admit(vec![arriving("waits")]).await.unwrap();
    let filter = Filter { with_aside: true, ..Filter::default() };
    let listed = async |ledger: &DynamoLedger| {
        let page = ledger.runs(&filter, &everything()).await.unwrap();
        page.items.into_iter().map(|run| run.id).collect::<Vec<_>>()
    };
    assert_eq!(listed(&ledger).await, aside, "what is new is in the list anyhow");
    drop(ledger);
    let remove = |pk: String, sk: &str, what: &str| {
        let key = json!({ "pk": { "S": pk }, "sk": { "S": sk } });
        moto().call(
            "DynamoDB_20120810.UpdateItem",
            &json!({ "TableName": format!("{}-ledger", place.0), "Key": key, "UpdateExpression": format!("REMOVE {what}") }),
        );
    };
    for id in aside.iter().skip(1) {
        remove(id.as_str()[..5].to_owned(), id.as_str(), "landed, seq");
    }
    remove("stages".into(), "nyc/flights/clean", "unlisted");

    let (reads, writes) = (Arc::new(AtomicU32::new(0)), Arc::new(AtomicU32::new(0)));
    let counted = (Arc::clone(&reads), Arc::clone(&writes));
    let open = || {
        let counted = counted.clone();
        place.open_behind(move |operation, _| {
            match operation {
                "UpdateItem" => counted.1.fetch_add(1, Ordering::SeqCst),
                "BatchGetItem" | "Query" | "GetItem" => counted.0.fetch_add(1, Ordering::SeqCst),
                _ => 0,
            };
            // The process ends at the eightieth write, once.
            if operation == "UpdateItem" && counted.1.load(Ordering::SeqCst) == 60 { Fault::Refused } else { Fault::None }
        })
    };
    let ledger = open().await;
    assert!(ledger.runs(&filter, &everything()).await.is_err(), "a list that is not whole is none");
    drop(ledger);
    let ledger = open().await;
    assert_eq!(listed(&ledger).await, aside);
    writes.store(100, Ordering::SeqCst);
    reads.store(0, Ordering::SeqCst);
    for ledger in [ledger, open().await] {
        reads.store(0, Ordering::SeqCst);
        assert_eq!(listed(&ledger).await, aside);
        assert!(reads.load(Ordering::SeqCst) <= 4, "{reads:?} requests for what is on the page, and no more");
    }
    assert_eq!(writes.load(Ordering::SeqCst), 100);
}
