//! A lake on one machine, as its user sees it: files land, tables appear, and what can't be done
//! is told. Results are read with DuckDB.

mod arrivals;
mod stages;

use std::{
    fs::{self, File},
    io::Write as _,
    process::Command,
    thread,
    time::Duration,
};

use lakegate_tests::kit::{
    Finished, Lake, data, duckdb, eventually,
    lake::{PATIENCE, parquet_files_below, total},
};
use serde_json::{Value, json};

/// Each file straight into `shop.items`.
const ITEMS: &str = "
team: shop
dataset: items
stages:
  - name: load
    trigger: object
    steps:
      - transform: { sql: \"SELECT * FROM input\" }
      - publish: { database: shop, table: items }
    output: { zone: analytics, format: parquet }
";

fn shop() -> Lake {
    let lake = Lake::new();
    lake.pipeline("orders", data::ORDERS).pipeline("returns", data::RETURNS);
    lake
}

fn items() -> Lake {
    let lake = Lake::new();
    lake.pipeline("items", ITEMS);
    lake
}

/// The single value of a query with one row and one column.
fn scalar(rows: &[Value]) -> Value {
    let [Value::Object(row)] = rows else { panic!("not one row: {rows:?}") };
    row.values().next().expect("a row has a value").clone()
}

/// The rows of a run's object, by the end of its key.
fn run_of<'a>(runs: &'a [Value], key: &str) -> &'a Value {
    let mut found = runs.iter().filter(|run| run["subject_text"].as_str().is_some_and(|text| text.ends_with(key)));
    let run = found.next().unwrap_or_else(|| panic!("no run of {key} in {runs:?}"));
    assert!(found.next().is_none(), "two runs of {key} in {runs:?}");
    run
}

/// Processor time that a process has used, user and system.
fn processor_time(process: u32) -> Duration {
    const TICKS_PER_SECOND: u64 = 100;
    let stat = eventually(PATIENCE, "the process's figures", || fs::read_to_string(format!("/proc/{process}/stat")).ok());
    let fields: Vec<&str> = stat.rsplit_once(')').unwrap().1.split_whitespace().collect();
    let ticks: u64 = fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap();
    Duration::from_millis(ticks * 1000 / TICKS_PER_SECOND)
}

#[test]
fn a_new_project_works_as_it_is() {
    let scratch = tempfile::tempdir().unwrap();
    let dir = scratch.path().join("my lake");
    let lakegate = |arguments: &[&str]| {
        let output = Command::new(lakegate_tests::kit::lakegate_binary()).args(arguments).arg(&dir).output().unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Finished { code: output.status.code().unwrap(), stdout: text(&output.stdout), stderr: text(&output.stderr) }.expect_code(0)
    };
    lakegate(&["init"]);
    lakegate(&["check", "--dir"]);
    let (from, to) = (dir.join("samples/shop/orders"), dir.join("lake/raw/shop/orders"));
    for sample in fs::read_dir(from).unwrap() {
        let sample = sample.unwrap();
        fs::copy(sample.path(), to.join(sample.file_name())).unwrap();
    }
    lakegate(&["up", "--until-idle", "--dir"]);
    let table = dir.join("lake/analytics/shop/orders/orders_daily");
    let rows = scalar(&duckdb::query(&format!("SELECT count(*) FROM {}", duckdb::parquet_below(&table))));
    assert!(rows.as_u64().is_some_and(|rows| rows > 0), "{rows}");
    let shown = lakegate(&["table", "get", "shop.orders_daily", "--preview", "3", "--dir"]);
    assert!(shown.stdout.contains("shop.orders_daily"), "{}", shown.stdout);
}

#[test]
fn files_are_cleaned_gathered_in_batches_and_published_in_partitions() {
    let lake = shop();
    for file in 0..20 {
        lake.land(&format!("shop/orders/2026/{file:02}.csv"), data::orders(file, 50));
    }
    let finished = lake.up_until_idle().expect_code(0);
    assert!(!finished.stdout.is_empty(), "a summary");

    let by_category =
        lake.query_table("shop.orders", "SELECT category, count(*) AS n, count(DISTINCT id) AS ids FROM t GROUP BY ALL ORDER BY 1");
    let rows: u64 = by_category.iter().map(|row| row["n"].as_u64().unwrap()).sum();
    assert_eq!((by_category.len(), rows), (4, 1000));
    assert!(by_category.iter().all(|row| row["n"] == row["ids"]), "{by_category:?}");

    let batches = lake.list(&["batch", "list"]);
    let sizes: Vec<u64> = batches.iter().map(|batch| batch["objects"].as_u64().unwrap()).collect();
    assert_eq!(sizes.iter().sum::<u64>(), 20, "every object is in exactly one batch: {sizes:?}");
    assert!(sizes.iter().all(|size| *size <= 7), "{sizes:?}");

    let table = lake.json(&["table", "get", "shop.orders", "--preview", "5"]);
    assert_eq!((&table["rows"], &table["partition_by"]), (&json!(1000), &json!(["category"])));
    assert_eq!(table["preview"]["rows"].as_array().map(Vec::len), Some(5));
}

