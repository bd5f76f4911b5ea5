//! A lake of SDLF's becomes one of Lakegate's: its datasets are imported, run by the real command, and
//! told of by the names that SDLF gave them.

use std::time::Duration;

use lakegate_tests::kit::{
    Lake,
    boto3::boto3,
    data,
    moto::{REGION, moto, unique},
    wait::eventually,
};
use serde_json::{Value, json};

const PATIENCE: Duration = Duration::from_secs(60);

/// A project on AWS without pipelines.
fn project(bucket: &str) -> Lake {
    let mut lake = Lake::new();
    lake.file("lakegate.yaml", &yaml(bucket));
    lake.set_env("AWS_ENDPOINT_URL", moto().endpoint())
        .set_env("AWS_REGION", REGION)
        .set_env("AWS_ACCESS_KEY_ID", "test")
        .set_env("AWS_SECRET_ACCESS_KEY", "test");
    lake
}

fn yaml(bucket: &str) -> String {
    let database = bucket.replace('-', "_");
    format!(
        "zones: {{ raw: 's3://{bucket}/raw', stage: 's3://{bucket}/stage', analytics: 's3://{bucket}/analytics' }}\n\
         ledger: dynamodb://{bucket}\ncatalog: glue://{database}_\nevents: ['sqs://{bucket}-events']\n"
    )
}

/// SDLF's tables of a team with some datasets, more than a page of them.
fn sdlf_tables(suffix: &str) -> [String; 2] {
    let names = ["Datasets", "Pipelines"].map(|name| format!("octagon-{name}-{suffix}"));
    for name in &names {
        let table = json!({
            "TableName": name, "BillingMode": "PAY_PER_REQUEST",
            "AttributeDefinitions": [{ "AttributeName": "name", "AttributeType": "S" }],
            "KeySchema": [{ "AttributeName": "name", "KeyType": "HASH" }],
        });
        moto().call("DynamoDB_20120810.CreateTable", &table);
    }
    let put = |table: &str, item: Value| moto().call("DynamoDB_20120810.PutItem", &json!({ "TableName": table, "Item": item }));
    for n in 0..6 {
        let item = json!({
            "name": { "S": if n == 0 { "engineering-legislators".to_owned() } else { format!("bulk-d{n}") } },
            "pipeline": { "S": "main" }, "version": { "N": "1" }, "padding": { "S": "x".repeat(300_000) },
            "transforms": { "M": { "stage_a_transform": { "S": "light_transform_blueprint" }, "stage_b_transform": { "S": "heavy" } } },
            "min_items_process": { "M": { "stage_b": { "N": "1" } } }, "max_items_process": { "M": { "stage_b": { "N": "100" } } },
        });
        put(&names[0], item);
    }
    for letter in ["a", "b"] {
        put(&names[1], json!({ "name": { "S": format!("engineering-main-stage-{letter}") }, "status": { "S": "ACTIVE" } }));
    }
    names
}

#[test]
fn datasets_of_sdlf_become_pipelines_that_run_and_are_told_of_by_their_names() {
    let bucket = unique("sdlf");
    let lake = project(&bucket);
    let [datasets, pipelines] = sdlf_tables(&bucket);
    let out = lake.dir().to_str().unwrap().to_owned();
    let import = ["import", "sdlf", "--datasets", &datasets, "--pipelines", &pipelines, "--out", &out];
    let file = lake.dir().join("pipelines/engineering/legislators.yaml");

    let planned = lake.json(&[&import[..], &["--dry-run"]].concat());
    assert_eq!((planned["datasets"].as_array().unwrap().len(), file.exists()), (6, false), "all pages are read, and nothing is written");
    let done = lake.json(&import);
    assert!(done["files"].as_array().unwrap().iter().all(|file| file["outcome"] == "written"), "{done:#}");
    assert!(done["datasets"].to_string().contains("light_transform_blueprint"), "{done:#}");
    lake.run(&["check"]).expect_code(0);
    std::fs::write(&file, format!("{}# ours\n", std::fs::read_to_string(&file).unwrap())).unwrap();
    lake.run(&import).expect_code(0);
    assert!(std::fs::read_to_string(&file).unwrap().ends_with("# ours\n"), "what is there is kept");
    lake.run(&[&import[..], &["--force"]].concat()).expect_code(0);
    assert!(!std::fs::read_to_string(&file).unwrap().ends_with("# ours\n"));

    lake.file("lakegate.yaml", &format!("{}{}", yaml(&bucket), done["settings"].as_str().unwrap()));
    lake.run(&["bootstrap"]).expect_code(0);
    lake.run(&["doctor"]).expect_code(0);
    let (objects, history) = (format!("{bucket}-ObjectMetadata"), format!("{bucket}-PipelineExecutionHistory"));
    let key = "raw/engineering/legislators/2023/a.csv";
    let id = format!("s3://{bucket}/{key}");
    let row_when = |what: &str, is_right: &dyn Fn(&Value) -> bool| {
        eventually(PATIENCE, what, || Some(boto3(&format!("get({objects:?}, {id:?})"))).filter(is_right))
    };

    // It lands, is overwritten with another size, and is deleted.
    let up = lake.start_up();
    let (small, large) = (data::orders(1, 3), data::orders(1, 5));
    moto().put_object(&bucket, key, small.as_bytes());
    let object = row_when("a row", &|row| row["state"] == "succeeded");
    assert_eq!((&object["size"], &object["env"]), (&json!(small.len()), &json!("dev")));
    let row = boto3(&format!("get({history:?}, {})", object["peh_id"]));
    assert_eq!((&row["pipeline"], &row["status"], &row["rows_in"]), (&json!("engineering-main-stage-a"), &json!("COMPLETED"), &json!(3)));
    moto().put_object(&bucket, key, large.as_bytes());
    row_when("the new size", &|row| row["size"] == large.len());
    let queue = moto().call("AmazonSQS.GetQueueUrl", &json!({ "QueueName": format!("{bucket}-events") }));
    let event = json!({ "Records": [{
        "eventSource": "aws:s3", "eventName": "ObjectRemoved:Delete", "eventTime": "2040-01-01T00:00:00.000Z",
        "s3": { "bucket": { "name": bucket }, "object": { "key": key, "sequencer": "FFFFFFFFFFFFFFFFFF" } },
    }] });
    moto().call("AmazonSQS.SendMessage", &json!({ "QueueUrl": queue["QueueUrl"], "MessageBody": event.to_string() }));
    row_when("no row", &Value::is_null);
    let gone = lake.json(&["object", "history", "engineering/legislators/2023/a.csv"]);
    assert_eq!(gone["object"]["removed_at"], 2_208_988_800_000_i64, "{gone:#}");
    assert!(gone["entries"].to_string().contains("removed from the raw zone"), "{gone:#}");

    // Killed; the next one runs stage b.
    drop(up);
    lake.up_until_idle().expect_code(0);
    let of_b = boto3(&format!(
        "query({history:?}, 'pipeline-execution_date-index', ('pipeline', 'engineering-main-stage-b'), ('execution_date', {}))",
        row["execution_date"]
    ));
    assert_eq!((of_b.as_array().unwrap().len(), &of_b[0]["status"]), (1, &json!("COMPLETED")));
    let made = boto3(&format!("[row for row in db.Table({objects:?}).scan()['Items'] if row['stage'] == 'stage']"));
    assert_eq!((made.as_array().unwrap().len(), &made[0]["peh_id"]), (1, &of_b[0]["id"]), "what stage a made is in the batch of stage b");
}
