//! `scope: table`: rules about the whole table that a stage publishes to, as it would be with what comes next.

use std::{fs, path::PathBuf};

use lakegate_tests::kit::{
    Lake,
    lake::{files_below, free_address, parquet_files_below, total},
};
use serde_json::Value;

/// Files straight into a table; its rules are about all of it.
fn lake(partition_by: &str, rules: &str) -> Lake {
    let lake = Lake::new();
    lake.pipeline(
        "orders",
        &format!(
            "team: shop\ndataset: orders\nstages:\n  - name: load\n    trigger: object\n    steps:\n      - quality: {{ rules: \
             quality/table.dqdl, scope: table }}\n      - publish: {{ database: shop, table: orders, partition_by: [{partition_by}] }}\n    \
             output: {{ zone: analytics }}\n"
        ),
    );
    lake.file("quality/table.dqdl", rules);
    lake
}

const RULES: &str = "Rules = [ IsPrimaryKey \"id\", Completeness \"qty\" > 0.6, Mean \"qty\" between 0 and 100, RowCount >= 3 ]";

fn ids(lake: &Lake) -> Vec<u64> {
    lake.query_table("shop.orders", "SELECT id FROM t ORDER BY id").iter().map(|row| row["id"].as_u64().unwrap()).collect()
}

/// The audit of a file's run.
fn audit(lake: &Lake, file: &str) -> Value {
    let runs = lake.list(&["run", "list"]);
    let run = runs.iter().find(|run| run["subject_text"].as_str().is_some_and(|text| text.ends_with(file))).expect("a run");
    lake.json(&["run", "get", run["id"].as_str().unwrap()])["audit"].clone()
}

fn states(lake: &Lake) -> Vec<PathBuf> {
    files_below(&lake.analytics().join("_lakegate/states/shop/orders/orders"), "states")
}

#[test]
fn what_is_published_and_what_comes_next_are_held_against_the_rules_together() {
    for partition_by in ["", "day"] {
        let lake = lake(partition_by, RULES);
        lake.land("shop/orders/a.csv", "id,qty,day\n1,5,mon\n2,6,tue\n3,7,tue\n");
        lake.up_until_idle().expect_code(0);
        let first = audit(&lake, "a.csv");
        assert_eq!((first["verdict"].as_str(), first["rows"].as_u64()), (Some("passed"), Some(3)), "{first:#}");

        // Alone it would be fine, but its key is in the table already.
        lake.land("shop/orders/b.csv", "id,qty,day\n3,5,wed\n4,6,wed\n5,1,wed\n");
        lake.up_until_idle().expect_code(1);
        let second = audit(&lake, "b.csv");
        assert_eq!((second["verdict"].as_str(), second["rows"].as_u64()), (Some("blocked"), Some(6)), "{second:#}");
        assert!(second["reason"].as_str().unwrap().contains("IsPrimaryKey \"id\""), "{second:#}");
        assert_eq!(ids(&lake), [1, 2, 3]);

        // Alone it would break a rule: too few rows, and one of two without a quantity.
        lake.land("shop/orders/c.csv", "id,qty,day\n6,,tue\n7,8,thu\n");
        lake.up_until_idle().expect_code(0);
        let third = audit(&lake, "c.csv");
        assert_eq!((third["verdict"].as_str(), third["rows"].as_u64()), (Some("passed"), Some(5)), "{third:#}");
        assert_eq!(third["statistics"]["RowCount"], 5.0, "{third:#}");
        assert_eq!(third["statistics"]["Mean \"qty\""], 6.5, "{third:#}");
        assert_eq!(ids(&lake), [1, 2, 3, 6, 7]);
        let files = lake.table_files("shop.orders").len();
        assert_eq!(states(&lake).len(), files, "the states of each file of the table, and of no other: {:?}", states(&lake));
    }
}

#[test]
fn what_is_published_is_not_read_again() {
    let lake = lake("day", RULES);
    lake.land("shop/orders/a.csv", "id,qty,day\n1,5,mon\n2,6,tue\n3,7,tue\n");
    lake.up_until_idle().expect_code(0);
    // Whoever opened it would fail.
    for file in parquet_files_below(&lake.analytics().join("shop/orders/orders")) {
        fs::write(file, "no Parquet at all").unwrap();
    }
    lake.land("shop/orders/b.csv", "id,qty,day\n4,5,mon\n");
    lake.up_until_idle().expect_code(0);
    assert_eq!(audit(&lake, "b.csv")["statistics"]["Mean \"qty\""], 5.75);
    lake.land("shop/orders/c.csv", "id,qty,day\n4,5,wed\n");
    lake.up_until_idle().expect_code(1);
    assert!(audit(&lake, "c.csv")["reason"].as_str().unwrap().contains("IsPrimaryKey"));
}

#[test]
fn without_states_the_table_is_read_and_they_are_made_again() {
    let lake = lake("", RULES);
    lake.land("shop/orders/a.csv", "id,qty,day\n1,5,mon\n2,6,tue\n3,7,tue\n");
    lake.up_until_idle().expect_code(0);
    for (break_them, file) in [(true, "b.csv"), (false, "c.csv")] {
        for states in files_below(&lake.analytics().join("_lakegate/states"), "states") {
            if break_them { fs::write(states, "LGSTATES and nothing").unwrap() } else { fs::remove_file(states).unwrap() }
        }
        lake.land(&format!("shop/orders/{file}"), "id,qty,day\n3,5,mon\n");
        lake.up_until_idle().expect_code(1);
        assert_eq!(audit(&lake, file)["rows"].as_u64(), Some(4));
    }
    // What was measured again is kept: nobody needs the file any more.
    for file in parquet_files_below(&lake.analytics().join("shop/orders/orders")) {
        fs::write(file, "no Parquet at all").unwrap();
    }
    lake.land("shop/orders/d.csv", "id,qty,day\n9,5,mon\n");
    lake.up_until_idle().expect_code(0);
    assert_eq!(audit(&lake, "d.csv")["rows"].as_u64(), Some(4));
}

