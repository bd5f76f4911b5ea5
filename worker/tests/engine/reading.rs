//! Formats, compressions, names and what can be wrong with a file.

use std::{
    fs,
    io::{Cursor, Write},
};

use flate2::{Compression as Level, write::GzEncoder};
use lakegate_model::{
    Failure, FailureCode,
    pipeline::{ColumnType, CsvOptions, Format, Input},
};
use polars::{
    io::{avro::AvroWriter, ipc::IpcWriter},
    prelude::*,
};

use crate::lake::{Lake, copy, csv_options, declaring, rows, sql, stage, types};

fn frame() -> DataFrame {
    df!("a" => [1_i64, 2], "b" => ["x", "ü, y"]).unwrap()
}

fn encoded(format: Format) -> Vec<u8> {
    let mut bytes = Vec::new();
    let frame = &mut frame();
    match format {
        Format::Csv => CsvWriter::new(&mut bytes).finish(frame).unwrap(),
        Format::Json => JsonWriter::new(&mut bytes).with_json_format(JsonFormat::Json).finish(frame).unwrap(),
        Format::Ndjson => JsonWriter::new(&mut bytes).with_json_format(JsonFormat::JsonLines).finish(frame).unwrap(),
        Format::Parquet => drop(ParquetWriter::new(&mut bytes).finish(frame).unwrap()),
        Format::Arrow => IpcWriter::new(&mut bytes).finish(frame).unwrap(),
        Format::Avro => AvroWriter::new(&mut bytes).finish(frame).unwrap(),
    }
    bytes
}

pub(crate) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Level::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn packed(bytes: &[u8], suffix: &str) -> Vec<u8> {
    match suffix {
        "" => bytes.to_vec(),
        ".gz" => gzip(bytes),
        _ => zstd::encode_all(Cursor::new(bytes), 1).unwrap(),
    }
}

fn suffix(format: Format) -> &'static str {
    match format {
        Format::Csv => "csv",
        Format::Json => "json",
        Format::Ndjson => "jsonl",
        Format::Parquet => "parquet",
        Format::Arrow => "arrow",
        Format::Avro => "avro",
    }
}

#[test]
fn every_format_and_compression_reads_the_same_rows() {
    for lake in [Lake::new(), Lake::streaming()] {
        for format in Format::ALL {
            for compression in ["", ".gz", ".zst"] {
                let key = format!("nyc/f/a.{}{compression}", suffix(*format));
                let object = lake.put(&key, packed(&encoded(*format), compression));
                let (output, frame) =
                    lake.transform(sql("SELECT b, a + 1 AS c FROM input"), &object).unwrap_or_else(|failure| panic!("{key}: {failure}"));
                assert_eq!(rows(&frame), ["x|2", "ü, y|3"], "{key}");
                assert_eq!((output.rows_in, output.rows_out), (2, 2), "{key}");
                assert_eq!(types(&output.input_schema), "a int64, b string", "{key}");
                assert_eq!(types(&output.output_schema), "b string, c int64", "{key}");
            }
        }
    }
}

#[test]
fn names_mean_nothing_but_themselves() {
    for lake in [Lake::new(), Lake::streaming()] {
        for name in ["a b", "100%", "a%20b", "a+b", "a*b", "a?b", "[ab]", "{a,b}", "ünï-文", "a#b&c=d", "~", "s3:x", "'q\"", "-"] {
            for suffix in ["csv", "parquet", "jsonl", "arrow"] {
                let format = Format::of_key(&format!("x.{suffix}")).unwrap();
                let object = lake.put(&format!("nyc/{name}/{name}.{suffix}"), encoded(format));
                let (output, frame) = lake.transform(copy(), &object).unwrap_or_else(|failure| panic!("{name}: {failure}"));
                assert_eq!((output.rows_in, frame.height()), (2, 2), "{name}.{suffix}");
            }
        }
    }
}

#[test]
fn the_format_can_be_told_instead_of_guessed() {
    let lake = Lake::new();
    let object = lake.put("nyc/f/data", encoded(Format::Ndjson));
    let input = Input { format: Some(Format::Ndjson), ..Input::default() };
    assert_eq!(lake.transform(stage(input, vec![]), &object).unwrap().0.rows_in, 2);
    let failure = lake.transform(copy(), &object).unwrap_err();
    assert_eq!(failure.code, FailureCode::UnreadableData);
    assert!(failure.hint.contains("format:"), "{failure}");
}

