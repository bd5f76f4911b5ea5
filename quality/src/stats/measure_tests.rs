use polars::prelude::*;

use super::*;
use crate::{
    data::Dataset,
    stats::{Measure, Predicate},
};

fn one(dataset: &Dataset, measure: Measure) -> State {
    let statistic = Statistic::of(measure);
    measure_one(dataset, &statistic).unwrap()
}

fn measure_one(dataset: &Dataset, statistic: &Statistic) -> Result<State, StatisticError> {
    let measured = measure(dataset, std::slice::from_ref(statistic)).unwrap();
    measured.get(statistic).cloned().map_err(Clone::clone)
}

fn name(text: &str) -> String {
    text.to_owned()
}

fn matches(key: &str, expr: Expr, column: Option<&str>) -> Measure {
    Measure::Matches(Predicate { key: key.to_owned(), expr, column: column.map(str::to_owned), lasting: true })
}

/// Nulls, NaN, infinities, empty strings, all-null and nested columns.
fn hard() -> Dataset {
    let info = df!("field" => [Some(1_i64), None, Some(3), Some(4), None], "city" => [Some("a"), Some("b"), None, None, None])
        .unwrap()
        .into_struct("info".into())
        .into_series();
    let frame = df!(
        "n" => [Some(1_i64), None, Some(3), Some(3), Some(0)],
        "f" => [Some(1.5), Some(f64::NAN), None, Some(f64::INFINITY), Some(-0.0)],
        "s" => [Some(""), Some("äöü"), None, Some("abcd"), Some("")],
        "empty" => [None::<i64>, None, None, None, None],
        "flag" => [Some(true), Some(false), None, Some(true), None],
        "list" => [Some(Series::new("".into(), [1, 2])), None, Some(Series::new("".into(), [1, 2])), Some(Series::new("".into(), Vec::<i32>::new())), None],
    )
    .unwrap();
    let mut columns = frame.into_columns();
    columns.push(info.into_column());
    columns.push(Series::full_null("void".into(), 5, &DataType::Null).into_column());
    Dataset::of_frame(DataFrame::new(5, columns).unwrap())
}

#[test]
fn rows_and_completeness() {
    let data = hard();
    assert_eq!(one(&data, Measure::Rows).rows(), Some(5));
    for (column, matches) in [("n", 4), ("f", 4), ("s", 4), ("empty", 0), ("flag", 3), ("list", 3), ("info.field", 3), ("void", 0)] {
        assert_eq!(one(&data, Measure::Complete(name(column))).ratio(), Some((matches, 5)), "{column}");
    }
}

#[test]
fn extremes_put_nan_above_all() {
    let data = hard();
    let ends = |column: &str| {
        let state = one(&data, Measure::Extremes(name(column)));
        state.extremes().map(|ends| (ends.count, ends.minimum(), ends.maximum())).unwrap()
    };
    assert_eq!(ends("n"), (4, Some(0.0), Some(3.0)));
    assert_eq!(ends("info.field"), (3, Some(1.0), Some(4.0)));
    assert_eq!(ends("empty"), (0, None, None));
    assert_eq!(ends("void"), (0, None, None));
    let (count, least, greatest) = ends("f");
    assert_eq!((count, least), (4, Some(-0.0)));
    assert!(greatest.is_some_and(f64::is_nan));
    let times = df!("t" => [Some(86_400_000_i64), None, Some(1_000)]).unwrap();
    let times = times.lazy().select([
        col("t").cast(DataType::Datetime(TimeUnit::Milliseconds, None)),
        (col("t") / lit(86_400_000)).cast(DataType::Int32).cast(DataType::Date).alias("d"),
    ]);
    let times = Dataset::of_lazy(times).unwrap();
    assert_eq!(one(&times, Measure::Extremes(name("t"))).extremes().unwrap().minimum(), Some(1_000_000.0));
    assert_eq!(one(&times, Measure::Extremes(name("d"))).extremes().unwrap().maximum(), Some(86_400_000_000.0));
}

#[test]
fn moments_ignore_nulls_and_are_of_the_population() {
    let data = hard();
    let state = one(&data, Measure::Moments(name("n")));
    let moments = state.moments().unwrap();
    assert_eq!((moments.count, moments.zeros, moments.sum(), moments.mean()), (4, 1, 7.0, Some(1.75)));
    assert!((moments.variance().unwrap() - 1.6875).abs() < 1e-12);
    let state = one(&data, Measure::Moments(name("empty")));
    assert_eq!(state.moments().map(|moments| (moments.count, moments.mean())), Some((0, None)));
    let state = one(&data, Measure::Moments(name("f")));
    assert!(state.moments().is_some_and(|moments| moments.count == 4 && moments.zeros == 1 && moments.sum().is_nan()));
    let infinite = Dataset::of_frame(df!("x" => [1.0, f64::INFINITY]).unwrap());
    assert_eq!(one(&infinite, Measure::Moments(name("x"))).moments().unwrap().sum(), f64::INFINITY);
}

