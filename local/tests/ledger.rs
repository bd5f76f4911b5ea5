//! What is particular to a ledger in a SQLite file: one owner, group commit, and files that are
//! not what they should be.

#![expect(clippy::expect_used, reason = "a test fails by panicking")]

use std::{path::Path, sync::Arc};

use lakegate_coordinator::ports::{
    Ledger as _,
    ledger::{Arrival, Purpose},
};
use lakegate_local::SqliteLedger;
use lakegate_model::{DatasetId, FailureCode, ObjectVersion, StageKey, Timestamp, TraceContext};

fn arrival(n: u64) -> Arrival {
    let relative = format!("{n}.csv");
    Arrival {
        object: ObjectVersion {
            bucket: "raw".into(),
            key: format!("nyc/flights/{relative}"),
            version: "1".into(),
            sequencer: None,
            size: n,
        },
        relative,
        stage: StageKey::new(DatasetId::new("nyc", "flights"), "clean"),
        purpose: Purpose::Execute { pipeline_version: 1 },
        made_by: None,
        at: Timestamp(1),
        trace: TraceContext::NONE,
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn writers_that_wait_together_are_committed_together() {
    let folder = tempfile::tempdir().unwrap();
    let ledger = Arc::new(SqliteLedger::open(folder.path().join("ledger.db")).await.unwrap());
    let tasks: Vec<_> = (0..100)
        .map(|task| {
            let ledger = Arc::clone(&ledger);
            tokio::spawn(async move {
                for n in 0..20 {
                    ledger.admit(vec![arrival(task * 20 + n)]).await.unwrap();
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    assert_eq!(ledger.counts().await.unwrap()[0].ready, 2_000);
    assert!(ledger.commits() * 4 < 2_000, "2000 requests took {} transactions", ledger.commits());
}

#[tokio::test]
async fn a_ledger_has_one_owner() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ledger.db");
    let ledger = SqliteLedger::open(&path).await.unwrap();
    let refused = SqliteLedger::open(&path).await.err().unwrap();
    assert_eq!(refused.code, FailureCode::Conflict);
    assert!(refused.message.contains(&format!("process {}", std::process::id())), "{refused}");
    drop(ledger);
    SqliteLedger::open(&path).await.unwrap();
}

#[tokio::test]
async fn what_was_asked_for_is_written_when_the_ledger_is_dropped() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ledger.db");
    let ledger = Arc::new(SqliteLedger::open(&path).await.unwrap());
    let admitting = {
        let ledger = Arc::clone(&ledger);
        tokio::spawn(async move { ledger.admit((0..500).map(arrival).collect()).await })
    };
    tokio::task::yield_now().await;
    drop(ledger);
    admitting.await.unwrap().unwrap();
    let ledger = SqliteLedger::open(&path).await.unwrap();
    assert_eq!(ledger.counts().await.unwrap()[0].ready, 500);
}

async fn refused(path: &Path) -> String {
    let failure = SqliteLedger::open(path).await.err().expect("refused");
    assert_eq!(failure.code, FailureCode::Ledger);
    assert!(failure.message.contains(&path.display().to_string()) && !failure.hint.is_empty(), "{failure}");
    failure.message
}

#[tokio::test]
async fn a_file_that_is_no_ledger_is_refused_and_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let text = folder.path().join("notes.txt");
    let notes = "my notes, ".repeat(500);
    std::fs::write(&text, &notes).unwrap();
    assert!(refused(&text).await.contains("not a ledger"));
    assert_eq!(std::fs::read_to_string(&text).unwrap(), notes);

    let other = folder.path().join("photos.db");
    rusqlite::Connection::open(&other).unwrap().execute_batch("CREATE TABLE photos (id INTEGER)").unwrap();
    assert!(refused(&other).await.contains("another program's"));
}

#[tokio::test]
async fn a_newer_ledger_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ledger.db");
    drop(SqliteLedger::open(&path).await.unwrap());
    rusqlite::Connection::open(&path).unwrap().pragma_update(None, "user_version", 99).unwrap();
    assert!(refused(&path).await.contains("version 99"));
}

#[tokio::test]
async fn a_damaged_ledger_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ledger.db");
    let ledger = SqliteLedger::open(&path).await.unwrap();
    ledger.admit((0..2_000).map(arrival).collect()).await.unwrap();
    drop(ledger);
    let mut bytes = std::fs::read(&path).unwrap();
    let from = 8_192.min(bytes.len());
    bytes[from..].fill(0xA5);
    std::fs::write(&path, bytes).unwrap();
    let failure = match SqliteLedger::open(&path).await {
        Err(failure) => failure,
        Ok(ledger) => ledger.counts().await.unwrap_err(),
    };
    assert_eq!(failure.code, FailureCode::Ledger);
    assert!(failure.message.contains("damaged") && failure.hint.contains("backup"), "{failure}");
}
