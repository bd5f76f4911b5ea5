use std::{
    fs::{self, File},
    path::{Path, PathBuf},
};

use polars::prelude::*;

use crate::{
    data::{DataError, Dataset, Format},
    stats::{Measure, State, Statistic, measure},
};

fn write(folder: &Path, name: &str, text: &str) -> PathBuf {
    let path = folder.join(name);
    fs::write(&path, text).unwrap();
    path
}

fn parquet(folder: &Path, name: &str, mut frame: DataFrame) -> PathBuf {
    let path = folder.join(name);
    ParquetWriter::new(File::create(&path).unwrap()).finish(&mut frame).unwrap();
    path
}

fn names(data: &Dataset) -> Vec<String> {
    data.schema().iter().map(|(name, data_type)| format!("{name} {data_type}")).collect()
}

fn one(data: &Dataset, of: Measure) -> State {
    let statistic = Statistic::of(of);
    measure(data, std::slice::from_ref(&statistic)).unwrap().get(&statistic).unwrap().clone()
}

/// The pass and Polars' own plan see the same.
fn check(data: &Dataset, column: &str, rows: u64, complete: u64) {
    let frame = data.scan().unwrap().collect().unwrap();
    assert_eq!((frame.height() as u64, one(data, Measure::Rows).rows()), (rows, Some(rows)));
    assert_eq!(one(data, Measure::Complete(column.to_owned())).ratio(), Some((complete, rows)));
    assert_eq!((frame.height() - frame.column(column).unwrap().null_count()) as u64, complete);
    assert_eq!(frame.schema().iter_names().collect::<Vec<_>>(), data.schema().iter_names().collect::<Vec<_>>());
}

#[test]
fn behind_the_mark_of_utf8_a_header_may_be_quoted() {
    let folder = tempfile::tempdir().unwrap();
    let marked = write(folder.path(), "marked.csv", "\u{FEFF}\"Name, first\",id\n\"x\",1\n");
    let data = Dataset::of_files(&[marked], None).unwrap();
    assert_eq!(names(&data), ["Name, first str", "id i64"]);
    check(&data, "id", 1, 1);
}

#[test]
fn what_panics_while_it_is_read_is_not_the_end_of_the_rows() {
    let columns = Schema::from_iter([Field::new("a".into(), DataType::Int64)]);
    let plan = df!("a" => (0..100_000_i64).collect::<Vec<_>>()).unwrap().lazy().map(
        |frame| if frame.height() > 0 { panic!("a damaged page") } else { Ok(frame) },
        polars::prelude::OptFlags::default(),
        None,
        Some("reads"),
    );
    let data = Dataset::of_lazy(plan).unwrap();
    assert_eq!(data.schema().len(), columns.len());
    let statistic = Statistic::of(Measure::Complete("a".to_owned()));
    let error = measure(&data, &[statistic]).map(|_| ()).unwrap_err();
    assert!(error.to_string().contains("gave up"), "{error}");
}

#[test]
fn columns_may_be_called_like_patterns() {
    let folder = tempfile::tempdir().unwrap();
    let odd = write(folder.path(), "odd.csv", "id,*,^.*$\n1,,7\n2,5,\n3,,\n");
    let more = write(folder.path(), "more.csv", "*,id\n1,4\n");
    let data = Dataset::of_files(std::slice::from_ref(&odd), None).unwrap();
    [("id", 3), ("*", 1), ("^.*$", 1)].into_iter().for_each(|(column, complete)| check(&data, column, 3, complete));
    let both = Dataset::of_files(&[more, odd], None).unwrap();
    [("id", 4), ("*", 2), ("^.*$", 1)].into_iter().for_each(|(column, complete)| check(&both, column, 4, complete));
}

