//! A scratch lake whose every part is in the emulated account.

use std::fs;

use serde_json::{Value, json};

use super::{
    data, duckdb,
    lake::Lake,
    moto::{REGION, moto, unique},
};

/// A project whose every part is on AWS, and the bucket it is in.
pub struct Cloud {
    /// The project.
    pub lake: Lake,
    /// The bucket of all zones.
    pub bucket: String,
}

impl Cloud {
    /// A project without pipelines, in an account with nothing in it.
    pub fn new() -> Cloud {
        let bucket = unique("lake");
        let mut lake = Lake::new();
        lake.file(
            "lakegate.yaml",
            &format!(
                "zones: {{ raw: 's3://{bucket}/raw', stage: 's3://{bucket}/stage', analytics: 's3://{bucket}/analytics' }}\n\
                 ledger: dynamodb://{bucket}\ncatalog: glue://{database}\nevents: ['sqs://{bucket}-events']\n",
                database = bucket.replace('-', "_") + "_"
            ),
        );
        lake.set_env("AWS_ENDPOINT_URL", moto().endpoint())
            .set_env("AWS_REGION", REGION)
            .set_env("AWS_ACCESS_KEY_ID", "test")
            .set_env("AWS_SECRET_ACCESS_KEY", "test");
        Cloud { lake, bucket }
    }

    /// The same, by another way to the account.
    pub fn by_way_of(mut self, endpoint: &str) -> Cloud {
        self.lake.set_env("AWS_ENDPOINT_URL", endpoint);
        self
    }

    /// With the pipelines of a shop.
    pub fn shop() -> Cloud {
        let cloud = Cloud::new();
        cloud.lake.pipeline("orders", data::ORDERS).pipeline("returns", data::RETURNS);
        cloud
    }

    /// Makes what it needs, as its user does.
    pub fn bootstrapped(self) -> Cloud {
        self.lake.run(&["bootstrap"]).expect_code(0);
        self
    }

    /// Puts an object into the raw zone.
    pub fn land(&self, key: &str, bytes: impl AsRef<[u8]>) -> &Cloud {
        moto().put_object(&self.bucket, &format!("raw/{key}"), bytes.as_ref());
        self
    }

    /// The rows of a query over a table, named `t`, whose files are fetched by plain requests.
    ///
    /// # Panics
    /// If there is no such table.
    pub fn query_table(&self, table: &str, sql: &str) -> Vec<Value> {
        let answer = self.lake.json(&["table", "get", table]);
        let root = answer["location"].as_str().unwrap();
        let folder = tempfile::tempdir().unwrap();
        for file in answer["files"].as_array().unwrap() {
            let location = file["location"].as_str().unwrap();
            let path = folder.path().join(location.strip_prefix(root).unwrap().trim_start_matches('/'));
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, self.fetch(location)).unwrap();
        }
        duckdb::query(&format!("WITH t AS (FROM {}) {sql}", duckdb::parquet_below(folder.path())))
    }

    /// The bytes at a place of this lake.
    ///
    /// # Panics
    /// If there is nothing.
    pub fn fetch(&self, location: &str) -> Vec<u8> {
        let key = location.strip_prefix(&format!("s3://{}/", self.bucket)).unwrap_or_else(|| panic!("{location} is elsewhere"));
        moto().get_object(&self.bucket, key).unwrap_or_else(|| panic!("nothing is at {location}"))
    }

    /// About how many messages are in a queue of this lake, `<bucket>-<name>`, hidden ones among them.
    ///
    /// # Panics
    /// If there is no such queue.
    pub fn messages_in(&self, name: &str) -> u64 {
        let queue = moto().call("AmazonSQS.GetQueueUrl", &json!({ "QueueName": format!("{}-{name}", self.bucket) }));
        let answer = moto().call("AmazonSQS.GetQueueAttributes", &json!({ "QueueUrl": queue["QueueUrl"], "AttributeNames": ["All"] }));
        let names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible", "ApproximateNumberOfMessagesDelayed"];
        names.iter().map(|name| answer["Attributes"][name].as_str().and_then(|count| count.parse::<u64>().ok()).expect("a count")).sum()
    }
}

impl Default for Cloud {
    fn default() -> Cloud {
        Cloud::new()
    }
}
