//! The `quality` step on AWS: staged files on S3 audited, split and released, in a bucket with versions or without, and
//! the score in SDLF's table.

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

    // The report reads the data where it is.
    let run = cloud.lake.list(&["run", "list", "shop/orders/clean"]).remove(0);
    let page = cloud.lake.run(&["quality", "report", run["id"].as_str().unwrap(), "-o", "html"]).expect_code(0);
    assert!(page.stdout.contains("id=\"columns\"") && !page.stderr.contains("no distributions"), "{}", page.stderr);

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

const FILES: &str = "
team: shop
dataset: orders
stages:
  - name: clean
    trigger: object
    steps:
      - quality: { rules: quality/files.dqdl }
    output: { zone: stage }
";

/// Rules on files as Glue's users write them; `@` is the bucket.
fn file_rules(bucket: &str, more: &str) -> String {
    let rules = "Rules = [
        FileFreshness \"s3://@/reference/\" > (now() - 1 hours),
        FileFreshness \"s3://@/reference/\" > (now() + 1 hours),
        FileSize \"s3a://@/reference\" between 1 B and 8 B,
        FileSize \"s3://@/reference/\" > 1 KB,
        FileMatch \"s3://@/reference/a.txt\" in [\"d077f244def8a70e5ea758bd8352fcd8\"] with hashAlgorithm = \"MD5\",
        FileMatch \"s3://@/reference/a.txt\" \"s3://@/reference/deep/b.txt\",
        FileUniqueness \"s3://@/reference/\" between 0.6 and 0.7,
        FileUniqueness \"s3://@/reference/\" = 1.0 with uriRegex = \"(a|c)\\.txt$\",
        FileSize \"s3://@/nothing/\" > 0 B,
        FileSize \"s3://no-such-bucket-of-anybody/a\" > 0 B%
    ]\n";
    rules.replace('@', bucket).replace('%', more)
}

/// What has to come of them.
const OF_FILES: [&str; 10] = ["Passed", "Failed", "Passed", "Failed", "Passed", "Passed", "Passed", "Passed", "Failed", "Error"];

fn outcomes(rules: &Value) -> Vec<&str> {
    rules.as_array().unwrap().iter().map(|rule| rule["outcome"].as_str().unwrap()).collect()
}

#[test]
fn rules_on_files_are_on_objects_of_s3() {
    let cloud = Cloud::emulated();
    // Those that name no path are on what was staged.
    let staged = ", FileSize > 100 B, FileSize > 1 GB, FileFreshness > (now() - 1 hours) with uriRegex = \"^s3://.*_lakegate/staging/.*[.]parquet$\"";
    cloud.lake.pipeline("orders", FILES).file("quality/files.dqdl", &file_rules(&cloud.bucket, staged));
    let cloud = cloud.bootstrapped();
    for (key, text) in [("a.txt", "cat"), ("deep/b.txt", "cat"), ("deep/c.txt", "dogs")] {
        moto().put_object(&cloud.bucket, &format!("reference/{key}"), text.as_bytes());
    }
    moto().put_object(&cloud.bucket, "reference.txt", b"no part of the folder, and long enough for all to fail");
    cloud.land("shop/orders/a.csv", "id,qty\n1,5\n2,6\n");
    cloud.lake.up_until_idle().expect_code(1);
    let run = cloud.lake.runs_in("failed").remove(0);
    let run = cloud.lake.json(&["run", "get", run["id"].as_str().unwrap()]);
    let rules = &run["audit"]["rules"];
    assert_eq!(outcomes(rules), [&OF_FILES[..], &["Passed", "Failed", "Passed"]].concat(), "{rules:#}");
    assert!(rules[9]["reason"].as_str().unwrap().contains("no-such-bucket-of-anybody"), "{rules:#}");
    let reason = rules[11]["reason"].as_str().unwrap();
    assert!(reason.contains(&format!("s3://{}/stage/_lakegate/staging/", cloud.bucket)), "{reason}");

    // The same by hand, on a file here.
    cloud.lake.file("a.csv", "id,qty\n1,5\n").file("files.dqdl", &file_rules(&cloud.bucket, ""));
    let path = |name: &str| cloud.lake.dir().join(name).to_str().unwrap().to_owned();
    let told = cloud.lake.run(&["quality", "run", "--rules", &path("files.dqdl"), "--data", &path("a.csv"), "-o", "json"]).expect_code(1);
    let told: Value = serde_json::from_str(&told.stdout).unwrap();
    assert_eq!(outcomes(&told["rules"]), OF_FILES, "{told:#}");
}

