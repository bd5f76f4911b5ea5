//! Conditions worked out: numbers with a history, moments, durations and sizes.

use std::collections::BTreeMap;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use lakegate_quality::evaluate::Point;
use lakegate_quality::language::ast::{Comparison, Condition, Date, Node, Number};
use lakegate_quality::language::eval::{Clock, Earlier, EvalError, NoHistory, Resolve};
use lakegate_quality::language::parse;
use proptest::prelude::*;

/// The oldest first.
struct Values(&'static [f64]);

impl Resolve for Values {
    fn last(&self, count: usize) -> Vec<f64> {
        self.0.iter().rev().take(count).copied().collect()
    }
}

fn condition(rule: &str) -> Condition {
    let ruleset = parse(&format!("Rules = [ {rule} ]")).unwrap_or_else(|diagnostics| panic!("{rule}: {diagnostics:#?}"));
    let Node::Rule(rule) = &ruleset.rules[0] else { panic!("{rule}") };
    rule.condition.clone().unwrap()
}

fn numbers(text: &str) -> Comparison<Number> {
    match condition(&format!("RowCount {text}")) {
        Condition::Number(comparison) => comparison,
        other => panic!("{other:?}"),
    }
}

fn value(expression: &str, history: &dyn Resolve) -> Result<f64, EvalError> {
    let Comparison::Compare { operand, .. } = numbers(&format!("= {expression}")) else { panic!() };
    operand.value(history).map(|value| value.unwrap())
}

#[test]
fn arithmetic_binds_equally_from_the_left() {
    for (expression, expected) in [
        ("1 + 2 * 3", 9.0),
        ("1 + (2 * 3)", 7.0),
        ("10 - 2 - 3", 5.0),
        ("10 - -2", 12.0),
        ("-3 * 2", -6.0),
        ("1 -2", -1.0),
        ("7 / 2 + 1", 4.5),
        ("1 / 0", f64::INFINITY),
    ] {
        assert_eq!(value(expression, &NoHistory), Ok(expected), "{expression}");
    }
}

#[test]
fn functions_over_a_history() {
    // The most recent is 9.
    let history = Values(&[100.0, 2.0, 4.0, 4.0, 4.0, 5.0, 5.0, 7.0, 9.0]);
    for (expression, expected) in [
        ("last()", 9.0),
        ("last(1)", 9.0),
        ("avg(last(8))", 5.0),
        ("average(last(8))", 5.0),
        ("median(last(8))", 4.5),
        ("median(last(3))", 7.0),
        ("max(last(8))", 9.0),
        ("min(last(8))", 2.0),
        ("sum(last(3))", 21.0),
        ("std(last(8))", 2.0),
        ("abs(0 - 3)", 3.0),
        ("avg(abs(last(8)))", 5.0),
        ("index(last(7), 0)", 9.0),
        ("index(last(7), 6)", 4.0),
        ("index(last(3), 3)", 0.0),
        ("max(last(100))", 100.0),
        ("avg(std(last(8)))", 2.0),
        ("0.9 * avg(last(8)) + 1", 5.5),
        ("avg(last(2 * 4))", 5.0),
        ("std(last(1))", 0.0),
    ] {
        assert_eq!(value(expression, &history), Ok(expected), "{expression}");
    }
}

#[test]
fn without_a_history_all_is_zero() {
    for expression in
        ["last()", "avg(last(10))", "median(last(2))", "max(last(2))", "min(last(2))", "sum(last(2))", "std(last(2))", "index(last(2), 1)"]
    {
        assert_eq!(value(expression, &NoHistory), Ok(0.0), "{expression}");
    }
    assert_eq!(numbers("> avg(last(10))").holds(1.0, &NoHistory), Ok(true));
}

#[test]
fn what_does_not_come_to_a_number() {
    assert_eq!(value("last(5)", &NoHistory), Err(EvalError::Several(5)));
    assert_eq!(value("last(5) + 1", &NoHistory), Err(EvalError::Several(5)));
    assert_eq!(value("abs(last(5))", &NoHistory), Err(EvalError::Several(5)));
    assert_eq!(value("mean(last(5))", &NoHistory), Err(EvalError::UnknownFunction("mean".to_owned())));
    for expression in ["last(0)", "last(1.5)", "last(0 - 1)", "last(1, 2)", "avg(1, 2)", "index(last(3))", "index(last(3), 0.5)", "abs()"] {
        assert!(matches!(value(expression, &NoHistory), Err(EvalError::Arguments { .. })), "{expression}");
    }
    assert_eq!(numbers("> last(5)").holds(1.0, &NoHistory), Err(EvalError::Several(5)));
    assert!(value("avg(last(999999999999999999999999))", &NoHistory).is_err());
}

#[test]
fn a_history_answers_by_the_name_of_the_statistic() {
    let points = [1.0, 3.0].map(|value| Point { at: Timestamp::UNIX_EPOCH, value });
    let history = BTreeMap::from([("RowCount".to_owned(), points.to_vec())]);
    let earlier = Earlier { history: &history, statistic: "RowCount" };
    assert_eq!(value("last()", &earlier), Ok(3.0));
    assert_eq!(value("sum(last(5))", &earlier), Ok(4.0));
    assert_eq!(value("sum(last(5))", &Earlier { history: &history, statistic: "ColumnCount" }), Ok(0.0));
}

#[test]
fn numbers_compare_exactly_and_between_excludes_its_ends() {
    let holds = |text: &str, value: f64| numbers(text).holds(value, &NoHistory).unwrap();
    for (text, yes, no) in [
        ("between 1 and 3", vec![1.000_001, 2.0], vec![1.0, 3.0, 4.0, f64::NAN]),
        ("not between 1 and 3", vec![1.0, 3.0, -1.0], vec![2.0, f64::NAN]),
        ("between 3 and 1", vec![], vec![1.0, 2.0, 3.0]),
        ("= 0.3", vec![0.3], vec![0.1 + 0.2, f64::NAN]),
        ("!= 0.3", vec![0.1 + 0.2, f64::NAN], vec![0.3]),
        ("in [1, 2]", vec![1.0, 2.0], vec![1.5, f64::NAN]),
        ("not in [1, 2]", vec![1.5, f64::NAN], vec![1.0]),
        ("> 1", vec![2.0, f64::INFINITY], vec![1.0, f64::NAN]),
        (">= 1", vec![1.0], vec![0.9]),
        ("< 1", vec![0.9, f64::NEG_INFINITY], vec![1.0, f64::NAN]),
        ("<= 1", vec![1.0], vec![1.1]),
        ("= 0", vec![0.0, -0.0], vec![1.0]),
        ("= NULL", vec![], vec![0.0]),
        ("!= NULL", vec![0.0], vec![]),
        ("in [NULL, 1]", vec![1.0], vec![0.0]),
        ("not in [NULL, 1]", vec![0.0], vec![1.0]),
    ] {
        assert!(yes.iter().all(|value| holds(text, *value)), "{text}");
        assert!(!no.iter().any(|value| holds(text, *value)), "{text}");
    }
    assert!(numbers("= NULL").resolve(&NoHistory).unwrap().admits(None));
    assert!(numbers("in [1, NULL]").resolve(&NoHistory).unwrap().admits(None));
    assert!(!numbers("not between 1 and 2").resolve(&NoHistory).unwrap().admits(None));
}

fn moment(text: &str, clock: &Clock) -> Option<Timestamp> {
    let Condition::Date(comparison) = condition(&format!("FileFreshness = {text}")) else { panic!() };
    comparison.resolve(clock).operands()[0].to_owned()
}

#[test]
fn moments() {
    let now: Timestamp = "2024-03-10T12:34:56.789Z".parse().unwrap();
    let at = |text: &str| Some(text.parse::<Timestamp>().unwrap());
    let utc = Clock::utc(now);
    assert_eq!(moment("now()", &utc), at("2024-03-10T12:34:00Z"));
    assert_eq!(moment("(now() - 3 days)", &utc), at("2024-03-07T12:34:00Z"));
    assert_eq!(moment("(now() + 90 minutes)", &utc), at("2024-03-10T14:04:00Z"));
    assert_eq!(moment("\"2024-01-31\"", &utc), at("2024-01-31T00:00:00Z"));
    assert_eq!(moment("\"9:30 AM\"", &utc), at("2024-03-10T09:30:00Z"));
    assert_eq!(moment("\"12:00 AM\"", &utc), at("2024-03-10T00:00:00Z"));
    assert_eq!(moment("\"12:15 PM\"", &utc), at("2024-03-10T12:15:00Z"));
    assert_eq!(moment("\"21:45\"", &utc), at("2024-03-10T21:45:00Z"));
    assert_eq!(moment("NULL", &utc), None);
    assert_eq!(moment("(now() - 3660000 days)", &utc), at("-007997-06-14T12:34:00Z"));
    assert_eq!(moment("(now() + 3660000 days)", &utc), Some(Timestamp::MAX));
    // In New York it is summer time since seven hours UTC of this day.
    let zone = TimeZone::get("America/New_York").unwrap();
    let york = Clock::new(now, zone.clone());
    assert_eq!(moment("\"9:30 AM\"", &york), at("2024-03-10T13:30:00Z"));
    assert_eq!(moment("\"01:30\"", &york), at("2024-03-10T06:30:00Z"));
    assert_eq!(moment("\"02:30\"", &york), at("2024-03-10T07:30:00Z"), "a time that this day has not");
    assert_eq!(moment("\"2024-01-31\"", &york), at("2024-01-31T00:00:00Z"), "days are in UTC");
    let still_yesterday = Clock::new("2024-03-10T03:00:00Z".parse().unwrap(), zone);
    assert_eq!(moment("\"9:30 AM\"", &still_yesterday), at("2024-03-09T14:30:00Z"));
    let before_1970 = Clock::utc("1969-12-31T23:59:30Z".parse().unwrap());
    assert_eq!(before_1970.now(), "1969-12-31T23:59:00Z".parse().unwrap());
}

#[test]
fn dates_compare() {
    let clock = Clock::utc("2024-03-10T12:00:00Z".parse().unwrap());
    let holds = |text: &str, value: Option<&str>| match condition(&format!("ColumnValues \"a\" {text}")) {
        Condition::Date(comparison) => comparison.holds(value.map(|value| value.parse().unwrap()), &clock),
        other => panic!("{other:?}"),
    };
    assert!(holds("between \"2024-01-01\" and \"2024-01-03\"", Some("2024-01-02T00:00:00Z")));
    assert!(!holds("between \"2024-01-01\" and \"2024-01-03\"", Some("2024-01-01T00:00:00Z")));
    assert!(holds("in [\"2024-01-01\", NULL]", None));
    assert!(!holds("in [\"2024-01-01\", \"2024-01-02\"]", None));
    assert!(holds("> (now() - 3 hours)", Some("2024-03-10T09:00:01Z")));
    assert!(!holds("> (now() - 3 hours)", Some("2024-03-10T09:00:00Z")));
    assert!(!holds("> (now() - 3 hours)", None));
}

#[test]
fn ages_compare_in_hours_with_two_decimals() {
    let holds = |text: &str, minutes: f64| match condition(&format!("DataFreshness \"a\" {text}")) {
        Condition::Duration(comparison) => comparison.holds(SignedDuration::from_secs_f64(minutes * 60.0)),
        other => panic!("{other:?}"),
    };
    assert!(holds("<= 24 hours", 1440.0));
    assert!(holds("<= 1 days", 1440.0));
    assert!(!holds("< 24 hours", 1440.0));
    assert!(holds("<= 25 minutes", 25.0));
    assert!(!holds("<= 25 minutes", 26.0));
    assert!(holds("between 2 days and 4 days", 4000.0));
    assert!(!holds("between 2 days and 4 days", 2880.0));
    assert!(holds("in [3 hours, 1 days]", 180.0));
    assert!(holds("> 0 minutes", 1.0));
    assert!(!holds("> 0 minutes", -5.0), "what is in the future has no age");
}

#[test]
fn sizes_are_of_1024() {
    let holds = |text: &str, bytes: u64| match condition(&format!("FileSize {text}")) {
        Condition::Size(comparison) => comparison.holds(bytes),
        other => panic!("{other:?}"),
    };
    assert!(holds("= 3 GB", 3 << 30), "more than 32 bits");
    assert!(holds("= 2 KB", 2048) && holds("= 2 MB", 2 << 20) && holds("= 1 TB", 1 << 40) && holds("= 7 B", 7) && holds("= 7", 7));
    assert!(!holds("between 1 KB and 2 KB", 1024));
    assert!(holds("not in [1 KB, 5]", 6));
}

proptest! {
    #[test]
    fn between_is_its_two_halves(low in -1e6_f64..1e6, high in -1e6_f64..1e6, value in -1e6_f64..1e6) {
        let holds = |text: String| numbers(&text).holds(value, &NoHistory).unwrap();
        let (low, high) = (format!("{low:.6}"), format!("{high:.6}"));
        prop_assert_eq!(holds(format!("between {low} and {high}")), holds(format!("> {low}")) && holds(format!("< {high}")));
        prop_assert_eq!(holds(format!("not between {low} and {high}")), holds(format!("<= {low}")) || holds(format!(">= {high}")));
    }

    #[test]
    fn every_moment_is_reached_without_a_panic(second in -377_705_023_201_i64..253_402_207_200, amount in 0_i64..3_660_000, zone in 0_usize..3) {
        let zone = ["UTC", "Pacific/Apia", "America/St_Johns"][zone];
        let clock = Clock::new(Timestamp::from_second(second).unwrap(), TimeZone::get(zone).unwrap());
        for date in ["now()", "\"00:00\"", "\"11:59 PM\"", "\"0001-01-01\"", "\"9999-12-31\""] {
            moment(date, &clock);
        }
        let date = Date::Offset(-amount, lakegate_quality::language::ast::DurationUnit::Days);
        prop_assert!(date.moment(&clock).unwrap() <= clock.now());
    }
}
