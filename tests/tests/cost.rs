//! What a lake on AWS costs in requests: counted at the server, and told by the lake.

use std::{
    thread,
    time::{Duration, Instant},
};

use lakegate_tests::kit::{
    Lake, data,
    lake::total,
    metered::{Counts, Metered, between},
    moto::{REGION, moto, unique},
};
use serde_json::Value;

/// Each object by itself, and nothing after it.
const CLEAN: &str = "
team: shop
dataset: orders
stages:
  - name: clean
    trigger: object
    steps:
      - transform: { sql: \"SELECT id, name, amount * qty AS total, category FROM input WHERE qty > 0\" }
    output: { zone: stage, format: parquet }
";

/// Objects that the counting begins after, and objects that are counted.
const WARM: u64 = 20;
const COUNTED: u64 = 200;
/// Between two objects at steady load.
const EVERY: Duration = Duration::from_millis(40);

struct Counted {
    lake: Lake,
    bucket: String,
    server: Metered,
}

/// SDLF's tables have costs of their own, which `aws/src/sdlf/mod.rs` tells.
fn counted(pipeline: &str) -> Counted {
    let bucket = unique("cost");
    let mut lake = Lake::new();
    lake.file(
        "lakegate.yaml",
        &format!(
            "zones: {{ raw: 's3://{bucket}/raw', stage: 's3://{bucket}/stage', analytics: 's3://{bucket}/analytics' }}\n\
             ledger: dynamodb://{bucket}\ncatalog: glue://{database}\nevents: ['sqs://{bucket}-events']\nsdlf: off\n",
            database = bucket.replace('-', "_") + "_"
        ),
    );
    lake.set_env("AWS_REGION", REGION).set_env("AWS_ACCESS_KEY_ID", "test").set_env("AWS_SECRET_ACCESS_KEY", "test");
    lake.set_env("AWS_ENDPOINT_URL", moto().endpoint());
    lake.pipeline("orders", pipeline);
    lake.run(&["bootstrap"]).expect_code(0);
    let server = Metered::in_front_of(moto());
    lake.set_env("AWS_ENDPOINT_URL", server.endpoint());
    Counted { lake, bucket, server }
}

impl Counted {
    fn land(&self, files: std::ops::Range<u64>) {
        let mut next = Instant::now();
        for file in files {
            moto().put_object(&self.bucket, &format!("raw/shop/orders/{file}.csv"), data::orders(file, 20).as_bytes());
            // By the clock: on a busy machine what is late is caught up with.
            next += EVERY;
            thread::sleep(next.saturating_duration_since(Instant::now()));
        }
    }

    fn wait_for(&self, succeeded: u64) {
        self.lake.wait_until(&format!("{succeeded} runs to succeed"), |status| total(status, "succeeded") == succeeded);
    }

    /// What the lake says it has asked for in all, by meter.
    fn told(&self) -> Counts {
        let cost = self.lake.json(&["cost"]);
        let mut told = amounts(&cost["total"]);
        for (meter, amount) in amounts(&cost["open"]) {
            *told.entry(meter).or_default() += amount;
        }
        told
    }
}

fn amounts(priced: &Value) -> Counts {
    let lines = priced["lines"].as_array().unwrap_or_else(|| panic!("no lines in {priced}"));
    lines.iter().map(|line| (line["meter"].as_str().unwrap().to_owned(), line["amount"].as_f64().unwrap())).collect()
}

fn sum(counts: &Counts, prefix: &str) -> f64 {
    counts.iter().filter(|(meter, _)| meter.starts_with(prefix)).map(|(_, count)| count).sum()
}

#[test]
fn a_small_object_takes_few_requests_and_the_lake_knows_which() {
    let lake = counted(CLEAN);
    let _up = lake.lake.start_up();
    lake.land(0..WARM);
    lake.wait_for(WARM);
    let before = lake.server.counts();
    lake.land(WARM..WARM + COUNTED);
    let landed = lake.server.counts();
    lake.wait_for(WARM + COUNTED);
    let counts = between(&before, &lake.server.counts());
    let each: Counts = counts.iter().map(|(meter, count)| (meter.clone(), count / COUNTED as f64)).collect();
    println!("requests and units per object at steady load:");
    each.iter().for_each(|(meter, count)| println!("  {meter:32} {count:.3}"));

    let at_most = |what: &str, prefix: &str, most: f64| {
        let count = sum(&each, prefix);
        assert!(count <= most, "{what}: {count:.3} for each object, more than {most}: {each:?}");
    };
    at_most("write units", "dynamodb:write-units", 4.2);
    at_most("GET", "s3:GetObject", 1.05);
    at_most("PUT", "s3:PutObject", 1.05);
    at_most("HEAD", "s3:HeadObject", 1.05);
    at_most("other requests to S3", "s3:", 2.15);
    // Receiving goes on when nothing comes; what is for the objects is over when the last has landed.
    let queue = sum(&between(&before, &landed), "sqs:") / COUNTED as f64;
    assert!(queue <= 0.5, "SQS: {queue:.3} for each object: {each:?}");

    // What the lake says is what the server counts, but for what is on its way just then.
    let (least, told, most) = (lake.server.counts(), lake.told(), lake.server.counts());
    for (meter, count) in &told {
        let (least, most) = (least.get(meter).unwrap_or(&0.0), most.get(meter).unwrap_or(&0.0));
        assert!(*count >= least - 0.001 && *count <= most + 1.001, "{meter}: the lake says {count}, the server {least} to {most}");
    }
    assert!(least.keys().all(|meter| told.contains_key(meter)), "{least:?} but {told:?}");
}

#[test]
fn runs_and_datasets_and_teams_have_their_prices() {
    let lake = counted(CLEAN);
    let _up = lake.lake.start_up();
    lake.land(0..5);
    lake.wait_for(5);
    let run = lake.lake.list(&["run", "list"])[0]["id"].as_str().unwrap().to_owned();
    let one = lake.lake.json(&["cost", &run]);
    let own = amounts(&one["total"]);
    assert_eq!((own.get("s3:GetObject"), own.get("s3:PutObject")), (Some(&1.0), Some(&1.0)), "{one}");
    assert!(own.get("dynamodb:write-units").is_some_and(|units| *units > 0.0), "{one}");
    assert!(one["total"]["usd_per_object"].as_f64().unwrap() > 0.000_005, "{one}");
    for (arguments, runs) in [
        (vec!["cost", "--team", "shop"], 5),
        (vec!["cost", "--dataset", "shop/orders"], 5),
        (vec!["cost", "--dataset", "shop/orders/clean", "--since", "1h"], 5),
        (vec!["cost", "--since", "1ms"], 0),
        (vec!["cost", "--team", "nobody"], 0),
    ] {
        let cost = lake.lake.json(&arguments);
        assert_eq!(cost["total"]["runs"], runs, "{arguments:?}: {cost}");
        assert_eq!(cost["prices"]["region"], "us-east-1");
    }
    let text = lake.lake.run(&["cost"]).expect_code(0).stdout;
    for expected in ["s3:PutObject", "dynamodb:write-units", "per object and stage", "us-east-1"] {
        assert!(text.contains(expected), "{text}");
    }
}
