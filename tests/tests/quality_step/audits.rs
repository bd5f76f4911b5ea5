//! What breaks rules is stopped, split or told of as the pipeline says, and nobody who reads the table's place
//! sees a row that was not audited.

use std::{
    collections::BTreeSet,
    fs,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread,
    time::Duration,
};

use lakegate_tests::kit::{
    Lake, duckdb, eventually,
    hook::Hook,
    lake::{PATIENCE, parquet_files_below, total},
};
use serde_json::{Value, json};

use crate::orders::{BAD, GOOD, assert_staging_is_empty, ids, lake, orders, rows_aside, run_of, two_stages};

#[test]
fn a_file_that_breaks_a_rule_is_blocked_and_the_table_stays_as_it_was() {
    let lake = lake(&orders("block"));
    lake.land("shop/orders/a.csv", GOOD);
    lake.up_until_idle().expect_code(0);
    let before = (lake.table_files("shop.orders"), lake.json(&["table", "get", "shop.orders"])["version"].clone());
    lake.land("shop/orders/b.csv", BAD);
    lake.up_until_idle().expect_code(1);
    assert_eq!((lake.table_files("shop.orders"), lake.json(&["table", "get", "shop.orders"])["version"].clone()), before);
    assert_eq!(ids(&lake, "shop.orders"), [1, 2, 3]);
    assert_staging_is_empty(&lake);

    let run = run_of(&lake, "b.csv");
    assert_eq!((run["state"].as_str(), run["failure"]["code"].as_str()), (Some("failed"), Some("quality_failed")), "{run:#}");
    assert_eq!(run["attempt"], 1, "it is not tried again");
    let audit = &run["audit"];
    assert_eq!((audit["verdict"].as_str(), audit["rows"].as_u64()), (Some("blocked"), Some(3)), "{audit:#}");
    assert!((audit["score"].as_f64().unwrap() - 2.0 / 3.0).abs() < 1e-12, "{audit:#}");
    let outcomes: Vec<&str> = audit["rules"].as_array().unwrap().iter().map(|rule| rule["outcome"].as_str().unwrap()).collect();
    assert_eq!(outcomes, ["Passed", "Failed", "Passed"], "{audit:#}");
    assert_eq!(audit["statistics"]["RowCount"], 3.0, "{audit:#}");
    let text = lake.run(&["run", "get", run["id"].as_str().unwrap()]).expect_code(0).stdout;
    assert!(text.contains("audited by quality/orders.dqdl: blocked, score 0.67") && text.contains("ColumnValues \"qty\" > 0"), "{text}");

    let object = lake.json(&["object", "get", "shop/orders/b.csv"]);
    assert_eq!(object["state"], "failed");
    assert!(object["failure"]["message"].as_str().unwrap().contains("ColumnValues \"qty\" > 0"), "{object:#}");
    let good = run_of(&lake, "a.csv");
    assert_eq!((good["audit"]["verdict"].as_str(), good["audit"]["score"].as_f64()), (Some("passed"), Some(1.0)), "{good:#}");
}

