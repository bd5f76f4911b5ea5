//! A lake on one machine, as its user sees it: files land, tables appear, and what can't be done
//! is told. Results are read with DuckDB.

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

#[test]
fn running_again_does_nothing_twice() {
    let lake = shop();
    for file in 0..5 {
        lake.land(&format!("shop/orders/{file}.csv"), data::orders(file, 10));
        lake.land(&format!("shop/returns/{file}.csv"), data::orders(file, 10));
    }
    lake.up_until_idle().expect_code(0);
    let facts = |lake: &Lake| {
        let modified = |path: &_| fs::metadata(path).unwrap().modified().unwrap();
        let files: Vec<_> =
            ["shop.orders", "shop.returns"].iter().flat_map(|table| lake.table_files(table)).map(|path| (modified(&path), path)).collect();
        let versions = ["shop.orders", "shop.returns"].map(|table| lake.json(&["table", "get", table])["version"].clone());
        (files, versions, lake.list(&["run", "list"]).len(), lake.list(&["batch", "list"]).len())
    };
    let before = facts(&lake);
    lake.up_until_idle().expect_code(0);
    lake.up_until_idle().expect_code(0);
    assert_eq!(facts(&lake), before);
}

#[test]
fn an_overwritten_file_is_a_new_version_and_replaces_its_output() {
    let lake = shop();
    lake.land("shop/orders/a.csv", data::orders(1, 10));
    lake.up_until_idle().expect_code(0);
    lake.land("shop/orders/a.csv", data::orders(2, 25));
    lake.up_until_idle().expect_code(0);

    let output = lake.stage().join("shop/orders/clean/a.csv.parquet");
    let rows = duckdb::query(&format!("SELECT count(*) AS n, min(id) AS first FROM {}", duckdb::parquet_files(&[output])));
    assert_eq!(rows, [json!({"n": 25, "first": 2_000_000})]);
    let landed: Vec<Value> = lake.list(&["object", "list", "shop/orders/clean"]);
    assert_eq!(landed.len(), 2, "two versions of one file: {landed:?}");
    assert!(landed.iter().all(|object| object["state"] == "processed"), "{landed:?}");
}

#[test]
fn a_file_is_taken_once_it_is_complete_however_it_comes() {
    let lake = items();
    let mut up = lake.start_up();
    let folder = lake.raw().join("shop/items");
    fs::create_dir_all(folder.join("nested/deeper")).unwrap();

    let mut slow = File::create(folder.join("nested/slow.csv")).unwrap();
    slow.write_all(b"id,name\n1,a\n").unwrap();
    let elsewhere = lake.dir().join("elsewhere.csv");
    fs::write(&elsewhere, "id,name\n10,moved\n").unwrap();
    fs::rename(elsewhere, folder.join("nested/deeper/moved.csv")).unwrap();
    lake.land("shop/items/copied.csv", "id,name\n20,copied\n");
    lake.land("shop/items/.hidden.csv", "id,name\n30,hidden\n");

    let two = lake.wait_until("the complete files are done", |status| total(status, "succeeded") == 2);
    assert_eq!(total(&two, "failed"), 0);
    thread::sleep(Duration::from_millis(500));
    assert_eq!(lake.list(&["run", "list"]).len(), 2, "what is still being written is left alone");
    slow.write_all(b"2,b\n3,c\n").unwrap();
    drop(slow);

    lake.wait_until("the slow file is done", |status| total(status, "succeeded") == 3 && status["idle"] == true);
    let rows = lake.query_table("shop.items", "SELECT list(id ORDER BY id) AS ids FROM t");
    assert_eq!(rows, [json!({"ids": [1, 2, 3, 10, 20]})]);

    up.terminate();
    assert_eq!(up.wait(PATIENCE).code(), Some(0), "it said:\n{}", up.said());
    assert!(!lake.dir().join(".lakegate/endpoint").exists(), "nobody listens any more");
}

#[test]
fn what_landed_while_the_lake_was_down_is_found_at_its_start() {
    let lake = items();
    lake.land("shop/items/1.csv", "id,name\n1,a\n");
    let mut up = lake.start_up();
    lake.wait_until("the first file is done", |status| total(status, "succeeded") == 1);
    up.terminate();
    up.wait(PATIENCE);
    lake.land("shop/items/2.csv", "id,name\n2,b\n").land("shop/items/later/3.csv", "id,name\n3,c\n");
    let _up = lake.start_up();
    let status = lake.wait_until("the others are done", |status| total(status, "succeeded") == 3 && status["idle"] == true);
    assert_eq!(total(&status, "rows_out"), 3);
    assert_eq!(lake.query_table("shop.items", "SELECT list(id ORDER BY id) AS ids FROM t"), [json!({"ids": [1, 2, 3]})]);
}