/// The keys of a bucket that keep more than one version.
fn overwritten(cloud: &Cloud) -> Vec<String> {
    let (status, listed) = moto().s3("GET", &format!("/{}", cloud.bucket), "versions=", b"");
    assert_eq!(status, 200);
    let listed = String::from_utf8(listed).unwrap();
    let mut keys: Vec<&str> = listed.split("<Key>").skip(1).map(|rest| rest.split("</Key>").next().unwrap()).collect();
    keys.sort_unstable();
    let mut twice: Vec<String> = keys.windows(2).filter(|pair| pair[0] == pair[1]).map(|pair| pair[0].to_owned()).collect();
    twice.dedup();
    twice
}

#[test]
fn in_a_bucket_that_keeps_versions_two_stages_audit_split_and_release_each_version_for_itself() {
    let cloud = Cloud::emulated();
    let pipeline = PIPELINE.replace("rules: quality/gathered.dqdl }", "rules: quality/gathered.dqdl, on_failure: quarantine_rows }");
    cloud.lake.pipeline("orders", &pipeline).file("quality/orders.dqdl", "Rules = [ IsComplete \"id\", ColumnValues \"qty\" > 0 ]\n");
    cloud.lake.file("quality/gathered.dqdl", "Rules = [ ColumnValues \"qty\" < 100 ]\n");
    let cloud = cloud.bootstrapped();
    let on = b"<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>";
    assert_eq!(moto().s3("PUT", &format!("/{}", cloud.bucket), "versioning", on).0, 200);
    let ids = |cloud: &Cloud| -> Vec<u64> {
        let rows = cloud.query_table("shop.orders", "SELECT id FROM t ORDER BY id");
        rows.iter().map(|row| row["id"].as_u64().unwrap()).collect()
    };
    // The first stage sets one row aside, the second another.
    cloud.land("shop/orders/a.csv", "id,qty\n1,5\n2,600\n").land("shop/orders/b.csv", "id,qty\n3,5\n4,-1\n");
    cloud.lake.up_until_idle().expect_code(0);
    assert_eq!(ids(&cloud), [1, 3]);
    let aside = |cloud: &Cloud| {
        let listed = cloud.lake.list(&["quarantine", "list", "--kind", "rows"]);
        let waiting = listed.into_iter().filter(|item| item["released_as"].is_null());
        let mut waiting: Vec<(String, String)> =
            waiting.map(|item| (item["stage"].as_str().unwrap().to_owned(), item["id"].as_str().unwrap().to_owned())).collect();
        waiting.sort();
        waiting
    };
    let first = aside(&cloud);
    assert_eq!(first.iter().map(|(stage, _)| stage.as_str()).collect::<Vec<_>>(), ["shop/orders/clean", "shop/orders/gather"]);

    // Both come again; the cause of one is mended.
    cloud.lake.file("quality/gathered.dqdl", "Rules = [ ColumnValues \"qty\" < 1000 ]\n");
    let up = cloud.lake.start_up();
    let released = cloud.lake.list(&["quarantine", "release", "--all", "shop/orders"]);
    assert!(released.len() == 2 && released.iter().all(|one| one["new"] == true), "{released:#?}");
    // What is left of the first stage's goes on to the second, though it is no row; and of none a rule on values does not hold.
    let ended = |status: &Value| (status["idle"] == true).then(|| [total(status, "succeeded"), total(status, "failed")]);
    cloud.lake.wait_until("both are through", |status| ended(status) == Some([5, 1]));
    assert_eq!(ids(&cloud), [1, 2, 3]);
    let again = aside(&cloud);
    let [(stage, id)] = &again[..] else { panic!("{again:?}") };
    assert!(stage == "shop/orders/clean" && first.iter().all(|(_, first)| first != id), "{again:?}");
    let shown = cloud.lake.json(&["quarantine", "show", id]);
    let row = &shown["values"][0];
    assert_eq!((&row[0], &row[4], &row[5]), (&json!(4), &json!("shop/orders/b.csv"), &json!(2)), "where it came from at first: {shown:#}");
    drop(up);

    // A new version of a file is another object, and both versions are in the bucket.
    let old = cloud.lake.json(&["object", "get", "shop/orders/b.csv"]);
    cloud.land("shop/orders/b.csv", "id,qty\n5,7\n6,-2\n");
    let _up = cloud.lake.start_up();
    cloud.lake.run(&["submit", "shop/orders/b.csv"]).expect_code(0);
    cloud.lake.wait_until("the new version is in", |status| ended(status) == Some([7, 1]));
    assert_eq!(ids(&cloud), [1, 2, 3, 5]);
    let new = cloud.lake.json(&["object", "get", "shop/orders/b.csv"]);
    assert_ne!(old["object"]["version"], new["object"]["version"]);
    assert_ne!(old["id"], new["id"]);
    assert!(overwritten(&cloud).contains(&"raw/shop/orders/b.csv".to_owned()));
    assert_eq!(aside(&cloud).len(), 2, "one row of each version waits");
    assert_eq!(keys(&cloud, "stage/_lakegate/staging/"), [] as [String; 0]);
    assert_eq!(keys(&cloud, "analytics/_lakegate/staging/"), [] as [String; 0]);
}
