//! What a stage wrote held against its rules: verdicts, and rows set aside.

use std::collections::BTreeMap;

use lakegate_model::{
    FailureCode, Timestamp,
    audit::{Audit, Metric, Outcome, Verdict},
    failure::Retry,
    machine::execution::TaskOutput,
    pipeline::{Composites, OnFailure, Quality, Stage, Step},
    table::TableId,
};
use lakegate_worker::{engine::History, preview::preview_file};
use polars::prelude::*;
use serde_json::json;

use crate::lake::{Lake, audited, copy, read, reference, rows, sql, types};

pub(crate) const ORDERS: &str = "id,qty,day\n1,5,2026-01-01\n2,,2026-01-01\n3,-4,2026-01-02\n4,2,2026-01-02\n";
const BY_ROW: &str = "IsComplete \"qty\", ColumnValues \"qty\" > 0, IsUnique \"id\"";

pub(crate) fn audit(output: &TaskOutput) -> &Audit {
    output.audit.as_deref().expect("it was audited")
}

pub(crate) fn outcomes(output: &TaskOutput) -> Vec<Outcome> {
    audit(output).rules.iter().map(|rule| rule.outcome).collect()
}

pub(crate) fn all_rows(output: &TaskOutput) -> Vec<String> {
    let mut found: Vec<String> = output.files.iter().flat_map(|file| rows(&read(file.location.path().unwrap().as_ref()))).collect();
    found.sort();
    found
}

#[test]
fn what_holds_passes_and_what_does_not_is_as_the_pipeline_says() {
    let lake = Lake::new();
    let orders = lake.put("nyc/flights/a.csv", ORDERS);
    let run = |on_failure, rules: &str| lake.run(audited(copy(), on_failure, rules), lake.input(&orders), lake.file_target()).unwrap();

    let passed = run(OnFailure::Block, "RowCount = 4, IsUnique \"id\"");
    assert_eq!((audit(&passed).verdict, audit(&passed).score, audit(&passed).rows), (Verdict::Passed, Metric(1.0), 4));
    assert_eq!(audit(&passed).statistics.get("RowCount"), Some(&Metric(4.0)));
    assert!(audit(&passed).reason.is_empty() && passed.aside.is_none());

    let blocked = run(OnFailure::Block, "RowCount = 4, IsComplete \"qty\"");
    assert_eq!(outcomes(&blocked), [Outcome::Passed, Outcome::Failed]);
    let failure = audit(&blocked).failure().unwrap();
    assert_eq!(failure.code, FailureCode::QualityFailed);
    assert!(failure.message.starts_with("quality/q.dqdl: 1 of 2 rules does not hold: IsComplete \"qty\" ("), "{failure}");

    let warned = run(OnFailure::Warn, "RowCount = 4, IsComplete \"qty\"");
    assert_eq!((audit(&warned).verdict, warned.rows_out), (Verdict::Warned, 4));
    assert!(audit(&warned).failure().is_none());
    let warned = run(OnFailure::Block, "IsComplete \"qty\" with level = \"warn\"");
    assert_eq!(audit(&warned).verdict, Verdict::Warned);
}

#[test]
fn a_rule_in_error_blocks_whatever_the_pipeline_says() {
    let lake = Lake::new();
    let orders = lake.put("nyc/flights/a.csv", ORDERS);
    for on_failure in [OnFailure::Block, OnFailure::Warn, OnFailure::QuarantineRows] {
        let stage = audited(copy(), on_failure, "IsComplete \"qty\", Mean \"nosuch\" > 1 with level = \"warn\"");
        let output = lake.run(stage, lake.input(&orders), lake.file_target()).unwrap();
        assert_eq!(outcomes(&output), [Outcome::Failed, Outcome::Error], "{on_failure:?}");
        assert_eq!(audit(&output).verdict, Verdict::Blocked, "{on_failure:?}");
        assert!(audit(&output).reason.contains("could not be evaluated"), "{}", audit(&output).reason);
    }
    let broken = audited(copy(), OnFailure::Warn, "IsCompleet \"id\"");
    let failure = lake.run(broken, lake.input(&orders), lake.file_target()).unwrap_err();
    assert_eq!(failure.code, FailureCode::InvalidPipeline);
    assert!(failure.message.starts_with("quality/q.dqdl:1:"), "{failure}");
}

