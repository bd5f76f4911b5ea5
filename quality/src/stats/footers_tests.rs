use std::{fs::File, path::Path};

use polars::prelude::*;

use super::answer;
use crate::{
    data::Dataset,
    stats::{Measure, State, Statistic, measure},
};

fn write(path: &Path, frame: &mut DataFrame, statistics: StatisticsOptions) {
    let file = File::create(path).unwrap();
    ParquetWriter::new(file).with_statistics(statistics).with_row_group_size(Some(100)).finish(frame).unwrap();
}

fn frame(rows: i64) -> DataFrame {
    let some = |index: i64| (index % 11 != 3).then_some(index - 50);
    let all: Vec<Option<i64>> = (0..rows).map(some).collect();
    let last_nulls: Vec<Option<i32>> = (0..rows).map(|index| (index < 100).then_some(i32::try_from(index).unwrap())).collect();
    let floats: Vec<f64> = (0..rows).map(|index| if index == 7 { f64::NAN } else { index as f64 }).collect();
    let frame =
        df!("i" => &all, "n" => last_nulls, "f" => floats, "s" => (0..rows).map(|index| index.to_string()).collect::<Vec<_>>()).unwrap();
    let plan = frame.lazy().with_columns([
        col("i").cast(DataType::Int8).alias("tiny"),
        col("i").cast(DataType::Date).alias("day"),
        (col("i") * lit(1_000_003)).cast(DataType::Datetime(TimeUnit::Milliseconds, None)).alias("ms"),
        (col("i") * lit(1_000_003)).cast(DataType::Datetime(TimeUnit::Nanoseconds, None)).alias("ns"),
        (col("i") + lit(3_000_000_000_i64)).cast(DataType::UInt32).alias("u"),
        ((col("i") + lit(60)).cast(DataType::UInt64) + lit(18_446_744_073_709_550_000_u64)).alias("uu"),
        lit(NULL).cast(DataType::Int64).alias("none"),
        as_struct(vec![col("i"), col("f")]).alias("both"),
    ]);
    plan.collect().unwrap()
}

/// The same statistic of the same rows, scanned.
fn scanned(dataset: &Dataset, measure_of: Measure) -> State {
    let statistic = Statistic::of(measure_of);
    let in_memory = Dataset::of_lazy(dataset.scan().unwrap()).unwrap();
    measure(&in_memory, std::slice::from_ref(&statistic)).unwrap().get(&statistic).unwrap().clone()
}

#[test]
fn footers_and_scans_agree() {
    let folder = tempfile::tempdir().unwrap();
    write(&folder.path().join("a.parquet"), &mut frame(250), StatisticsOptions::full());
    write(&folder.path().join("b.parquet"), &mut frame(30).select(["s", "i", "ms"]).unwrap(), StatisticsOptions::full());
    let data = Dataset::of_files(&[folder.path().to_owned()], None).unwrap();
    assert_eq!(answer(&data, &Statistic::of(Measure::Rows)), Some(State::Rows(280)));
    for column in ["i", "n", "f", "s", "tiny", "day", "ms", "ns", "u", "uu", "none"] {
        let complete = Measure::Complete(column.to_owned());
        assert_eq!(answer(&data, &Statistic::of(complete.clone())), Some(scanned(&data, complete)), "{column}");
    }
    for column in ["i", "n", "tiny", "day", "ms", "ns", "u", "uu", "none"] {
        let extremes = Measure::Extremes(column.to_owned());
        // All-null states hold NaN, which is not equal to itself.
        let text = |state: Option<State>| format!("{state:?}");
        assert_eq!(text(answer(&data, &Statistic::of(extremes.clone()))), text(Some(scanned(&data, extremes))), "{column}");
    }
}

#[test]
fn what_footers_are_not_sure_of_is_scanned() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("a.parquet");
    write(&file, &mut frame(250), StatisticsOptions::full());
    let data = Dataset::of_files(std::slice::from_ref(&file), None).unwrap();
    let of = |measure: Measure| answer(&data, &Statistic::of(measure));
    assert_eq!(of(Measure::Extremes("f".to_owned())), None);
    assert_eq!(of(Measure::Extremes("s".to_owned())), None);
    assert_eq!(of(Measure::Complete("both".to_owned())), None);
    assert_eq!(of(Measure::Complete("both.i".to_owned())), None);
    assert_eq!(of(Measure::Complete("nosuch".to_owned())), None);
    let filtered = Statistic { measure: Measure::Rows, filter: Some("i > 3".to_owned()), group_by: Vec::new() };
    assert_eq!(answer(&data, &filtered), None);
    assert_eq!(measure(&data, std::slice::from_ref(&filtered)).unwrap().get(&filtered).unwrap().rows(), Some(178));
    let maximum = scanned(&data, Measure::Extremes("f".to_owned())).extremes().unwrap().maximum();
    assert!(maximum.is_some_and(f64::is_nan));
    write(&file, &mut frame(250), StatisticsOptions::empty());
    let data = Dataset::of_files(&[file], None).unwrap();
    assert_eq!(answer(&data, &Statistic::of(Measure::Extremes("i".to_owned()))), None);
    assert_eq!(answer(&data, &Statistic::of(Measure::Complete("i".to_owned()))), None);
    assert_eq!(answer(&data, &Statistic::of(Measure::Rows)), Some(State::Rows(250)));
}

#[test]
fn a_column_of_two_types_is_scanned() {
    let folder = tempfile::tempdir().unwrap();
    write(&folder.path().join("a.parquet"), &mut df!("x" => [1_i64, 2]).unwrap(), StatisticsOptions::full());
    write(&folder.path().join("b.parquet"), &mut df!("x" => [0.5, f64::NAN]).unwrap(), StatisticsOptions::full());
    let data = Dataset::of_files(&[folder.path().to_owned()], None).unwrap();
    let statistic = Statistic::of(Measure::Extremes("x".to_owned()));
    assert_eq!(answer(&data, &statistic), None);
    let measured = measure(&data, std::slice::from_ref(&statistic)).unwrap();
    assert_eq!(measured.get(&statistic).unwrap().extremes().unwrap().minimum(), Some(0.5));
}