#[test]
fn moments_far_from_zero_are_sound() {
    let values: Vec<f64> = (0..300_000).map(|index| 1e9 + f64::from(index % 3)).collect();
    let data = Dataset::of_frame(df!("x" => values).unwrap());
    let state = one(&data, Measure::Moments(name("x")));
    let moments = state.moments().unwrap();
    assert!((moments.variance().unwrap() - 2.0 / 3.0).abs() < 1e-9);
    assert!(moments.skewness().unwrap().abs() < 1e-9);
    assert!((moments.kurtosis().unwrap() + 1.5).abs() < 1e-9);
}

#[test]
fn correlation_ignores_pairs_with_a_null() {
    let data = Dataset::of_frame(df!("a" => [Some(1), Some(2), None, Some(4)], "b" => [Some(2.0), Some(4.0), Some(9.0), None]).unwrap());
    let state = one(&data, Measure::CoMoments(name("a"), name("b")));
    let moments = state.co_moments().unwrap();
    assert_eq!(moments.count, 2);
    assert!((moments.correlation().unwrap() - 1.0).abs() < 1e-12);
    let none = one(&hard(), Measure::CoMoments(name("n"), name("empty")));
    assert_eq!(none.co_moments().unwrap().correlation(), None);
}

#[test]
fn lengths_are_in_characters() {
    let state = one(&hard(), Measure::Lengths(name("s")));
    let lengths = state.lengths().unwrap();
    assert_eq!((lengths.count, lengths.nulls, lengths.shortest, lengths.longest), (4, 1, Some(0), Some(4)));
    let state = one(&hard(), Measure::Lengths(name("void")));
    assert_eq!(state.lengths().map(|lengths| (lengths.nulls, lengths.shortest)), Some((5, None)));
}

#[test]
fn a_null_condition_is_no_match() {
    let data = hard();
    let ratio = |measure| one(&data, measure).ratio();
    assert_eq!(ratio(matches("n > 0", col("n").gt(lit(0)), Some("n"))), Some((3, 5)));
    assert_eq!(ratio(matches("true", lit(true), None)), Some((5, 5)));
    assert_eq!(ratio(matches("null", lit(NULL), None)), Some((0, 5)));
    assert_eq!(ratio(matches("n < f", col("n").lt(col("f")), None)), Some((2, 5)));
}

#[test]
fn conditions_on_strings_are_the_same_by_dictionary_and_by_row() {
    let values: Vec<Option<String>> =
        (0..10_000).map(|index| if index % 7 == 0 { None } else { Some(format!("value number {} of a few", index % 5)) }).collect();
    let data = Dataset::of_frame(df!("s" => values).unwrap());
    let condition = || col("s").str().contains(lit("number [34]"), true).fill_null(lit(true));
    let by_dictionary = one(&data, matches("a", condition(), Some("s")));
    assert_eq!(by_dictionary, one(&data, matches("b", condition(), None)));
    let nulls = 10_000_u64.div_ceil(7);
    assert_eq!(
        by_dictionary.ratio(),
        Some((nulls + (0..10_000_u64).filter(|index| index % 7 != 0 && index % 5 >= 3).count() as u64, 10_000))
    );
}

#[test]
fn frequencies_leave_rows_of_nulls_out() {
    let data = hard();
    let of = |columns: &[&str]| {
        let state = one(&data, Measure::Frequencies(columns.iter().map(|column| name(column)).collect()));
        let found = state.frequencies().unwrap();
        (found.rows, found.null_rows, found.groups, found.singles, found.in_duplicates)
    };
    assert_eq!(of(&["n"]), (4, 1, 3, 2, 2));
    assert_eq!(of(&["f"]), (4, 1, 4, 4, 0));
    assert_eq!(of(&["s"]), (4, 1, 3, 2, 2));
    assert_eq!(of(&["empty"]), (0, 5, 0, 0, 0));
    assert_eq!(of(&["void"]), (0, 5, 0, 0, 0));
    assert_eq!(of(&["list"]), (3, 2, 2, 1, 2));
    assert_eq!(of(&["info"]), (5, 0, 5, 5, 0));
    assert_eq!(of(&["flag"]), (3, 2, 2, 1, 2));
    assert_eq!(of(&["n", "flag"]), (5, 0, 5, 5, 0));
    assert_eq!(of(&["flag", "n"]), of(&["n", "flag"]));
    assert_eq!(of(&["empty", "flag"]), (3, 2, 2, 1, 2));
    let state = one(&Dataset::of_frame(df!("x" => [1, 1, 2, 2]).unwrap()), Measure::Frequencies(vec![name("x")]));
    assert!((state.frequencies().unwrap().entropy - std::f64::consts::LN_2).abs() < 1e-12);
}

