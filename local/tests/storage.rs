//! What is particular to zones that are directories: links and ways out.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{fs, os::unix::fs::symlink, path::Path};

use lakegate_coordinator::ports::{Promotion, Storage as _};
use lakegate_local::Directory;
use lakegate_model::{FailureCode, Location, pipeline::Zone, project::Zones};

fn storage(root: &Path) -> Directory {
    let at = |zone: &str| Location::of_path(root.join(zone).to_str().unwrap());
    Directory::new(Zones { raw: at("raw"), stage: at("stage"), analytics: at("analytics") })
}

fn at(path: &Path) -> Location {
    Location::of_path(path.to_str().unwrap())
}

#[tokio::test]
async fn deleting_never_follows_a_link() {
    let folder = tempfile::tempdir().unwrap();
    let treasure = folder.path().join("treasure");
    fs::create_dir_all(treasure.join("ex-1")).unwrap();
    fs::write(treasure.join("ex-1/gold"), "gold").unwrap();
    let staging = folder.path().join("analytics/_lakegate/staging");
    fs::create_dir_all(staging.join("ex-2/1")).unwrap();
    symlink(&treasure, staging.join("ex-2/1/link")).unwrap();
    symlink(&treasure, staging.join("ex-3")).unwrap();
    symlink(&treasure, folder.path().join("analytics/_lakegate/linked")).unwrap();
    let storage = storage(folder.path());

    storage.discard(&at(&staging.join("ex-2"))).await.unwrap();
    assert!(!staging.join("ex-2").exists());
    for place in [staging.join("ex-3"), folder.path().join("analytics/_lakegate/linked/ex-1")] {
        let failure = storage.discard(&at(&place)).await.unwrap_err();
        assert!(failure.message.contains("symbolic link"), "{failure}");
    }
    assert_eq!(fs::read_to_string(treasure.join("ex-1/gold")).unwrap(), "gold");
}

#[tokio::test]
async fn only_what_is_internal_is_deleted() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("analytics/nyc/flights");
    fs::create_dir_all(&data).unwrap();
    let storage = storage(folder.path());
    let ways_out = [data.clone(), folder.path().join("analytics/_lakegate/../nyc"), "/".into()];
    for place in ways_out {
        assert_eq!(storage.discard(&at(&place)).await.unwrap_err().code, FailureCode::InvalidRequest, "{}", place.display());
    }
    assert_eq!(storage.discard(&Location::new("s3://bucket/_lakegate/x")).await.unwrap_err().code, FailureCode::InvalidRequest);
    assert!(data.is_dir());
}

#[tokio::test]
async fn a_key_stays_in_its_zone() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("secret"), "x").unwrap();
    let storage = storage(folder.path());
    for key in ["../secret", "/etc/passwd", "nyc/../../secret"] {
        assert_eq!(storage.head(Zone::Raw, key).await.unwrap_err().code, FailureCode::InvalidRequest, "{key}");
    }
}

#[tokio::test]
async fn a_write_that_fails_leaves_what_was_there() {
    let folder = tempfile::tempdir().unwrap();
    let occupied = folder.path().join("stage/a.json");
    fs::create_dir_all(&occupied).unwrap();
    let storage = storage(folder.path());
    let failure = storage.write(&at(&occupied), b"x".to_vec()).await.unwrap_err();
    assert!(failure.message.contains("a.json"), "{failure}");
    let names: Vec<_> = fs::read_dir(folder.path().join("stage")).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names, ["a.json"], "nothing is left beside it");
}

#[tokio::test]
async fn promotion_goes_on_where_an_earlier_try_stopped() {
    let folder = tempfile::tempdir().unwrap();
    let storage = storage(folder.path());
    let staging = folder.path().join("analytics/_lakegate/staging/ex-1/1");
    fs::create_dir_all(&staging).unwrap();
    fs::write(staging.join("a"), "a").unwrap();
    fs::write(staging.join("c"), "c").unwrap();
    let to = |name: &str| folder.path().join("analytics/nyc").join(name);
    let moves: Vec<Promotion> = ["a", "b", "c"].iter().map(|name| Promotion { from: at(&staging.join(name)), to: at(&to(name)) }).collect();
    storage.promote(moves.clone()).await.unwrap_err();
    fs::write(staging.join("b"), "b").unwrap();
    storage.promote(moves).await.unwrap();
    for name in ["a", "b", "c"] {
        assert_eq!(fs::read_to_string(to(name)).unwrap(), name);
    }
}
