//! What was set aside comes again once its cause is mended.

use lakegate_tests::kit::lake::total;
use serde_json::{Value, json};

use crate::orders::{BAD, GOOD, ids, lake, orders, two_stages};

#[test]
fn rows_are_released_once_their_cause_is_mended() {
    let lake = lake(&orders("quarantine_rows"));
    lake.land("shop/orders/a.csv", GOOD).land("shop/orders/b.csv", BAD);
    lake.up_until_idle().expect_code(0);
    let id = lake.list(&["quarantine", "list"])[0]["id"].as_str().unwrap().to_owned();
    let refused = lake.run(&["quarantine", "release", &id]);
    assert!(refused.code != 0 && refused.stderr.contains("lakegate up"), "{refused:?}");

    // Not mended: what comes again is set aside again.
    let up = lake.start_up();
    let would = lake.list(&["quarantine", "release", "--all", "shop/orders", "--dry-run"]);
    assert_eq!((would[0]["id"].as_str(), would[0]["new"].as_bool()), (Some(id.as_str()), Some(true)), "{would:?}");
    assert_eq!(lake.list(&["run", "list"]).len(), 2, "a dry run starts nothing");
    lake.run(&["quarantine", "release", &id]).expect_code(0);
    lake.wait_until("the rows are audited again", |status| status["idle"] == true && total(status, "succeeded") == 3);
    drop(up);
    let listed = lake.list(&["quarantine", "list"]);
    assert_eq!(listed.len(), 2, "{listed:?}");
    let again = listed.iter().find(|item| item["id"] != id.as_str()).unwrap()["id"].as_str().unwrap().to_owned();
    let first = listed.iter().find(|item| item["id"] == id.as_str()).unwrap();
    assert!(first["released_as"].is_string(), "{first:#}");
    let shown = lake.json(&["quarantine", "show", &again]);
    let row = &shown["values"][0];
    assert_eq!((&row[4], &row[5]), (&json!("shop/orders/b.csv"), &json!(2)), "where the row came from at first: {shown:#}");
    assert_eq!(ids(&lake, "shop.orders"), [1, 2, 3, 4, 6]);

    // Mended: with other rules, which are another version of the pipeline.
    lake.file("quality/orders.dqdl", "Rules = [ ColumnValues \"qty\" > -5 ]\n");
    let _up = lake.start_up();
    let released = lake.list(&["quarantine", "release", "--all"]);
    assert_eq!((released.len(), released[0]["id"].as_str(), released[0]["new"].as_bool()), (1, Some(again.as_str()), Some(true)));
    lake.wait_until("the rows are in", |status| status["idle"] == true && total(status, "succeeded") == 4);
    assert_eq!(ids(&lake, "shop.orders"), [1, 2, 3, 4, 5, 6]);
    let twice = lake.list(&["quarantine", "release", &again]);
    assert_eq!((twice[0]["new"].as_bool(), &twice[0]["released_as"]), (Some(false), &released[0]["released_as"]), "{twice:?}");
    assert_eq!(lake.list(&["quarantine", "release", "--all"]), [] as [Value; 0]);
    assert_eq!(ids(&lake, "shop.orders"), [1, 2, 3, 4, 5, 6], "exactly once");
}

#[test]
fn objects_are_released_whether_a_rule_or_their_schema_kept_them_out() {
    let lake = lake(&orders("block").replace("dataset: orders", "dataset: orders\ndrift: quarantine"));
    lake.land("shop/orders/a.csv", GOOD);
    lake.up_until_idle().expect_code(0);
    lake.land("shop/orders/b.csv", BAD).land("shop/orders/c.csv", "id,qty,more\n8,9,x\n");
    lake.up_until_idle();
    let listed = lake.list(&["quarantine", "list"]);
    let mut reasons: Vec<&str> = listed.iter().map(|item| item["reason"]["code"].as_str().unwrap()).collect();
    reasons.sort_unstable();
    assert_eq!(reasons, ["quality_failed", "schema_drift"], "{listed:#?}");

    lake.pipeline("orders", &orders("block")).file("quality/orders.dqdl", "Rules = [ ColumnValues \"qty\" > -5 ]\n");
    let _up = lake.start_up();
    let released = lake.list(&["quarantine", "release", "--all", "shop/orders/load"]);
    assert!(released.len() == 2 && released.iter().all(|one| one["new"] == true), "{released:#?}");
    lake.wait_until("they are in", |status| status["idle"] == true && total(status, "succeeded") == 3);
    assert_eq!(ids(&lake, "shop.orders"), [1, 2, 3, 4, 5, 6, 8]);
    let again = lake.list(&["quarantine", "release", listed[0]["id"].as_str().unwrap()]);
    assert_eq!(again[0]["new"], false, "{again:?}");
}

#[test]
fn members_of_a_blocked_batch_come_again_in_another() {
    let lake = lake(&two_stages("block"));
    lake.land("shop/orders/a.csv", GOOD).land("shop/orders/b.csv", "id,qty\n3,8\n7,9\n");
    lake.up_until_idle().expect_code(1);
    lake.file("quality/gathered.dqdl", "Rules = [ RowCount > 0 ]\n");
    let _up = lake.start_up();
    let released = lake.list(&["quarantine", "release", "--all", "shop/orders/gather"]);
    assert_eq!(released.len(), 2, "{released:#?}");
    lake.wait_until("they are in", |status| status["idle"] == true && total(status, "succeeded") == 3);
    assert_eq!(ids(&lake, "shop.orders"), [1, 2, 3, 3, 7]);
}