#[test]
fn rows_that_broke_rules_are_set_aside_with_them_and_the_others_go_on() {
    for lake in [Lake::new(), Lake::streaming()] {
        let orders = lake.put("nyc/flights/a.csv", ORDERS);
        let stage = audited(copy(), OnFailure::QuarantineRows, &format!("{BY_ROW}, RowCount > 1"));
        let output = lake.run(stage, lake.input(&orders), lake.file_target()).unwrap();
        assert_eq!(audit(&output).verdict, Verdict::Split, "{:?}", audit(&output));
        assert_eq!((audit(&output).rows, audit(&output).rows_aside, output.rows_in, output.rows_out), (4, 2, 4, 2));
        assert_eq!(all_rows(&output), ["1|5|2026-01-01", "4|2|2026-01-02"]);
        assert_eq!(output.files[0].key, "out dir/a b%.parquet", "it belongs where it would have");

        let aside = output.aside.as_ref().unwrap();
        assert_eq!((aside.rows, aside.key.as_str()), (2, "aside.parquet"));
        let preview = preview_file(&aside.location, 10).unwrap();
        assert_eq!(preview.columns, ["id", "qty", "day", "_lakegate_rules", "_lakegate_reasons", "_lakegate_source", "_lakegate_row"]);
        let broke = |row: usize| (preview.rows[row][0].clone(), preview.rows[row][3].clone());
        assert_eq!(broke(0).0, json!(2));
        assert!(broke(0).1.as_array().unwrap().contains(&json!("IsComplete \"qty\"")), "{:?}", broke(0));
        assert_eq!(broke(1), (json!(3), json!(["ColumnValues \"qty\" > 0"])));
        for row in &preview.rows {
            assert_eq!(row[3].as_array().unwrap().len(), row[4].as_array().unwrap().len(), "a reason for each rule: {row:?}");
            assert_eq!(row[5], json!("nyc/flights/a.csv"));
        }
        assert_eq!((&preview.rows[0][6], &preview.rows[1][6]), (&json!(2), &json!(3)), "rows are counted from 1");
    }
}

#[test]
fn rows_are_set_aside_for_rules_with_labels_too() {
    let lake = Lake::new();
    let orders = lake.put("nyc/flights/a.csv", ORDERS);
    let labelled = "IsComplete \"qty\" labels=[\"team\"=\"sales\"]";
    let composite = "((ColumnValues \"qty\" > 0) and (IsComplete \"day\")) labels=[\"team\"=\"sales\"]";
    let part = "(ColumnValues \"qty\" > 0 labels=[\"team\"=\"sales\"]) and (IsComplete \"day\")";
    for rules in [labelled.to_owned(), composite.to_owned(), part.to_owned(), format!("{labelled}, {composite}")] {
        let stage = audited(copy(), OnFailure::QuarantineRows, &rules);
        let output = lake.run(stage, lake.input(&orders), lake.file_target()).unwrap();
        assert_eq!(audit(&output).verdict, Verdict::Split, "{rules}: {:?}", audit(&output));
        let names: Vec<&str> = audit(&output).rules.iter().map(|rule| rule.rule.as_str()).collect();
        let preview = preview_file(&output.aside.as_ref().unwrap().location, 10).unwrap();
        for row in &preview.rows {
            let broken = row[3].as_array().unwrap();
            assert!(!broken.is_empty() && broken.iter().all(|rule| names.contains(&rule.as_str().unwrap())), "{row:?}");
        }
    }
}

#[test]
fn rules_put_together_are_asked_of_each_row_if_the_pipeline_says_so() {
    let lake = Lake::new();
    let orders = lake.put("nyc/flights/a.csv", ORDERS);
    // Each row but the last holds one of the two, and no part holds in all rows.
    let rules = "(ColumnValues \"id\" < 3) or (ColumnValues \"qty\" = 2)";
    let run = |rules: &str, composites| {
        let mut stage = audited(copy(), OnFailure::QuarantineRows, rules);
        for step in &mut stage.steps {
            if let Step::Quality(quality) = step {
                quality.composites = composites;
            }
        }
        lake.run(stage, lake.input(&orders), lake.file_target()).unwrap()
    };
    let output = run(rules, Composites::Row);
    assert_eq!((audit(&output).verdict, audit(&output).rows_aside), (Verdict::Split, 1), "{:?}", audit(&output));
    let preview = preview_file(&output.aside.as_ref().unwrap().location, 10).unwrap();
    assert_eq!((&preview.rows[0][0], &preview.rows[0][3]), (&json!(3), &json!([audit(&output).rules[0].rule])));
    // By the dataset neither part holds of the rows that are left.
    let output = run(rules, Composites::Dataset);
    assert_eq!(audit(&output).verdict, Verdict::Blocked, "{:?}", audit(&output));
    let output = run("(Completeness \"qty\" > 0.5) or (IsComplete \"id\")", Composites::Row);
    assert_eq!(outcomes(&output), [Outcome::Error], "a ratio says nothing of a row");
}

