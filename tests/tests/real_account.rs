//! The contracts of the ports, and the example end to end, against a real AWS account. Ignored unless
//! asked for; CONTRIBUTING.md says how. Everything is made below one name, and deleted afterwards.

use std::time::Duration;

use async_trait::async_trait;
use lakegate_aws::{Account, AccountOptions, DynamoLedger, GlueCatalog, S3Storage, SqsSource};
use lakegate_coordinator::ports::Storage as _;
use lakegate_model::{Location, ObjectVersion, pipeline::Zone, project::Zones};
use lakegate_tests::{
    contract::{catalog::CatalogPlace, ledger::LedgerPlace, source::SourcePlace, storage::StoragePlace},
    kit::{boto, cloud::Cloud},
};
use serde_json::json;

/// A folder of the bucket, and what begins with its name, for one duty.
struct Place(Cloud);

impl Default for Place {
    fn default() -> Place {
        Place(Cloud::real())
    }
}

impl Place {
    fn zones(&self) -> Zones {
        let zone = |name: &str| Location::new(format!("s3://{}/{}{name}", self.0.bucket, self.0.folder));
        Zones { raw: zone("raw"), stage: zone("stage"), analytics: zone("analytics") }
    }
}

async fn account() -> Account {
    Account::load(AccountOptions::default()).await
}

#[async_trait]
impl LedgerPlace for Place {
    type Ledger = DynamoLedger;

    async fn open(&self) -> DynamoLedger {
        let account = account().await;
        DynamoLedger::create(&account, &self.0.name).await.unwrap();
        DynamoLedger::open(&account, &self.0.name).await.unwrap()
    }
}

#[async_trait]
impl StoragePlace for Place {
    type Storage = S3Storage;

    async fn open(&self) -> S3Storage {
        S3Storage::new(&account().await, self.zones())
    }

    fn zone(&self, zone: Zone) -> Location {
        self.zones().location(zone).clone()
    }

    async fn read(&self, at: &Location) -> Option<Vec<u8>> {
        let (bucket, key) = at.s3()?;
        boto::get_object(bucket, key)
    }
}

#[async_trait]
impl CatalogPlace for Place {
    type Catalog = GlueCatalog;

    async fn open(&self) -> GlueCatalog {
        GlueCatalog::open(&account().await, self.0.database_prefix(), self.zones()).await.unwrap()
    }

    fn location(&self) -> Location {
        self.zones().analytics
    }
}

/// The same, whose bucket has begun to tell a queue of what lands there.
struct Told(Place);

impl Default for Told {
    fn default() -> Told {
        let place = Place(Cloud::real().bootstrapped());
        // The bucket's first words come at once, and others once it has taken in that it is to tell them.
        place.0.land("probe", b"probe").told(2);
        place.0.forget();
        Told(place)
    }
}

#[async_trait]
impl SourcePlace for Told {
    type Source = SqsSource;

    async fn open(&self) -> SqsSource {
        SqsSource::open(&account().await, self.0.zones(), &self.0.0.queue()).await.unwrap()
    }

    async fn put(&self, key: &str, bytes: &[u8]) {
        self.0.0.land(key, bytes);
    }

    async fn remove(&self, key: &str) {
        let key = format!("{}raw/{key}", self.0.0.folder);
        boto::expect("s3", "delete_object", &json!({ "Bucket": self.0.0.bucket, "Key": key }));
    }

    async fn head(&self, key: &str) -> ObjectVersion {
        StoragePlace::open(&self.0).await.head(Zone::Raw, key).await.unwrap().unwrap()
    }

    /// S3 tells within seconds, most of the time.
    fn quiet(&self) -> Duration {
        Duration::from_secs(5)
    }
}

mod source {
    lakegate_tests::source_contract!(super::Told, in_turn);

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    #[ignore = "needs an AWS account and LAKEGATE_TEST_BUCKET"]
    async fn keeps_its_contract() {
        in_turn().await;
    }
}

mod ledger {
    lakegate_tests::ledger_contract!(super::Place, in_turn);

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    #[ignore = "needs an AWS account and LAKEGATE_TEST_BUCKET"]
    async fn keeps_its_contract() {
        in_turn().await;
    }
}

mod storage {
    lakegate_tests::storage_contract!(super::Place, in_turn);

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    #[ignore = "needs an AWS account and LAKEGATE_TEST_BUCKET"]
    async fn keeps_its_contract() {
        in_turn().await;
    }
}

mod catalog {
    lakegate_tests::catalog_contract!(super::Place, in_turn);

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    #[ignore = "needs an AWS account and LAKEGATE_TEST_BUCKET"]
    async fn keeps_its_contract() {
        in_turn().await;
    }
}

/// Through a real queue, told by a real bucket.
#[test]
#[ignore = "needs an AWS account and LAKEGATE_TEST_BUCKET"]
fn the_flights_are_the_same_as_on_a_directory() {
    Cloud::real().flights_are_the_same_as_on_a_directory();
}
