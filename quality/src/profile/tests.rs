//! Profiles of frames and of the example's flights.

use std::{collections::BTreeMap, path::PathBuf};

use polars::prelude::*;
use proptest::prelude::{any, prop_assert, prop_assert_eq, proptest};

use super::{Options, ProfileError, *};
use crate::data::Dataset;

fn of(columns: Vec<Column>) -> Profile {
    profile(&Dataset::of_frame(DataFrame::new_infer_height(columns).unwrap()), &Options::default()).unwrap()
}

fn strings(values: &[Option<&str>]) -> ColumnProfile {
    of(vec![Column::new("c".into(), values)]).columns.remove(0)
}

fn values(column: &ColumnProfile) -> Vec<(&str, u64)> {
    column.values.iter().flat_map(|spread| &spread.top).map(|value| (value.value.as_str(), value.count)).collect()
}

/// The numbers by NumPy: mean, var, std; skew and kurtosis by SciPy.
#[test]
fn numbers() {
    let profile = of(vec![Column::new("n".into(), [Some(3_i64), None, Some(0), Some(0), Some(-5), Some(12), Some(7), Some(7)])]);
    let column = profile.column("n").unwrap();
    assert_eq!((profile.rows, column.nulls, column.completeness), (8, 1, 0.875));
    assert_eq!((column.kind, column.inferred, column.stored.as_str()), (Kind::Integral, false, "i64"));
    assert_eq!((column.distinct, column.distinct_is_exact), (Some(5), true));
    assert_eq!(values(column), [("0", 2), ("7", 2), ("-5", 1), ("12", 1), ("3", 1)]);
    let numbers = column.numbers.as_ref().unwrap();
    assert_eq!((numbers.min, numbers.max, numbers.sum, numbers.zeros, numbers.range), (-5.0, 12.0, 24.0, 2, 17.0));
    let close = |found: f64, expected: f64| assert!((found - expected).abs() < 1e-12, "{found} is not {expected}");
    close(numbers.mean, 3.4285714285714284);
    close(numbers.variance, 27.6734693877551);
    close(numbers.standard_deviation, 5.260557897006277);
    close(numbers.skewness, 0.04061424799748362);
    close(numbers.kurtosis, -0.9394040253739528);
    close(numbers.interquartile_range, 7.0);
    let median = numbers.quantiles.iter().find(|quantile| quantile.share == 0.5).unwrap();
    assert_eq!(median.value, 3.0);
    assert_eq!(column.bins.len(), 20);
    assert_eq!(column.bins.iter().map(|bin| bin.count).sum::<u64>(), 7);
    assert_eq!((column.bins[0].from, column.bins[0].count, column.bins[19].to, column.bins[19].count), (-5.0, 1, 12.0, 1));
}

#[test]
fn strings_and_what_they_are() {
    let table: [(&[Option<&str>], Kind, bool); 9] = [
        (&[Some("a"), Some("1"), None], Kind::String, false),
        (&[Some("1"), Some("-22"), Some("+ 3"), None], Kind::Integral, true),
        (&[Some("1"), Some("2.5"), Some("1e-3")], Kind::Fractional, true),
        (&[Some("true"), Some("false"), None], Kind::Boolean, true),
        (&[Some("true"), Some("1")], Kind::String, false),
        (&[Some("True")], Kind::String, false),
        (&[Some("")], Kind::String, false),
        (&[None, None], Kind::Unknown, true),
        (&[Some(".5")], Kind::String, false),
    ];
    for (values, kind, inferred) in table {
        let column = strings(values);
        assert_eq!((column.kind, column.inferred), (kind, inferred), "{values:?}");
        assert_eq!(column.numbers.is_some(), kind.is_numeric(), "{values:?}");
    }
    let column = strings(&[Some("+ 3"), Some("10"), Some("10"), Some("-1.5"), None]);
    let numbers = column.numbers.unwrap();
    assert_eq!((numbers.min, numbers.max, numbers.sum), (-1.5, 10.0, 21.5));
    assert_eq!(column.bins.len(), 20);
    let lengths = strings(&[Some("äöü"), Some(""), None, Some("five!")]).lengths.unwrap();
    assert_eq!((lengths.min, lengths.max), (0, 5));
    assert_eq!(strings(&[None]).lengths, None);
}

