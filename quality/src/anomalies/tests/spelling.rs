//! Strategies as rules spell them.

use super::*;

#[test]
fn every_strategy_has_a_spelling() {
    let table: [(&[(&str, TagValue)], Strategy); 12] = [
        (&[], Strategy::default()),
        (
            &[("sensitivity", number(4.0)), ("floor", number(0.0)), ("period", number(7.0))],
            Strategy::Default(Usual { sensitivity: 4.0, floor: 0.0, period: Some(7) }),
        ),
        (
            &[("strategy", text("SimpleThreshold")), ("upperBound", number(2.0))],
            Strategy::SimpleThreshold(Bounds { lower: f64::NEG_INFINITY, upper: 2.0 }),
        ),
        (
            &[("strategy", text("AbsoluteChange")), ("maxRateDecrease", number(-2.0)), ("order", number(2.0))],
            Strategy::AbsoluteChange(Change { max_rate_decrease: Some(-2.0), max_rate_increase: None, order: 2 }),
        ),
        (
            &[("strategy", text("RateOfChange")), ("maxRateIncrease", number(2.0))],
            Strategy::AbsoluteChange(Change { max_rate_decrease: None, max_rate_increase: Some(2.0), order: 1 }),
        ),
        (
            &[("maxRateIncrease", text("1.5")), ("strategy", text("RelativeRateOfChange"))],
            Strategy::RelativeRateOfChange(Change { max_rate_decrease: None, max_rate_increase: Some(1.5), order: 1 }),
        ),
        (&[("strategy", text("OnlineNormal"))], Strategy::OnlineNormal(OnlineNormal::default())),
        (
            &[
                ("strategy", text("OnlineNormal")),
                ("lowerDeviationFactor", text("none")),
                ("upperDeviationFactor", number(2.5)),
                ("ignoreStartPercentage", number(0.0)),
                ("ignoreAnomalies", text("false")),
            ],
            Strategy::OnlineNormal(OnlineNormal {
                lower_deviation_factor: None,
                upper_deviation_factor: Some(2.5),
                ignore_start_percentage: 0.0,
                ignore_anomalies: false,
            }),
        ),
        (
            &[("strategy", text("BatchNormal")), ("includeInterval", text("true"))],
            Strategy::BatchNormal(BatchNormal { include_interval: true, ..BatchNormal::default() }),
        ),
        (&[("strategy", text("HoltWinters")), ("period", number(5.0))], Strategy::HoltWinters(HoltWinters { period: 5 })),
        (
            &[("strategy", text("HoltWinters")), ("metricsInterval", text("Daily")), ("seasonality", text("Weekly"))],
            Strategy::HoltWinters(HoltWinters { period: 7 }),
        ),
        (
            &[("strategy", text("HoltWinters")), ("metricsInterval", text("Hourly")), ("seasonality", text("Daily"))],
            Strategy::HoltWinters(HoltWinters { period: 24 }),
        ),
    ];
    for (spelled, expected) in table {
        assert_eq!(Strategy::from_tags(&tags(spelled)), Ok(expected), "{spelled:?}");
    }
}

#[test]
fn what_makes_no_sense_is_said() {
    let strategy = |name| ("strategy", text(name));
    let table: [(&[(&str, TagValue)], &str); 18] = [
        (&[strategy("OnlineNorml")], "did you mean \"OnlineNormal\"?"),
        (&[strategy("Prophet")], "there are Default, SimpleThreshold"),
        (&[("strategy", number(1.0))], "must be in quotes"),
        (&[("maxRateIncrese", number(1.0)), strategy("AbsoluteChange")], "did you mean \"maxRateIncrease\"?"),
        (&[("order", number(1.0))], "the strategy Default has no tag order"),
        (&[strategy("AbsoluteChange")], "at least one of maxRateDecrease and maxRateIncrease"),
        (&[strategy("AbsoluteChange"), ("maxRateIncrease", text("much"))], "must be a number"),
        (&[strategy("AbsoluteChange"), ("maxRateIncrease", number(1.0)), ("order", number(0.5))], "a whole number"),
        (&[strategy("AbsoluteChange"), ("maxRateIncrease", number(1.0)), ("maxRateDecrease", number(2.0))], "must not be greater"),
        (&[strategy("RelativeRateOfChange"), ("maxRateIncrease", number(1.0)), ("order", number(0.0))], "order must be at least 1"),
        (&[strategy("SimpleThreshold")], "at least one of lowerBound and upperBound"),
        (&[strategy("SimpleThreshold"), ("lowerBound", number(2.0)), ("upperBound", number(1.0))], "must not be greater"),
        (&[strategy("OnlineNormal"), ("upperDeviationFactor", number(-1.0))], "must not be negative"),
        (&[strategy("OnlineNormal"), ("ignoreStartPercentage", number(1.5))], "from 0 to 1"),
        (&[strategy("BatchNormal"), ("includeInterval", text("yes"))], "\"true\" or \"false\""),
        (
            &[strategy("BatchNormal"), ("lowerDeviationFactor", text("none")), ("upperDeviationFactor", text("none"))],
            "at least one of lowerDeviationFactor",
        ),
        (&[strategy("HoltWinters"), ("period", number(1.0))], "at least 2"),
        (&[strategy("HoltWinters"), ("metricsInterval", text("Daily")), ("seasonality", text("Yearly"))], "a period is needed"),
    ];
    for (spelled, expected) in table {
        let error = Strategy::from_tags(&tags(spelled)).unwrap_err();
        assert!(error.contains(expected), "{spelled:?}: {error}");
    }
    let twice = Strategy::from_tags(&tags(&[("floor", number(1.0)), ("floor", number(1.0))])).unwrap_err();
    assert!(twice.contains("twice"), "{twice}");
}

#[test]
fn rules_are_read_with_their_strategies() {
    let parse = |rule: &str| crate::language::parse(&format!("Rules = [ {rule} ]"));
    let table = [
        (r#"DetectAnomalies "RowCount""#, "Default"),
        (r#"DetectAnomalies "RowCount" with period = 7"#, "Default"),
        (r#"DetectAnomalies "RowCount" with strategy = "RelativeRateOfChange" with maxRateIncrease = 1.5"#, "RelativeRateOfChange"),
        (
            r#"DetectAnomalies "Mean" "amount" with strategy = "AbsoluteChange" with maxRateDecrease = -2.5 with order = 2"#,
            "AbsoluteChange",
        ),
        (r#"DetectAnomalies "Mean" "amount" with strategy = "OnlineNormal" with lowerDeviationFactor = "none""#, "OnlineNormal"),
        (r#"DetectAnomalies "Completeness" "email" with strategy = "HoltWinters" with period = 12"#, "HoltWinters"),
    ];
    for (rule, name) in table {
        let ruleset = parse(rule).unwrap();
        let crate::language::ast::Node::Rule(read) = &ruleset.rules[0] else { panic!("{rule}") };
        assert_eq!(Strategy::from_tags(&read.tags).unwrap().name(), name, "{rule}");
    }
    let wrong = parse(r#"DetectAnomalies "RowCount" with strategy = "HoltWinter" with period = 7"#).unwrap_err();
    assert!(wrong[0].message.contains("did you mean \"HoltWinters\"?") && wrong[0].column > 20, "{wrong:?}");
}
