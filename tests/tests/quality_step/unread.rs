//! Audits that could not be held: what they were of waits in quarantine until its cause is mended.

use std::fs;

use lakegate_tests::kit::lake::total;

use crate::orders::{GOOD, assert_staging_is_empty, ids, lake, orders, run_of};

#[test]
fn what_a_missing_or_damaged_table_kept_from_being_audited_is_released_once_it_is_mended() {
    let rules = "{ rules: quality/orders.dqdl, references: { known: shop.known }, ";
    let pipeline = orders("block").replace("{ rules: quality/orders.dqdl, ", rules);
    let lake = lake(&pipeline.replace("trigger: object", "trigger: object\n    retry: { attempts: 1 }"));
    lake.file("quality/orders.dqdl", "Rules = [ ReferentialIntegrity \"id\" \"known.id\" = 1.0 ]\n").pipeline(
        "known",
        "team: shop\ndataset: known\nstages:\n  - name: load\n    trigger: object\n    steps:\n      - publish: { database: shop, table: known \
         }\n    output: { zone: analytics }\n",
    );
    lake.land("shop/known/k.csv", "id\n1\n2\n3\n4\n");
    lake.up_until_idle().expect_code(0);
    let table = lake.table_files("shop.known").remove(0);
    let whole = fs::read(&table).unwrap();

    fs::write(&table, &whole[..whole.len() / 2]).unwrap();
    lake.land("shop/orders/a.csv", GOOD);
    lake.up_until_idle().expect_code(1);
    fs::remove_file(&table).unwrap();
    lake.land("shop/orders/b.csv", "id,qty\n4,8\n");
    lake.up_until_idle();

    for (key, code) in [("a.csv", "damaged_data"), ("b.csv", "unaudited")] {
        let run = run_of(&lake, key);
        let failure = &run["failure"];
        assert_eq!((run["state"].as_str(), failure["code"].as_str()), (Some("failed"), Some(code)), "{run:#}");
        assert!(failure["message"].as_str().unwrap().contains(table.to_str().unwrap()), "{failure:#}");
        assert!(!failure["hint"].as_str().unwrap().is_empty(), "{failure:#}");
    }
    let listed = lake.list(&["quarantine", "list"]);
    let mut reasons: Vec<&str> = listed.iter().map(|item| item["reason"]["code"].as_str().unwrap()).collect();
    reasons.sort_unstable();
    assert_eq!(reasons, ["damaged_data", "unaudited"], "{listed:#?}");
    assert_staging_is_empty(&lake);

    fs::write(&table, &whole).unwrap();
    let _up = lake.start_up();
    let released = lake.list(&["quarantine", "release", "--all"]);
    assert!(released.len() == 2 && released.iter().all(|one| one["new"] == true), "{released:#?}");
    lake.wait_until("they are in", |status| status["idle"] == true && total(status, "succeeded") == 3);
    assert_eq!(ids(&lake, "shop.orders"), [1, 2, 3, 4]);
}
