//! What stages wait for, refuse and are refused.

use super::*;

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
