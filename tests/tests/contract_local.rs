//! The adapters of one machine keep the ports' contracts.

use std::path::PathBuf;

use async_trait::async_trait;
use lakegate_coordinator::ports::Storage as _;
use lakegate_local::{Directory, DirectoryCatalog, SqliteLedger, WatchOptions, Watcher};
use lakegate_model::{Location, ObjectVersion, pipeline::Zone, project::Zones};
use lakegate_tests::contract::{catalog::CatalogPlace, ledger::LedgerPlace, source::SourcePlace, storage::StoragePlace};
use tempfile::TempDir;

/// A directory for one test.
struct Place(TempDir);

impl Default for Place {
    fn default() -> Place {
        Place(tempfile::tempdir().unwrap())
    }
}

impl Place {
    fn zones(&self) -> Zones {
        let [raw, stage, analytics] = Zone::ALL else { unreachable!("three zones") };
        let at = |zone: &Zone| Location::of_path(&self.path(zone.as_str()).to_string_lossy());
        Zones { raw: at(raw), stage: at(stage), analytics: at(analytics) }
    }

    fn path(&self, below: &str) -> PathBuf {
        self.0.path().join(below)
    }
}

#[async_trait]
impl LedgerPlace for Place {
    type Ledger = SqliteLedger;

    async fn open(&self) -> SqliteLedger {
        SqliteLedger::open(self.path(".lakegate/ledger.db")).await.unwrap()
    }
}

#[async_trait]
impl StoragePlace for Place {
    type Storage = Directory;

    async fn open(&self) -> Directory {
        Directory::new(self.zones())
    }

    fn zone(&self, zone: Zone) -> Location {
        self.zones().location(zone).clone()
    }

    async fn read(&self, at: &Location) -> Option<Vec<u8>> {
        std::fs::read(at.path()?).ok()
    }
}

#[async_trait]
impl CatalogPlace for Place {
    type Catalog = DirectoryCatalog;

    async fn open(&self) -> DirectoryCatalog {
        DirectoryCatalog::open(self.path(".lakegate/catalog")).await.unwrap()
    }

    fn location(&self) -> Location {
        Location::new("file:///lake/analytics")
    }
}

#[async_trait]
impl SourcePlace for Place {
    type Source = Watcher;

    async fn open(&self) -> Watcher {
        Watcher::start(self.path("raw"), WatchOptions::default()).await.unwrap()
    }

    async fn put(&self, key: &str, bytes: &[u8]) {
        // Written elsewhere and moved in: there is no moment at which half of it is there.
        let [elsewhere, target] = [self.path("elsewhere"), self.path("raw").join(key)];
        std::fs::write(&elsewhere, bytes).unwrap();
        std::fs::create_dir_all(target.parent().unwrap()).unwrap();
        std::fs::rename(elsewhere, target).unwrap();
    }

    async fn remove(&self, key: &str) {
        std::fs::remove_file(self.path("raw").join(key)).unwrap();
    }

    async fn head(&self, key: &str) -> ObjectVersion {
        Directory::new(self.zones()).head(Zone::Raw, key).await.unwrap().unwrap()
    }
}

mod ledger {
    lakegate_tests::ledger_contract!(super::Place);
}

mod storage {
    lakegate_tests::storage_contract!(super::Place);
}

mod catalog {
    lakegate_tests::catalog_contract!(super::Place);
}

mod source {
    lakegate_tests::source_contract!(super::Place);
}