#[test]
fn an_execution_waits_for_a_table_that_nobody_has_published_yet() {
    let lake = items();
    lake.pipeline(
        "sales",
        "
team: shop
dataset: sales
stages:
  - name: named
    trigger: object
    steps:
      - transform:
          sql: \"SELECT s.id, i.name, s.amount FROM input s JOIN items i ON s.id = i.id\"
          references: { items: shop.items }
      - publish: { database: shop, table: sales }
    output: { zone: analytics, format: parquet }
",
    );
    lake.land("shop/sales/1.csv", "id,amount\n1,10\n2,20\n");
    let stuck = lake.up_until_idle().expect_code(1);
    assert!(stuck.stderr.contains("shop.items") || stuck.stdout.contains("shop.items"), "it says for what it waits:\n{stuck:?}");

    let _up = lake.start_up();
    let waiting = lake.wait_until("the run waits", |status| total(status, "waiting") == 1);
    assert!(waiting["stages"].as_array().unwrap().iter().any(|stage| stage["waiting_for"] == json!(["shop.items"])), "{waiting}");
    lake.land("shop/items/1.csv", "id,name\n1,a\n2,b\n");
    lake.wait_until("both are done", |status| total(status, "succeeded") == 2);
    let rows = lake.query_table("shop.sales", "SELECT id, name, amount FROM t ORDER BY id");
    assert_eq!(rows, [json!({"id": 1, "name": "a", "amount": 10}), json!({"id": 2, "name": "b", "amount": 20})]);
}

#[test]
fn schema_drift_follows_the_policy_of_the_dataset() {
    let lake = Lake::new();
    for policy in ["evolve", "freeze", "quarantine"] {
        lake.pipeline(
            policy,
            &ITEMS
                .replace("dataset: items", &format!("dataset: {policy}\ndrift: {policy}"))
                .replace("table: items", &format!("table: {policy}")),
        );
        lake.land(&format!("shop/{policy}/1.csv"), "id,name\n1,a\n");
    }
    lake.up_until_idle().expect_code(0);
    for policy in ["evolve", "freeze", "quarantine"] {
        lake.land(&format!("shop/{policy}/2.csv"), "id,name,colour\n2,b,red\n");
        lake.land(&format!("shop/{policy}/3.csv"), "id,name\n3,c\n");
    }
    lake.up_until_idle().expect_code(1);

    let evolved = lake.query_table("shop.evolve", "SELECT id, colour FROM t ORDER BY id");
    assert_eq!(evolved, [json!({"id": 1, "colour": null}), json!({"id": 2, "colour": "red"}), json!({"id": 3, "colour": null})]);
    for (policy, state) in [("freeze", "failed"), ("quarantine", "quarantined")] {
        let ids = lake.query_table(&format!("shop.{policy}"), "SELECT list(id ORDER BY id) AS ids FROM t");
        assert_eq!(ids, [json!({"ids": [1, 3]})], "{policy}");
        let runs = lake.list(&["run", "list", &format!("shop/{policy}")]);
        let run = run_of(&runs, "2.csv");
        assert_eq!((&run["state"], &run["failure"]["code"]), (&json!(state), &json!("schema_drift")), "{run}");
        assert!(run["failure"]["message"].as_str().unwrap().contains("colour"), "it says what differs: {run}");
    }
}

#[test]
fn a_paused_stage_starts_nothing_until_it_is_resumed() {
    let lake = items();
    let _up = lake.start_up();
    lake.run(&["stage", "pause", "shop/items/load"]).expect_code(0);
    lake.land("shop/items/1.csv", "id,name\n1,a\n");
    lake.wait_until("the file waits", |status| total(status, "ready") == 1);
    thread::sleep(Duration::from_millis(500));
    assert_eq!(total(&lake.status(), "succeeded"), 0);
    lake.run(&["stage", "resume", "shop/items/load"]).expect_code(0);
    lake.wait_until("the file is done", |status| total(status, "succeeded") == 1);
}

