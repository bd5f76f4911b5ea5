//! Rows become right whatever ends, and whatever is away.

use super::*;

/// What a coordinator that is gone had not written yet is written by the next one.
#[tokio::test(flavor = "multi_thread")]
async fn rows_become_right_after_a_coordinator_was_killed() {
    let place = Place::new(|kept| kept.ttl = None).await;
    let ledger = place.open().await;
    let first = started(&ledger, arrival("clean", "a", "v1", Some("00A"), 1)).await;
    place.object_when("a", Value::is_object);
    through(&ledger, &first, vec![running(), succeeded()]).await;
    started(&ledger, arrival("clean", "b", "v1", Some("00A"), 1)).await;
    ledger.admit(vec![member("m")]).await.unwrap();
    ledger.record_removed(vec![removal("a", Some("00B"))]).await.unwrap();
    drop(ledger);
    let before = (place.object("a").is_null(), place.object("b").is_null(), place.object("m").is_null());
    assert_eq!(before, (false, true, true), "nothing was written within the lag");
    let ledger = place.open().await;
    let row = place.object_when("b", Value::is_object);
    place.object_when("a", Value::is_null);
    place.object_when("m", Value::is_object);
    let id = boto3(&format!(
        "query({:?}, 'status-last_updated-index', ('status', 'COMPLETED'), ('last_updated_timestamp', '2023-05-23T02:24:45.000Z'))",
        place.kept.history.as_ref().unwrap()
    ));
    assert_eq!((id[0]["execution_id"].as_str(), statuses(&id[0])), (Some(first.id.as_str()), vec!["STARTED", "COMPLETED"]));
    assert_eq!(place.history(row["peh_id"].as_str().unwrap())["status"], "STARTED");
    drop(ledger);
}

/// The ledger goes on while the tables can't be written, and they follow.
#[tokio::test(flavor = "multi_thread")]
async fn an_outage_of_the_tables_stops_nobody_and_loses_nothing() {
    let place = Place::new(|_| ()).await;
    let (is_out, refused) = (Arc::new(AtomicBool::new(true)), Arc::new(AtomicU32::new(0)));
    let (out, count) = (Arc::clone(&is_out), Arc::clone(&refused));
    let endpoint = faults::in_front_of(moto(), move |operation, asked| {
        let is_row = operation == "UpdateItem" && asked["TableName"].as_str().is_some_and(|name| name.starts_with("octagon-"));
        if !is_row {
            return Fault::None;
        }
        match count.fetch_add(1, Ordering::SeqCst) {
            _ if out.load(Ordering::SeqCst) => Fault::Throttled("ProvisionedThroughputExceededException"),
            n if n % 5 == 0 => Fault::AnswerLost,
            _ => Fault::None,
        }
    });
    let ledger = place.open_at(endpoint).await;
    let mut executions = Vec::new();
    for n in 0..20 {
        executions.push(started(&ledger, arrival("clean", &n.to_string(), "v1", Some("00A"), n)).await);
    }
    for execution in &executions {
        through(&ledger, execution, vec![running(), succeeded()]).await;
    }
    started(&ledger, arrival("clean", "0", "v2", Some("00B"), 1_000)).await;
    within(PATIENCE, || (refused.load(Ordering::SeqCst) > 0).then_some(())).expect("it tries");
    assert!(place.object("1").is_null());
    is_out.store(false, Ordering::SeqCst);
    place.object_when("0", |row| row["size"] == 1_000);
    for (n, execution) in executions.iter().enumerate().skip(1) {
        let row = place.object_when(&n.to_string(), |row| row["state"] == "succeeded");
        assert_eq!(row["execution_id"], execution.id.as_str());
        let history = place.history_when(row["peh_id"].as_str().unwrap(), |row| row["status"] == "COMPLETED");
        assert_eq!(statuses(&history), ["STARTED", "StageClean Process Processing", "COMPLETED"], "each once");
    }
}

/// Wherever the tables stop while the ledger goes on, and however far its marks are, the next one finds all.
#[tokio::test(flavor = "multi_thread")]
async fn wherever_it_ends_the_next_one_makes_every_row_right() {
    for cut in [0, 90, 170] {
        let place = Place::new(|kept| kept.ttl = None).await;
        let (written, marks) = (AtomicU32::new(0), Arc::new(AtomicU32::new(0)));
        let marked = Arc::clone(&marks);
        let endpoint = faults::in_front_of(moto(), move |operation, asked| {
            let is_row = operation == "UpdateItem" && asked["TableName"].as_str().is_some_and(|name| name.starts_with("octagon-"));
            marked.fetch_add(u32::from(asked["ExpressionAttributeNames"]["#a0"] == "projected"), Ordering::SeqCst);
            let is_over = is_row && written.fetch_add(1, Ordering::SeqCst) >= cut;
            if is_over { Fault::Throttled("ProvisionedThroughputExceededException") } else { Fault::None }
        });
        let ledger = place.open_at(endpoint).await;
        for n in 0..100_u64 {
            let execution = started(&ledger, arrival("clean", &n.to_string(), "v1", Some("00A"), n)).await;
            if n % 10 != 9 {
                through(&ledger, &execution, vec![succeeded()]).await;
            }
            if n % 40 == 0 {
                tokio::time::sleep(Duration::from_millis(1_500)).await;
            }
        }
        drop(ledger);
        let ledger = place.open().await;
        let rows = || {
            boto3(&format!(
                "[sorted((row.get('size', -1), row.get('state', '-')) for row in db.Table({:?}).scan()['Items']), \
                  sorted((row.get('execution_id', '-'), row.get('status', '-')) for row in db.Table({:?}).scan()['Items'])]",
                place.kept.objects.as_ref().unwrap(),
                place.kept.history.as_ref().unwrap()
            ))
        };
        let objects: Vec<Value> = (0..100).map(|n| json!([n, if n % 10 == 9 { "-" } else { "succeeded" }])).collect();
        let history = |rows: &Value| {
            let history = rows[1].as_array().unwrap();
            (history.len(), history.iter().filter(|row| row[1] == "COMPLETED").count())
        };
        // An end has a time limit, which on a busy machine is too short for so many rows.
        let _ = within(PATIENCE, || {
            let rows = rows();
            (rows[0] == json!(objects) && history(&rows) == (100, 90)).then_some(())
        });
        ledger.close().await;
        let rows = rows();
        assert_eq!(rows[0], json!(objects), "after {cut} writes");
        assert_eq!(history(&rows), (100, 90), "after {cut} writes");
        assert!(cut > 0 || marks.load(Ordering::SeqCst) == 0, "no mark passes what is not written");
    }
}
