//! Tables are given their LF-Tags in Lake Formation: against an emulated AWS, and one that refuses.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use lakegate_aws::{Account, AccountOptions, GlueCatalog};
use lakegate_coordinator::ports::{TableCatalog as _, TableChange};
use lakegate_model::{
    ExecutionId, FailureCode, Location, Timestamp,
    project::Zones,
    table::{DataType, TableId},
};
use lakegate_tests::kit::{
    faults::{Fault, in_front_of},
    moto::{REGION, moto, unique},
};
use serde_json::{Value, json};

/// A bucket, a prefix of databases, and LF-Tags of the test's own.
struct Place {
    bucket: String,
    prefix: String,
    domain: String,
    pii: String,
}

impl Place {
    fn new() -> Place {
        let bucket = unique("tagged");
        moto().create_bucket(&bucket);
        let [domain, pii] = ["domain", "pii"].map(unique);
        for (key, values) in [(&domain, ["sales", "ops"]), (&pii, ["yes", "no"])] {
            moto().post("lakeformation", "/CreateLFTag", &json!({ "TagKey": key, "TagValues": values }));
        }
        Place { prefix: format!("{}_", bucket.replace('-', "_")), bucket, domain, pii }
    }

    async fn catalog(&self, endpoint: String) -> GlueCatalog {
        let keys = Some(("test".to_owned(), "test".to_owned()));
        let account = Account::load(AccountOptions { region: Some(REGION.to_owned()), endpoint: Some(endpoint), keys }).await;
        let zone = |name: &str| Location::new(format!("s3://{}/{name}", self.bucket));
        let zones = Zones { raw: zone("raw"), stage: zone("stage"), analytics: zone("analytics") };
        GlueCatalog::open(&account, &self.prefix, zones).await.unwrap()
    }

    fn change(&self, execution: &str, lf_tags: &[(&str, &str)]) -> TableChange {
        TableChange {
            id: TableId::new("nyc", "flights"),
            location: Location::new(format!("s3://{}/analytics/nyc/flights", self.bucket)),
            partition_by: Vec::new(),
            on_top_of: None,
            schema: [("delay", DataType::Int(64))].into_iter().collect(),
            files: Vec::new(),
            lf_tags: lf_tags.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect(),
            execution: ExecutionId::from_text(execution),
            at: Timestamp(1_000),
        }
    }

    /// The table's tags, as Lake Formation tells others.
    fn tags(&self) -> BTreeMap<String, Value> {
        let table = json!({ "DatabaseName": format!("{}nyc", self.prefix), "Name": "flights" });
        let answer = moto().post("lakeformation", "/GetResourceLFTags", &json!({ "Resource": { "Table": table } }));
        let tags = answer["LFTagsOnTable"].as_array().cloned().unwrap_or_default();
        tags.into_iter().map(|tag| (tag["TagKey"].as_str().unwrap().to_owned(), tag["TagValues"].clone())).collect()
    }
}

/// A way to the account, and how often tags were given on it.
fn counting() -> (String, Arc<AtomicUsize>) {
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    let endpoint = in_front_of(moto(), move |request, _| {
        count.fetch_add(usize::from(request == "POST /AddLFTagsToResource"), Ordering::SeqCst);
        Fault::None
    });
    (endpoint, asked)
}

#[tokio::test]
async fn a_table_has_its_own_tags_and_the_defaults_that_it_does_not_name() {
    let place = Place::new();
    let defaults = [(place.domain.clone(), "ops".to_owned()), (place.pii.clone(), "no".to_owned())];
    let catalog = place.catalog(moto().endpoint()).await.tagging(defaults.into());
    catalog.publish(place.change("ex-1", &[(&place.domain, "sales")])).await.unwrap();
    let expected = [(place.domain.clone(), json!(["sales"])), (place.pii.clone(), json!(["no"]))];
    assert_eq!(place.tags(), expected.into());
    // A change of the pipeline is a change of the table.
    catalog.publish(place.change("ex-2", &[(&place.domain, "sales"), (&place.pii, "yes")])).await.unwrap();
    assert_eq!(place.tags()[&place.pii], json!(["yes"]));
}

#[tokio::test]
async fn a_table_without_tags_asks_nothing_of_lake_formation() {
    let place = Place::new();
    let (endpoint, asked) = counting();
    place.catalog(endpoint).await.publish(place.change("ex-1", &[])).await.unwrap();
    assert_eq!(asked.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn a_tag_that_is_not_there_fails_the_publish_which_can_be_done_again() {
    let place = Place::new();
    let catalog = place.catalog(moto().endpoint()).await;
    let unknown = unique("unknown");
    let change = place.change("ex-1", &[(&unknown, "x")]);
    for _ in 0..2 {
        let failure = catalog.publish(change.clone()).await.unwrap_err();
        assert_eq!(failure.code, FailureCode::Catalog);
        assert!(failure.message.contains(&format!("{unknown} = x: EntityNotFoundException")), "{failure}");
        assert!(failure.hint.contains("create-lf-tag") && failure.hint.contains("lakeformation:AddLFTagsToResource"), "{failure}");
    }
    moto().post("lakeformation", "/CreateLFTag", &json!({ "TagKey": unknown, "TagValues": ["x"] }));
    assert_eq!(catalog.publish(change).await.unwrap().version, 1, "the version was recorded at the first try");
    assert_eq!(place.tags()[&unknown], json!(["x"]));
}

/// Once for a process, and again when the table's entry is another one.
#[tokio::test]
async fn tags_are_given_again_to_an_entry_that_was_made_anew() {
    let place = Place::new();
    let (endpoint, asked) = counting();
    let catalog = place.catalog(endpoint).await;
    let sales = [(place.domain.as_str(), "sales")];
    for execution in ["ex-1", "ex-2", "ex-3"] {
        catalog.publish(place.change(execution, &sales)).await.unwrap();
    }
    assert_eq!(asked.load(Ordering::SeqCst), 1);
    let database = format!("{}nyc", place.prefix);
    moto().call("AWSGlue.DeleteTable", &json!({ "DatabaseName": database, "Name": "flights" }));
    catalog.publish(place.change("ex-4", &sales)).await.unwrap();
    assert_eq!(asked.load(Ordering::SeqCst), 2);
}