#[test]
fn text_formats() {
    let folder = tempfile::tempdir().unwrap();
    let of = |name: &str, text: &str| Dataset::of_files(&[write(folder.path(), name, text)], None).unwrap();
    let csv = of("a.csv", "id,name,day\n1,x,2024-01-31\n2,,2024-02-01\n3,\"\",\n");
    assert_eq!(names(&csv), ["id i64", "name str", "day date"]);
    check(&csv, "id", 3, 3);
    // A field that is quoted and empty is an empty string; one that is not there is null.
    check(&csv, "name", 3, 2);
    check(&of("a.tsv", "id\tname\n1\tx\n"), "name", 1, 1);
    check(&of("a.ndjson", "{\"id\": 1, \"s\": {\"x\": 1}}\n{\"id\": null, \"s\": {\"x\": 2}}\n"), "id", 2, 1);
    check(&of("b.json", "{\"id\": 1}\n{\"id\": 2}\n"), "id", 2, 2);
    check(&of("a.json", "\n [{\"id\": 1}, {\"id\": null}, {}]"), "id", 3, 1);
    assert_eq!(one(&of("e.json", "[]"), Measure::Rows).rows(), Some(0));
    assert_eq!(one(&of("f.json", ""), Measure::Rows).rows(), Some(0));
    assert_eq!(one(&of("e.csv", ""), Measure::Rows).rows(), Some(0));
    check(&of("h.csv", "id,name\n"), "id", 0, 0);
    let said = Dataset::of_files(&[write(folder.path(), "data.txt", "id\n1\n")], Some(Format::Csv)).unwrap();
    check(&said, "id", 1, 1);
}

#[test]
fn compressed_text() {
    let folder = tempfile::tempdir().unwrap();
    for (text, format) in [("id,name\n1,x\n2,y\n", "csv"), ("{\"id\": 1}\n{\"id\": 2}\n", "ndjson"), ("[{\"id\": 1}, {\"id\": 2}]", "json")]
    {
        for (suffix, compressed) in [("gz", gzip(text.as_bytes())), ("zst", zstandard(text.as_bytes()))] {
            let path = folder.path().join(format!("a.{format}.{suffix}"));
            fs::write(&path, compressed).unwrap();
            check(&Dataset::of_files(&[path], None).unwrap(), "id", 2, 2);
        }
    }
}

/// It stays so however often it is read.
#[test]
fn compressed_text_that_is_damaged_is_told_as_that() {
    let folder = tempfile::tempdir().unwrap();
    for (text, format) in [("id,name\n1,x\n", "csv"), ("[{\"id\": 1}]", "json"), ("{\"id\": 1}\n", "ndjson")] {
        let mut damaged = zstandard(text.as_bytes());
        // There is no fourth type of block.
        damaged[6] |= 0b110;
        let path = folder.path().join(format!("a.{format}.zst"));
        fs::write(&path, damaged).unwrap();
        let error = Dataset::of_files(std::slice::from_ref(&path), None).unwrap_err();
        assert!(error.is_unread() && error.io().is_none() && error.path() == Some(path.as_path()), "{error:?}");
    }
}

/// A gzip file of one stored block.
fn gzip(text: &[u8]) -> Vec<u8> {
    let length = u16::try_from(text.len()).unwrap();
    let mut out = vec![0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 0xFF, 1];
    out.extend(length.to_le_bytes());
    out.extend((!length).to_le_bytes());
    out.extend(text);
    let crc = text.iter().fold(u32::MAX, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| if crc & 1 == 1 { (crc >> 1) ^ 0xEDB8_8320 } else { crc >> 1 })
    });
    out.extend((!crc).to_le_bytes());
    out.extend(u32::from(length).to_le_bytes());
    out
}

/// A Zstandard frame of one raw block.
fn zstandard(text: &[u8]) -> Vec<u8> {
    let size = u8::try_from(text.len()).unwrap();
    let header = (u32::from(size) << 3) | 1;
    let mut out = vec![0x28, 0xB5, 0x2F, 0xFD, 0x20, size];
    out.extend(&header.to_le_bytes()[..3]);
    out.extend(text);
    out
}

