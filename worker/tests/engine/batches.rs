//! Batches: schemas united, members that can't be read set aside.

use lakegate_model::FailureCode;
use polars::prelude::*;

use crate::{
    lake::{Lake, copy, read, rows, sql, types},
    reading::gzip,
};

fn output(lake: &Lake) -> Vec<String> {
    rows(&read(&lake.path("stage/out dir/a b%.parquet")))
}

#[test]
fn members_of_different_schemas_are_one_table() {
    for lake in [Lake::new(), Lake::streaming()] {
        let objects = [
            lake.put("f/1.csv", "a,b\n1,x\n"),
            lake.put("f/2.csv.gz", gzip(b"b,c,a\ny,true,2.5\n")),
            lake.put("f/3.jsonl", "{\"a\":3,\"d\":[1,2]}\n"),
            lake.put("f/4.csv", "a,b,c\n,,\n"),
        ];
        let output_of = lake.run(copy(), lake.batch(&objects), lake.file_target()).unwrap();
        assert_eq!(types(&output_of.input_schema), "a float64, b string, c boolean, d list<int64>");
        assert_eq!(output(&lake), ["1.0|x|null|null", "2.5|y|true|null", "3.0|null|null|[1, 2]", "null|null|null|null"]);
        assert_eq!((output_of.rows_in, output_of.rows_out), (4, 4));
        assert!(output_of.rejected.is_empty());
    }
}

#[test]
fn an_empty_column_decides_no_type_even_after_it_was_stored() {
    for lake in [Lake::new(), Lake::streaming()] {
        let empty = lake.put("f/1.csv", "k,n\n1,\n");
        let target = lakegate_worker::engine::Target::File { location: lake.location("s/1.parquet"), key: "s/1.parquet".into() };
        let stored = lake.run(copy(), lake.input(&empty), target).unwrap();
        assert_eq!(types(&stored.output_schema), "k int64, n null");
        assert_eq!(*read(&lake.path("s/1.parquet")).column("n").unwrap().dtype(), DataType::String, "other readers see text");
        let full = lake.put("f/2.csv", "k,n\n2,7\n");
        let united =
            lake.run(sql("SELECT k, n + 1 AS m FROM input"), lake.batch(&[lake.object("s/1.parquet"), full]), lake.file_target()).unwrap();
        assert_eq!(types(&united.input_schema), "k int64, n int64");
        assert_eq!(output(&lake), ["1|null", "2|8"]);
    }
}

#[test]
fn a_poisoned_member_is_set_aside_and_the_others_go_on() {
    for lake in [Lake::new(), Lake::with(0, 1 << 30), Lake::with(64, 1 << 30)] {
        let good: String = (0..500).map(|row| format!("{row},x{row}\n")).collect();
        let objects = [
            lake.put("f/1.csv", format!("a,b\n{good}")),
            lake.put("f/ragged.csv", format!("a,b\n{good}1,2,3\n")),
            lake.put("f/cut.csv", format!("a,b\n{good}9")),
            lake.put("f/cut.parquet", "PAR1 and then nothing"),
            lake.put("f/empty.csv", ""),
            lake.put("f/changed.csv", "a,b\n1,x\n"),
            lake.put("f/gone.csv", "a,b\n1,x\n"),
            lake.put("f/late.csv", format!("a,b\n{good}n/a,z\n")),
        ];
        lake.put("f/changed.csv", "a,b\n1,x\n2,y\n");
        std::fs::remove_file(lake.path("f/gone.csv")).unwrap();
        let output = lake.run(sql("SELECT COUNT(*) AS n FROM input"), lake.batch(&objects), lake.file_target()).unwrap();
        let mut rejected: Vec<(String, FailureCode)> = output
            .rejected
            .iter()
            .map(|rejected| {
                let object = objects.iter().find(|object| object.id() == rejected.object).unwrap();
                assert!(rejected.failure.message.contains(&object.key), "{}", rejected.failure);
                (object.key.clone(), rejected.failure.code)
            })
            .collect();
        rejected.sort_by(|a, b| a.0.cmp(&b.0));
        let expected = [
            ("f/changed.csv", FailureCode::ObjectChanged),
            ("f/cut.csv", FailureCode::UnreadableData),
            ("f/cut.parquet", FailureCode::UnreadableData),
            ("f/empty.csv", FailureCode::EmptyObject),
            ("f/gone.csv", FailureCode::ObjectGone),
            ("f/ragged.csv", FailureCode::UnreadableData),
        ];
        assert_eq!(rejected, expected.map(|(key, code)| (key.to_owned(), code)));
        assert_eq!(output.rows_in, 1_001);
        assert_eq!(self::output(&lake), ["1001"]);
    }
}

#[test]
fn a_batch_of_which_nothing_can_be_read_fails_with_the_first_reason() {
    let lake = Lake::new();
    let objects = [lake.put("f/1.csv", "a,b\n1\n"), lake.put("f/2.csv", "")];
    let failure = lake.run(copy(), lake.batch(&objects), lake.file_target()).unwrap_err();
    assert_eq!(failure.code, FailureCode::UnreadableData);
    assert!(failure.message.contains("none of its 2 object(s)") && failure.message.contains("f/1.csv"), "{failure}");
}

#[test]
fn a_transform_that_fails_on_a_batch_names_it_and_sets_nobody_aside() {
    for lake in [Lake::new(), Lake::streaming()] {
        let objects = [lake.put("f/1.csv", "a,b\n1,x\n"), lake.put("f/2.csv", "a,b\n1,y\n")];
        let failure = lake.run(sql("SELECT CAST(b AS BIGINT) AS n FROM input"), lake.batch(&objects), lake.file_target()).unwrap_err();
        assert_eq!(failure.code, FailureCode::TransformFailed);
        assert!(failure.message.starts_with("batch ba-") && failure.message.contains("transforms/t.sql failed"), "{failure}");
    }
}
