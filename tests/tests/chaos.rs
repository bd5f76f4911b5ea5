//! Real processes killed at random moments: every file reaches every output exactly once. Each
//! table is compared row by row with that of a lake that nobody disturbed. A failing test says the
//! seed that repeats its choices.

use std::{
    collections::BTreeSet,
    thread,
    time::{Duration, Instant},
};

use lakegate_tests::kit::{
    Lake, Process, Random, data, duckdb, eventually,
    lake::{PATIENCE, free_address, total},
};
use serde_json::{Value, json};

const ROWS: u64 = 40;
const TABLES: [(&str, &str); 2] = [("shop.orders", "id, name, total, category"), ("shop.returns", "id, category, amount, qty")];

fn shop() -> Lake {
    let lake = Lake::new();
    lake.pipeline("orders", data::ORDERS).pipeline("returns", data::RETURNS);
    lake
}

/// Lands file `number` of both datasets.
fn land(lake: &Lake, number: u64) {
    lake.land(&format!("shop/orders/2026/{number:04}.csv"), data::orders(number, ROWS));
    lake.land(&format!("shop/returns/2026/{number:04}.csv"), data::orders(number, ROWS));
}

/// A lake with the same files that nobody disturbed.
fn undisturbed(files: u64) -> Lake {
    let lake = shop();
    (0..files).for_each(|number| land(&lake, number));
    lake.up_until_idle().expect_code(0);
    lake
}

/// Every run succeeded, and every table has the same rows in both lakes.
fn assert_as_undisturbed(disturbed: &Lake, files: u64) {
    let unfinished: Vec<Value> = disturbed.list(&["run", "list"]).into_iter().filter(|run| run["state"] != "succeeded").collect();
    assert!(unfinished.is_empty(), "{unfinished:#?}");
    let quiet = undisturbed(files);
    for (table, columns) in TABLES {
        let counted = disturbed.query_table(table, "SELECT count(*) AS rows, count(DISTINCT id) AS ids FROM t");
        assert_eq!(counted, [json!({"rows": files * ROWS, "ids": files * ROWS})], "{table}");
        let [a, b] = [disturbed, &quiet].map(|lake| format!("SELECT {columns} FROM {}", duckdb::parquet_below(&lake.table_folder(table))));
        let differ = duckdb::query(&format!("(({a}) EXCEPT ALL ({b})) UNION ALL (({b}) EXCEPT ALL ({a})) LIMIT 5"));
        assert!(differ.is_empty(), "{table}: rows that only one lake has: {differ:?}");
    }
}

#[test]
fn up_killed_at_random_moments_loses_and_doubles_nothing() {
    const KILLS: u64 = 12;
    const FILES: u64 = 72;
    let mut random = Random::from_environment();
    let lake = shop();
    let mut landed = 0;
    for round in 0..KILLS {
        let mut up = lake.spawn("up", &["up"]);
        let deadline = Instant::now() + random.millis(100, 1800);
        // Files go on landing while the lake is up, and after it was killed.
        while landed < FILES * (round + 1) / KILLS {
            land(&lake, landed);
            landed += 1;
            thread::sleep(random.millis(0, 30).min(deadline.saturating_duration_since(Instant::now())));
        }
        thread::sleep(deadline.saturating_duration_since(Instant::now()));
        assert!(up.is_running(), "it ended by itself:\n{}", up.said());
        up.kill();
    }
    lake.up_until_idle().expect_code(0);
    assert_as_undisturbed(&lake, FILES);
}

/// Tasks that the worker of this name runs, and those it has reported.
fn worker(lake: &Lake, name: &str) -> Option<(u64, u64)> {
    let workers = lake.list(&["workers"]);
    let worker = workers.iter().find(|worker| worker["name"] == name)?;
    Some((worker["running"].as_u64()?, worker["tasks_done"].as_u64()?))
}

fn busy(lake: &Lake, name: &str) {
    eventually(PATIENCE, &format!("{name} has work"), || worker(lake, name).filter(|(running, done)| *running > 0 && *done > 0));
}

fn wait_for_all(lake: &Lake, files: u64) {
    // Both first stages, and the batches, whose number depends on what came together.
    lake.wait_until("all work is done", |status| total(status, "succeeded") > 2 * files && status["idle"] == true);
}

