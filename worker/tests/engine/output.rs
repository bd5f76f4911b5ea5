//! What is written: files, partitions, previews.

use std::fs;

use lakegate_model::{FailureCode, object::file_version};
use lakegate_worker::preview::preview;
use serde_json::json;

use crate::lake::{Lake, copy, operations, read, rows, sql, types};
use lakegate_model::pipeline::Operation;

const FLIGHTS: &str = "carrier,day,n\nUA,2013-01-01,1\nAA,2013-01-02,2\n,2013-01-01,3\nUA,2013-01-01,4\n";

#[test]
fn a_file_is_described_as_it_lies_there() {
    for lake in [Lake::new(), Lake::streaming()] {
        let object = lake.put("f/a.csv", FLIGHTS);
        let (output, frame) = lake.transform(copy(), &object).unwrap();
        let [file] = output.files.as_slice() else { panic!("{:?}", output.files) };
        assert_eq!(file.location, lake.location("stage/out dir/a b%.parquet"));
        assert_eq!((file.key.as_str(), file.rows, frame.height()), ("out dir/a b%.parquet", 4, 4));
        let written = lake.object("stage/out dir/a b%.parquet");
        assert_eq!((file.bytes, &file.version), (written.size, &written.version));
        assert!(file.version.starts_with(file_version(file.bytes, 0).strip_suffix('0').unwrap()));
        assert!(output.micros > 0);
        // A repeated attempt overwrites it.
        assert_eq!(lake.transform(copy(), &object).unwrap().0.files[0].key, file.key);
    }
}

#[test]
fn no_rows_are_an_empty_file_and_no_table_files() {
    for lake in [Lake::new(), Lake::streaming()] {
        let object = lake.put("f/a.csv", FLIGHTS);
        let none = || operations(vec![Operation::Filter("n > 100".into())]);
        let (output, frame) = lake.transform(none(), &object).unwrap();
        assert_eq!((output.files.len(), output.rows_out, frame.height(), frame.width()), (1, 0, 0, 3));
        let output = lake.run(none(), lake.input(&object), lake.table_target(&["carrier"])).unwrap();
        assert!(output.files.is_empty());
        assert_eq!(types(&output.output_schema), "carrier string, day date, n int64");
    }
}

#[test]
fn rows_are_split_by_partition_and_columns_become_folders() {
    for lake in [Lake::new(), Lake::streaming()] {
        let object = lake.put("f/a.csv", FLIGHTS);
        let query = sql("SELECT *, n > 2 AS big, '' AS none FROM input");
        let output = lake.run(query, lake.input(&object), lake.table_target(&["carrier", "day", "big", "none"])).unwrap();
        let mut files: Vec<(String, Vec<String>)> = output
            .files
            .iter()
            .map(|file| {
                assert_eq!(file.location, lake.location("staging").join(file.key.strip_prefix("nyc/flights/t/").unwrap()));
                let frame = read(&lake.path(file.location.below(&lake.location("")).unwrap()));
                assert_eq!(file.rows, frame.height() as u64);
                assert!(frame.width() == 1, "partition columns are not in the files");
                (file.key.clone(), rows(&frame))
            })
            .collect();
        files.sort();
        let name = "none=__HIVE_DEFAULT_PARTITION__/ex-1-0.parquet";
        let expected = [
            (format!("carrier=AA/day=2013-01-02/big=false/{name}"), vec!["2"]),
            (format!("carrier=UA/day=2013-01-01/big=false/{name}"), vec!["1"]),
            (format!("carrier=UA/day=2013-01-01/big=true/{name}"), vec!["4"]),
            (format!("carrier=__HIVE_DEFAULT_PARTITION__/day=2013-01-01/big=true/{name}"), vec!["3"]),
        ];
        let table_file = lakegate_model::layout::table_file(&lakegate_model::ExecutionId::from_text("ex-1"), 0);
        let expected: Vec<(String, Vec<String>)> = expected
            .into_iter()
            .map(|(key, rows)| {
                (format!("nyc/flights/t/{}", key.replace("ex-1-0.parquet", &table_file)), rows.into_iter().map(str::to_owned).collect())
            })
            .collect();
        assert_eq!(files, expected);
        assert!(output.files.iter().any(|file| file.partition[0] == ("carrier".to_owned(), None)));
        assert_eq!(types(&output.output_schema), "carrier string, day date, n int64, big boolean, none string");
    }
}

#[test]
fn partition_columns_must_be_there_and_few() {
    for lake in [Lake::new(), Lake::streaming()] {
        let text: String = (0..1_500).map(|row| format!("{row},{row}\n")).collect();
        let object = lake.put("f/a.csv", format!("id,n\n{text}"));
        let failed = |columns: &[&str]| lake.run(copy(), lake.input(&object), lake.table_target(columns)).unwrap_err();
        let failure = failed(&["idd"]);
        assert_eq!(failure.code, FailureCode::TransformFailed);
        assert!(failure.message.contains("no column \"idd\"") && failure.hint.contains("did you mean \"id\"? columns: id, n"), "{failure}");
        let failure = failed(&["id"]);
        assert!(failure.message.contains("more than 1000 partitions") && !failure.hint.is_empty(), "{failure}");
        assert!(failed(&["id", "n"]).message.contains("no columns besides"));
        let left = fs::read_dir(lake.path("staging")).map_or(0, Iterator::count);
        assert_eq!(left, 0);
    }
}

#[test]
fn types_that_other_readers_lack_are_stored_as_ones_they_have() {
    for lake in [Lake::new(), Lake::streaming()] {
        let object = lake.put("f/a.jsonl", "{\"a\":{\"x\":1,\"y\":null},\"l\":[],\"e\":{},\"n\":null}\n");
        let (output, frame) = lake.transform(copy(), &object).unwrap();
        assert_eq!(frame.height(), 1, "{}", types(&output.output_schema));
        assert!(types(&output.output_schema).ends_with("n null"), "{}", types(&output.output_schema));
    }
}

#[test]
fn a_preview_is_the_first_rows_with_partitions_filled_in() {
    let lake = Lake::new();
    let object = lake.put("f/a.csv", FLIGHTS);
    let output = lake.run(copy(), lake.input(&object), lake.table_target(&["carrier"])).unwrap();
    let mut files: Vec<_> = output.files.iter().map(|file| (file.location.clone(), file.partition.clone())).collect();
    files.push((lake.location("not/there.parquet"), vec![]));
    let shown = preview(&files, &output.output_schema, 3).unwrap();
    assert_eq!(shown.columns, ["carrier", "day", "n"]);
    assert_eq!(
        shown.rows,
        [
            vec![json!("UA"), json!("2013-01-01"), json!(1)],
            vec![json!("UA"), json!("2013-01-01"), json!(4)],
            vec![json!("AA"), json!("2013-01-02"), json!(2)],
        ]
    );
    assert!(preview(&files, &output.output_schema, 100).is_err(), "a file that is not there is an error");
}