#[test]
fn few_values_are_all_there_and_of_many_the_most_frequent() {
    let values_of = |distinct: usize| -> ColumnProfile {
        let values: Vec<String> = (0..20_000).map(|row| format!("v{}", (row * row) % distinct)).collect();
        of(vec![Column::new("c".into(), values)]).columns.remove(0)
    };
    let few = values_of(97);
    assert_eq!((few.distinct, few.distinct_is_exact), (Some(49), true));
    let spread = few.values.unwrap();
    assert!(spread.is_whole() && spread.top.len() == 49, "{spread:?}");
    assert!(spread.top.is_sorted_by(|one, other| (other.count, &one.value) < (one.count, &other.value)), "{spread:?}");

    let many = values_of(4_999);
    let spread = many.values.unwrap();
    assert_eq!((many.distinct, many.distinct_is_exact, spread.top.len()), (Some(2_500), true, 20));
    assert_eq!(spread.top.iter().map(|value| value.count).sum::<u64>() + spread.other, 20_000);

    let all = of(vec![Column::new("c".into(), (0..20_000).map(|row| row.to_string()).collect::<Vec<_>>())]).columns.remove(0);
    assert!(all.values.is_none() && !all.distinct_is_exact);
    let about = all.distinct.unwrap();
    assert!((19_000..=21_000).contains(&about), "{about}");
}