#[test]
fn values_and_types() {
    let data = hard();
    assert_eq!(one(&data, Measure::TopValues(name("s"))).top(), Some(vec![(Some(""), 2), (Some("abcd"), 1), (Some("äöü"), 1), (None, 1)]));
    assert_eq!(one(&data, Measure::TopValues(name("flag"))).top(), Some(vec![(Some("true"), 2), (None, 2), (Some("false"), 1)]));
    assert_eq!(one(&data, Measure::ApproximateDistinct(name("n"))).approximate_distinct().map(f64::round), Some(3.0));
    let looks = Dataset::of_frame(df!("s" => ["1", "-2.5", "true", "x", "1e5"]).unwrap());
    let state = one(&looks, Measure::Types(name("s")));
    let types = state.types().unwrap();
    assert_eq!((types.integral, types.fractional, types.boolean, types.other), (1, 2, 1, 1));
    assert_eq!(one(&data, Measure::Quantiles(name("n"))).quantile(0.5), Some(2.0));
}

#[test]
fn filters_choose_rows() {
    let data = hard();
    let with = |measure, filter: &str| Statistic { measure, filter: Some(filter.to_owned()), group_by: Vec::new() };
    assert_eq!(measure_one(&data, &with(Measure::Rows, "n >= 1")).unwrap().rows(), Some(3));
    assert_eq!(measure_one(&data, &with(Measure::Complete(name("f")), "n >= 1")).unwrap().ratio(), Some((2, 3)));
    assert_eq!(measure_one(&data, &with(Measure::Rows, "n > 99")).unwrap().rows(), Some(0));
    assert!(matches!(measure_one(&data, &with(Measure::Rows, "nosuch > 1")), Err(StatisticError::Filter(_))));
    assert!(matches!(measure_one(&data, &with(Measure::Rows, "max(n) > 1")), Err(StatisticError::Filter(_))));
}

#[test]
fn one_wrong_statistic_leaves_the_others_alone() {
    let data = hard();
    let bad = matches("bad", col("s").strict_cast(DataType::Int64).gt(lit(0)), None);
    let wanted: Vec<Statistic> =
        [Measure::Rows, Measure::Moments(name("s")), Measure::Complete(name("nosuch")), bad, matches("good", col("n").gt(lit(0)), None)]
            .into_iter()
            .map(Statistic::of)
            .collect();
    let measured = measure(&data, &wanted).unwrap();
    let found: Vec<bool> = wanted.iter().map(|statistic| measured.get(statistic).is_ok()).collect();
    assert_eq!(found, [true, false, false, false, true]);
    assert_eq!(measured.get(&wanted[2]), Err(&StatisticError::NoColumn(name("nosuch"))));
    assert!(matches!(measured.get(&wanted[1]), Err(StatisticError::WrongType { .. })));
    assert!(matches!(
        measure_one(&data, &Statistic::of(matches("m", col("n").gt(col("n").mean()), None))),
        Err(StatisticError::Expression(_))
    ));
}

#[test]
fn groups_are_measured_apart() {
    let data = hard();
    let by = |measure| Statistic { measure, filter: None, group_by: vec![name("flag")] };
    let wanted = [
        by(Measure::Rows),
        by(Measure::Moments(name("n"))),
        by(matches("n", col("n").gt(lit(0)), None)),
        by(Measure::Frequencies(vec![name("s")])),
    ];
    let measured = measure(&data, &wanted).unwrap();
    let rows: Vec<(String, Option<u64>)> =
        measured.groups(&wanted[0]).unwrap().iter().map(|(key, state)| (key.join("|"), state.rows())).collect();
    assert_eq!(rows, [(name("null"), Some(2)), (name("false"), Some(1)), (name("true"), Some(2))]);
    let sums: Vec<f64> = measured.groups(&wanted[1]).unwrap().iter().map(|(_, state)| state.moments().unwrap().sum()).collect();
    assert_eq!(sums, [3.0, 0.0, 4.0]);
    let ratios: Vec<_> = measured.groups(&wanted[2]).unwrap().iter().map(|(_, state)| state.ratio().unwrap()).collect();
    assert_eq!(ratios, [(1, 2), (0, 1), (2, 2)]);
    assert_eq!(measured.get(&wanted[0]), Err(&StatisticError::Grouped));
    let many = Dataset::of_frame(df!("g" => (0..20_000).collect::<Vec<i32>>()).unwrap());
    let statistic = Statistic { measure: Measure::Rows, filter: None, group_by: vec![name("g")] };
    let measured = measure(&many, std::slice::from_ref(&statistic)).unwrap();
    assert_eq!(measured.groups(&statistic).unwrap_err(), &StatisticError::Groups(10_000));
}

