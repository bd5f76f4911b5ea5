//! The `quality` step on AWS: staged files on S3 audited, split and released, and the score in SDLF's table.

use lakegate_tests::kit::{cloud::Cloud, lake::total, moto::moto};
use serde_json::{Value, json};

const PIPELINE: &str = "
team: shop
dataset: orders
stages:
  - name: clean
    trigger: object
    steps:
      - quality: { rules: quality/orders.dqdl, on_failure: quarantine_rows }
    output: { zone: stage }
  - name: gather
    trigger: { batch: { max_objects: 2, quiet: 5s } }
    steps:
      - job: { engine: worker, sql: \"SELECT id, qty, qty % 2 AS part FROM input\" }
      - quality: { rules: quality/gathered.dqdl }
      - publish: { database: shop, table: orders, partition_by: [part] }
    output: { zone: analytics }
";

/// The keys in the bucket that start so.
fn keys(cloud: &Cloud, prefix: &str) -> Vec<String> {
    let (_, listed) = moto().s3("GET", &format!("/{}", cloud.bucket), &format!("list-type=2&prefix={prefix}"), b"");
    let listed = String::from_utf8(listed).unwrap();
    listed.split("<Key>").skip(1).map(|rest| rest.split("</Key>").next().unwrap().to_owned()).collect()
}

fn scores(cloud: &Cloud) -> Vec<(String, f64)> {
    let table = format!("{}-PipelineExecutionHistory", cloud.name);
    let found = moto().call("DynamoDB_20120810.Scan", &json!({ "TableName": table }));
    let items = found["Items"].as_array().expect("rows");
    let of = |item: &Value| {
        let score = item["quality_score"]["N"].as_str().expect("a score").parse().expect("a number");
        (item["quality_verdict"]["S"].as_str().expect("a verdict").to_owned(), score)
    };
    let mut scores: Vec<(String, f64)> = items.iter().map(of).collect();
    scores.sort_by(|a, b| a.0.cmp(&b.0).then(a.1.total_cmp(&b.1)));
    scores
}

#[test]
fn what_is_staged_on_s3_is_audited_split_and_released() {
    let cloud = Cloud::emulated();
    cloud.lake.pipeline("orders", PIPELINE).file("quality/orders.dqdl", "Rules = [ IsComplete \"id\", ColumnValues \"qty\" > 0 ]\n");
    cloud.lake.file("quality/gathered.dqdl", "Rules = [ IsUnique \"id\" ]\n");
    let cloud = cloud.bootstrapped();
    cloud.land("shop/orders/a.csv", "id,qty\n1,5\n2,6\n").land("shop/orders/b.csv", "id,qty\n3,5\n4,-1\n");
    cloud.lake.up_until_idle().expect_code(0);
    let ids = |cloud: &Cloud| cloud.query_table("shop.orders", "SELECT id FROM t ORDER BY id");
    assert_eq!(ids(&cloud), [json!({ "id": 1 }), json!({ "id": 2 }), json!({ "id": 3 })]);
    assert_eq!(keys(&cloud, "stage/_lakegate/staging/"), [] as [String; 0]);
    assert_eq!(keys(&cloud, "analytics/_lakegate/staging/"), [] as [String; 0]);
    assert_eq!(scores(&cloud), [("passed".to_owned(), 1.0), ("passed".to_owned(), 1.0), ("split".to_owned(), 0.5)]);

    let listed = cloud.lake.list(&["quarantine", "list"]);
    assert_eq!(listed.len(), 1, "{listed:?}");
    let id = listed[0]["id"].as_str().unwrap();
    assert_eq!(keys(&cloud, "stage/_lakegate/quarantine/"), [format!("stage/_lakegate/quarantine/shop/orders/clean/{id}.parquet")]);
    let shown = cloud.lake.json(&["quarantine", "show", id]);
    assert_eq!((&shown["values"][0][0], &shown["values"][0][4]), (&json!(4), &json!("shop/orders/b.csv")), "{shown:#}");

    // With other rules the row goes on, through both stages.
    cloud.lake.file("quality/orders.dqdl", "Rules = [ IsComplete \"id\" ]\n");
    let _up = cloud.lake.start_up();
    cloud.lake.run(&["quarantine", "release", id]).expect_code(0);
    cloud.lake.wait_until("the row is in", |status| status["idle"] == true && total(status, "succeeded") == 5);
    assert_eq!(ids(&cloud).len(), 4);

    // Two ids in common: the batch is blocked, and the table stays as it was.
    cloud.land("shop/orders/c.csv", "id,qty\n9,5\n").land("shop/orders/d.csv", "id,qty\n9,6\n");
    // Handed in as well: a poll of the command before, which the emulated queue still answers, may have taken their events.
    cloud.lake.run(&["submit", "shop/orders/c.csv", "shop/orders/d.csv"]).expect_code(0);
    cloud.lake.wait_until("the batch is blocked", |status| status["idle"] == true && total(status, "failed") == 1);
    assert_eq!(ids(&cloud).len(), 4);
    assert_eq!(cloud.lake.runs_in("failed")[0]["failure"]["code"], "quality_failed");
}
