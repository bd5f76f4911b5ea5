//! Inputs that are read in pieces.

use std::fmt::Write;

use lakegate_model::FailureCode;

use crate::{
    lake::{Lake, copy, read, sql},
    reading::gzip,
};

const ROWS: u64 = 400_000;

fn text() -> String {
    let mut text = String::from("id,month,name,value\n");
    for row in 0..ROWS {
        writeln!(text, "{row},{},\"name, {row}\",{}.5", row % 12 + 1, row % 1_000).unwrap();
    }
    text
}

#[test]
fn large_csv_is_transformed_and_partitioned_in_pieces() {
    // Little memory for output, so that partitions are written in several files.
    let lake = Lake::with(1 << 20, 16 << 20);
    for (key, bytes) in [("f/large.csv", text().into_bytes()), ("f/large.csv.gz", gzip(text().as_bytes()))] {
        let object = lake.put(key, bytes);
        let query = || sql("SELECT id, month, UPPER(name) AS name, value * 2 AS value FROM input WHERE id % 2 = 0");
        let (output, frame) = lake.transform(query(), &object).unwrap();
        assert_eq!((output.rows_in, output.rows_out, frame.height() as u64), (ROWS, ROWS / 2, ROWS / 2));
        assert_eq!(frame.column("id").unwrap().i64().unwrap().get(77), Some(154), "in order");
        let output = lake.run(query(), lake.input(&object), lake.table_target(&["month"])).unwrap();
        assert_eq!(output.files.iter().map(|file| file.rows).sum::<u64>(), ROWS / 2);
        assert!(output.files.len() > 6, "several files a partition: {}", output.files.len());
        let keys: std::collections::BTreeSet<_> = output.files.iter().map(|file| &file.key).collect();
        assert_eq!(keys.len(), output.files.len());
        let read_back: usize = output.files.iter().map(|file| read(std::path::Path::new(file.location.path().unwrap())).height()).sum();
        assert_eq!(read_back as u64, ROWS / 2);
    }
}

#[test]
fn rows_are_counted_whatever_columns_are_asked_for() {
    let lake = Lake::with(1 << 20, 1 << 30);
    let object = lake.put("f/large.csv", text());
    let output = lake.transform(sql("SELECT COUNT(*) AS n FROM input"), &object).unwrap().0;
    assert_eq!((output.rows_in, output.rows_out), (ROWS, 1));
    let (output, frame) = lake.transform(sql("SELECT month, SUM(value) AS v FROM input GROUP BY month ORDER BY month"), &object).unwrap();
    assert_eq!((output.rows_in, frame.height()), (ROWS, 12));
}

#[test]
fn a_large_file_that_is_cut_off_is_found_out() {
    let lake = Lake::with(1 << 20, 1 << 30);
    let whole = text();
    let object = lake.put("f/cut.csv", &whole[..whole.len() - 8]);
    let failure = lake.transform(copy(), &object).unwrap_err();
    assert_eq!(failure.code, FailureCode::UnreadableData);
    assert!(failure.message.contains(&format!("line {}", ROWS + 1)), "{failure}");
    assert!(!lake.path("stage/out dir/a b%.parquet").exists());
}

#[test]
fn what_can_only_be_read_whole_is_refused_when_it_is_too_large() {
    let lake = Lake::with(1 << 10, 1 << 20);
    let rows: Vec<String> = (0..20_000).map(|row| format!("{{\"a\":{row}}}")).collect();
    let object = lake.put("f/large.json", format!("[{}]", rows.join(",")));
    let failure = lake.transform(copy(), &object).unwrap_err();
    assert_eq!(failure.code, FailureCode::OutOfMemory);
    assert!(failure.hint.contains("ndjson"), "{failure}");
    let object = lake.put("f/large.jsonl", rows.join("\n"));
    assert_eq!(lake.transform(copy(), &object).unwrap().0.rows_in, 20_000);
}