#[test]
fn nothing_to_measure_and_nothing_to_measure_it_on() {
    for frame in [DataFrame::empty(), df!("n" => Vec::<i64>::new(), "s" => Vec::<String>::new()).unwrap()] {
        let data = Dataset::of_frame(frame);
        assert_eq!(one(&data, Measure::Rows).rows(), Some(0));
        assert!(measure(&data, &[]).is_ok());
        if data.schema().contains("n") {
            assert_eq!(one(&data, Measure::Moments(name("n"))).moments().unwrap().count, 0);
            assert_eq!(one(&data, Measure::Quantiles(name("n"))).quantile(0.5), None);
            assert_eq!(one(&data, Measure::Frequencies(vec![name("s"), name("n")])).frequencies().unwrap().groups, 0);
            assert_eq!(one(&data, matches("x", col("n").gt(lit(1)), Some("s"))).ratio(), Some((0, 0)));
        }
    }
    let rows = Dataset::of_frame(DataFrame::new(7, Vec::new()).unwrap());
    assert_eq!(one(&rows, Measure::Rows).rows(), Some(7));
}

#[test]
fn every_type_has_what_all_types_have() {
    let numbers = df!("n" => [Some(3_i64), None, Some(3), Some(70_000)]).unwrap().lazy();
    let to = |data_type: DataType| col("n").cast(data_type);
    let plan = numbers.select([
        to(DataType::Decimal(12, 2)).alias("decimal"),
        to(DataType::Time).alias("time"),
        to(DataType::Duration(TimeUnit::Milliseconds)).alias("duration"),
        to(DataType::Datetime(TimeUnit::Microseconds, None)).alias("datetime"),
        to(DataType::Float32).alias("float"),
        to(DataType::String).cast(DataType::Binary).alias("binary"),
        to(DataType::String).cast(DataType::from_categories(Categories::global())).alias("category"),
        to(DataType::UInt64).alias("unsigned"),
        concat_list([to(DataType::Float64)]).unwrap().alias("list"),
        as_struct(vec![col("n"), to(DataType::String).alias("s")]).alias("struct"),
        as_struct(vec![concat_list([to(DataType::String)]).unwrap().alias("inner")]).alias("deep"),
    ]);
    let data = Dataset::of_frame(plan.collect().unwrap());
    for column in data.schema().iter_names().map(ToString::to_string) {
        let nulls = u64::from(!["list", "struct", "deep"].contains(&column.as_str()));
        assert_eq!(one(&data, Measure::Complete(column.clone())).ratio(), Some((4 - nulls, 4)), "{column}");
        let state = one(&data, Measure::Frequencies(vec![column.clone()]));
        let found = state.frequencies().unwrap();
        assert_eq!((found.null_rows, found.groups, found.in_duplicates), (nulls, 3 - nulls, 2), "{column}");
        let distinct = one(&data, Measure::ApproximateDistinct(column.clone())).approximate_distinct();
        assert_eq!(distinct.map(f64::round), Some(3.0 - nulls as f64), "{column}");
        let state = one(&data, Measure::TopValues(column.clone()));
        assert_eq!(state.top().unwrap().iter().map(|(_, count)| *count).max(), Some(2), "{column}");
        assert_eq!(one(&data, Measure::Types(column.clone())).types().unwrap().rows(), 4, "{column}");
        for other in [
            Measure::Extremes(column.clone()),
            Measure::Moments(column.clone()),
            Measure::Quantiles(column.clone()),
            Measure::Lengths(column.clone()),
        ] {
            let _ = measure_one(&data, &Statistic::of(other));
        }
    }
    let ends = |column: &str| one(&data, Measure::Extremes(name(column))).extremes().map(|ends| (ends.minimum(), ends.maximum())).unwrap();
    assert_eq!(ends("decimal"), (Some(3.0), Some(70_000.0)));
    assert_eq!(ends("time"), (Some(0.003), Some(70.0)));
    assert_eq!(ends("duration"), (Some(3_000.0), Some(70_000_000.0)));
    assert_eq!(one(&data, Measure::Moments(name("decimal"))).moments().unwrap().sum(), 70_006.0);
    assert_eq!(one(&data, Measure::Lengths(name("category"))).lengths().unwrap().longest, Some(5));
    assert!(matches!(measure_one(&data, &Statistic::of(Measure::Moments(name("list")))), Err(StatisticError::WrongType { .. })));
}