#[test]
fn rows_that_break_rules_are_split_off_with_rule_reason_source_and_row_number() {
    let lake = lake(&orders("quarantine_rows"));
    lake.land("shop/orders/a.csv", GOOD).land("shop/orders/b.csv", BAD);
    let said = lake.up_until_idle().expect_code(0).stdout;
    assert!(
        said.contains("b.csv (shop/orders/load): 1 row set aside: 1 of 3 rules") && said.contains("`lakegate quarantine list`"),
        "{said}"
    );
    assert_eq!(ids(&lake, "shop.orders"), [1, 2, 3, 4, 6]);
    assert_staging_is_empty(&lake);

    let aside =
        rows_aside(&lake.analytics(), "id, qty, _lakegate_rules, len(_lakegate_reasons) AS reasons, _lakegate_source, _lakegate_row");
    let expected = json!({
        "id": 5, "qty": -1, "_lakegate_rules": ["ColumnValues \"qty\" > 0"], "reasons": 1,
        "_lakegate_source": "shop/orders/b.csv", "_lakegate_row": 2,
    });
    assert_eq!(aside, [expected]);
    let run = run_of(&lake, "b.csv");
    let id = run["id"].as_str().unwrap();
    assert_eq!((run["state"].as_str(), run["audit"]["verdict"].as_str()), (Some("succeeded"), Some("split")), "{run:#}");
    assert_eq!((run["rows_in"].as_u64(), run["rows_out"].as_u64(), run["audit"]["rows_aside"].as_u64()), (Some(3), Some(2), Some(1)));
    let place = format!("/_lakegate/quarantine/shop/orders/load/{id}.parquet");
    assert!(run["aside"]["location"].as_str().unwrap().ends_with(&place), "{run:#}");

    let listed = lake.list(&["quarantine", "list"]);
    assert_eq!(listed.len(), 1, "{listed:?}");
    assert_eq!((listed[0]["id"].as_str(), listed[0]["kind"].as_str(), listed[0]["rows"].as_u64()), (Some(id), Some("rows"), Some(1)));
    assert_eq!(lake.list(&["quarantine", "list", "shop/orders/load", "--kind", "object"]), [] as [Value; 0]);
    let shown = lake.json(&["quarantine", "show", id]);
    assert_eq!(shown["columns"].as_array().unwrap().len(), 6, "{shown:#}");
    assert_eq!(shown["values"][0][2], json!(["ColumnValues \"qty\" > 0"]), "{shown:#}");
    let text = lake.run(&["quarantine", "show", id]).expect_code(0).stdout;
    assert!(text.contains("shop/orders/b.csv") && text.contains("ColumnValues"), "{text}");
}

#[test]
fn a_warning_publishes_and_says_so() {
    let lake = lake(&orders("warn"));
    lake.land("shop/orders/a.csv", GOOD).land("shop/orders/b.csv", BAD);
    let said = lake.up_until_idle().expect_code(0).stdout;
    assert!(said.contains("shop/orders/b.csv (shop/orders/load): published all the same: 1 of 3 rules"), "{said}");
    assert_eq!(ids(&lake, "shop.orders"), [1, 2, 3, 4, 5, 6]);
    let run = run_of(&lake, "b.csv");
    assert_eq!((run["state"].as_str(), run["audit"]["verdict"].as_str()), (Some("succeeded"), Some("warned")), "{run:#}");
    let listed = lake.run(&["run", "list"]).expect_code(0).stdout;
    assert!(listed.contains("published all the same"), "{listed}");
}

#[test]
fn a_rule_that_can_not_be_evaluated_blocks_whatever_the_pipeline_says() {
    for on_failure in ["warn", "quarantine_rows", "block"] {
        let lake = lake(&orders(on_failure));
        lake.file("quality/orders.dqdl", "Rules = [ RowCount > 0, Mean \"price\" > 1 ]\n");
        lake.land("shop/orders/a.csv", GOOD);
        lake.up_until_idle().expect_code(1);
        let run = run_of(&lake, "a.csv");
        assert_eq!((run["state"].as_str(), run["failure"]["code"].as_str()), (Some("failed"), Some("quality_failed")), "{run:#}");
        assert_eq!(run["audit"]["rules"][1]["outcome"], "Error", "{run:#}");
        assert!(parquet_files_below(&lake.analytics()).is_empty(), "{on_failure}");
    }
}

