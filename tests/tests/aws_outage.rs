//! The account goes away in mid-run: nothing is lost, nothing is doubled, nobody has to help, and
//! memory stays flat.

use std::{fs, thread, time::Duration};

use lakegate_tests::kit::{
    Cloud, Process, data, eventually,
    lake::total,
    moto::moto,
    outage::{Outage, Way},
    within,
};
use serde_json::{Value, json};

/// Longer than the receives that a queue of `bootstrap` allows a message last when it is handed back
/// at each failure, and longer than a retry policy lasts that counts each of them as an attempt.
const LONG: Duration = Duration::from_secs(60);
/// Objects, and rows in each.
const OBJECTS: u64 = 60;
const ROWS: u64 = 20;
/// How long after the account is back work must be under way again.
const BACK_AT_WORK: Duration = Duration::from_secs(20);
/// How long all of it may take then, on a busy machine.
const PATIENCE: Duration = Duration::from_secs(180);
/// What a coordinator with its workers may grow by while it waits: allocators are not exact.
const FLAT: u64 = 64 << 20;

#[test]
fn an_account_that_refuses_connections_for_a_minute() {
    survives(Way::Cut, LONG);
}

#[test]
fn an_account_that_does_not_answer_for_a_while() {
    survives(Way::Silent, LONG / 2);
}

#[test]
fn an_account_that_throttles_for_a_while() {
    survives(Way::Throttling(7), LONG / 2);
}

#[test]
fn an_account_that_does_what_it_is_told_and_does_not_say_so_for_a_while() {
    survives(Way::Deaf, LONG / 3);
}

fn survives(trouble: Way, time: Duration) {
    let outage = Outage::before(&moto().endpoint());
    let cloud = Cloud::shop().by_way_of(outage.endpoint()).bootstrapped();
    let process = cloud.lake.start_up();
    for file in 0..OBJECTS / 2 {
        land(&cloud, file);
    }
    // In mid-run: something is done, and not everything.
    eventually(PATIENCE, "the first objects", || (total(&cloud.lake.status(), "succeeded") > 3).then_some(()));
    let before = total(&cloud.lake.status(), "succeeded");
    let memory = resident(&process);
    outage.set(trouble);
    for file in OBJECTS / 2..OBJECTS {
        land(&cloud, file);
    }
    thread::sleep(time);
    let grown = resident(&process).saturating_sub(memory);
    assert!(outage.refused() > 0, "nobody noticed the outage");
    outage.set(Way::Open);
    eventually(BACK_AT_WORK, "work goes on", || (total(&answered(&cloud)?, "succeeded") > before).then_some(()));
    assert!(grown < FLAT, "memory grew by {grown} bytes");
    let rows = json!({ "n": OBJECTS * ROWS, "ids": OBJECTS * ROWS });
    let done = within(PATIENCE, || {
        let status = answered(&cloud)?;
        assert_eq!(total(&status, "failed"), 0, "{status}");
        let waits: u64 = ["waiting", "ready", "running", "collecting"].iter().map(|field| total(&status, field)).sum();
        (waits == 0 && cleaned(&status) == OBJECTS).then_some(())
    });
    assert!(done.is_some(), "some are not done: {}\n{:#}", cloud.lake.status(), cloud.lake.json(&["run", "list", "--state", "running"]));
    assert_eq!(cloud.query_table("shop.orders", "SELECT count(*) AS n, count(DISTINCT id) AS ids FROM t"), [rows]);
    eventually(PATIENCE, "an empty queue", || (cloud.messages_in("events") == 0).then_some(()));
    assert_eq!(cloud.messages_in("events-dead-letters"), 0, "messages were given up");
}

/// The status, if the ledger can be read.
fn answered(cloud: &Cloud) -> Option<Value> {
    let finished = cloud.lake.run(&["status", "-o", "json"]);
    (finished.code == 0).then(|| serde_json::from_str(&finished.stdout).expect("it is JSON"))
}

/// Objects that are through the first stage.
fn cleaned(status: &Value) -> u64 {
    let stages = status["stages"].as_array().expect("a status has stages");
    let clean = stages.iter().find(|stage| stage["stage"] == "shop/orders/clean").expect("it has this stage");
    clean["succeeded"].as_u64().expect("a count")
}

fn land(cloud: &Cloud, file: u64) {
    cloud.land(&format!("shop/orders/{file:03}.csv"), data::orders(file, ROWS));
}

/// Bytes of memory that a process has.
fn resident(process: &Process) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", process.id())).expect("it runs");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("it has memory");
    line.trim().trim_end_matches(" kB").parse::<u64>().expect("a number") << 10
}
