//! What is particular to a watched directory: the ways in which files appear in one.

#![expect(clippy::expect_used, reason = "a test fails by panicking")]

use std::{
    collections::{BTreeMap, BTreeSet},
    ffi::OsStr,
    fs::{self, File},
    io::Write as _,
    os::unix::{ffi::OsStrExt as _, fs::symlink},
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, Instant},
};

use lakegate_coordinator::ports::EventSource as _;
use lakegate_local::{WatchOptions, Watcher};
use lakegate_model::event::{EventKind, ObjectEvent};
use tempfile::TempDir;
use tokio::time::timeout;

/// Longer than a busy machine needs.
const PATIENCE: Duration = Duration::from_secs(30);
/// Long enough for what must not come to come.
const QUIET: Duration = Duration::from_millis(200);

struct Lake {
    folder: TempDir,
}

impl Lake {
    fn new() -> Lake {
        let lake = Lake { folder: tempfile::tempdir().expect("a directory") };
        fs::create_dir_all(lake.raw("")).expect("a raw zone");
        lake
    }

    fn raw(&self, key: &str) -> PathBuf {
        self.folder.path().join("raw").join(key)
    }

    fn outside(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    async fn watch(&self) -> Watcher {
        Watcher::start(self.raw(""), WatchOptions::default()).await.expect("watched")
    }
}

/// Receives and acknowledges whatever comes until nothing has come for a while.
async fn drain(watcher: &Watcher) -> Vec<ObjectEvent> {
    let mut events = Vec::new();
    while let Ok(messages) = timeout(QUIET, watcher.receive(1_000)).await {
        for message in messages.expect("received") {
            events.extend(message.events);
            watcher.acknowledge(vec![message.receipt]).await.expect("acknowledged");
        }
    }
    events
}

/// Receives until each of so many keys has come.
async fn receive(watcher: &Watcher, count: usize) -> BTreeMap<String, Vec<u64>> {
    let mut sizes: BTreeMap<String, Vec<u64>> = BTreeMap::new();
    while sizes.len() < count {
        let messages = timeout(PATIENCE, watcher.receive(1_000)).await.expect("something comes").expect("received");
        for message in messages {
            for event in message.events {
                sizes.entry(event.object.key).or_default().push(event.object.size);
            }
            watcher.acknowledge(vec![message.receipt]).await.expect("acknowledged");
        }
    }
    for event in drain(watcher).await {
        sizes.entry(event.object.key).or_default().push(event.object.size);
    }
    sizes
}

fn keys(sizes: &BTreeMap<String, Vec<u64>>) -> Vec<&str> {
    sizes.keys().map(String::as_str).collect()
}

fn run(program: &str, arguments: &[&Path]) {
    assert!(Command::new(program).args(arguments).status().expect("run").success());
}

#[tokio::test]
async fn a_copied_and_a_moved_file_come_once() {
    let lake = Lake::new();
    let watcher = lake.watch().await;
    let original = lake.outside("original.csv");
    fs::write(&original, vec![b'x'; 3_000_000]).unwrap();
    run("cp", &[&original, &lake.raw("copied.csv")]);
    assert_eq!(receive(&watcher, 1).await, BTreeMap::from([("copied.csv".into(), vec![3_000_000])]));
    run("cp", &[Path::new("-p"), &original, &lake.raw("preserved.csv")]);
    assert_eq!(receive(&watcher, 1).await, BTreeMap::from([("preserved.csv".into(), vec![3_000_000])]));
    run("mv", &[&original, &lake.raw("moved.csv")]);
    assert_eq!(receive(&watcher, 1).await, BTreeMap::from([("moved.csv".into(), vec![3_000_000])]));
}

#[tokio::test]
async fn a_file_written_under_a_temporary_name_comes_by_its_own() {
    let lake = Lake::new();
    let watcher = lake.watch().await;
    for temporary in [".a.csv.Xy12", "a.csv.part", "_lakegate/staging/a.csv"] {
        fs::create_dir_all(lake.raw(temporary).parent().unwrap()).unwrap();
        fs::write(lake.raw(temporary), "abc").unwrap();
        assert_eq!(drain(&watcher).await, [], "{temporary}");
    }
    fs::rename(lake.raw("a.csv.part"), lake.raw("a.csv")).unwrap();
    assert_eq!(receive(&watcher, 1).await, BTreeMap::from([("a.csv".into(), vec![3])]));
}

#[tokio::test]
async fn a_file_being_written_comes_when_its_last_writer_has_closed_it() {
    let lake = Lake::new();
    let watcher = lake.watch().await;
    let mut writer = File::create(lake.raw("slow.csv")).unwrap();
    for _ in 0..10 {
        writer.write_all(b"0123456789").unwrap();
        writer.flush().unwrap();
        assert_eq!(timeout(Duration::from_millis(60), watcher.receive(1)).await.ok(), None, "not while it is open");
        assert!(watcher.arriving() > 0, "but it is known of");
    }
    // Others come while it is open, and another writer that closes it completes nothing.
    fs::write(lake.raw("other.csv"), "1").unwrap();
    assert_eq!(keys(&receive(&watcher, 1).await), ["other.csv"]);
    drop(File::options().append(true).open(lake.raw("slow.csv")).unwrap());
    assert_eq!(drain(&watcher).await, []);
    drop(writer);
    assert_eq!(receive(&watcher, 1).await, BTreeMap::from([("slow.csv".into(), vec![100])]));
    assert_eq!(watcher.arriving(), 0);
}

#[tokio::test]
async fn a_file_that_was_open_at_the_start_comes_when_it_is_closed() {
    let lake = Lake::new();
    let mut writer = File::create(lake.raw("slow.csv")).unwrap();
    let watcher = lake.watch().await;
    assert_eq!(drain(&watcher).await, []);
    assert!(watcher.arriving() > 0);
    writer.write_all(b"0123456789").unwrap();
    drop(writer);
    assert_eq!(receive(&watcher, 1).await, BTreeMap::from([("slow.csv".into(), vec![10])]));
}

#[tokio::test]
async fn each_closing_after_a_change_is_a_version() {
    let lake = Lake::new();
    let watcher = lake.watch().await;
    for size in 1..=3 {
        let mut writer = File::options().create(true).append(true).open(lake.raw("log.csv")).unwrap();
        writer.write_all(b"x").unwrap();
        drop(writer);
        assert_eq!(receive(&watcher, 1).await, BTreeMap::from([("log.csv".into(), vec![size])]));
    }
    drop(File::options().append(true).open(lake.raw("log.csv")).unwrap());
    fs::read(lake.raw("log.csv")).unwrap();
    run("chmod", &[Path::new("600"), &lake.raw("log.csv")]);
    assert_eq!(drain(&watcher).await, [], "nothing has changed");
    fs::write(lake.raw("log.csv"), "yyy").unwrap();
    let sizes = receive(&watcher, 1).await;
    assert_eq!(sizes["log.csv"].last(), Some(&3), "overwritten with as many bytes");
}

#[tokio::test]
async fn what_landed_while_nobody_watched_comes_at_the_start() {
    let lake = Lake::new();
    for n in 0..300 {
        let path = lake.raw(&format!("nyc/flights/{}/{n}.csv", n % 10));
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, "x").unwrap();
    }
    fs::create_dir_all(lake.raw("_lakegate/x")).unwrap();
    fs::write(lake.raw("_lakegate/x/a.csv"), "x").unwrap();
    let watcher = lake.watch().await;
    assert!(watcher.arriving() > 0, "from the first moment on");
    let sizes = receive(&watcher, 300).await;
    assert_eq!((sizes.len(), sizes.values().all(|sizes| *sizes == [1])), (300, true));
    assert_eq!(watcher.arriving(), 0);
}

