//! Files that come again, change, come while nobody looks, or go.

use super::*;

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
