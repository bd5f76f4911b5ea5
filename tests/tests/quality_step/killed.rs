//! Audits with coordinators and workers killed around them.

use std::{thread, time::Instant};

use lakegate_tests::kit::{
    Lake, Random,
    lake::{free_address, total},
};
use serde_json::Value;

use crate::orders::{assert_staging_is_empty, lake, orders, rows_aside};

/// Lands a file. One in five has a row that is set aside, and one in five too few rows.
fn land_mixed(lake: &Lake, file: u64) {
    let row = |row: u64| format!("{},{}\n", file * 1_000 + row, if file % 5 == 1 && row == 7 { -3 } else { 2 });
    let rows: String = (0..if file % 5 == 2 { 10 } else { 20 }).map(row).collect();
    lake.land(&format!("shop/orders/{file:03}.csv"), format!("id,qty\n{rows}"));
}

/// What a lake has come to: rows, rows aside, runs by state and verdict.
fn result(lake: &Lake) -> (Vec<Value>, Vec<Value>, Vec<String>) {
    let rows = lake.query_table("shop.orders", "SELECT id, qty FROM t ORDER BY id");
    let aside = rows_aside(&lake.analytics(), "id, qty, _lakegate_rules, _lakegate_source, _lakegate_row");
    let mut runs: Vec<String> = lake
        .list(&["run", "list"])
        .iter()
        .map(|run| format!("{} {} {}", run["subject_text"], run["state"], run["audit"]["verdict"]))
        .collect();
    runs.sort();
    (rows, aside, runs)
}

/// A lake whose files are passed, split or blocked.
fn mixed() -> Lake {
    let lake = lake(&orders("quarantine_rows"));
    lake.file("quality/orders.dqdl", "Rules = [ IsComplete \"id\", ColumnValues \"qty\" > 0, RowCount > 18 ]\n");
    lake
}

#[test]
fn a_lake_killed_around_its_audits_comes_to_the_same() {
    const FILES: u64 = 60;
    const KILLS: u64 = 10;
    let mut random = Random::from_environment();
    let lake = mixed();
    let mut landed = 0;
    for round in 0..KILLS {
        let mut up = lake.spawn("up", &["up"]);
        let deadline = Instant::now() + random.millis(150, 1500);
        while landed < FILES * (round + 1) / KILLS {
            land_mixed(&lake, landed);
            landed += 1;
            thread::sleep(random.millis(0, 30).min(deadline.saturating_duration_since(Instant::now())));
        }
        thread::sleep(deadline.saturating_duration_since(Instant::now()));
        assert!(up.is_running(), "it ended by itself:\n{}", up.said());
        up.kill();
    }
    lake.up_until_idle();
    let quiet = mixed();
    (0..FILES).for_each(|file| land_mixed(&quiet, file));
    quiet.up_until_idle();
    let (expected, got) = (result(&quiet), result(&lake));
    assert_eq!(
        (expected.0.len(), expected.1.len(), expected.2.len()),
        (FILES as usize / 5 * (19 + 3 * 20), FILES as usize / 5, FILES as usize)
    );
    assert_eq!(got, expected);
    assert_staging_is_empty(&lake);
}

#[test]
fn a_worker_killed_around_its_audits_changes_nothing() {
    const FILES: u64 = 60;
    let mut random = Random::from_environment();
    let lake = mixed();
    (0..FILES).for_each(|file| land_mixed(&lake, file));
    let address = free_address();
    let _coordinator = lake.start_coordinator(address);
    for round in 0..6 {
        let mut worker = lake.start_worker(&format!("victim-{round}"), address, 2);
        thread::sleep(random.millis(100, 900));
        worker.kill();
    }
    let _worker = lake.start_worker("survivor", address, 2);
    lake.wait_until("all is done", |status| status["idle"] == true && total(status, "succeeded") + total(status, "failed") == FILES);
    let quiet = mixed();
    (0..FILES).for_each(|file| land_mixed(&quiet, file));
    quiet.up_until_idle();
    assert_eq!(result(&lake), result(&quiet));
}