/// A coordinator with a backlog, and two workers that joined it over its port and are at work.
fn fleet(lake: &Lake, files: u64) -> (Process, Process, Process) {
    (0..files).for_each(|number| land(lake, number));
    let address = free_address();
    let coordinator = lake.start_coordinator(address);
    let [one, two] = ["one", "two"].map(|name| lake.start_worker(name, address, 1));
    busy(lake, "two");
    (coordinator, one, two)
}

#[test]
fn a_killed_workers_work_is_done_by_others() {
    const FILES: u64 = 150;
    let lake = shop();
    let (_coordinator, _one, mut two) = fleet(&lake, FILES);
    two.kill();
    eventually(PATIENCE, "the coordinator notices", || worker(&lake, "two").is_none().then_some(()));
    wait_for_all(&lake, FILES);
    assert_as_undisturbed(&lake, FILES);
}

#[test]
fn a_worker_that_is_given_up_and_comes_back_changes_nothing() {
    const FILES: u64 = 150;
    let lake = shop();
    let (_coordinator, _one, two) = fleet(&lake, FILES);
    two.freeze();
    wait_for_all(&lake, FILES);
    let before = TABLES.map(|(table, _)| lake.table_files(table));
    two.thaw();
    // It finishes what it had, finds its session gone, and joins again.
    eventually(PATIENCE, "the worker joins again", || worker(&lake, "two"));
    thread::sleep(Duration::from_millis(500));
    assert_eq!(TABLES.map(|(table, _)| lake.table_files(table)), before);
    assert_as_undisturbed(&lake, FILES);
}

#[test]
fn a_worker_that_is_told_to_leave_hands_its_work_back() {
    const FILES: u64 = 150;
    let lake = shop();
    let (_coordinator, _one, mut two) = fleet(&lake, FILES);
    two.terminate();
    assert_eq!(two.wait(PATIENCE).code(), Some(0), "it said:\n{}", two.said());
    wait_for_all(&lake, FILES);
    let attempts: BTreeSet<u64> = lake.list(&["run", "list"]).iter().map(|run| run["attempt"].as_u64().unwrap()).collect();
    assert!(attempts.iter().all(|attempt| *attempt <= 2), "{attempts:?}");
    assert_as_undisturbed(&lake, FILES);
}

#[test]
fn a_coordinator_killed_under_its_worker_takes_up_where_it_was() {
    const FILES: u64 = 120;
    const KILLS: u64 = 4;
    let mut random = Random::from_environment();
    let lake = shop();
    let address = free_address();
    let mut landed = 0;
    let mut worker = None;
    for round in 0..KILLS {
        let mut coordinator = lake.start_coordinator(address);
        worker.get_or_insert_with(|| lake.start_worker("survivor", address, 2));
        while landed < FILES * (round + 1) / KILLS {
            land(&lake, landed);
            landed += 1;
        }
        thread::sleep(random.millis(50, 1500));
        coordinator.kill();
    }
    let _coordinator = lake.start_coordinator(address);
    wait_for_all(&lake, FILES);
    let mut worker = worker.expect("it was started");
    assert!(worker.is_running(), "the worker outlives its coordinators; it said:\n{}", worker.said());
    assert_as_undisturbed(&lake, FILES);
}

#[test]
fn work_waits_for_a_worker_to_come() {
    let lake = shop();
    land(&lake, 0);
    let address = free_address();
    let _coordinator = lake.start_coordinator(address);
    let status = lake.wait_until("the files wait", |status| total(status, "ready") == 2);
    assert_eq!((&status["workers"], &status["idle"]), (&json!(0), &json!(false)));
    let _worker = lake.start_worker("late", address, 1);
    wait_for_all(&lake, 1);
    assert_as_undisturbed(&lake, 1);
}

#[test]
fn an_address_that_others_can_reach_is_refused_without_being_told() {
    let lake = shop();
    let refused = lake.run(&["coordinator", "--listen", "0.0.0.0:0"]);
    assert_eq!(refused.code, 2, "{refused:?}");
    assert!(refused.stderr.contains("--insecure"), "it says what to do: {}", refused.stderr);
}