#[test]
fn many_files_are_one_dataset() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("sub")).unwrap();
    parquet(folder.path(), "b.parquet", df!("y" => ["p", "q"], "x" => [3_i64, 4]).unwrap());
    parquet(&folder.path().join("sub"), "c.parquet", df!("x" => [0.5, 1.5], "z" => [Some(true), None]).unwrap());
    write(folder.path(), "a.csv", "x,y\n1,m\n2,n\n");
    write(folder.path(), "_SUCCESS", "");
    write(folder.path(), ".hidden.csv", "q\n1\n");
    write(folder.path(), "notes.md", "no data");
    let data = Dataset::of_files(&[folder.path().to_owned()], None).unwrap();
    assert_eq!(names(&data), ["x f64", "y str", "z bool"]);
    let files: Vec<&str> = data.files().iter().map(|path| path.file_name().unwrap().to_str().unwrap()).collect();
    assert_eq!(files, ["a.csv", "b.parquet", "c.parquet"]);
    check(&data, "x", 6, 6);
    check(&data, "y", 6, 4);
    check(&data, "z", 6, 1);
    assert_eq!(one(&data, Measure::Moments("x".to_owned())).moments().unwrap().sum(), 12.0);
    let scanned = data.scan().unwrap().collect().unwrap();
    assert_eq!(scanned.column("x").unwrap().f64().unwrap().iter().flatten().collect::<Vec<_>>(), [1.0, 2.0, 3.0, 4.0, 0.5, 1.5]);
    let filtered = Statistic { measure: Measure::Rows, filter: Some("z is null and x > 1".to_owned()), group_by: Vec::new() };
    assert_eq!(measure(&data, std::slice::from_ref(&filtered)).unwrap().get(&filtered).unwrap().rows(), Some(4));
}

#[test]
fn no_rows_no_columns_and_many_columns() {
    let folder = tempfile::tempdir().unwrap();
    let empty = parquet(folder.path(), "empty.parquet", df!("x" => Vec::<i64>::new(), "s" => Vec::<String>::new()).unwrap());
    let data = Dataset::of_files(&[empty], None).unwrap();
    check(&data, "x", 0, 0);
    assert_eq!(one(&data, Measure::Frequencies(vec!["s".to_owned()])).frequencies().unwrap().rows, 0);
    let columns: Vec<Column> = (0..2_000).map(|index| Column::new(format!("c{index}").into(), [Some(index), None, Some(1)])).collect();
    let wide = parquet(folder.path(), "wide.parquet", DataFrame::new(3, columns).unwrap());
    let data = Dataset::of_files(&[wide], None).unwrap();
    let statistics: Vec<Statistic> = data
        .schema()
        .iter_names()
        .flat_map(|name| {
            [Measure::Complete(name.to_string()), Measure::Moments(name.to_string()), Measure::Frequencies(vec![name.to_string()])]
        })
        .map(Statistic::of)
        .collect();
    let measured = measure(&data, &statistics).unwrap();
    assert!(statistics.iter().all(|statistic| measured.get(statistic).is_ok()));
    assert_eq!(one(&data, Measure::Moments("c1999".to_owned())).moments().unwrap().sum(), 2_000.0);
}

#[test]
fn batches_of_large_files_are_whole() {
    let folder = tempfile::tempdir().unwrap();
    let rows = 400_000_i64;
    let frame = df!("x" => (0..rows).collect::<Vec<_>>(), "s" => (0..rows).map(|row| format!("text that is longer than a view {}", row % 1_000)).collect::<Vec<_>>()).unwrap();
    let path = parquet(folder.path(), "a.parquet", frame);
    let csv = folder.path().join("a.csv");
    let mut frame =
        LazyFrame::scan_parquet(PlRefPath::try_from_path(&path).unwrap(), ScanArgsParquet::default()).unwrap().collect().unwrap();
    CsvWriter::new(File::create(&csv).unwrap()).finish(&mut frame).unwrap();
    for path in [path, csv] {
        let data = Dataset::of_files(&[path], None).unwrap();
        assert_eq!(one(&data, Measure::Moments("x".to_owned())).moments().unwrap().sum(), (rows * (rows - 1) / 2) as f64);
        let state = one(&data, Measure::Frequencies(vec!["x".to_owned()]));
        assert_eq!(state.frequencies().map(|found| (found.groups, found.singles)), Some((rows as u64, rows as u64)));
        let state = one(&data, Measure::Frequencies(vec!["s".to_owned()]));
        assert_eq!(state.frequencies().map(|found| (found.groups, found.rows)), Some((1_000, rows as u64)));
    }
}

