//! The duties of the lake's files.

use async_trait::async_trait;
use lakegate_coordinator::ports::{Promotion, Storage};
use lakegate_model::{ExecutionId, Location, layout, pipeline::Zone};

/// Where the zones are.
#[async_trait]
pub trait StoragePlace: Default + Send + Sync + 'static {
    /// The adapter.
    type Storage: Storage;

    /// The storage of these zones.
    async fn open(&self) -> Self::Storage;

    /// Where a zone lies.
    fn zone(&self, zone: Zone) -> Location;

    /// What lies at a place, read by other means than the adapter's.
    async fn read(&self, at: &Location) -> Option<Vec<u8>>;
}

/// Tests an adapter of `Storage`, whose `StoragePlace` is named.
#[macro_export]
macro_rules! storage_contract {
    ($place:ty $(, $how:ident)?) => {
        $crate::contract!(
            $crate::contract::storage,
            $place,
            [
                a_written_file_is_there_whole,
                a_written_file_is_read_whole,
                files_are_listed_by_name_from_where_one_left_off,
                a_file_is_headed_as_the_version_it_is,
                promoting_moves_files_and_overwrites,
                promoting_again_finishes_the_work,
                a_moved_file_is_told_of_as_the_version_it_is,
                promoting_what_is_nowhere_fails,
                discarding_deletes_everything_below_and_nothing_else,
            ] $(, $how)?
        );
    };
}

fn staging(place: &impl StoragePlace) -> Location {
    layout::staging(&place.zone(Zone::Analytics), &ExecutionId::from_text("ex-1"), 1)
}

/// And a second write takes the first one's place.
pub async fn a_written_file_is_there_whole(place: impl StoragePlace) {
    let storage = place.open().await;
    let at = place.zone(Zone::Stage).join("_lakegate/manifests/a b+%ü.json");
    for bytes in [b"first, and longer".to_vec(), Vec::new(), b"second".to_vec()] {
        storage.write(&at, bytes.clone()).await.unwrap();
        assert_eq!(place.read(&at).await, Some(bytes));
    }
}

/// And what is not there is nothing.
pub async fn a_written_file_is_read_whole(place: impl StoragePlace) {
    let storage = place.open().await;
    let at = place.zone(Zone::Stage).join("_lakegate/quarantine/events/a b+%ü.json");
    assert_eq!(storage.read(&at).await.unwrap(), None);
    for bytes in [vec![b'x'; 300_000], Vec::new(), "ü".as_bytes().to_vec()] {
        storage.write(&at, bytes.clone()).await.unwrap();
        assert_eq!(storage.read(&at).await.unwrap(), Some(bytes));
    }
    let folder = place.zone(Zone::Stage).join("_lakegate/quarantine/nowhere");
    assert_eq!(storage.read(&folder.join("a.json")).await.unwrap(), None);
}

/// Neither folders nor what lies in them, and nothing of a neighbour whose name begins alike.
pub async fn files_are_listed_by_name_from_where_one_left_off(place: impl StoragePlace) {
    let storage = place.open().await;
    let folder = place.zone(Zone::Stage).join("_lakegate/quarantine/events");
    assert_eq!(storage.list(&folder, "", 9).await.unwrap(), [] as [String; 0]);
    for name in ["0c.json", "a.json", "00.json", "ü.json", "b/deep.json", "../events-too/x.json"] {
        let at = match name.strip_prefix("../") {
            Some(beside) => place.zone(Zone::Stage).join("_lakegate/quarantine").join(beside),
            None => folder.join(name),
        };
        storage.write(&at, b"x".to_vec()).await.unwrap();
    }
    let all = ["00.json", "0c.json", "a.json", "ü.json"];
    assert_eq!(storage.list(&folder, "", 9).await.unwrap(), all);
    for limit in 1..=4 {
        assert_eq!(storage.list(&folder, "", limit).await.unwrap(), all[..limit]);
    }
    for (after, left) in [("00.json", 1), ("0", 0), ("0c", 1), ("0c.json", 2), ("ü.json", 4)] {
        assert_eq!(storage.list(&folder, after, 9).await.unwrap(), all[left..], "{after}");
    }
}

/// The bucket is the zone's; equal content at another time may be another version, other content is one.
pub async fn a_file_is_headed_as_the_version_it_is(place: impl StoragePlace) {
    let storage = place.open().await;
    let key = "nyc/flights/2013/a b+%ü.csv";
    assert_eq!(storage.head(Zone::Raw, key).await.unwrap(), None);
    storage.write(&place.zone(Zone::Raw).join(key), b"a".to_vec()).await.unwrap();
    let first = storage.head(Zone::Raw, key).await.unwrap().unwrap();
    assert_eq!((first.bucket.as_str(), first.key.as_str(), first.size), ("raw", key, 1));
    assert_eq!(storage.head(Zone::Raw, key).await.unwrap(), Some(first.clone()), "an unchanged file is the same version");
    storage.write(&place.zone(Zone::Raw).join(key), b"ab".to_vec()).await.unwrap();
    let second = storage.head(Zone::Raw, key).await.unwrap().unwrap();
    assert_ne!(second.id(), first.id());
    assert_eq!(storage.head(Zone::Raw, "nyc/flights/2013").await.unwrap(), None, "a folder is no object");
    assert_eq!(storage.head(Zone::Stage, key).await.unwrap(), None);
}

