//! Tables that are new, off, or not as they should be.

use super::*;

/// What was in the ledger before the tables were is told too.
#[tokio::test(flavor = "multi_thread")]
async fn tables_that_are_new_are_filled_from_the_ledger() {
    let place = Place::new(|kept| kept.ttl = None).await;
    let ledger = DynamoLedger::open(&account(moto().endpoint()).await, &place.prefix).await.unwrap();
    for n in 0..30 {
        let execution = started(&ledger, arrival("clean", &n.to_string(), "v1", None, n)).await;
        through(&ledger, &execution, vec![running(), succeeded()]).await;
    }
    drop(ledger);
    let ledger = place.open().await;
    ledger.close().await;
    let scanned = boto3(&format!(
        "[len(db.Table(name).scan()['Items']) for name in ({:?}, {:?})]",
        place.kept.objects.as_ref().unwrap(),
        place.kept.history.as_ref().unwrap()
    ));
    assert_eq!(scanned, json!([30, 30]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_that_is_off_is_not_asked_for() {
    let place = Place::new(|kept| kept.history = None).await;
    let ledger = place.open().await;
    let execution = started(&ledger, arrival("clean", "a", "v1", None, 1)).await;
    through(&ledger, &execution, vec![succeeded()]).await;
    ledger.close().await;
    assert_eq!(place.object("a")["state"], "succeeded");
    let tables = moto().call("DynamoDB_20120810.ListTables", &json!({}));
    let names: Vec<&str> = tables["TableNames"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
    assert!(!names.contains(&format!("octagon-PipelineExecutionHistory-{}", place.prefix).as_str()), "{names:?}");
}

/// A ledger's table that was made by hand is mended, and all tables are recoverable and tagged alike.
#[tokio::test(flavor = "multi_thread")]
async fn bootstrap_mends_tables_that_are_not_as_they_should_be() {
    let place = Place::new(|_| ()).await;
    let names = [Some(format!("{}-ledger", place.prefix)), place.kept.objects.clone(), place.kept.history.clone()].map(Option::unwrap);
    let recovery = |name: &str| {
        let answer = moto().call("DynamoDB_20120810.DescribeContinuousBackups", &json!({ "TableName": name }));
        answer["ContinuousBackupsDescription"]["PointInTimeRecoveryDescription"]["PointInTimeRecoveryStatus"].as_str().unwrap().to_owned()
    };
    for name in &names {
        assert_eq!(recovery(name), "ENABLED", "{name}");
        let table = moto().call("DynamoDB_20120810.DescribeTable", &json!({ "TableName": name }));
        let tags = moto().call("DynamoDB_20120810.ListTagsOfResource", &json!({ "ResourceArn": table["Table"]["TableArn"] }));
        assert_eq!(tags["Tags"], json!([{ "Key": "created-by", "Value": "lakegate" }]), "{name}");
    }
    let expires = moto().call("DynamoDB_20120810.DescribeTimeToLive", &json!({ "TableName": names[2] }));
    assert_eq!(expires["TimeToLiveDescription"], json!({ "AttributeName": "ttl", "TimeToLiveStatus": "ENABLED" }));
    let off = json!({ "TableName": names[0], "PointInTimeRecoverySpecification": { "PointInTimeRecoveryEnabled": false } });
    moto().call("DynamoDB_20120810.UpdateContinuousBackups", &off);
    DynamoLedger::create(&account(moto().endpoint()).await, &place.prefix).await.unwrap();
    assert_eq!(recovery(&names[0]), "ENABLED");
}
