//! Rules about a whole table on AWS: its states lie on S3 beside it, and what is published is not fetched again.

use lakegate_tests::kit::{cloud::Cloud, lake::total, moto::moto};
use serde_json::Value;

const PIPELINE: &str = "
team: shop
dataset: orders
stages:
  - name: load
    trigger: object
    steps:
      - quality: { rules: quality/table.dqdl, scope: table }
      - publish: { database: shop, table: orders, partition_by: [day] }
    output: { zone: analytics }
";

/// The keys in the bucket that start so.
fn keys(cloud: &Cloud, prefix: &str) -> Vec<String> {
    let (_, listed) = moto().s3("GET", &format!("/{}", cloud.bucket), &format!("list-type=2&prefix={prefix}"), b"");
    let listed = String::from_utf8(listed).unwrap();
    listed.split("<Key>").skip(1).map(|rest| rest.split("</Key>").next().unwrap().to_owned()).collect()
}

/// The audit of a file's run.
fn audit(cloud: &Cloud, file: &str) -> Value {
    let runs = cloud.lake.list(&["run", "list"]);
    let run = runs.iter().find(|run| run["subject_text"].as_str().is_some_and(|text| text.ends_with(file))).expect("a run");
    cloud.lake.json(&["run", "get", run["id"].as_str().unwrap()])["audit"].clone()
}

#[test]
fn a_table_on_s3_is_audited_from_its_states() {
    let cloud = Cloud::emulated();
    cloud.lake.pipeline("orders", PIPELINE).file("quality/table.dqdl", "Rules = [ IsPrimaryKey \"id\", Sum \"qty\" < 100 ]\n");
    let cloud = cloud.bootstrapped();
    let _up = cloud.lake.start_up();
    let lands = |file: &str, text: &str, ended: [u64; 2]| {
        let key = format!("shop/orders/{file}");
        cloud.land(&key, text);
        cloud.lake.run(&["submit", &key]).expect_code(0);
        let of = |status: &Value| [total(status, "succeeded"), total(status, "failed")];
        cloud.lake.wait_until("its run is over", |status| status["idle"] == true && of(status) == ended);
        audit(&cloud, file)
    };
    let first = lands("a.csv", "id,qty,day\n1,5,mon\n2,6,tue\n", [1, 0]);
    assert_eq!(first["statistics"]["Sum \"qty\""], 11.0, "{first:#}");
    let files = keys(&cloud, "analytics/shop/orders/orders/");
    assert_eq!(files.len(), 2, "{files:?}");
    let states = |cloud: &Cloud| keys(cloud, "analytics/_lakegate/states/shop/orders/orders/");
    assert_eq!(states(&cloud).len(), 2);
    for file in files {
        // Whoever fetched it would fail.
        moto().s3("PUT", &format!("/{}/{file}", cloud.bucket), "", b"no Parquet at all");
    }
    let second = lands("b.csv", "id,qty,day\n3,7,mon\n", [2, 0]);
    assert_eq!((second["rows"].as_u64(), second["statistics"]["Sum \"qty\""].as_f64()), (Some(3), Some(18.0)), "{second:#}");
    let third = lands("c.csv", "id,qty,day\n1,7,wed\n", [2, 1]);
    assert!(third["reason"].as_str().unwrap().contains("IsPrimaryKey \"id\""), "{third:#}");
    assert_eq!(states(&cloud).len(), 3, "what was blocked leaves none");
    assert_eq!(keys(&cloud, "analytics/_lakegate/staging/"), [] as [String; 0]);
}