#[test]
fn every_format_and_compression_lands_in_one_table() {
    let lake = items();
    let folder = lake.raw().join("shop/items");
    fs::create_dir_all(&folder).unwrap();
    let formats = [
        ("a.csv", "FORMAT csv, HEADER"),
        ("b.csv.gz", "FORMAT csv, HEADER, COMPRESSION gzip"),
        ("c.csv.zst", "FORMAT csv, HEADER, COMPRESSION zstd"),
        ("d.json", "FORMAT json, ARRAY true"),
        ("e.ndjson", "FORMAT json"),
        ("f.ndjson.gz", "FORMAT json, COMPRESSION gzip"),
        ("g.parquet", "FORMAT parquet"),
        ("h.tsv", "FORMAT csv, HEADER, DELIMITER '\t'"),
    ];
    for (number, (name, format)) in formats.iter().enumerate() {
        let rows = format!("SELECT {number} * 1000 + i AS id, 'n,\"' || i AS name, i / 4 AS share, i % 2 = 0 AS even FROM range(100) r(i)");
        duckdb::query(&format!("COPY ({rows}) TO '{}' ({format})", folder.join(name).display()));
    }
    lake.up_until_idle().expect_code(0);
    let sums = lake.query_table(
        "shop.items",
        "SELECT count(*) AS n, count(DISTINCT id) AS ids, sum(share) AS shares, count(*) FILTER (even) AS even, max(name) AS name FROM t",
    );
    let expected = json!({"n": 800, "ids": 800, "shares": 9900.0, "even": 400, "name": "n,\"99"});
    assert_eq!(sums, [expected]);
}

#[test]
fn names_stay_what_they_are_and_equal_names_stay_apart() {
    let lake = shop();
    let names = [
        "a b.csv",
        "a+b.csv",
        "100%.csv",
        "%20.csv",
        "Übergröße 数据.csv",
        "[x]*?.csv",
        "it's.csv",
        "2013/01.csv",
        "2014/01.csv",
        "2014/01.CSV",
    ];
    for (file, name) in (0..).zip(names) {
        lake.land(&format!("shop/orders/{name}"), data::orders(file, 3));
    }
    lake.up_until_idle().expect_code(0);
    for name in names {
        let output = lake.stage().join(format!("shop/orders/clean/{name}.parquet"));
        assert!(output.is_file(), "{}", output.display());
        let history = lake.json(&["object", "history", &format!("shop/orders/{name}")]);
        assert_eq!(history["object"]["object"]["key"], format!("shop/orders/{name}"));
    }
    let ids = lake.query_table("shop.orders", "SELECT count(DISTINCT id) AS n, count(*) AS rows FROM t");
    assert_eq!(ids, [json!({"n": 30, "rows": 30})]);
}

#[test]
fn a_file_that_cannot_be_read_is_told_and_its_neighbours_go_on() {
    let lake = items();
    let whole = lake.dir().join("whole.csv.gz");
    duckdb::query(&format!("COPY (SELECT i AS id, 'a long enough name ' || i AS name FROM range(5000) r(i)) TO '{}'", whole.display()));
    let whole = fs::read(whole).unwrap();
    lake.land("shop/items/good-1.csv", "id,name\n1,a\n");
    lake.land("shop/items/good-2.csv", "id,name\n2,b\n3,c\n");
    lake.land("shop/items/header-only.csv", "id,name\n");
    lake.land("shop/items/empty.csv", "");
    lake.land("shop/items/truncated.csv.gz", &whole[..whole.len() / 2]);
    lake.land("shop/items/truncated.parquet", b"PAR1 and then the connection broke");
    lake.land("shop/nobody/wants.csv", "id\n1\n");

    let finished = lake.up_until_idle().expect_code(1);
    assert!(finished.stderr.contains("empty.csv"), "the log names what failed:\n{}", finished.stderr);

    let runs = lake.list(&["run", "list"]);
    for (key, code) in [("empty.csv", "empty_object"), ("truncated.csv.gz", "unreadable_data"), ("truncated.parquet", "unreadable_data")] {
        let run = run_of(&runs, key);
        assert_eq!((&run["state"], &run["failure"]["code"]), (&json!("failed"), &json!(code)), "{run}");
        assert!(run["failure"]["message"].as_str().unwrap().contains(key), "{run}");
    }
    for key in ["good-1.csv", "good-2.csv", "header-only.csv"] {
        assert_eq!(run_of(&runs, key)["state"], "succeeded", "{key}");
    }
    assert_eq!(lake.status()["unrouted"], 1);
    assert_eq!(lake.query_table("shop.items", "SELECT id, name FROM t ORDER BY id").len(), 3);

    // What went wrong yesterday is not today's failure.
    lake.up_until_idle().expect_code(0);
}