/// Into folders that are not there yet.
pub async fn promoting_moves_files_and_overwrites(place: impl StoragePlace) {
    let storage = place.open().await;
    let table = place.zone(Zone::Analytics).join("nyc/flights/monthly");
    let moves: Vec<Promotion> = ["month=1/a.parquet", "month=2/b.parquet"]
        .iter()
        .map(|key| Promotion { from: staging(&place).join(key), to: table.join(key) })
        .collect();
    storage.write(&moves[1].to, b"old".to_vec()).await.unwrap();
    for promotion in &moves {
        storage.write(&promotion.from, promotion.to.as_str().as_bytes().to_vec()).await.unwrap();
    }
    storage.promote(moves.clone()).await.unwrap();
    for promotion in &moves {
        assert_eq!(place.read(&promotion.to).await, Some(promotion.to.as_str().as_bytes().to_vec()));
        assert_eq!(place.read(&promotion.from).await, None);
    }
    storage.promote(Vec::new()).await.unwrap();
}

/// As after a crash between two of the moves.
pub async fn promoting_again_finishes_the_work(place: impl StoragePlace) {
    let storage = place.open().await;
    let moves: Vec<Promotion> = ["a", "b"]
        .iter()
        .map(|key| Promotion { from: staging(&place).join(key), to: place.zone(Zone::Analytics).join("nyc").join(key) })
        .collect();
    for promotion in &moves {
        storage.write(&promotion.from, b"x".to_vec()).await.unwrap();
    }
    storage.promote(vec![moves[0].clone()]).await.unwrap();
    for _ in 0..2 {
        storage.promote(moves.clone()).await.unwrap();
    }
    for promotion in &moves {
        assert_eq!(place.read(&promotion.to).await, Some(b"x".to_vec()));
    }
}

/// Whether it is moved now, in whatever order, or was before; overwriting or not.
pub async fn a_moved_file_is_told_of_as_the_version_it_is(place: impl StoragePlace) {
    let storage = place.open().await;
    let keys = ["nyc/a.parquet", "nyc/b.parquet", "nyc/c.parquet"];
    let zone = place.zone(Zone::Analytics);
    let moves: Vec<Promotion> = keys.iter().map(|key| Promotion { from: staging(&place).join(key), to: zone.join(key) }).collect();
    storage.write(&moves[1].to, b"old".to_vec()).await.unwrap();
    for (promotion, bytes) in moves.iter().zip(["1", "22", "333"]) {
        storage.write(&promotion.from, bytes.as_bytes().to_vec()).await.unwrap();
    }
    storage.promote(vec![moves[2].clone()]).await.unwrap();
    let told = storage.promote(moves).await.unwrap();
    assert_eq!(told.len(), keys.len());
    for (key, told) in keys.iter().zip(told) {
        assert_eq!(storage.head(Zone::Analytics, key).await.unwrap().map(|head| head.version), Some(told), "{key}");
    }
}

/// Neither at the one place nor at the other.
pub async fn promoting_what_is_nowhere_fails(place: impl StoragePlace) {
    let storage = place.open().await;
    let lost = Promotion { from: staging(&place).join("lost"), to: place.zone(Zone::Analytics).join("nyc/lost") };
    let failure = storage.promote(vec![lost]).await.unwrap_err();
    assert!(failure.message.contains("lost"), "{failure}");
}

/// Twice, and where nothing is.
pub async fn discarding_deletes_everything_below_and_nothing_else(place: impl StoragePlace) {
    let storage = place.open().await;
    let zone = place.zone(Zone::Analytics);
    let [doomed, neighbour] = ["ex-1", "ex-12"].map(|id| layout::staging_root(&zone, &ExecutionId::from_text(id)));
    for at in [doomed.join("1/a"), doomed.join("2/deep/b"), neighbour.join("1/a")] {
        storage.write(&at, b"x".to_vec()).await.unwrap();
    }
    for _ in 0..2 {
        storage.discard(&doomed).await.unwrap();
    }
    assert_eq!([place.read(&doomed.join("1/a")).await, place.read(&doomed.join("2/deep/b")).await], [None, None]);
    assert!(place.read(&neighbour.join("1/a")).await.is_some());
}