#[tokio::test]
async fn new_folders_are_watched_however_deep_and_fast() {
    let lake = Lake::new();
    let watcher = lake.watch().await;
    let mut expected = BTreeSet::new();
    for n in 0..200 {
        let key = format!("team{}/set{n}/a/b/c/{n}.csv", n % 3);
        fs::create_dir_all(lake.raw(&key).parent().unwrap()).unwrap();
        fs::write(lake.raw(&key), "x").unwrap();
        expected.insert(key);
    }
    let sizes = receive(&watcher, expected.len()).await;
    assert_eq!(sizes.keys().cloned().collect::<BTreeSet<_>>(), expected);
    fs::write(lake.raw("team0/set0/a/b/c/later.csv"), "x").unwrap();
    assert_eq!(keys(&receive(&watcher, 1).await), ["team0/set0/a/b/c/later.csv"]);
}

#[tokio::test]
async fn a_folder_moved_in_or_renamed_brings_its_files() {
    let lake = Lake::new();
    let watcher = lake.watch().await;
    fs::create_dir_all(lake.outside("set/deep")).unwrap();
    fs::write(lake.outside("set/deep/a.csv"), "x").unwrap();
    fs::rename(lake.outside("set"), lake.raw("one")).unwrap();
    assert_eq!(keys(&receive(&watcher, 1).await), ["one/deep/a.csv"]);
    fs::rename(lake.raw("one"), lake.raw("two")).unwrap();
    assert!(receive(&watcher, 1).await.contains_key("two/deep/a.csv"));
    fs::write(lake.raw("two/deep/b.csv"), "x").unwrap();
    assert_eq!(keys(&receive(&watcher, 1).await), ["two/deep/b.csv"]);
}

#[tokio::test]
async fn a_burst_is_delivered_whole_through_a_small_outbox() {
    let lake = Lake::new();
    let watcher = Watcher::start(lake.raw(""), WatchOptions { capacity: 16, ..WatchOptions::default() }).await.unwrap();
    let raw = lake.raw("");
    let writing = tokio::task::spawn_blocking(move || {
        for n in 0..5_000 {
            let path = raw.join(format!("nyc/flights/{}/{n}.csv", n % 50));
            fs::create_dir_all(path.parent().expect("a folder")).expect("made");
            fs::write(path, "x,y\n1,2\n").expect("written");
        }
    });
    let sizes = receive(&watcher, 5_000).await;
    writing.await.unwrap();
    assert_eq!(sizes.len(), 5_000);
    assert!(sizes.values().all(|sizes| *sizes == [8]), "each once, and whole");
    assert_eq!(watcher.arriving(), 0);
}