#[test]
fn a_partitioned_tables_rows_are_split_and_keep_their_partitions_and_types() {
    let lake = Lake::new();
    let orders = lake.put("nyc/flights/a.csv", ORDERS);
    let stage = audited(sql("SELECT id, qty, id % 2 AS part FROM input"), OnFailure::QuarantineRows, BY_ROW);
    let output = lake.run(stage, lake.input(&orders), lake.table_target(&["part"])).unwrap();
    let mut parts: Vec<(String, u64)> = output.files.iter().map(|file| (file.partition[0].1.clone().unwrap(), file.rows)).collect();
    parts.sort();
    assert_eq!(parts, [("0".to_owned(), 1), ("1".to_owned(), 1)]);
    assert_eq!(types(&output.output_schema), "id int64, qty int64, part int64");
    let aside = read(output.aside.as_ref().unwrap().location.path().unwrap().as_ref());
    assert_eq!(aside.column("part").unwrap().dtype(), &DataType::Int64, "the column that was a folder is back");
    assert_eq!(aside.height(), 2);
}

#[test]
fn a_rule_about_the_whole_blocks_though_others_are_about_rows() {
    let lake = Lake::new();
    let orders = lake.put("nyc/flights/a.csv", ORDERS);
    let run = |rules: &str| {
        let stage = audited(copy(), OnFailure::QuarantineRows, rules);
        lake.run(stage, lake.input(&orders), lake.file_target()).unwrap()
    };
    let output = run("IsComplete \"qty\", RowCount > 100");
    assert_eq!((audit(&output).verdict, audit(&output).rows_aside), (Verdict::Blocked, 0));
    assert!(output.aside.is_none(), "what is blocked is blocked as a whole");
    let output = run("IsComplete \"qty\", RowCount = 4");
    assert_eq!((audit(&output).verdict, output.rows_out), (Verdict::Split, 3), "the data as it came has held it");
    let reason = &audit(&output).reason;
    assert!(reason.ends_with("; of the rows that are left: 1 of 1 rules does not hold: RowCount = 4 (Value: 3 does not meet the constraint requirement! Expected = 4.)"), "{reason}");
}

#[test]
fn what_is_left_is_audited_again_and_kept_out_if_the_split_has_not_mended_it() {
    let lake = Lake::new();
    let run = |rows: &str, rules: &str| {
        let object = lake.put("nyc/flights/a.csv", rows);
        let stage = audited(copy(), OnFailure::QuarantineRows, rules);
        lake.run(stage, lake.input(&object), lake.file_target()).unwrap()
    };
    // One row of four has neither, but neither column is complete without it: the rule is broken as it was.
    let either = "(IsComplete \"a\") or (IsComplete \"b\")";
    let output = run("a,b,c\n,1,x\n1,,x\n,,x\n1,1,x\n", either);
    assert_eq!((audit(&output).verdict, audit(&output).rows_aside), (Verdict::Blocked, 0), "{:?}", audit(&output));
    assert!(output.aside.is_none(), "what is blocked is blocked as a whole");
    assert!(audit(&output).reason.contains("; and of the rows that are left still: 1 of 1 rules does not hold: "), "{:?}", audit(&output));
    assert_eq!(audit(&output).failure().unwrap().code, FailureCode::QualityFailed);
    // Here one of them is, once the row is gone.
    let output = run("a,b,c\n1,1,x\n1,,x\n,,x\n1,1,x\n", either);
    assert_eq!((audit(&output).verdict, audit(&output).rows_aside, output.rows_out), (Verdict::Split, 1, 3), "{:?}", audit(&output));
    // Without the rows that are short of it, such a rule is broken all the more.
    let output = run("a,b,c\n1,1,x\n,1,x\n", "Completeness \"a\" < 0.4");
    assert_eq!(audit(&output).verdict, Verdict::Blocked, "{:?}", audit(&output));
}