#[test]
fn what_is_no_dataset_says_why() {
    let folder = tempfile::tempdir().unwrap();
    let failed = |path: PathBuf| Dataset::of_files(&[path], None).map(|_| ()).unwrap_err();
    assert!(matches!(failed(folder.path().join("nosuch.csv")), DataError::Open { .. }));
    assert!(matches!(failed(folder.path().to_owned()), DataError::Empty { .. }));
    assert!(matches!(failed(write(folder.path(), "a.txt", "x")), DataError::UnknownFormat { .. }));
    assert!(matches!(failed(write(folder.path(), "a.parquet", "not parquet at all")), DataError::Unreadable { .. }));
    assert!(matches!(failed(write(folder.path(), "a.json", "[{\"x\": ")), DataError::Unreadable { .. }));
    let paths = [
        parquet(folder.path(), "l.parquet", df!("x" => [Series::new("".into(), [1])]).unwrap()),
        parquet(folder.path(), "m.parquet", df!("x" => [true]).unwrap()),
    ];
    let error = Dataset::of_files(&paths, None).map(|_| ()).unwrap_err();
    assert!(matches!(error, DataError::Types { .. }), "{error}");
}

#[test]
fn row_groups_larger_than_a_batch_are_read_in_parts() {
    let folder = tempfile::tempdir().unwrap();
    let rows = 300_000_i64;
    let numbers = df!("x" => (0..rows).map(|row| (row % 7 != 0).then_some(row)).collect::<Vec<_>>()).unwrap();
    let nested = numbers.lazy().with_columns([
        when(col("x").is_null()).then(lit(NULL)).otherwise(concat_list([col("x"), col("x") + lit(1)]).unwrap()).alias("list"),
        as_struct(vec![col("x"), (col("x") % lit(1_000)).cast(DataType::String).alias("s")]).alias("info"),
    ]);
    let mut frame = nested.collect().unwrap();
    let path = folder.path().join("a.parquet");
    ParquetWriter::new(File::create(&path).unwrap()).with_row_group_size(Some(1 << 20)).finish(&mut frame).unwrap();
    let data = Dataset::of_files(&[path], None).unwrap();
    let there = (0..rows as u64).filter(|row| row % 7 != 0).count() as u64;
    assert_eq!(one(&data, Measure::Complete("list".to_owned())).ratio(), Some((there, rows as u64)));
    assert_eq!(one(&data, Measure::Complete("info.s".to_owned())).ratio(), Some((there, rows as u64)));
    let groups =
        |column: &str| one(&data, Measure::Frequencies(vec![column.to_owned()])).frequencies().map(|found| (found.rows, found.groups));
    assert_eq!(groups("list"), Some((there, there)));
    assert_eq!(groups("info"), Some((rows as u64, there + 1)));
    assert_eq!(groups("info.s"), Some((there, 1_000)));
    let sum = (0..rows).filter(|row| row % 7 != 0).sum::<i64>() as f64;
    assert_eq!(one(&data, Measure::Moments("info.x".to_owned())).moments().unwrap().sum(), sum);
}

/// Written by DuckDB: `select 1 as id, interval 3 days as kept`.
#[test]
fn a_type_that_polars_has_not_is_an_error_that_names_the_column() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/interval.parquet");
    let said = Dataset::of_files(&[path], None).map(|_| ()).unwrap_err().to_string();
    assert!(said.contains("Polars has no such type: column \"kept\" is Interval"), "{said}");
}