#[test]
fn object_and_batch_stages_audit_what_they_write_each_by_its_rules() {
    let lake = lake(&two_stages("block"));
    // Two files that are fine by themselves and have an id in common, and one that is not.
    lake.land("shop/orders/a.csv", GOOD).land("shop/orders/b.csv", "id,qty\n3,8\n7,9\n").land("shop/orders/c.csv", BAD);
    lake.up_until_idle().expect_code(1);
    let cleaned = parquet_files_below(&lake.stage().join("shop/orders/clean"));
    let names: Vec<_> = cleaned.iter().map(|path| path.file_name().unwrap().to_str().unwrap()).collect();
    assert_eq!(names, ["a.csv.parquet", "b.csv.parquet"], "what is blocked is not in the zone, and goes no further");
    assert!(parquet_files_below(&lake.analytics()).is_empty());
    assert_staging_is_empty(&lake);
    let failed = lake.runs_in("failed");
    let stages: BTreeSet<&str> = failed.iter().map(|run| run["stage"].as_str().unwrap()).collect();
    assert_eq!(stages, BTreeSet::from(["shop/orders/clean", "shop/orders/gather"]), "{failed:#?}");
    assert!(failed.iter().all(|run| run["failure"]["code"] == "quality_failed"), "{failed:#?}");

    let lake = self::lake(&two_stages("quarantine_rows"));
    lake.land("shop/orders/a.csv", GOOD).land("shop/orders/b.csv", "id,qty\n3,8\n7,9\n").land("shop/orders/c.csv", BAD);
    lake.up_until_idle().expect_code(0);
    assert_eq!(ids(&lake, "shop.orders"), [1, 2, 4, 6, 7]);
    let doubled = rows_aside(&lake.analytics(), "id, qty, part, _lakegate_rules");
    assert_eq!(doubled.len(), 2, "{doubled:?}");
    assert!(doubled.iter().all(|row| row["id"] == 3 && row["_lakegate_rules"] == json!(["IsUnique \"id\""])), "{doubled:?}");
    assert_eq!(rows_aside(&lake.stage(), "id").len(), 1);
}

#[test]
fn nobody_ever_sees_a_row_that_was_not_audited() {
    const FILES: u64 = 40;
    for on_failure in ["block", "quarantine_rows"] {
        let lake = Arc::new(lake(&two_stages(on_failure)));
        let (over, looks) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        let readers: Vec<_> = [lake.stage().join("shop"), lake.analytics().join("shop")]
            .into_iter()
            .map(|folder| {
                let (over, looks) = (Arc::clone(&over), Arc::clone(&looks));
                thread::spawn(move || {
                    while !over.load(Ordering::Relaxed) {
                        // Those of other tools that glob for files see what is there just now.
                        let files = parquet_files_below(&folder);
                        if files.is_empty() {
                            thread::sleep(Duration::from_millis(5));
                            continue;
                        }
                        let seen = duckdb::query(&format!("SELECT count(*) AS n FROM {} WHERE qty <= 0", duckdb::parquet_files(&files)));
                        assert_eq!(seen, [json!({ "n": 0 })], "{on_failure}: a row that broke a rule was there to be read");
                        looks.fetch_add(1, Ordering::Relaxed);
                    }
                })
            })
            .collect();
        let up = lake.start_up();
        for file in 0..FILES {
            let bad = if file % 3 == 1 { -1 } else { 1 };
            lake.land(&format!("shop/orders/{file}.csv"), format!("id,qty\n{},4\n{},{bad}\n", file * 10, file * 10 + 1));
            thread::sleep(Duration::from_millis(20));
        }
        lake.wait_until("all files are through", |status| {
            status["idle"] == true && total(status, "succeeded") + total(status, "failed") > FILES
        });
        over.store(true, Ordering::Relaxed);
        readers.into_iter().for_each(|reader| reader.join().expect("a reader saw nothing it should not have"));
        assert!(looks.load(Ordering::Relaxed) > 3, "somebody looked");
        drop(up);
        let rows = lake.query_table("shop.orders", "SELECT count(*) AS n, min(qty) AS least FROM t");
        let expected = if on_failure == "block" { 2 * (FILES - FILES / 3) } else { 2 * FILES - FILES / 3 };
        assert_eq!(rows, [json!({ "n": expected, "least": 1 })], "{on_failure}");
    }
}

