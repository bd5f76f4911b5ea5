//! What is particular to a catalog of files: what they look like, and what may lie about.

#![expect(clippy::expect_used, reason = "a test fails by panicking")]

use std::{fs, path::Path};

use lakegate_coordinator::ports::{TableCatalog as _, TableChange};
use lakegate_local::DirectoryCatalog;
use lakegate_model::{
    ExecutionId, FailureCode, Location, Timestamp,
    table::{DataType, TableFile, TableId},
};

fn change(n: usize) -> TableChange {
    let execution = ExecutionId::from_text(format!("ex-{n}"));
    let location = Location::new("file:///lake/analytics/nyc/flights/monthly");
    let file = TableFile {
        location: location.join(&format!("month=1/{execution}-00000.parquet")),
        partition: vec![("month".into(), Some("1".into()))],
        rows: 12,
        bytes: 345,
        execution: execution.clone(),
    };
    TableChange {
        lf_tags: Default::default(),
        id: TableId::new("nyc", "monthly"),
        location,
        partition_by: vec!["month".into()],
        schema: [("month", DataType::Int(64)), ("carrier", DataType::String)].into_iter().collect(),
        on_top_of: None,
        files: vec![file],
        execution,
        at: Timestamp(1_000),
    }
}

fn read(path: &Path) -> serde_json::Value {
    serde_json::from_slice(&fs::read(path).expect("read")).expect("JSON")
}

#[tokio::test]
async fn other_tools_can_read_a_version() {
    let folder = tempfile::tempdir().unwrap();
    let catalog = DirectoryCatalog::open(folder.path()).await.unwrap();
    catalog.publish(change(1)).await.unwrap();
    catalog.publish(change(2)).await.unwrap();
    let first = read(&folder.path().join("nyc/monthly/v00000001.json"));
    let file = |n: usize| {
        serde_json::json!({
            "location": format!("file:///lake/analytics/nyc/flights/monthly/month=1/ex-{n}-00000.parquet"),
            "partition": [["month", "1"]], "rows": 12, "bytes": 345, "execution": format!("ex-{n}"),
        })
    };
    let expected = serde_json::json!({
        "format": 1, "database": "nyc", "table": "monthly", "version": 1, "at": 1000, "execution": "ex-1",
        "location": "file:///lake/analytics/nyc/flights/monthly",
        "schema": [{"name": "carrier", "type": "string"}, {"name": "month", "type": {"int": 64}}],
        "partition_by": ["month"], "files": [file(1)],
    });
    assert_eq!(first, expected);
    let second = read(&folder.path().join("nyc/monthly/v00000002.json"));
    assert_eq!((&second["since"], &second["files"]), (&serde_json::json!(1), &serde_json::json!([file(2)])));
}

#[tokio::test]
async fn publishing_costs_what_it_adds() {
    let folder = tempfile::tempdir().unwrap();
    let catalog = DirectoryCatalog::open(folder.path()).await.unwrap();
    for n in 0..1_000 {
        catalog.publish(change(n)).await.unwrap();
    }
    let files: Vec<u64> =
        fs::read_dir(folder.path().join("nyc/monthly")).unwrap().map(|entry| entry.unwrap().metadata().unwrap().len()).collect();
    let (written, whole) = (files.iter().sum::<u64>(), *files.iter().max().unwrap());
    assert_eq!(files.len(), 1_000, "nothing else is left");
    assert!(written < 12 * whole, "{written} bytes were written for a table that is listed in {whole}");
}

#[tokio::test]
async fn what_a_crash_leaves_behind_is_not_read() {
    let folder = tempfile::tempdir().unwrap();
    let catalog = DirectoryCatalog::open(folder.path()).await.unwrap();
    let before = catalog.publish(change(1)).await.unwrap();
    for name in [".v00000002.json.123-0.tmp", "v00000002.json.bak", "notes.txt"] {
        fs::write(folder.path().join("nyc/monthly").join(name), "{ half").unwrap();
    }
    fs::create_dir_all(folder.path().join("nyc/empty")).unwrap();
    fs::write(folder.path().join("README"), "x").unwrap();
    let catalog = DirectoryCatalog::open(folder.path()).await.unwrap();
    assert_eq!(catalog.tables().await.unwrap(), [before]);
    assert_eq!(catalog.publish(change(2)).await.unwrap().version, 2);
}

#[tokio::test]
async fn damage_is_told_and_nothing_is_built_on_it() {
    let folder = tempfile::tempdir().unwrap();
    let catalog = DirectoryCatalog::open(folder.path()).await.unwrap();
    for n in 0..3 {
        catalog.publish(change(n)).await.unwrap();
    }
    let table = folder.path().join("nyc/monthly");
    let second = fs::read_to_string(table.join("v00000002.json")).unwrap();
    for (damage, says) in [(Some("{ half"), "can't be read"), (Some(r#"{"format": 2}"#), "newer"), (None, "missing")] {
        match damage {
            Some(text) => fs::write(table.join("v00000002.json"), text).unwrap(),
            None => fs::remove_file(table.join("v00000002.json")).unwrap(),
        }
        let catalog = DirectoryCatalog::open(folder.path()).await.unwrap();
        for failure in [catalog.table(&TableId::new("nyc", "monthly")).await.unwrap_err(), catalog.publish(change(9)).await.unwrap_err()] {
            assert_eq!(failure.code, FailureCode::Catalog);
            assert!(failure.message.contains("v00000002.json") && failure.message.contains(says), "{failure}");
        }
    }
    fs::write(table.join("v00000002.json"), second).unwrap();
    let catalog = DirectoryCatalog::open(folder.path()).await.unwrap();
    assert_eq!(catalog.publish(change(9)).await.unwrap().version, 4);
}

#[tokio::test]
async fn names_do_not_lead_out_of_the_catalog() {
    let folder = tempfile::tempdir().unwrap();
    let catalog = DirectoryCatalog::open(folder.path().join("catalog")).await.unwrap();
    for (database, table) in [("..", "x"), ("nyc", "../../x"), ("", "x"), ("nyc", ".hidden"), ("a/b", "c")] {
        let mut change = change(1);
        change.id = TableId::new(database, table);
        assert_eq!(catalog.publish(change).await.unwrap_err().code, FailureCode::InvalidRequest, "{database}.{table}");
    }
}

#[tokio::test]
async fn a_directory_has_no_crawlers() {
    let folder = tempfile::tempdir().unwrap();
    let catalog = DirectoryCatalog::open(folder.path()).await.unwrap();
    let failure = catalog.crawl("nyc", std::time::Duration::from_secs(60)).await.unwrap_err();
    assert_eq!(failure.code, FailureCode::InvalidPipeline);
    assert!(failure.message.contains("\"nyc\"") && failure.hint.contains("glue://"), "{failure}");
}