#[test]
fn csv_is_read_as_the_pipeline_says() {
    let lake = Lake::new();
    let object = lake.put("f/a.tsv", "a\tb\n1\tx,y\n");
    assert_eq!(rows(&lake.transform(copy(), &object).unwrap().1), ["1|x,y"]);
    let object = lake.put("f/a.csv", "1;NA;'x;y'\n2;3;z\n");
    let options = CsvOptions { delimiter: ';', header: false, null_values: vec!["NA".into()], quote: Some('\'') };
    let (output, frame) = lake.transform(stage(csv_options(options), vec![]), &object).unwrap();
    assert_eq!(rows(&frame), ["1|null|x;y", "2|3|z"]);
    assert_eq!(types(&output.input_schema), "column_1 int64, column_2 int64, column_3 string");
    let object = lake.put("f/b.csv", "a,b\n1,5\" pipe\n");
    let options = CsvOptions { quote: None, ..CsvOptions::default() };
    assert_eq!(rows(&lake.transform(stage(csv_options(options), vec![]), &object).unwrap().1), ["1|5 pipe"]);
}

#[test]
fn declared_types_are_not_guessed() {
    for lake in [Lake::new(), Lake::streaming()] {
        let input = declaring(&[("zip", ColumnType::String), ("n", ColumnType::Int32), ("none", ColumnType::Date)]);
        for (key, bytes) in [
            ("f/a.csv", &b"zip,n,d\n00501,1,2013-01-02\n,2,2013-01-03\n"[..]),
            ("f/a.jsonl", b"{\"zip\":\"00501\",\"n\":1,\"d\":\"2013-01-02\"}\n{\"n\":2}\n"),
        ] {
            let object = lake.put(key, bytes);
            let (output, frame) = lake.transform(stage(input.clone(), vec![]), &object).unwrap();
            assert!(types(&output.input_schema).starts_with("zip string, n int32, d "), "{key}: {}", types(&output.input_schema));
            assert!(rows(&frame)[0].starts_with("00501|1|2013-01-02"), "{key}");
        }
        let object = lake.put("f/b.csv", "zip,n\n00501,many\n");
        let failure = lake.transform(stage(input, vec![]), &object).unwrap_err();
        assert_eq!(failure.code, FailureCode::UnreadableData);
        assert!(failure.message.contains("column \"n\": \"many\" is not of type i32"), "{failure}");
    }
}

#[test]
fn types_are_those_of_all_rows() {
    let mut late = String::from("n,sparse,empty,big\n");
    for row in 0..200_000 {
        late.push_str(&format!("{row},,,1\n"));
    }
    late.push_str("n/a,7,,12345678901234567890\n");
    for lake in [Lake::new(), Lake::with(1 << 20, 1 << 30)] {
        let object = lake.put("f/late.csv", &late);
        let (output, frame) = lake.transform(copy(), &object).unwrap();
        assert_eq!(types(&output.input_schema), "n string, sparse int64, empty null, big string");
        assert_eq!(rows(&frame.tail(Some(1))), ["n/a|7|null|12345678901234567890"]);
        assert_eq!(output.rows_in, 200_001);
    }
    let mut late = String::new();
    for row in 0..3_000 {
        late.push_str(&format!("{{\"n\":{row}}}\n"));
    }
    late.push_str("{\"n\":1.5,\"new\":\"x\"}\n");
    for lake in [Lake::new(), Lake::streaming()] {
        let object = lake.put("f/late.jsonl", &late);
        let (output, frame) = lake.transform(copy(), &object).unwrap();
        assert_eq!(types(&output.input_schema), "n float64, new string");
        assert_eq!(rows(&frame.tail(Some(1))), ["1.5|x"]);
    }
}

#[test]
fn a_header_without_rows_gives_no_rows() {
    for lake in [Lake::new(), Lake::streaming()] {
        let object = lake.put("f/a.csv", "a,b\n");
        let (output, frame) = lake.transform(sql("SELECT a + 1 AS c, UPPER(b) AS d FROM input WHERE a > 5"), &object).unwrap();
        assert_eq!((output.rows_in, output.rows_out, frame.height(), frame.width()), (0, 0, 0, 2));
    }
}

fn failure(lake: &Lake, key: &str, bytes: impl AsRef<[u8]>) -> Failure {
    let object = lake.put(key, bytes);
    let failure = lake.transform(copy(), &object).expect_err(key);
    assert!(failure.message.contains(key), "{failure}");
    failure
}

#[test]
fn what_is_wrong_with_csv_is_said_with_its_line() {
    for lake in [Lake::new(), Lake::streaming()] {
        for (bytes, said) in [
            (&b"a,b\n1,2\n3\n"[..], "line 3 has 1 field(s) where the header has 2"),
            (b"a,b,c\n1,2,3\n4,5,6\n7,8", "line 4 has 2 field(s) where the header has 3"),
            (b"a,b\n1,2\n3,4,5\n", "line 3 has 3 field(s) where the header has 2"),
            (b"a,b\n1,\"x\n2,3\n", "line 2: a quoted field begins here and never ends"),
            (b"a,b\n1,x\n2,\xff\n", "is not UTF-8"),
            (b"\xff\xfea\0,\0b\0\n\0", "UTF-16"),
        ] {
            let failure = failure(&lake, "f/bad.csv", bytes);
            assert_eq!(failure.code, FailureCode::UnreadableData, "{failure}");
            assert!(failure.message.contains(said), "{failure}");
            assert!(!failure.hint.is_empty(), "{failure}");
        }
    }
}