#[test]
fn what_the_catalog_refuses_does_not_come_into_the_tables_folder() {
    let lake = Lake::new();
    lake.pipeline("returns", data::RETURNS).land("shop/returns/a.csv", data::orders(1, 3));
    lake.up_until_idle().expect_code(0);
    let folder = lake.table_folder("shop.returns");
    let before = parquet_files_below(&folder);
    assert_eq!(before.len(), 1);
    lake.pipeline("returns", &data::RETURNS.replace("table: returns", "table: returns, partition_by: [category]"));
    lake.land("shop/returns/b.csv", data::orders(2, 3));
    lake.up_until_idle().expect_code(1);
    let failed = lake.runs_in("failed");
    assert_eq!(failed.len(), 1);
    assert!(failed[0]["failure"]["message"].as_str().unwrap().contains("is partitioned by []"), "{}", failed[0]);
    assert_eq!(parquet_files_below(&folder), before);
    assert_eq!(lake.query_table("shop.returns", "SELECT count(*) AS n FROM t"), [json!({"n": 3})]);
}

#[test]
fn a_second_lake_on_the_same_ledger_is_refused() {
    let lake = items();
    let up = lake.start_up();
    let refused = lake.run(&["up", "--until-idle"]);
    assert_ne!(refused.code, 0);
    assert!(refused.stderr.contains(&up.id().to_string()), "it names the process that has the ledger:\n{}", refused.stderr);
}

#[test]
fn submitting_tells_what_is_taken_known_and_refused() {
    let lake = items();
    lake.land("shop/items/1.csv", "id,name\n1,a\n").land("shop/nobody/1.csv", "id\n1\n");
    let _up = lake.start_up();
    lake.wait_until("the file is done", |status| total(status, "succeeded") == 1);
    let answer = lake.run(&["submit", "-o", "json", "shop/items/1.csv", "shop/items/none.csv", "shop/nobody/1.csv"]).expect_code(1);
    let answer: Value = serde_json::from_str(&answer.stdout).unwrap();
    let told = |place: usize| (answer[place]["new"].clone(), answer[place]["refused"]["code"].clone());
    assert_eq!(told(0), (json!(false), Value::Null));
    assert_eq!(told(1), (json!(false), json!("object_gone")));
    assert_eq!(told(2), (json!(false), json!("unrouted")));
    assert_eq!(lake.list(&["run", "list"]).len(), 1);
}

#[test]
fn a_file_that_is_removed_and_comes_back_says_so() {
    let lake = shop();
    let _up = lake.start_up();
    let key = "shop/returns/1.csv";
    lake.land(key, data::orders(1, 10));
    lake.wait_until("the file is done", |status| total(status, "succeeded") == 1);
    let removed_at = || lake.json(&["object", "get", key])["removed_at"].clone();
    assert_eq!(removed_at(), Value::Null);
    fs::remove_file(lake.raw().join(key)).unwrap();
    eventually(PATIENCE, "its removal", || Some(removed_at()).filter(Value::is_number));
    assert!(lake.json(&["object", "history", key])["entries"].to_string().contains("removed from the raw zone"));
    lake.land(key, data::orders(1, 11));
    lake.wait_until("the new file is done", |status| total(status, "succeeded") == 2);
    assert_eq!(removed_at(), Value::Null, "another one is there");
}

#[test]
fn a_lake_that_is_left_alone_does_not_spin() {
    let lake = shop();
    let up = lake.start_up();
    lake.land("shop/returns/1.csv", data::orders(1, 10));
    lake.wait_until("the file is done", |status| total(status, "succeeded") == 1);
    thread::sleep(Duration::from_secs(1));
    let before = processor_time(up.id());
    thread::sleep(Duration::from_secs(3));
    let spent = processor_time(up.id()) - before;
    assert!(spent <= Duration::from_millis(300), "an idle lake used {spent:?} of the processor in 3 s");
}

/// Processor time that a process has used, user and system.
fn processor_time(process: u32) -> Duration {
    const TICKS_PER_SECOND: u64 = 100;
    let stat = eventually(PATIENCE, "the process's figures", || fs::read_to_string(format!("/proc/{process}/stat")).ok());
    let fields: Vec<&str> = stat.rsplit_once(')').unwrap().1.split_whitespace().collect();
    let ticks: u64 = fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap();
    Duration::from_millis(ticks * 1000 / TICKS_PER_SECOND)
}