#[tokio::test]
async fn any_name_that_is_text_is_a_key() {
    let lake = Lake::new();
    let watcher = lake.watch().await;
    let names =
        ["a b.csv", "100%.csv", "%20.csv", "a+b.csv", "ünï😀.csv", "line\nbreak.csv", "back\\slash.csv", "quote'\".csv", "tab\t.csv"];
    for name in names {
        fs::write(lake.raw(name), "x").unwrap();
    }
    fs::write(lake.raw("").join(OsStr::from_bytes(b"latin\xfc.csv")), "x").unwrap();
    let sizes = receive(&watcher, names.len()).await;
    assert_eq!(keys(&sizes).into_iter().collect::<BTreeSet<_>>(), BTreeSet::from(names));
    assert_eq!(watcher.arriving(), 0, "what no key can name is not waited for");
}

#[tokio::test]
async fn removed_files_are_told_and_may_come_back() {
    let lake = Lake::new();
    let watcher = lake.watch().await;
    fs::write(lake.raw("a.csv"), "x").unwrap();
    receive(&watcher, 1).await;
    fs::rename(lake.raw("a.csv"), lake.outside("a.csv")).unwrap();
    let events = drain(&watcher).await;
    assert_eq!(events.iter().map(|event| (event.kind, event.object.size)).collect::<Vec<_>>(), [(EventKind::Removed, 0)]);
    fs::rename(lake.outside("a.csv"), lake.raw("a.csv")).unwrap();
    assert_eq!(keys(&receive(&watcher, 1).await), ["a.csv"], "the same version, after it was gone");
    // One that is gone before it was complete was never there.
    let writer = File::create(lake.raw("b.csv")).unwrap();
    fs::remove_file(lake.raw("b.csv")).unwrap();
    drop(writer);
    assert!(drain(&watcher).await.iter().all(|event| event.kind == EventKind::Removed));
    assert_eq!(watcher.arriving(), 0);
}

#[tokio::test]
async fn links_to_files_are_followed_and_circles_are_not() {
    let lake = Lake::new();
    let outside = lake.outside("outside");
    fs::create_dir_all(outside.join("deep")).unwrap();
    fs::write(outside.join("deep/a.csv"), "abc").unwrap();
    symlink(&outside, outside.join("deep/again")).unwrap();
    symlink(lake.raw(""), outside.join("home")).unwrap();
    symlink(outside.join("deep/a.csv"), lake.raw("file.csv")).unwrap();
    symlink(lake.outside("nowhere"), lake.raw("dangling.csv")).unwrap();
    symlink(lake.raw(""), lake.raw("circle")).unwrap();
    symlink(&outside, lake.raw("linked")).unwrap();
    let watcher = lake.watch().await;
    let expected = BTreeMap::from([("file.csv".into(), vec![3]), ("linked/deep/a.csv".into(), vec![3])]);
    assert_eq!(receive(&watcher, 2).await, expected);
    symlink(outside.join("deep/a.csv"), lake.raw("later.csv")).unwrap();
    fs::write(outside.join("deep/b.csv"), "x").unwrap();
    assert_eq!(keys(&receive(&watcher, 2).await), ["later.csv", "linked/deep/b.csv"]);
}

#[tokio::test]
async fn times_may_be_anything() {
    let lake = Lake::new();
    let watcher = lake.watch().await;
    for (name, date) in [("past.csv", "1901-01-01"), ("future.csv", "2199-01-01")] {
        fs::write(lake.outside(name), "x").unwrap();
        run("touch", &[Path::new("-d"), Path::new(date), &lake.outside(name)]);
        fs::rename(lake.outside(name), lake.raw(name)).unwrap();
    }
    assert_eq!(receive(&watcher, 2).await, BTreeMap::from([("future.csv".into(), vec![1]), ("past.csv".into(), vec![1])]));
}

#[tokio::test]
async fn a_file_comes_at_once() {
    let lake = Lake::new();
    let watcher = lake.watch().await;
    drain(&watcher).await;
    let mut waits = Vec::new();
    for n in 0..21 {
        let begun = Instant::now();
        fs::write(lake.raw(&format!("{n}.csv")), "x").unwrap();
        timeout(PATIENCE, watcher.receive(1)).await.unwrap().unwrap();
        waits.push(begun.elapsed());
    }
    waits.sort();
    assert!(waits[10] < Duration::from_millis(25), "half of the files took longer than {:?}", waits[10]);
}

#[tokio::test]
async fn a_watcher_that_is_dropped_lets_everything_go() {
    let lake = Lake::new();
    for _ in 0..300 {
        // More than the system lets one user have at a time, if one stayed behind each time.
        drop(lake.watch().await);
    }
    fs::write(lake.raw("a.csv"), "x").unwrap();
    let watcher = lake.watch().await;
    assert_eq!(keys(&receive(&watcher, 1).await), ["a.csv"]);
}