#[test]
fn a_ratio_that_what_is_left_breaks_is_told_and_keeps_nothing_out() {
    let lake = Lake::new();
    let orders = lake.put("nyc/flights/a.csv", "id,qty,note\n1,5,\n2,-1,a\n3,-2,b\n4,3,c\n");
    let run = |rules: &str| {
        let stage = audited(copy(), OnFailure::QuarantineRows, rules);
        lake.run(stage, lake.input(&orders), lake.file_target()).unwrap()
    };
    let output = run("ColumnValues \"qty\" > 0, Completeness \"note\" >= 0.75, RowCount > 3");
    assert_eq!((audit(&output).verdict, output.rows_out), (Verdict::Split, 2), "{:?}", audit(&output));
    let left = audit(&output).reason.split_once("; of the rows that are left: ").unwrap().1;
    assert!(left.starts_with("2 of 2 rules do not hold: Completeness \"note\" >= 0.75 ("), "{left}");
    assert!(left.contains("; RowCount > 3 ("), "{left}");
    let output = run("ColumnValues \"qty\" > 0, Completeness \"note\" >= 0.75 with level = \"warn\"");
    assert_eq!(audit(&output).verdict, Verdict::Split);
    assert!(!audit(&output).reason.contains("that are left"), "a rule that warns is not broken: {:?}", audit(&output));
}

#[test]
fn a_rule_that_can_not_be_asked_of_what_is_left_keeps_it_out() {
    let lake = Lake::new();
    let orders = lake.put("nyc/flights/a.csv", ORDERS);
    let query = "CustomSql \"select cast(error as int) as v from (select case when count(*) = 4 then '1' else 'x' end as error from primary) t\" = 1";
    let stage = audited(copy(), OnFailure::QuarantineRows, &format!("IsComplete \"qty\", {query}"));
    let output = lake.run(stage, lake.input(&orders), lake.file_target()).unwrap();
    assert_eq!(outcomes(&output), [Outcome::Failed, Outcome::Passed], "{:?}", audit(&output));
    assert_eq!(audit(&output).verdict, Verdict::Blocked, "{:?}", audit(&output));
    assert!(
        audit(&output).reason.contains("; and of the rows that are left: 1 of 1 rules could not be evaluated: "),
        "{:?}",
        audit(&output)
    );
    assert!(output.aside.is_none());
}

#[test]
fn a_row_of_a_batch_is_traced_to_its_object_as_long_as_rows_are_only_passed_on() {
    let lake = Lake::new();
    let a = lake.put("nyc/flights/a.csv", "id,qty\n1,5\n2,-1\n");
    let b = lake.put("nyc/flights/b.csv", "id,qty\n3,5\n4,6\n5,-1\n");
    let sources = |stage: Stage| {
        let stage = audited(stage, OnFailure::QuarantineRows, "ColumnValues \"qty\" > 0");
        let output = lake.run(stage, lake.batch(&[a.clone(), b.clone()]), lake.table_target(&[])).unwrap();
        let preview = preview_file(&output.aside.unwrap().location, 10).unwrap();
        let places = preview.rows.iter().map(|row| format!("{}:{}", row[4].as_str().unwrap(), row[5]));
        places.collect::<Vec<_>>()
    };
    assert_eq!(sources(copy()), ["nyc/flights/a.csv:2", "nyc/flights/b.csv:3"]);
    let mixed = sources(sql("SELECT id, qty FROM input ORDER BY id DESC"));
    assert_eq!(mixed, ["nyc/flights/a.csv, nyc/flights/b.csv:1", "nyc/flights/a.csv, nyc/flights/b.csv:4"]);
}

#[test]
fn rules_compare_with_references_and_with_what_was_measured_before() {
    let lake = Lake::new();
    let orders = lake.put("nyc/flights/a.csv", ORDERS);
    let known = lake.put("nyc/flights/known.csv", "id\n1\n2\n3\n");
    let table = lake.run(copy(), lake.input(&known), lake.table_target(&[])).unwrap();
    let mut stage = audited(copy(), OnFailure::Block, "ReferentialIntegrity \"id\" \"known.id\" = 1.0, RowCount < avg(last(2)) * 1.5");
    for step in &mut stage.steps {
        if let Step::Quality(Quality { references, .. }) = step {
            references.insert("known".into(), TableId::new("nyc", "known"));
        }
    }
    let run = |values: &[f64]| {
        let values = values.iter().enumerate().map(|(at, value)| (Timestamp(at as i64), *value)).collect();
        let history = History::from([("RowCount".to_owned(), values)]);
        let references = vec![reference(&lake, "known", &table)];
        lake.run_remembering(stage.clone(), lake.input(&orders), lake.file_target(), references, history).unwrap()
    };
    assert_eq!(outcomes(&run(&[1.0, 4.0, 4.0])), [Outcome::Failed, Outcome::Passed], "one id in four is unknown");
    assert_eq!(outcomes(&run(&[4.0, 1.0, 1.0])), [Outcome::Failed, Outcome::Failed]);
}

