//! Rows that were set aside and come again.

use lakegate_model::{
    ObjectVersion,
    audit::{Outcome, Verdict},
    pipeline::{OnFailure, Stage},
};
use lakegate_worker::{engine::TaskInput, preview::preview_file};

use crate::{
    audits::{ORDERS, all_rows, audit, outcomes},
    lake::{Lake, audited, copy, sql, types},
};

#[test]
fn rows_that_come_again_are_audited_again_and_not_transformed_again() {
    let lake = Lake::new();
    let orders = lake.put("nyc/flights/a.csv", ORDERS);
    let transform = || sql("SELECT id, qty * 10 AS tens, day FROM input");
    let strict = audited(transform(), OnFailure::QuarantineRows, "IsComplete \"tens\", ColumnValues \"tens\" > 0");
    let first = lake.run(strict.clone(), lake.input(&orders), lake.file_target()).unwrap();
    let aside = first.aside.clone().unwrap();
    let bytes = std::fs::read(aside.location.path().unwrap()).unwrap();
    let object = lake.put("raw/_lakegate/quarantine/nyc/flights/clean/ex-1.parquet", bytes);
    let again = |stage: Stage| {
        let TaskInput::Object { location, object } = lake.input(&object) else { unreachable!() };
        lake.run(stage, TaskInput::Rows { location, object }, lake.file_target()).unwrap()
    };

    let mended = again(audited(transform(), OnFailure::Block, "RowCount = 2"));
    assert_eq!((audit(&mended).verdict, mended.rows_in, mended.rows_out), (Verdict::Passed, 2, 2));
    assert_eq!(all_rows(&mended), ["2|null|2026-01-01", "3|-40|2026-01-02"], "minus forty, and no column of ours");
    assert_eq!(types(&mended.output_schema), types(&first.output_schema));

    let still = again(strict);
    assert_eq!((audit(&still).verdict, audit(&still).rows_aside, still.rows_out), (Verdict::Split, 2, 0));
}

#[test]
fn rows_that_come_again_are_told_of_rules_about_the_whole_and_held_to_those_about_rows() {
    let lake = Lake::new();
    let object = lake.put("raw/_lakegate/quarantine/nyc/flights/clean/ex-1.parquet", released(&["5"]));
    let again = |object: &ObjectVersion, on_failure, rules: &str| {
        let TaskInput::Object { location, object } = lake.input(object) else { unreachable!() };
        lake.run(audited(copy(), on_failure, rules), TaskInput::Rows { location, object }, lake.file_target()).unwrap()
    };
    for on_failure in [OnFailure::Block, OnFailure::QuarantineRows] {
        let output = again(&object, on_failure, "IsComplete \"qty\", RowCount > 18");
        assert_eq!(outcomes(&output), [Outcome::Passed, Outcome::Failed]);
        assert_eq!((audit(&output).verdict, output.rows_out), (Verdict::Warned, 1), "{on_failure:?}");
        assert!(audit(&output).reason.starts_with("1 of 2 rules does not hold: RowCount > 18 ("), "{:?}", audit(&output));
        let output = again(&object, on_failure, "RowCount > 18, Mean \"nosuch\" > 1");
        assert_eq!(audit(&output).verdict, Verdict::Blocked, "an error is an error: {on_failure:?}");
    }
    let object = lake.put("raw/_lakegate/quarantine/nyc/flights/clean/ex-2.parquet", released(&["5", ""]));
    let rules = "IsComplete \"qty\", RowCount > 18";
    let output = again(&object, OnFailure::Block, rules);
    assert_eq!(audit(&output).verdict, Verdict::Blocked);
    let output = again(&object, OnFailure::QuarantineRows, rules);
    assert_eq!((audit(&output).verdict, audit(&output).rows_aside, output.rows_out), (Verdict::Split, 1, 1), "{:?}", audit(&output));
    assert!(audit(&output).reason.contains("RowCount > 18"), "{:?}", audit(&output));
    // The same rows as data of their own are held to all rules.
    let fresh = lake.put("nyc/flights/a.csv", "qty\n5\n");
    let output = lake.run(audited(copy(), OnFailure::QuarantineRows, rules), lake.input(&fresh), lake.file_target()).unwrap();
    assert_eq!(audit(&output).verdict, Verdict::Blocked);
}

/// A file of rows that were set aside.
fn released(quantities: &[&str]) -> Vec<u8> {
    let lake = Lake::new();
    let rows: String = quantities.iter().map(|quantity| format!("{quantity},1\n")).collect();
    let object = lake.put("nyc/flights/a.csv", format!("qty,one\n{rows}"));
    let stage = audited(copy(), OnFailure::QuarantineRows, "ColumnValues \"one\" > 1");
    let aside = lake.run(stage, lake.input(&object), lake.file_target()).unwrap().aside.unwrap();
    assert_eq!(aside.rows, quantities.len() as u64);
    std::fs::read(aside.location.path().unwrap()).unwrap()
}

#[test]
fn rows_that_are_set_aside_again_name_the_object_they_came_from_at_first() {
    for (lake, partition_by) in [(Lake::new(), &[][..]), (Lake::new(), &["part"][..]), (Lake::streaming(), &["part"][..])] {
        let a = lake.put("nyc/flights/a.csv", "id,part,qty\n1,x,5\n2,y,-1\n3,x,-2\n");
        let b = lake.put("nyc/flights/b.csv", "id,part,qty\n4,,-3\n5,y,-4\n6,x,-5\n");
        let stage = |least: i64| audited(copy(), OnFailure::QuarantineRows, &format!("ColumnValues \"qty\" > {least}"));
        let first = lake.run(stage(0), lake.batch(&[a, b]), lake.table_target(&[])).unwrap();
        let bytes = std::fs::read(first.aside.unwrap().location.path().unwrap()).unwrap();
        let object = lake.put("raw/_lakegate/quarantine/nyc/flights/clean/ex-1.parquet", bytes);
        let TaskInput::Object { location, object } = lake.input(&object) else { unreachable!() };
        let again = lake.run(stage(-3), TaskInput::Rows { location, object }, lake.table_target(partition_by)).unwrap();
        assert_eq!((audit(&again).verdict, audit(&again).rows_aside, again.rows_out), (Verdict::Split, 3, 2), "{:?}", audit(&again));
        let rows = preview_file(&again.aside.unwrap().location, 10).unwrap();
        let at = |name: &str| rows.columns.iter().position(|column| column == name).unwrap();
        let (id, source, row) = (at("id"), at("_lakegate_source"), at("_lakegate_row"));
        let mut told: Vec<String> =
            rows.rows.iter().map(|values| format!("{} {}:{}", values[id], values[source].as_str().unwrap(), values[row])).collect();
        told.sort();
        let expected = ["4 nyc/flights/b.csv:1", "5 nyc/flights/b.csv:2", "6 nyc/flights/b.csv:3"];
        assert_eq!(told, expected, "{partition_by:?}");
    }
}