#[test]
fn numbers_that_are_not_finite_are_told_and_stay_out_of_plots() {
    let column = of(vec![Column::new("c".into(), [1.0, f64::INFINITY, 3.0, f64::NEG_INFINITY, f64::NAN])]).columns.remove(0);
    let numbers = column.numbers.as_ref().unwrap();
    assert!(numbers.min == f64::NEG_INFINITY && numbers.max.is_nan() && numbers.mean.is_nan(), "{numbers:?}");
    assert_eq!(column.bins.iter().map(|bin| bin.count).sum::<u64>(), 2);
    assert_eq!((column.bins[0].from, column.bins[19].to), (1.0, 3.0));
    let json = serde_json::to_string(&column).unwrap();
    assert!(json.contains(r#""max":"NaN""#) && json.contains(r#""min":"-Infinity""#), "{json}");
    assert_eq!(format!("{:?}", serde_json::from_str::<ColumnProfile>(&json).unwrap()), format!("{column:?}"));
}

#[test]
fn constants() {
    let column = of(vec![Column::new("c".into(), [2.5, 2.5, 2.5])]).columns.remove(0);
    let numbers = column.numbers.unwrap();
    assert_eq!((numbers.standard_deviation, numbers.skewness, numbers.kurtosis, numbers.range), (0.0, 0.0, 0.0, 0.0));
    assert_eq!(column.bins, [Bin { from: 2.5, to: 2.5, count: 3 }]);
}

#[test]
fn times_and_nested_values() {
    let days = Column::new("day".into(), [0_i32, 19_723]).cast(&DataType::Date).unwrap();
    let lists = Column::new("list".into(), [Series::new("".into(), [1, 2]), Series::new("".into(), [3])]);
    let nothing = Column::new_scalar("nothing".into(), Scalar::new(DataType::Null, AnyValue::Null), 2);
    let truths = Column::new("truth".into(), [Some(true), None]);
    let profile = of(vec![days, lists, nothing, truths]);
    let kinds: Vec<Kind> = profile.columns.iter().map(|column| column.kind).collect();
    assert_eq!(kinds, [Kind::Temporal, Kind::Nested, Kind::Unknown, Kind::Boolean]);
    assert_eq!(profile.columns[0].times, Some(Times { min: "1970-01-01".to_owned(), max: "2024-01-01".to_owned() }));
    assert_eq!((profile.columns[1].nulls, profile.columns[1].distinct), (0, None));
    assert_eq!(profile.columns[2].nulls, 2);
    assert_eq!(values(&profile.columns[3]), [("true", 1)]);
}

#[test]
fn no_rows_and_no_columns() {
    let empty = of(vec![Column::new("n".into(), Vec::<i64>::new()), Column::new("s".into(), Vec::<String>::new())]);
    assert_eq!(empty.rows, 0);
    for column in &empty.columns {
        assert_eq!((column.nulls, column.completeness, &column.numbers, column.distinct), (0, 1.0, &None, Some(0)), "{column:?}");
    }
    let nothing = profile(&Dataset::of_frame(DataFrame::empty()), &Options::default()).unwrap();
    assert_eq!(nothing, Profile { rows: 0, columns: Vec::new(), uncounted: Vec::new() });
}

#[test]
fn only_the_columns_that_are_named() {
    let data = Dataset::of_frame(df!("a" => [1], "b" => [2], "c" => [3]).unwrap());
    let some = |names: &[&str]| Options { columns: Some(names.iter().map(|name| (*name).to_owned()).collect()), ..Options::default() };
    let found = profile(&data, &some(&["c", "a"])).unwrap();
    assert_eq!(found.columns.iter().map(|column| column.name.as_str()).collect::<Vec<_>>(), ["a", "c"]);
    assert!(matches!(profile(&data, &some(&["d"])), Err(ProfileError::NoColumn(name)) if name == "d"));
}

#[test]
fn two_thousand_columns() {
    let columns = (0..2000).map(|column| match column % 3 {
        0 => Column::new(format!("c{column}").into(), (0..300).map(|row| (row * column) % 211).collect::<Vec<i32>>()),
        1 => Column::new(format!("c{column}").into(), (0..300).map(|row| f64::from(row) / f64::from(column)).collect::<Vec<f64>>()),
        _ => Column::new(format!("c{column}").into(), (0..300).map(|row| (row % column).to_string()).collect::<Vec<String>>()),
    });
    let profile = of(columns.collect());
    assert_eq!(profile.columns.len(), 2000);
    for column in &profile.columns {
        let numbers = column.numbers.as_ref().unwrap();
        assert!(numbers.max >= numbers.mean && numbers.mean >= numbers.min, "{column:?}");
    }
}

/// A month of the flights of the example, counted by `zcat`, `cut`, `sort` and `uniq`.
#[test]
fn the_flights_of_a_month() {
    let file = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../examples/nyc-flights/data/nyc/flights/2013/02.csv.gz");
    let profile = profile(&Dataset::of_files(&[file], None).unwrap(), &Options::default()).unwrap();
    let column = |name: &str| profile.column(name).unwrap();
    assert_eq!((profile.rows, profile.columns.len()), (24_951, 19));
    assert_eq!(values(column("origin")), [("EWR", 9107), ("JFK", 8421), ("LGA", 7423)]);
    assert_eq!(values(column("month")), [("2", 24_951)]);
    assert_eq!((column("day").distinct, column("day").distinct_is_exact), (Some(28), true));
    assert_eq!(column("carrier").lengths, Some(Lengths { min: 2, max: 2 }));
    assert_eq!((column("time_hour").kind, column("tailnum").kind), (Kind::Temporal, Kind::String));
    // Missing delays are spelled NA, so the column is neither incomplete nor of numbers.
    let delays = column("dep_delay").types.unwrap();
    assert_eq!((delays.integral, delays.string, column("dep_delay").nulls), (23_690, 1_261, 0));
    let json = serde_json::to_string(&profile).unwrap();
    assert_eq!(serde_json::from_str::<Profile>(&json).unwrap().columns.len(), 19);
}

proptest! {
    /// Against counting by hand.
    #[test]
    fn any_numbers(values in proptest::collection::vec(proptest::option::of(-30..30_i64), 0..200)) {
        let column = of(vec![Column::new("c".into(), values.clone())]).columns.remove(0);
        let mut present: Vec<i64> = values.iter().flatten().copied().collect();
        present.sort_unstable();
        prop_assert_eq!(column.nulls, (values.len() - present.len()) as u64);
        let mut counts: BTreeMap<String, u64> = BTreeMap::new();
        present.iter().for_each(|value| *counts.entry(value.to_string()).or_default() += 1);
        prop_assert_eq!(column.distinct, Some(counts.len() as u64));
        if let Some(spread) = &column.values {
            let found: BTreeMap<String, u64> = spread.top.iter().map(|value| (value.value.clone(), value.count)).collect();
            prop_assert!(spread.is_whole());
            prop_assert_eq!(found, counts);
        }
        match &column.numbers {
            None => prop_assert!(present.is_empty()),
            Some(numbers) => {
                prop_assert_eq!((numbers.min, numbers.max), (present[0] as f64, present[present.len() - 1] as f64));
                prop_assert_eq!(numbers.sum, present.iter().sum::<i64>() as f64);
                prop_assert_eq!(numbers.zeros, present.iter().filter(|value| **value == 0).count() as u64);
                prop_assert_eq!(column.bins.iter().map(|bin| bin.count).sum::<u64>(), present.len() as u64);
                for bin in &column.bins {
                    let last = bin.to == numbers.max;
                    let inside = present.iter().map(|value| *value as f64).filter(|value| *value >= bin.from && (*value < bin.to || last));
                    prop_assert_eq!(bin.count, inside.count() as u64, "{:?}", bin);
                }
            }
        }
    }

    /// The profile of numbers as text is that of the numbers.
    #[test]
    fn numbers_as_text(values in proptest::collection::vec(any::<i32>(), 1..50)) {
        let texts: Vec<String> = values.iter().map(ToString::to_string).collect();
        let profile = of(vec![Column::new("n".into(), values), Column::new("s".into(), texts)]);
        let (numbers, texts) = (&profile.columns[0], &profile.columns[1]);
        let (of_numbers, of_texts) = (numbers.numbers.as_ref().unwrap(), texts.numbers.as_ref().unwrap());
        prop_assert_eq!((of_numbers.min, of_numbers.max, of_numbers.sum), (of_texts.min, of_texts.max, of_texts.sum));
        prop_assert_eq!(&of_numbers.quantiles, &of_texts.quantiles);
        prop_assert_eq!(&numbers.bins, &texts.bins);
        prop_assert_eq!(&numbers.values, &texts.values);
    }
}

/// Everything that is kept of values has to fit; what does not fit is told.
#[test]
fn a_profile_stays_in_its_memory_and_says_what_it_could_not_keep() {
    let rows = 4_000_i64;
    let numbers = (0..8).map(|column| Column::new(format!("n{column}").into(), (0..rows).map(|row| row * 7 % 4_001).collect::<Vec<_>>()));
    let texts = (0..8).map(|column| {
        let distinct = if column < 4 { 3 } else { 900 };
        Column::new(format!("s{column}").into(), (0..rows).map(|row| format!("text {}", row % distinct)).collect::<Vec<_>>())
    });
    let data = Dataset::of_frame(DataFrame::new_infer_height(numbers.chain(texts).collect()).unwrap());
    let with_memory = |memory: u64| profile(&data, &Options { memory, ..Options::default() }).unwrap();

    let whole = with_memory(256 << 20);
    assert_eq!(whole.notes(), [] as [String; 0]);
    let small = with_memory(150_000);
    let notes = small.notes();
    assert_eq!(notes.len(), 2, "{notes:?}");
    assert!(notes[0].starts_with("quantiles of 8 columns"), "{notes:?}");
    assert!(notes[1].contains("values of column n0 and 11 more are not counted"), "{notes:?}");
    for (exact, about) in whole.columns.iter().zip(&small.columns) {
        if let (Some(exact), Some(about)) = (&exact.numbers, &about.numbers) {
            assert!(exact.is_exact && !about.is_exact);
            assert_eq!((exact.min, exact.max, exact.mean, exact.zeros), (about.min, about.max, about.mean, about.zeros));
            for (exact, about) in exact.quantiles.iter().zip(&about.quantiles) {
                assert!((exact.value - about.value).abs() < 0.05 * 4_001.0, "{exact:?} {about:?}");
            }
        }
    }
    assert_eq!(small.column("s0").unwrap().values, whole.column("s0").unwrap().values, "few values are counted all the same");
    assert!(small.column("s7").unwrap().values.is_none() && whole.column("s7").unwrap().values.is_some());
    let read: Profile = serde_json::from_str(&serde_json::to_string(&small).unwrap()).unwrap();
    assert_eq!(read, small);
}

/// The machine that profiles has no say in what has room, however many threads it has.
#[test]
fn what_has_room_does_not_depend_on_the_machine() {
    let texts: Vec<String> = (0..4_000).map(|row| format!("{:04}", row % 900)).collect();
    let data = Dataset::of_frame(df!("s" => texts).unwrap());
    let with_memory = |memory: u64| profile(&data, &Options { memory, ..Options::default() }).unwrap();
    let about = with_memory(0).column("s").unwrap().distinct.unwrap();
    let needed = 8 * about * (112 + 4);
    assert_eq!(with_memory(needed).uncounted, [] as [String; 0]);
    assert_eq!(with_memory(needed - 8).uncounted, ["s"]);
}