#[test]
fn empty_lines_are_no_rows() {
    for lake in [Lake::new(), Lake::streaming()] {
        let object = lake.put("f/a.csv", "a,b\n\n1,\"x\n\ny\"\n\r\n2,z\n\n\n");
        let (output, frame) = lake.transform(sql("SELECT a FROM input"), &object).unwrap();
        assert_eq!((output.rows_in, rows(&frame)), (2, vec!["1".to_owned(), "2".to_owned()]));
    }
}

#[test]
fn truncated_and_damaged_files_are_unreadable() {
    for lake in [Lake::new(), Lake::streaming()] {
        for format in [Format::Json, Format::Ndjson, Format::Parquet, Format::Arrow, Format::Avro] {
            let bytes = encoded(format);
            for length in [1, bytes.len() / 2, bytes.len() - 1] {
                // A line of JSON without its line end is whole.
                if format == Format::Ndjson && length == bytes.len() - 1 {
                    continue;
                }
                let failure = failure(&lake, &format!("f/cut.{}", suffix(format)), &bytes[..length]);
                assert!(matches!(failure.code, FailureCode::UnreadableData | FailureCode::EnginePanic), "{format:?} {length}: {failure}");
            }
        }
        for compression in [".gz", ".zst"] {
            let text: String = (0..5_000).map(|row| format!("{row},{}\n", row * 7)).collect();
            let bytes = packed(format!("a,b\n{text}").as_bytes(), compression);
            for bytes in [&bytes[..bytes.len() / 2], &bytes[..bytes.len() - 1], b"no such thing"] {
                let failure = failure(&lake, &format!("f/cut.csv{compression}"), bytes);
                assert_eq!(failure.code, FailureCode::UnreadableData, "{failure}");
            }
        }
    }
}

#[test]
fn json_that_is_not_one_is_told_by_line() {
    let lake = Lake::new();
    let failure_of = |key: &str, text: &str| failure(&lake, key, text).message;
    assert!(failure_of("f/a.jsonl", "{\"a\":1}\n{\"a\":\n").contains("line 2 is not a JSON object"));
    assert!(failure_of("f/a.jsonl", "{\"a\":1}\n\n[1]\n").contains("line 3 is not a JSON object"));
    assert!(failure_of("f/a.json", "{\"a\":1}\n{\"a\":2}\n").contains("not one JSON array"));
}

#[test]
fn nothing_is_told_from_empty_objects() {
    for lake in [Lake::new(), Lake::streaming()] {
        for (key, bytes) in [
            ("f/a.csv", &b""[..]),
            ("f/a.parquet", b""),
            ("f/a.csv", b"\n\r\n\n"),
            ("f/a.csv.gz", &gzip(b"")),
            ("f/a.json", b"[]"),
            ("f/a.json", b"[{}]"),
        ] {
            assert_eq!(failure(&lake, key, bytes).code, FailureCode::EmptyObject, "{key}");
        }
    }
}

#[test]
fn only_the_version_meant_is_read() {
    let lake = Lake::new();
    let object = lake.put("f/a.csv", "a\n1\n");
    lake.put("f/a.csv", "a\n1\n2\n");
    assert_eq!(lake.transform(copy(), &object).unwrap_err().code, FailureCode::ObjectChanged);
    fs::remove_file(lake.path("f/a.csv")).unwrap();
    assert_eq!(lake.transform(copy(), &object).unwrap_err().code, FailureCode::ObjectGone);
    let mut other = lake.put("f/a.csv", "a\n1\n");
    other.version = "3LgAbc".into();
    assert_eq!(lake.transform(copy(), &other).unwrap().0.rows_in, 1);
}

#[test]
fn damage_anywhere_ends_the_task_and_nothing_else() {
    let lake = Lake::new();
    for format in [Format::Parquet, Format::Arrow, Format::Avro] {
        let whole = encoded(format);
        for at in (0..whole.len()).step_by(7) {
            let mut bytes = whole.clone();
            bytes[at] ^= 0xFF;
            let object = lake.put(&format!("f/a.{}", suffix(format)), bytes);
            // It may be read or fail; a panic would end this test.
            let _ = lake.run(copy(), lake.input(&object), lake.file_target());
        }
    }
}
