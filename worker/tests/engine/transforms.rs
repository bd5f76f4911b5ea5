//! SQL, declarative operations, references, and what can be wrong with them.

use std::collections::BTreeMap;

use lakegate_model::{
    FailureCode,
    pipeline::{ColumnType, Operation, Stage, Step},
    table::TableId,
};

use crate::lake::{Lake, copy, operations, reference, rows, sql, types};

const FLIGHTS: &str = "carrier,month,delay\nUA,1,5\nAA,1,\nUA,2,-3\nUA,1,5\n";

/// SQL that declares the reference `airlines`.
fn joining(text: &str) -> Stage {
    let mut stage = sql(text);
    for step in &mut stage.steps {
        if let Step::Transform(transform) = step {
            transform.references.insert("airlines".into(), TableId::new("nyc", "airlines"));
        }
    }
    stage
}

fn strings(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

#[test]
fn each_operation_does_what_it_says() {
    let cases: Vec<(Operation, Vec<&str>)> = vec![
        (Operation::Select(strings(&["delay", "carrier"])), vec!["5|UA", "null|AA", "-3|UA", "5|UA"]),
        (Operation::Filter("delay > 0 AND carrier LIKE 'U%'".into()), vec!["UA|1|5", "UA|1|5"]),
        (Operation::Deduplicate(vec![]), vec!["UA|1|5", "AA|1|null", "UA|2|-3"]),
        (Operation::Deduplicate(strings(&["carrier"])), vec!["UA|1|5", "AA|1|null"]),
        (Operation::DropNulls(vec![]), vec!["UA|1|5", "UA|2|-3", "UA|1|5"]),
        (Operation::DropNulls(strings(&["carrier"])), vec!["UA|1|5", "AA|1|null", "UA|2|-3", "UA|1|5"]),
        (
            Operation::Derive(vec![
                ("hours".into(), "delay / 60.0".into()),
                ("late".into(), "hours > 0".into()),
                ("month".into(), "month * 10".into()),
            ]),
            vec!["UA|10|5|0.083333|true", "AA|10|null|null|null", "UA|20|-3|-0.05|false", "UA|10|5|0.083333|true"],
        ),
        (
            Operation::Cast(BTreeMap::from([("month".into(), ColumnType::String), ("delay".into(), ColumnType::Float64)])),
            vec!["UA|1|5.0", "AA|1|null", "UA|2|-3.0", "UA|1|5.0"],
        ),
        (Operation::Rename(BTreeMap::from([("carrier".into(), "c".into())])), vec!["UA|1|5", "AA|1|null", "UA|2|-3", "UA|1|5"]),
    ];
    for lake in [Lake::new(), Lake::streaming()] {
        let object = lake.put("f/a.csv", FLIGHTS);
        for (operation, expected) in &cases {
            let (_, frame) =
                lake.transform(operations(vec![operation.clone()]), &object).unwrap_or_else(|failure| panic!("{operation:?}: {failure}"));
            assert_eq!(rows(&frame), *expected, "{operation:?}");
        }
    }
}

#[test]
fn a_cast_that_does_not_fit_fails() {
    let lake = Lake::new();
    let object = lake.put("f/a.csv", "d,t,b,x\n2013-1-2x,2013-01-02 03:04:05,TRUE,1\nq,2013-01-02 03:04:06,0,2\n");
    let fits = BTreeMap::from([("t".into(), ColumnType::Date), ("b".into(), ColumnType::Boolean), ("x".into(), ColumnType::Int32)]);
    let (output, frame) = lake.transform(operations(vec![Operation::Cast(fits)]), &object).unwrap();
    assert_eq!(types(&output.output_schema), "d string, t date, b boolean, x int32");
    assert_eq!(rows(&frame), ["2013-1-2x|2013-01-02|true|1", "q|2013-01-02|false|2"]);
    for kind in [ColumnType::Date, ColumnType::Timestamp, ColumnType::Int64, ColumnType::Boolean] {
        let failure = lake.transform(operations(vec![Operation::Cast(BTreeMap::from([("d".into(), kind)]))]), &object).unwrap_err();
        assert_eq!(failure.code, FailureCode::TransformFailed, "{kind:?}");
        assert!(failure.message.contains("operation 1 (cast) failed"), "{failure}");
    }
}

#[test]
fn a_column_that_is_not_there_is_named_with_those_that_are() {
    for lake in [Lake::new(), Lake::streaming()] {
        let object = lake.put("f/a.csv", FLIGHTS);
        let cases = [
            (sql("SELECT carier FROM input"), "transforms/t.sql failed"),
            (sql("SELECT month FROM input WHERE carier = 'UA'"), "transforms/t.sql failed"),
            (operations(vec![Operation::Select(strings(&["month", "carier"]))]), "operation 1 (select) failed"),
            (operations(vec![Operation::Filter("carier = 'UA'".into())]), "operation 1 (filter) failed"),
        ];
        for (stage, said) in cases {
            let failure = lake.transform(stage, &object).unwrap_err();
            assert_eq!(failure.code, FailureCode::TransformFailed);
            assert!(failure.message.starts_with("object f/a.csv: ") && failure.message.contains(said), "{failure}");
            assert!(!failure.message.contains("RESOLVING") && !failure.message.contains('\n'), "{failure}");
            assert_eq!(failure.hint, "did you mean \"carrier\"? columns: carrier, month, delay", "{failure}");
        }
    }
}

#[test]
fn an_empty_column_fits_whatever_the_sql_expects() {
    for lake in [Lake::new(), Lake::streaming()] {
        let object = lake.put("f/a.csv", "k,n,s\n1,,\n2,,\n");
        let (output, _) = lake
            .transform(sql("SELECT k, n * 2 AS n, UPPER(s) AS s, COALESCE(n, 0) AS z FROM input WHERE n IS NULL OR n > 5"), &object)
            .unwrap();
        assert_eq!(output.rows_out, 2);
        let (output, _) = lake.transform(copy(), &object).unwrap();
        assert_eq!(types(&output.output_schema), "k int64, n null, s null");
        // Both at once can't be: then the failure says what to declare.
        let failure = lake.transform(sql("SELECT UPPER(s) AS a, s * 2 AS b FROM input"), &object).unwrap_err();
        assert_eq!(failure.code, FailureCode::TransformFailed);
        assert!(failure.hint.contains("columns: { s: … }"), "{failure}");
    }
}

#[test]
fn references_are_joined_partitions_and_all() {
    let lake = Lake::new();
    let airlines = lake.put("airlines.csv", "carrier,name,region\nUA,United,us\nAA,American,us\nBA,British,\n");
    let table = lake.run(copy(), lake.input(&airlines), lake.table_target(&["region"])).unwrap();
    assert_eq!(table.files.len(), 2);
    let flights = lake.put("f/a.csv", FLIGHTS);
    let query =
        || joining("SELECT name, region, COUNT(*) AS flights FROM input JOIN airlines USING (carrier) GROUP BY name, region ORDER BY name");
    for _ in 0..2 {
        let output = lake.run_with(query(), lake.input(&flights), lake.file_target(), vec![reference(&lake, "airlines", &table)]).unwrap();
        assert_eq!(output.rows_out, 2);
        assert_eq!(rows(&crate::lake::read(&lake.path("stage/out dir/a b%.parquet"))), ["American|us|1", "United|us|3"]);
    }
}

#[test]
fn a_transform_reads_no_files() {
    let lake = Lake::new();
    let object = lake.put("f/a.csv", FLIGHTS);
    let path = lake.path("f/a.csv").display().to_string();
    for stage in [
        sql(&format!("SELECT * FROM read_csv('{path}')")),
        sql(&format!("SELECT * FROM '{path}'")),
        sql("SELECT * FROM airlines"),
        operations(vec![Operation::Filter(format!("carrier IN (SELECT carrier FROM read_csv('{path}'))"))]),
    ] {
        assert_eq!(lake.transform(stage, &object).unwrap_err().code, FailureCode::InvalidPipeline);
    }
}

#[test]
fn a_cancelled_task_stops() {
    for lake in [Lake::new(), Lake::streaming()] {
        let object = lake.put("f/a.csv", FLIGHTS);
        assert_eq!(lake.cancelled(copy(), lake.input(&object)).unwrap_err().code, FailureCode::Cancelled);
        assert!(!lake.path("stage").exists());
    }
}
