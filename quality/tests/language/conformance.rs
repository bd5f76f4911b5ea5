//! The reference parser's cases, and more of our own after the documentation: what is to be read is read and printed
//! alike, what is to be refused is refused.

use jiff::Timestamp;
use lakegate_quality::language::ast::{Condition, Node, Rule, Ruleset};
use lakegate_quality::language::eval::{Clock, NoHistory};
use lakegate_quality::language::{check_rules, parse};
use serde::Deserialize;

#[derive(Deserialize)]
struct Case {
    provider: String,
    text: String,
    rest: Vec<String>,
}

/// Cases in which Lakegate means to differ, and why.
const DIFFERENCES: &[(&str, &str)] = &[(
    "Rules = [ ColumnNamesMatchPattern \"aws_*\" where \"aws_id > 100\"]",
    "AWS documents `where` on every rule of this kind, and documentation wins over the reference parser",
)];

fn cases(provider: &str) -> Vec<Case> {
    let read = |lines: &str| lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect::<Vec<Case>>();
    let mut cases = read(include_str!("../data/dqdl_parser.jsonl"));
    assert_eq!(cases.len(), 242);
    cases.extend(read(include_str!("../data/more_parser.jsonl")));
    let cases: Vec<Case> = cases.into_iter().filter(|case| case.provider.starts_with(provider)).collect();
    assert!(!cases.is_empty(), "{provider}");
    cases
}

fn read(source: &str) -> Ruleset {
    let ruleset = parse(source).unwrap_or_else(|diagnostics| panic!("{source}: {diagnostics:?}"));
    // What is printed reads as the same, and is printed the same.
    let printed = ruleset.to_string();
    assert_eq!(parse(&printed).unwrap_or_else(|diagnostics| panic!("{printed}: {diagnostics:?}")).to_string(), printed);
    ruleset
}

fn rule(text: &str) -> Rule {
    let mut ruleset = read(&format!("Rules = [ {text} ]"));
    assert_eq!(ruleset.rules.len(), 1, "{text}");
    match ruleset.rules.remove(0) {
        Node::Rule(rule) => *rule,
        Node::Composite(_) => panic!("{text} is a composite"),
    }
}

#[test]
fn every_provider_is_run() {
    const RUN: &[&str] = &[
        "provideRawRules",
        "provideRawAnalyzers",
        "provideInvalidRulesets",
        "provideRulesWithNumberBased",
        "provideRulesWithDateBased",
        "provideRulesWithDurationBased",
        "provideDateBasedConditions",
        "provideDurationConditions",
        "provideDurationsWith",
        "provideNumberConditions",
    ];
    let run: usize = RUN.iter().map(|provider| cases(provider).len()).sum();
    assert_eq!(run, cases("").len());
}

