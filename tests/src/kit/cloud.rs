//! A lake project whose every part is on AWS: in the emulated account, or in a real one.

use std::{
    collections::BTreeMap,
    env, fs,
    hash::{BuildHasher as _, RandomState},
    path::Path,
    time::Duration,
};

use serde_json::{Value, json};

use super::{
    boto, data, duckdb,
    lake::Lake,
    moto::{REGION, moto, unique},
    wait::eventually,
};

/// Names a bucket of a real account that is there and that tests may write to.
const BUCKET: &str = "LAKEGATE_TEST_BUCKET";
/// How long a real bucket may take to tell of what landed.
const PATIENCE: Duration = Duration::from_secs(300);

/// A project whose every part is on AWS, and where that is.
pub struct Cloud {
    /// The project, and the command run on it.
    pub lake: Lake,
    /// The bucket.
    pub bucket: String,
    /// What the names of all it has begin with: tables, queues, databases (with `_` for `-`).
    pub name: String,
    /// What the keys of its zones begin with: empty, or a folder and `/`.
    pub folder: String,
    is_real: bool,
}

impl Cloud {
    /// In the emulated account, in a bucket of its own that is not there yet.
    pub fn emulated() -> Cloud {
        let bucket = unique("lake");
        let mut cloud = Cloud { lake: Lake::new(), name: bucket.clone(), bucket, folder: String::new(), is_real: false };
        cloud.settings();
        cloud.lake.set_env("AWS_ENDPOINT_URL", moto().endpoint()).set_env("AWS_REGION", REGION);
        cloud.lake.set_env("AWS_ACCESS_KEY_ID", "test").set_env("AWS_SECRET_ACCESS_KEY", "test");
        cloud
    }

    /// With the pipelines of a shop, in the emulated account.
    pub fn shop() -> Cloud {
        let cloud = Cloud::emulated();
        cloud.lake.pipeline("orders", data::ORDERS).pipeline("returns", data::RETURNS);
        cloud
    }

    /// The same, by another way to the account.
    #[must_use]
    pub fn by_way_of(mut self, endpoint: &str) -> Cloud {
        self.lake.set_env("AWS_ENDPOINT_URL", endpoint);
        self
    }

    /// In the account of the environment's credentials, in a folder of its own of the bucket that
    /// `LAKEGATE_TEST_BUCKET` names. All of it is deleted when this is dropped.
    ///
    /// # Panics
    /// If no bucket is named.
    pub fn real() -> Cloud {
        let bucket = env::var_os(BUCKET).and_then(|bucket| bucket.into_string().ok());
        let bucket = bucket.unwrap_or_else(|| panic!("set {BUCKET} to a bucket that these tests may write to"));
        // Others may test in the same account, on machines whose processes have the same numbers.
        let name = format!("{}-{:08x}", unique("lakegate-test"), RandomState::new().hash_one(&bucket) as u32);
        let mut cloud = Cloud { lake: Lake::new(), bucket, folder: format!("{name}/"), name, is_real: true };
        cloud.settings();
        for (name, value) in env::vars().filter(|(name, _)| name.starts_with("AWS_")) {
            cloud.lake.set_env(name, value);
        }
        cloud
    }

    fn settings(&self) {
        let Cloud { bucket, folder, name, .. } = self;
        let text = format!(
            "zones: {{ raw: 's3://{bucket}/{folder}raw', stage: 's3://{bucket}/{folder}stage', analytics: 's3://{bucket}/{folder}analytics' }}\n\
             ledger: dynamodb://{name}\ncatalog: glue://{database}\nevents: ['sqs://{name}-events']\n",
            database = self.database_prefix()
        );
        self.lake.file("lakegate.yaml", &text);
    }

    /// What its databases' names begin with.
    pub fn database_prefix(&self) -> String {
        self.name.replace('-', "_") + "_"
    }

    /// Makes what it needs, as its user does.
    ///
    /// # Panics
    /// If that fails.
    #[must_use]
    pub fn bootstrapped(self) -> Cloud {
        self.lake.run(&["bootstrap"]).expect_code(0);
        self
    }

