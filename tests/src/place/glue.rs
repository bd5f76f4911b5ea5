//! A place for the table catalog in an emulated Glue, and what others see there.

use std::collections::BTreeMap;

use async_trait::async_trait;
use lakegate_aws::GlueCatalog;
use lakegate_coordinator::ports::TableChange;
use lakegate_model::{
    ExecutionId, Location, Timestamp,
    layout::partition_path,
    project::Zones,
    table::{DataType, TableFile, TableId},
};
use serde_json::{Value, json};

use super::account;
use crate::{
    contract::catalog::CatalogPlace,
    kit::moto::{moto, unique},
};

/// A bucket with the zones in it, and Glue databases whose names start as nobody else's.
pub struct GluePlace {
    /// The bucket.
    pub bucket: String,
    /// What the databases' names start with.
    pub prefix: String,
}

impl Default for GluePlace {
    fn default() -> GluePlace {
        let bucket = unique("tables");
        moto().create_bucket(&bucket);
        GluePlace { prefix: format!("{bucket}_"), bucket }
    }
}

#[async_trait]
impl CatalogPlace for GluePlace {
    type Catalog = GlueCatalog;

    async fn open(&self) -> GlueCatalog {
        self.open_at(moto().endpoint()).await
    }

    fn location(&self) -> Location {
        self.zones().analytics
    }
}

impl GluePlace {
    /// The catalog of an account at this address.
    pub async fn open_at(&self, endpoint: String) -> GlueCatalog {
        GlueCatalog::open(&account(endpoint).await, &self.prefix, self.zones()).await.unwrap()
    }

    /// Where the zones are.
    pub fn zones(&self) -> Zones {
        let zone = |name: &str| Location::new(format!("s3://{}/lake/{name}", self.bucket));
        Zones { raw: zone("raw"), stage: zone("stage"), analytics: zone("analytics") }
    }

    /// Asks something of the database.
    pub fn glue(&self, what: &str, mut body: Value) -> Value {
        body["DatabaseName"] = json!(format!("{}nyc", self.prefix));
        moto().call(&format!("AWSGlue.{what}"), &body)
    }

    /// The table's entry.
    pub fn entry(&self) -> Value {
        self.glue("GetTable", json!({"Name": "flights"}))["Table"].clone()
    }

    /// The table's partitions by their values, joined with `/`.
    pub fn partitions(&self) -> BTreeMap<String, Value> {
        let answer = self.glue("GetPartitions", json!({"TableName": "flights"}));
        let partitions = answer["Partitions"].as_array().unwrap().iter();
        partitions.map(|partition| (texts(&partition["Values"]).join("/"), partition.clone())).collect()
    }

    /// Puts the table's entry back to what it said.
    pub fn put_back(&self, entry: &Value) {
        let mut input = entry.clone();
        for key in ["DatabaseName", "CreateTime", "UpdateTime", "VersionId", "CatalogId"] {
            input.as_object_mut().unwrap().remove(key);
        }
        self.glue("UpdateTable", json!({"TableInput": input}));
    }

    fn record_key(version: u64) -> String {
        format!("lake/analytics/_lakegate/tables/nyc/flights/v{version:08}.json")
    }

    /// A version's record, if there is one.
    pub fn record(&self, version: u64) -> Option<Value> {
        Some(serde_json::from_slice(&moto().get_object(&self.bucket, &GluePlace::record_key(version))?).unwrap())
    }

    /// Writes a record.
    pub fn put_record(&self, record: &Value) {
        let key = GluePlace::record_key(record["version"].as_u64().unwrap());
        moto().put_object(&self.bucket, &key, record.to_string().as_bytes());
    }

    /// A change of `nyc.flights` by year and carrier, with a file in each of these partitions.
    pub fn change(&self, execution: &str, partitions: &[(Option<&str>, Option<&str>)]) -> TableChange {
        let root = self.location().join("nyc/flights/flights");
        let execution = ExecutionId::from_text(execution);
        let file = |(n, (year, carrier)): (usize, &(Option<&str>, Option<&str>))| {
            let partition = [("year", year), ("carrier", carrier)].map(|(name, value)| (name.to_owned(), value.map(str::to_owned)));
            TableFile {
                location: root.join(&format!("{}/{execution}-{n:05}.parquet", partition_path(&partition))),
                partition: partition.to_vec(),
                rows: 10 + n as u64,
                bytes: 1_000,
                execution: execution.clone(),
            }
        };
        TableChange {
            lf_tags: Default::default(),
            id: TableId::new("nyc", "flights"),
            files: partitions.iter().enumerate().map(file).collect(),
            location: root.clone(),
            partition_by: vec!["year".into(), "carrier".into()],
            on_top_of: None,
            schema: [("year", DataType::Int(64)), ("delay", DataType::UInt(16)), ("carrier", DataType::String)].into_iter().collect(),
            execution: execution.clone(),
            at: Timestamp(1_000),
        }
    }
}

/// The texts of an array.
pub fn texts(value: &Value) -> Vec<&str> {
    value.as_array().unwrap().iter().map(|text| text.as_str().unwrap()).collect()
}

/// Names and types of columns.
pub fn columns(value: &Value) -> Vec<(&str, &str)> {
    let columns = value.as_array().unwrap().iter();
    columns.map(|column| (column["Name"].as_str().unwrap(), column["Type"].as_str().unwrap())).collect()
}

/// The parameters of these names.
pub fn said<const N: usize>(entry: &Value, names: [&str; N]) -> [String; N] {
    names.map(|name| entry["Parameters"][name].as_str().unwrap_or("nothing").to_owned())
}