#[test]
fn rules_are_read_and_print_as_themselves() {
    let mut wrong = Vec::new();
    for case in cases("provideRawRules") {
        match parse(&format!("Rules = [ {} ]", case.text)) {
            Err(diagnostics) => wrong.push(format!("{}: {diagnostics:?}", case.text)),
            Ok(ruleset) if ruleset.rules.len() == 1 && ruleset.rules[0].to_string() == case.text => {}
            Ok(ruleset) => wrong.push(format!("{} prints {}", case.text, ruleset.to_string().replace('\n', " "))),
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn analyzers_are_read_and_print_as_themselves() {
    for case in cases("provideRawAnalyzers") {
        let ruleset = read(&format!("Analyzers = [ {} ]", case.text));
        assert_eq!(ruleset.analyzers.len(), 1, "{}", case.text);
        assert_eq!(ruleset.analyzers[0].to_string(), case.text);
    }
}

#[test]
fn what_is_invalid_is_refused() {
    let mut differences = 0;
    let mut wrong = Vec::new();
    for case in cases("provideInvalidRulesets") {
        if DIFFERENCES.iter().any(|(text, _)| *text == case.text) {
            read(&case.text);
            differences += 1;
            continue;
        }
        let Err(diagnostics) = parse(&case.text) else {
            wrong.push(case.text);
            continue;
        };
        assert!(!diagnostics.is_empty());
        for diagnostic in diagnostics {
            let line = case.text.lines().nth(diagnostic.line - 1).unwrap_or("");
            assert_eq!(diagnostic.source, line);
            assert!((1..=line.chars().count() + 1).contains(&diagnostic.column), "{}: {diagnostic:?}", case.text);
        }
    }
    assert!(wrong.is_empty(), "read: {}", wrong.join("\n"));
    assert_eq!(differences, DIFFERENCES.len(), "each difference is a case, and no case is one without being listed");
}

#[test]
fn conditions_and_thresholds_hold_as_said() {
    for case in cases("provideRulesWithNumberBased") {
        let rule = rule(&case.text);
        let comparison = match (&rule.threshold, &rule.condition) {
            (Some(threshold), _) => threshold,
            (None, Some(Condition::Number(comparison))) => comparison,
            (None, other) => panic!("{}: {other:?}", case.text),
        };
        let (metric, holds): (f64, bool) = (case.rest[0].parse().unwrap(), case.rest[1].parse().unwrap());
        assert_eq!(comparison.holds(metric, &NoHistory), Ok(holds), "{} of {metric}", case.text);
    }
}

/// These texts end with a bracket that is the list's own in the reference's tests.
#[test]
fn dates_and_durations_are_read() {
    let clock = Clock::utc(Timestamp::UNIX_EPOCH);
    for case in cases("provideRulesWithDateBased") {
        let text = case.text.strip_suffix(" ]").filter(|text| !text.contains('[')).unwrap_or(&case.text);
        let Some(Condition::Date(comparison)) = rule(text).condition else { panic!("{text}") };
        assert!(comparison.resolve(&clock).operands().iter().all(|moment| moment.is_some()));
        if text != case.text {
            assert!(parse(&format!("Rules = [ {} ]", case.text)).is_err(), "a bracket too many is refused");
        }
    }
    for case in cases("provideRulesWithDurationBased") {
        assert!(matches!(rule(&case.text).condition, Some(Condition::Duration(_))), "{}", case.text);
    }
}

/// The texts of these are Java; what they print is what is read here.
#[test]
fn conditions_print_canonically() {
    let providers = [
        ("provideDateBasedConditions", "ColumnValues \"a\""),
        ("provideDurationConditions", "DataFreshness \"a\""),
        ("provideNumberConditions", "RowCount"),
        ("provideDurationsWith", "DataFreshness \"a\" <"),
    ];
    for (provider, before) in providers {
        for case in cases(provider) {
            for expected in &case.rest {
                let expected: String = serde_json::from_str(expected).unwrap();
                let text = format!("{before} {expected}");
                assert_eq!(rule(&text).to_string(), text);
            }
        }
    }
}

/// The rulesets of the engine's cases are read too, with nothing to say about them.
#[test]
fn rulesets_of_the_engine_are_read() {
    for text in [
        "Rules=[ColumnCount = 3, RowCount = 2, IsComplete \"id\"]",
        "Rules=[ColumnLength \"item\" between 1 and 4 where \"val1 > 1 and val1 < 4\"]",
        "Rules=[ReferentialIntegrity \"city,state\" \"ref.{ref_city,ref_state}\" = 1.0]",
        "Rules=[DatasetMatch \"ref\" \"ID_1->ID_ref1,ID_2->ID_ref2\" >= 0.9]",
        "Rules=[((IsComplete \"id\") or (IsComplete \"name\")) and ((IsComplete \"code\") or (IsComplete \"flag\"))]",
        "Rules = [ColumnDataType \"date_col\" = \"DATE\" with format = \"MM/yyyy\"]",
        "Rules = [ColumnDataType \"num_col\" = \"DOUBLE\" with threshold >= 0.7]",
    ] {
        let ruleset = read(text);
        assert_eq!(check_rules(&ruleset, text), []);
    }
}
