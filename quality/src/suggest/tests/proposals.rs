//! A table for each heuristic.

use super::*;

const SAMPLE: Sample = Sample { rows: 1000, next: 1000, z: 1.959963984540054 };

/// The rule that is proposed, as it is printed.
fn proposed(heuristic: Heuristic, column: &ColumnProfile) -> Option<String> {
    propose(heuristic, column, SAMPLE).map(|proposal| proposal.rule.to_string())
}

#[track_caller]
fn assert_proposed(heuristic: Heuristic, column: &ColumnProfile, expected: &str) {
    let expected = Some(expected).filter(|expected| !expected.is_empty()).map(str::to_owned);
    assert_eq!(proposed(heuristic, column), expected, "{heuristic:?} of {column:?}");
}

#[test]
fn complete_if_complete() {
    assert_proposed(Heuristic::CompleteIfComplete, &column(Kind::Nested), r#"IsComplete "c""#);
    assert_proposed(Heuristic::CompleteIfComplete, &with_nulls(1, 1000, column(Kind::String)), "");
    let none = Sample { rows: 0, ..SAMPLE };
    assert_eq!(propose(Heuristic::CompleteIfComplete, &column(Kind::String), none), None);
}

/// Wilson's interval of 870 of 1000 begins at 0.8477, of 999 at 0.9944, of 201 at 0.1773.
#[test]
fn retain_completeness() {
    let table = [
        (0, ""),
        (130, r#"Completeness "c" >= 0.84"#),
        (1, r#"Completeness "c" >= 0.99"#),
        (799, r#"Completeness "c" >= 0.17"#),
        (800, ""),
        (1000, ""),
    ];
    for (nulls, expected) in table {
        assert_proposed(Heuristic::RetainCompleteness, &with_nulls(nulls, 1000, column(Kind::String)), expected);
    }
}

#[test]
fn retain_type() {
    let inferred = |kind| ColumnProfile { inferred: true, ..column(kind) };
    let table = [
        (inferred(Kind::String), ""),
        (inferred(Kind::Unknown), ""),
        (column(Kind::Integral), ""),
        (inferred(Kind::Boolean), r#"ColumnDataType "c" = "BOOLEAN""#),
        (inferred(Kind::Fractional), r#"ColumnDataType "c" = "DOUBLE""#),
        (with_numbers(-2147483648.0, 2147483647.0, inferred(Kind::Integral)), r#"ColumnDataType "c" = "INTEGER""#),
        (with_numbers(0.0, 2147483648.0, inferred(Kind::Integral)), r#"ColumnDataType "c" = "LONG""#),
        (with_nulls(1, 1000, inferred(Kind::Boolean)), r#"ColumnDataType "c" = "BOOLEAN" where "\"c\" IS NOT NULL""#),
    ];
    for (column, expected) in table {
        assert_proposed(Heuristic::RetainType, &column, expected);
    }
}

#[test]
fn categorical_range() {
    let values = [("a", 900), ("b", 99), ("", 1)];
    let often: Vec<(&str, u64)> =
        ["a", "b", "c", "d", "e", "f", "g", "h", "i"].map(|value| (value, 111)).into_iter().chain([("", 1)]).collect();
    let table = [
        // A third of the values is there once.
        (with_values(&values, column(Kind::String)), ""),
        (with_values(&often, column(Kind::String)), r#"ColumnValues "c" in ["a","b","c","d","e","f","g","h","i",EMPTY]"#),
        (with_values(&[("x\"y\\", 1000)], column(Kind::String)), r#"ColumnValues "c" in ["x\"y\\"]"#),
        (with_nulls(10, 1000, with_values(&[("a", 990)], column(Kind::String))), r#"ColumnValues "c" in ["a",NULL]"#),
        (with_values(&[("1", 600), ("-2", 400)], column(Kind::Integral)), r#"ColumnValues "c" in [1,-2]"#),
        // Strings stay strings.
        (
            ColumnProfile { inferred: true, ..with_values(&[("01", 600), ("2", 400)], column(Kind::Integral)) },
            r#"ColumnValues "c" in ["01","2"]"#,
        ),
        // A list of days would be compared as dates.
        (
            with_nulls(100, 1000, with_values(&[("2024-01-01", 500), ("n/a", 400)], column(Kind::String))),
            r#"ColumnValues "c" matches "^(?:2024\\-01\\-01|n/a)$" where "\"c\" IS NOT NULL""#,
        ),
        (with_values(&[("1.5", 1000)], column(Kind::Fractional)), ""),
        (with_values(&[("true", 1000)], column(Kind::Boolean)), ""),
        (with_values(&[], column(Kind::String)), ""),
        (column(Kind::String), ""),
    ];
    for (column, expected) in table {
        assert_proposed(Heuristic::CategoricalRange, &column, expected);
    }
    let cut = with_values(&[("a", 500)], column(Kind::String));
    let cut = ColumnProfile { values: cut.values.map(|spread| Spread { other: 500, ..spread }), ..cut };
    assert_proposed(Heuristic::CategoricalRange, &cut, "");
}

/// Wilson's interval of 950 of 1000 begins at 0.9347, of 995 at 0.9883, of 855 of 900 at 0.9338.
#[test]
fn fractional_categorical_range() {
    let most = [("a", 700), ("b", 250), ("c", 48), ("d", 1), ("e", 1)];
    let fewer = [("2024-01-01", 700), ("b", 155), ("c", 45)];
    let table = [
        (with_values(&most, column(Kind::String)), r#"ColumnValues "c" in ["a","b"] with threshold >= 0.93"#),
        (
            with_nulls(5, 1000, with_values(&[("a", 900), ("b", 95)], column(Kind::String))),
            r#"ColumnValues "c" in ["a",NULL] with threshold >= 0.88"#,
        ),
        (
            with_nulls(100, 1000, with_values(&fewer, column(Kind::String))),
            r#"ColumnValues "c" matches "^(?:2024\\-01\\-01|b)$" where "\"c\" IS NOT NULL" with threshold >= 0.93"#,
        ),
        (with_values(&[("1", 900), ("2", 100)], column(Kind::Integral)), r#"ColumnValues "c" in [1] with threshold >= 0.87"#),
        // All are needed.
        (with_values(&[("a", 500), ("b", 500)], column(Kind::String)), ""),
        // Half of the values is there once.
        (with_values(&[("a", 999), ("b", 1)], column(Kind::String)), ""),
        (with_values(&[("1.5", 950), ("2", 50)], column(Kind::Fractional)), ""),
    ];
    for (column, expected) in table {
        assert_proposed(Heuristic::FractionalCategoricalRange, &column, expected);
    }
}

#[test]
fn non_negative_numbers() {
    let table = [
        (with_numbers(0.0, 9.0, column(Kind::Integral)), r#"ColumnValues "c" >= 0"#),
        (with_nulls(1, 1000, with_numbers(0.5, 9.0, column(Kind::Fractional))), r#"ColumnValues "c" >= 0 where "\"c\" IS NOT NULL""#),
        (with_numbers(-0.5, 9.0, column(Kind::Fractional)), ""),
        (with_numbers(f64::NAN, f64::NAN, column(Kind::Fractional)), ""),
        (column(Kind::String), ""),
    ];
    for (column, expected) in table {
        assert_proposed(Heuristic::NonNegativeNumbers, &column, expected);
    }
}

#[test]
fn unique_if_approximately_unique() {
    let distinct = |count, is_exact, nulls| ColumnProfile {
        distinct: Some(count),
        distinct_is_exact: is_exact,
        ..with_nulls(nulls, 1000, column(Kind::String))
    };
    let table = [
        (distinct(1000, false, 0), r#"IsUnique "c""#),
        (distinct(920, false, 0), r#"IsUnique "c""#),
        (distinct(1080, false, 0), r#"IsUnique "c""#),
        (distinct(919, false, 0), ""),
        (distinct(1000, false, 1), ""),
        (distinct(1000, true, 0), r#"IsUnique "c""#),
        (distinct(999, true, 0), ""),
        (column(Kind::Nested), ""),
    ];
    for (column, expected) in table {
        assert_proposed(Heuristic::UniqueIfApproximatelyUnique, &column, expected);
    }
}

#[test]
fn bounds_of_numbers() {
    let numbers = with_numbers(-1.25, 1e20, column(Kind::Fractional));
    assert_proposed(Heuristic::HasMin, &numbers, r#"ColumnValues "c" >= -1.25"#);
    assert_proposed(Heuristic::HasMax, &numbers, r#"ColumnValues "c" <= 100000000000000000000"#);
    let zero = with_nulls(5, 1000, with_numbers(-0.0, f64::INFINITY, column(Kind::Fractional)));
    assert_proposed(Heuristic::HasMin, &zero, r#"ColumnValues "c" >= 0 where "\"c\" IS NOT NULL""#);
    assert_proposed(Heuristic::HasMax, &zero, "");
}

/// The mean is 5 and the deviation 2: a difference of means has deviation 2 √(2/1000) = 0.0894, and
/// four of them are 0.3578. That of deviations is √½ of it: 0.253.
#[test]
fn means_and_deviations() {
    let numbers = with_numbers(0.0, 10.0, column(Kind::Fractional));
    assert_proposed(Heuristic::HasMean, &numbers, r#"Mean "c" between 4.642 and 5.358"#);
    assert_proposed(Heuristic::HasStandardDeviation, &numbers, r#"StandardDeviation "c" between 1.747 and 2.253"#);
    // Fewer rows next time may differ more: 2 √(1/1000 + 1/100) × 4 = 0.839.
    let few = propose(Heuristic::HasMean, &numbers, Sample { next: 100, ..SAMPLE }).unwrap();
    assert_eq!(few.rule.to_string(), r#"Mean "c" between 4.16 and 5.84"#);

    let mut constant = with_numbers(5.0, 5.0, column(Kind::Fractional));
    let spread = |column: &mut ColumnProfile, deviation| column.numbers.as_mut().unwrap().standard_deviation = deviation;
    spread(&mut constant, 0.0);
    assert_proposed(Heuristic::HasMean, &constant, r#"Mean "c" between 4.999999995 and 5.00000000501"#);
    assert_proposed(Heuristic::HasStandardDeviation, &constant, r#"StandardDeviation "c" = 0"#);
    spread(&mut constant, f64::NAN);
    assert_proposed(Heuristic::HasMean, &constant, "");
    assert_proposed(Heuristic::HasMean, &column(Kind::String), "");
    assert_proposed(Heuristic::HasMean, &ColumnProfile { inferred: true, ..numbers }, "");
}

#[test]
fn lengths_of_strings() {
    let strings = with_lengths(2, 5, column(Kind::String));
    assert_proposed(Heuristic::HasMinLength, &strings, r#"ColumnLength "c" >= 2"#);
    assert_proposed(Heuristic::HasMaxLength, &strings, r#"ColumnLength "c" <= 5"#);
    assert_proposed(Heuristic::HasMaxLength, &with_nulls(1, 1000, strings), r#"ColumnLength "c" <= 5 where "\"c\" IS NOT NULL""#);
    assert_proposed(Heuristic::HasMinLength, &column(Kind::Integral), "");
}

#[test]
fn sets_are_those_of_deequ() {
    let sizes = Set::ALL.map(|set| set.heuristics().len());
    assert_eq!(sizes, [6, 2, 4, 1, 13]);
    assert_eq!(Set::Common.heuristics(), [Heuristic::UniqueIfApproximatelyUnique]);
    assert_eq!(Set::String.heuristics(), [Heuristic::HasMinLength, Heuristic::HasMaxLength]);
    assert_eq!(Set::Numerical.heuristics()[0], Heuristic::HasMin);
    assert_eq!(Set::Default.heuristics()[5], Heuristic::NonNegativeNumbers);
    assert_eq!(Set::find("extended"), Some(Set::Extended));
    assert_eq!(Set::find("all"), None);
}