#[test]
fn states_that_have_no_place_keep_nothing_from_being_published() {
    let lake = lake("", RULES);
    // Nothing can be read or written below it.
    let place = lake.analytics().join("_lakegate/states");
    fs::create_dir_all(place.parent().unwrap()).unwrap();
    fs::write(&place, "no folder").unwrap();
    lake.land("shop/orders/a.csv", "id,qty,day\n1,5,mon\n2,6,tue\n3,7,tue\n");
    lake.up_until_idle().expect_code(0);
    lake.land("shop/orders/b.csv", "id,qty,day\n4,5,mon\n");
    lake.up_until_idle().expect_code(0);
    assert_eq!(ids(&lake), [1, 2, 3, 4]);
    assert_eq!(audit(&lake, "b.csv")["rows"].as_u64(), Some(4));
    // They are kept as soon as there is a place for them, and what is broken is found in any case.
    fs::remove_file(&place).unwrap();
    lake.land("shop/orders/c.csv", "id,qty,day\n5,5,mon\n");
    lake.up_until_idle().expect_code(0);
    assert_eq!(states(&lake).len(), 1);
    lake.land("shop/orders/d.csv", "id,qty,day\n1,5,mon\n");
    lake.up_until_idle().expect_code(1);
}

#[test]
fn files_that_come_together_are_audited_one_after_the_other() {
    let lake = lake("", "Rules = [ IsUnique \"id\" ]");
    // Each is fine alone and with the table as it was; no two of them are.
    for file in 0..24 {
        lake.land(&format!("shop/orders/{file}.csv"), format!("id,qty\n7,{file}\n{},1\n", 100 + file));
    }
    lake.up_until_idle().expect_code(1);
    let ids = ids(&lake);
    assert_eq!(ids.len(), 2, "one of them came first: {ids:?}");
    assert_eq!(lake.list(&["run", "list", "--state", "failed"]).len(), 23);
}

#[test]
fn runs_of_a_stage_that_was_renamed_are_not_let_in_beside_those_of_its_new_name() {
    let lake = lake("", "Rules = [ IsUnique \"id\" ]");
    // Each is fine alone; no two of them are. The first half waits for the stage under its old name.
    let land = |files: std::ops::Range<usize>| {
        for file in files {
            lake.land(&format!("shop/orders/{file}.csv"), format!("id,qty\n7,{file}\n{},1\n", 100 + file));
        }
    };
    land(0..6);
    drop({
        let coordinator = lake.start_coordinator(free_address());
        lake.wait_until("the files wait", |status| total(status, "ready") == 6);
        coordinator
    });
    let pipeline = fs::read_to_string(lake.dir().join("pipelines/orders.yaml")).unwrap();
    lake.pipeline("orders", &pipeline.replace("name: load", "name: take"));
    land(6..12);
    lake.up_until_idle().expect_code(1);
    let ids = ids(&lake);
    assert_eq!(ids.len(), 2, "one of them came first: {ids:?}");
    let failed = lake.list(&["run", "list", "--state", "failed"]);
    let wrong = failed.iter().find(|run| run["failure"]["code"] != "quality_failed");
    assert_eq!((failed.len(), wrong), (11, None));
    assert_eq!(parquet_files_below(&lake.table_folder("shop.orders")).len(), 1, "nothing else is in the table's folder");
}

#[test]
fn many_files_and_another_rule_come_to_the_same_as_measuring_it_all() {
    let lake = lake("", RULES);
    for file in 0..40_u64 {
        lake.land(&format!("shop/orders/{file:02}.csv"), format!("id,qty\n{},1\n{},2\n{},3\n", file * 3, file * 3 + 1, file * 3 + 2));
    }
    lake.up_until_idle().expect_code(0);
    assert_eq!(ids(&lake).len(), 120);
    let sums = lake.analytics().join("_lakegate/states/shop/orders/orders.states");
    assert!(sums.is_file(), "what many files have together is kept");
    lake.file("quality/table.dqdl", &RULES.replace(" ]", ", Sum \"qty\" = 245, Entropy \"id\" > 1 ]"));
    lake.land("shop/orders/more.csv", "id,qty\n500,5\n");
    lake.up_until_idle().expect_code(0);
    let found = audit(&lake, "more.csv");
    assert_eq!((found["rows"].as_u64(), found["statistics"]["Sum \"qty\""].as_f64()), (Some(121), Some(245.0)), "{found:#}");
    let entropy = found["statistics"]["Entropy \"id\""].as_f64().unwrap();
    assert!((entropy - 121_f64.ln()).abs() < 1e-9, "{entropy}");
    // The new rule's statistics of the old files are kept from now on.
    for file in parquet_files_below(&lake.analytics().join("shop/orders/orders")) {
        fs::write(file, "no Parquet at all").unwrap();
    }
    lake.file("quality/table.dqdl", &RULES.replace(" ]", ", Sum \"qty\" = 245, Entropy \"id\" > 2 ]"));
    lake.land("shop/orders/last.csv", "id,qty\n501,\n");
    lake.up_until_idle().expect_code(0);
    assert_eq!(audit(&lake, "last.csv")["rows"].as_u64(), Some(122));
}