#[test]
fn whoever_asks_for_failures_of_quality_is_told_of_them_and_of_what_was_let_in_all_the_same() {
    for (on_failure, outcome) in [("block", "failed"), ("warn", "succeeded"), ("quarantine_rows", "succeeded")] {
        let hook = Hook::listen(([127, 0, 0, 1], 0).into(), |_| 200);
        let notify = format!("      - notify: {{ on: quality_failure, to: '{}' }}\n    output", hook.url("/told"));
        let lake = lake(&orders(on_failure).replace("    output", &notify));
        lake.land("shop/orders/a.csv", GOOD).land("shop/orders/b.csv", BAD);
        lake.up_until_idle();
        let told = eventually(PATIENCE, "somebody is told", || Some(hook.taken()).filter(|taken| !taken.is_empty()));
        let [one] = &told[..] else { panic!("{told:?}") };
        let told = one.json();
        assert_eq!((told["event"].as_str(), told["outcome"].as_str()), (Some("quality_failure"), Some(outcome)), "{told:#}");
        assert_eq!((told["object"].as_str(), told["quality"]["rows"].as_u64()), (Some("shop/orders/b.csv"), Some(3)), "{told:#}");
        assert!(told["quality"]["reason"].as_str().unwrap().contains("ColumnValues"), "{told:#}");
    }
}

#[test]
fn rules_compare_with_what_was_let_in_before_even_after_a_restart() {
    let lake = lake(&orders("block"));
    let rows = |count: u64| (0..count).fold("id,qty\n".to_owned(), |text, row| format!("{text}{row},1\n"));
    // Without a past there is nothing to compare with, and that is an error: the first file has another rule.
    lake.file("quality/orders.dqdl", "Rules = [ RowCount > 0 ]\n");
    lake.land("shop/orders/1.csv", rows(10));
    lake.up_until_idle().expect_code(0);
    lake.file("quality/orders.dqdl", "Rules = [ RowCount < max(last(2)) * 2 ]\n");
    lake.land("shop/orders/2.csv", rows(30));
    lake.up_until_idle().expect_code(1);
    lake.land("shop/orders/3.csv", rows(15));
    lake.up_until_idle().expect_code(0);
    lake.land("shop/orders/4.csv", rows(29));
    lake.up_until_idle().expect_code(0);
    let verdicts: Vec<Value> = (1..=4).map(|file| run_of(&lake, &format!("{file}.csv"))["audit"]["verdict"].clone()).collect();
    assert_eq!(verdicts, ["passed", "blocked", "passed", "passed"], "what was kept out is no precedent");
    let history = lake.list(&["quality", "history", "shop/orders/load"]);
    let points: Vec<(&str, f64)> =
        history.iter().map(|point| (point["verdict"].as_str().unwrap(), point["statistics"]["RowCount"].as_f64().unwrap())).collect();
    assert_eq!(points, [("passed", 29.0), ("passed", 15.0), ("blocked", 30.0), ("passed", 10.0)], "each once, the newest first");
}

#[test]
fn rules_are_checked_before_anything_runs_and_are_part_of_the_pipelines_version() {
    let lake = lake(&orders("block"));
    assert_eq!(lake.run(&["check"]).expect_code(0).stdout, "ok: 1 pipeline, 1 stage\n");
    lake.up_until_idle().expect_code(0);
    let version = |lake: &Lake| lake.list(&["pipeline", "list"])[0]["version"].clone();
    assert_eq!(version(&lake), 1);
    lake.file("quality/orders.dqdl", "Rules = [\n  IsCompleet \"id\"\n]\n");
    let refused = lake.run(&["check"]).expect_code(2);
    assert!(refused.stderr.contains("quality/orders.dqdl:2:3: "), "{}", refused.stderr);
    assert_eq!(lake.run(&["up", "--until-idle"]).code, 2);
    let told: Value = serde_json::from_str(&lake.run(&["check", "-o", "json"]).stdout).unwrap();
    assert_eq!((&told["diagnostics"][0]["file"], &told["diagnostics"][0]["line"]), (&json!("quality/orders.dqdl"), &json!(2)), "{told:#}");
    lake.file("quality/orders.dqdl", "Rules = [ RowCount > 1 ]\n");
    lake.up_until_idle().expect_code(0);
    assert_eq!(version(&lake), 2, "other rules are another version");
    fs::remove_file(lake.dir().join("quality/orders.dqdl")).unwrap();
    assert!(lake.run(&["check"]).expect_code(2).stderr.contains("rules file `quality/orders.dqdl` does not exist"));
}