    /// Puts an object into the raw zone.
    ///
    /// # Panics
    /// If it can't be put.
    pub fn land(&self, key: &str, bytes: impl AsRef<[u8]>) -> &Cloud {
        let key = format!("{}raw/{key}", self.folder);
        if self.is_real {
            boto::expect("s3", "put_object", &json!({ "Bucket": self.bucket, "Key": key, "Body": bytes.as_ref() }));
        } else {
            moto().put_object(&self.bucket, &key, bytes.as_ref());
        }
        self
    }

    /// Its queue's name.
    pub fn queue(&self) -> String {
        format!("{}-events", self.name)
    }

    fn queue_url(&self) -> Value {
        boto::expect("sqs", "get_queue_url", &json!({ "QueueName": self.queue() }))["QueueUrl"].clone()
    }

    /// Deletes what waits in a real queue.
    ///
    /// # Panics
    /// If it can't be received.
    pub fn forget(&self) {
        let url = self.queue_url();
        let wanted = json!({ "QueueUrl": url, "MaxNumberOfMessages": 10, "WaitTimeSeconds": 2 });
        while let Some(messages) = boto::expect("sqs", "receive_message", &wanted)["Messages"].as_array() {
            for message in messages {
                boto::expect("sqs", "delete_message", &json!({ "QueueUrl": url, "ReceiptHandle": message["ReceiptHandle"] }));
            }
        }
    }

    /// Waits until a real queue holds so many messages. The emulated one is told at once.
    ///
    /// # Panics
    /// If they do not come.
    pub fn told(&self, objects: usize) {
        if !self.is_real {
            return;
        }
        let wanted = json!({ "QueueUrl": self.queue_url(), "AttributeNames": ["ApproximateNumberOfMessages"] });
        eventually(PATIENCE, "the queue is told of what landed", || {
            let waiting = boto::expect("sqs", "get_queue_attributes", &wanted)["Attributes"]["ApproximateNumberOfMessages"].clone();
            waiting.as_str().and_then(|waiting| waiting.parse::<usize>().ok()).filter(|waiting| *waiting >= objects)
        });
    }

    /// About how many messages are in a queue of the emulated account, `<name>-<what>`, hidden ones among them.
    ///
    /// # Panics
    /// If there is no such queue.
    pub fn messages_in(&self, what: &str) -> u64 {
        let queue = moto().call("AmazonSQS.GetQueueUrl", &json!({ "QueueName": format!("{}-{what}", self.name) }));
        let answer = moto().call("AmazonSQS.GetQueueAttributes", &json!({ "QueueUrl": queue["QueueUrl"], "AttributeNames": ["All"] }));
        let names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible", "ApproximateNumberOfMessagesDelayed"];
        names.iter().map(|name| answer["Attributes"][name].as_str().and_then(|count| count.parse::<u64>().ok()).expect("a count")).sum()
    }

    /// The rows of a query over a table, named `t`, whose files are fetched by plain requests.
    ///
    /// # Panics
    /// If one of them is not there.
    pub fn query_table(&self, table: &str, sql: &str) -> Vec<Value> {
        let answer = self.lake.json(&["table", "get", table]);
        let root = answer["location"].as_str().expect("a table has a location");
        let folder = tempfile::tempdir().expect("a scratch folder");
        for file in answer["files"].as_array().expect("a table has files") {
            let location = file["location"].as_str().expect("a file has a location");
            let path = folder.path().join(location.strip_prefix(root).expect("it is below the table's").trim_start_matches('/'));
            fs::create_dir_all(path.parent().expect("a file is in a folder")).expect("the folder can be made");
            fs::write(path, self.fetch(location)).expect("the folder can be written");
        }
        duckdb::query(&format!("WITH t AS (FROM {}) {sql}", duckdb::parquet_below(folder.path())))
    }

    fn fetch(&self, location: &str) -> Vec<u8> {
        let key = location.strip_prefix(&format!("s3://{}/", self.bucket)).unwrap_or_else(|| panic!("{location} is elsewhere"));
        let bytes = if self.is_real { boto::get_object(&self.bucket, key) } else { moto().get_object(&self.bucket, key) };
        bytes.unwrap_or_else(|| panic!("nothing is at {location}"))
    }