#[test]
fn a_table_that_can_not_be_read_is_no_verdict_and_a_damaged_one_is_told_at_once() {
    let failed = |of_rules: bool, harm: fn(&std::path::Path)| {
        let lake = Lake::new();
        let orders = lake.put("nyc/flights/a.csv", ORDERS);
        let known = lake.put("nyc/flights/known.csv", "id\n1\n2\n3\n4\n");
        let table = lake.run(copy(), lake.input(&known), lake.table_target(&[])).unwrap();
        let mut stage = audited(sql("SELECT * FROM input"), OnFailure::Warn, "ReferentialIntegrity \"id\" \"known.id\" = 1.0");
        for step in &mut stage.steps {
            if let Step::Quality(Quality { references, .. }) = step {
                references.extend(of_rules.then(|| ("known".into(), TableId::new("nyc", "known"))));
            }
        }
        let path = table.files[0].location.path().unwrap().to_owned();
        harm(path.as_ref());
        let failure = lake.run_with(stage, lake.input(&orders), lake.file_target(), vec![reference(&lake, "known", &table)]).unwrap_err();
        assert!(failure.message.contains(&path), "{failure}");
        failure
    };
    let cut = |path: &std::path::Path| std::fs::write(path, &std::fs::read(path).unwrap()[..40]).unwrap();
    let vanish = |path: &std::path::Path| std::fs::remove_file(path).unwrap();
    for of_rules in [true, false] {
        let damaged = failed(of_rules, cut);
        assert_eq!((damaged.code, damaged.retry()), (FailureCode::DamagedData, Retry::Never), "{damaged}");
        assert!(damaged.hint.contains("write the table's file again"), "{damaged}");
    }
    let gone = failed(true, vanish);
    assert_eq!((gone.code, gone.retry()), (FailureCode::Unaudited, Retry::Backoff), "{gone}");
    assert!(gone.hint.contains("lakegate quarantine release"), "{gone}");
    assert_eq!(failed(false, vanish).code, FailureCode::LakeIo, "it is the transform's table");
}

#[test]
fn no_rows_can_pass_and_a_column_without_values_is_no_trouble() {
    let lake = Lake::new();
    let orders = lake.put("nyc/flights/a.csv", "id,note\n1,\n2,\n");
    let stage = audited(sql("SELECT * FROM input WHERE id > 9"), OnFailure::Block, "RowCount = 0");
    let output = lake.run(stage, lake.input(&orders), lake.file_target()).unwrap();
    assert_eq!((audit(&output).verdict, audit(&output).rows), (Verdict::Passed, 0), "{:?}", audit(&output));
    let stage = audited(copy(), OnFailure::QuarantineRows, "ColumnValues \"id\" < 2");
    let output = lake.run(stage, lake.input(&orders), lake.file_target()).unwrap();
    assert_eq!(audit(&output).verdict, Verdict::Split, "{:?}", audit(&output));
    assert_eq!(types(&output.output_schema), "id int64, note null");
    assert_eq!(all_rows(&output), ["1|null"]);
}

#[test]
fn of_too_many_statistics_those_that_rules_look_back_on_are_kept() {
    let lake = Lake::new();
    let orders = lake.put("nyc/flights/a.csv", ORDERS);
    let many: Vec<String> = (0..2_100).map(|number| format!("ColumnExists \"x{number}\"")).collect();
    let run = |looks_back: Option<BTreeMap<String, usize>>| {
        let mut stage = audited(copy(), OnFailure::Warn, &format!("{}, RowCount > 0", many.join(", ")));
        for step in &mut stage.steps {
            if let Step::Quality(Quality { rules, .. }) = step {
                rules.looks_back.clone_from(&looks_back);
            }
        }
        let output = lake.run(stage, lake.input(&orders), lake.file_target()).unwrap();
        (audit(&output).statistics.get("RowCount").copied(), audit(&output).statistics.len(), audit(&output).statistics_left_out)
    };
    assert_eq!(run(None), (None, 2_000, 101));
    assert_eq!(run(Some([("RowCount".to_owned(), 7)].into())), (Some(Metric(4.0)), 2_000, 101));
}