    /// Runs the example here and on a directory: every table must be the same, row by row.
    ///
    /// # Panics
    /// If one is not.
    pub fn flights_are_the_same_as_on_a_directory(self) {
        let example = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("a workspace").join("examples/nyc-flights");
        let local = Lake::new();
        for (path, bytes) in files_below(&example) {
            if let Some(key) = path.strip_prefix("data/") {
                local.land(key, &bytes);
            } else if path.starts_with("pipelines/") || path.starts_with("transforms/") {
                let text = String::from_utf8(bytes).expect("pipelines are text");
                self.lake.file(&path, &text);
                local.file(&path, &text);
            }
        }
        let cloud = self.bootstrapped();
        let data = files_below(&example.join("data"));
        for (key, bytes) in &data {
            cloud.land(key, bytes);
        }
        cloud.told(data.len());
        cloud.lake.up_until_idle().expect_code(0);
        local.up_until_idle().expect_code(0);
        for (table, order) in [("nyc.flights_monthly", "year, month, carrier"), ("nyc.airlines", "ALL"), ("nyc.weather", "ALL")] {
            let sql = format!("SELECT * FROM t ORDER BY {order}");
            let (on_aws, on_disk) = (cloud.query_table(table, &sql), local.query_table(table, &sql));
            assert!(!on_disk.is_empty());
            assert_eq!(on_aws, on_disk, "{table}");
        }
    }

    /// Deletes everything whose name begins as this one's, and tells what could not be deleted.
    fn clean_up(&self) -> Vec<String> {
        let mut failed = Vec::new();
        let mut tried = |service: &str, call: &str, given: Value| {
            failed.extend(boto::call(service, call, &given).err().map(|error| format!("{service} {call} {given}: {error}")));
        };
        let pages = json!({ "Bucket": self.bucket, "Prefix": self.folder });
        for object in boto::list("s3", "list_objects_v2", pages, "Contents", ("NextContinuationToken", "ContinuationToken")) {
            tried("s3", "delete_object", json!({ "Bucket": self.bucket, "Key": object["Key"] }));
        }
        let of_bucket = json!({ "Bucket": self.bucket });
        let mut told = boto::call("s3", "get_bucket_notification_configuration", &of_bucket).unwrap_or_default();
        if let Some(queues) = told["QueueConfigurations"].as_array_mut() {
            queues.retain(|queue| !queue["QueueArn"].as_str().is_some_and(|arn| arn.contains(&self.name)));
            tried("s3", "put_bucket_notification_configuration", json!({ "Bucket": self.bucket, "NotificationConfiguration": told }));
        }
        for url in boto::list("sqs", "list_queues", json!({ "QueueNamePrefix": self.name }), "QueueUrls", ("NextToken", "NextToken")) {
            tried("sqs", "delete_queue", json!({ "QueueUrl": url }));
        }
        let tables = boto::list("dynamodb", "list_tables", json!({}), "TableNames", ("LastEvaluatedTableName", "ExclusiveStartTableName"));
        for table in tables.iter().filter(|table| table.as_str().is_some_and(|table| table.starts_with(&self.name))) {
            tried("dynamodb", "delete_table", json!({ "TableName": table }));
        }
        let databases = boto::list("glue", "get_databases", json!({}), "DatabaseList", ("NextToken", "NextToken"));
        let ours = self.name.replace('-', "_");
        for database in
            databases.iter().map(|database| &database["Name"]).filter(|name| name.as_str().is_some_and(|n| n.starts_with(&ours)))
        {
            tried("glue", "delete_database", json!({ "Name": database }));
        }
        failed
    }
}

/// A real account is left as it was.
impl Drop for Cloud {
    fn drop(&mut self) {
        if self.is_real {
            let failed = self.clean_up();
            if !failed.is_empty() {
                eprintln!("left behind in the account, to be deleted by hand:\n{}", failed.join("\n"));
            }
        }
    }
}

/// The files of a folder with their keys below it.
fn files_below(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(at) = folders.pop() {
        for entry in fs::read_dir(at).expect("the folder can be read") {
            let path = entry.expect("the folder can be read").path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let key = path.strip_prefix(folder).ok().and_then(Path::to_str).expect("it is below").to_owned();
                found.insert(key, fs::read(path).expect("the file can be read"));
            }
        }
    }
    found
}
