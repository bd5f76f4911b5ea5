//! Rules against what DuckDB finds.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::{
    command::{Evaluation, run, run_with_rows},
    oracle::{self, number},
    tables::Table,
};

/// A statistic and the query for its value.
pub(crate) struct Statistic {
    /// The rule before its condition: `Mean "num"`.
    pub(crate) head: String,
    /// The rule after its condition: ` where "id > 5"`.
    pub(crate) tail: String,
    /// A query of one number from `t`.
    pub(crate) query: String,
}

impl Statistic {
    pub(crate) fn of(head: impl Into<String>, query: impl Into<String>) -> Statistic {
        Statistic { head: head.into(), tail: String::new(), query: query.into() }
    }
}

/// Each statistic is what DuckDB says it is: the metric is that number, a rule that asks for more
/// fails, one that asks for less passes. A statistic that is null or not a number never passes.
#[track_caller]
pub(crate) fn assert_statistics(table: &Table, statistics: &[Statistic], references: &[(&str, &Table)]) {
    let mut statements = vec![table.made.clone()];
    statements.extend(references.iter().map(|(alias, reference)| reference.made.replacen("TABLE t", &format!("TABLE {alias}"), 1)));
    let queries: Vec<String> = statistics.iter().map(|statistic| statistic.query.clone()).collect();
    let expected: Vec<Option<f64>> = oracle::values(&statements, &queries).iter().map(number).collect();

    let mut rules = Vec::new();
    let mut outcomes = Vec::new();
    for (statistic, value) in statistics.iter().zip(&expected) {
        let mut add = |condition: String, outcome: &'static str| {
            rules.push(format!("{} {condition}{}", statistic.head, statistic.tail));
            outcomes.push((outcome, *value));
        };
        match value.filter(|value| value.is_finite()) {
            Some(value) => {
                let little = (value.abs() * 1e-7).max(1e-9);
                add(format!("between {} and {}", value - little, value + little), "Passed");
                add(format!("> {}", value + little), "Failed");
                add(format!("not between {} and {}", value - little, value + little), "Failed");
            }
            None => {
                add(">= 0".to_owned(), "not passed");
                add("< 0".to_owned(), "not passed");
            }
        }
    }
    let evaluation = run(table, &rules, references);
    let mut wrong = Vec::new();
    for (place, (outcome, value)) in outcomes.iter().enumerate() {
        let found = evaluation.rule(place);
        let fits = if *outcome == "not passed" { found.outcome() != "Passed" } else { found.outcome() == *outcome };
        let measured = value.is_none_or(|value| !value.is_finite() || found.has_metric(value));
        if !(fits && measured) {
            wrong.push(format!("{outcome} {value:?} expected: {}", found.told()));
        }
    }
    assert!(wrong.is_empty(), "{} of {} are not as DuckDB says:\n{}", wrong.len(), rules.len(), wrong.join("\n"));
}

/// A rule on each row, and the predicate of the rows that pass; null is no pass.
pub(crate) struct RowRule {
    /// The rule, up to its tags.
    pub(crate) rule: String,
    /// Tags that come before `with mostly`.
    pub(crate) tags: String,
    /// The rows that are asked: SQL over the columns of `t`. All others pass.
    pub(crate) chosen: String,
    /// SQL over the columns of `t`.
    pub(crate) passes: String,
}

impl RowRule {
    pub(crate) fn of(rule: impl Into<String>, passes: impl Into<String>) -> RowRule {
        RowRule { rule: rule.into(), tags: String::new(), chosen: "true".to_owned(), passes: passes.into() }
    }

    /// A rule with a `where`.
    pub(crate) fn filtered(rule: &str, chosen: &str, passes: impl Into<String>) -> RowRule {
        RowRule { chosen: format!("coalesce({chosen}, false)"), ..RowRule::of(format!("{rule} where \"{chosen}\""), passes) }
    }

    pub(crate) fn tagged(rule: impl Into<String>, tags: &str, passes: impl Into<String>) -> RowRule {
        RowRule { tags: tags.to_owned(), ..RowRule::of(rule, passes) }
    }
}

/// Each rule holds for exactly the rows that DuckDB says: the rule fails if there are others, rows
/// that fail name it and no others do, and `mostly` tells the share. Rows are known by `key`.
#[track_caller]
pub(crate) fn assert_rows(table: &Table, key: &str, row_rules: &[RowRule], references: &[(&str, &Table)]) {
    let mut statements = vec![table.made.clone()];
    statements.extend(references.iter().map(|(alias, reference)| reference.made.replacen("TABLE t", &format!("TABLE {alias}"), 1)));
    let failing = |rule: &RowRule| format!("SELECT {key} FROM t WHERE {} AND NOT coalesce({}, false)", rule.chosen, rule.passes);
    let asked = |rule: &RowRule| format!("SELECT count(*) FROM t WHERE {}", rule.chosen);
    let expected: Vec<BTreeSet<String>> =
        oracle::ask(&statements, &row_rules.iter().map(failing).collect::<Vec<_>>()).into_iter().map(keys).collect();
    let asked: Vec<Option<f64>> =
        oracle::values(&statements, &row_rules.iter().map(asked).collect::<Vec<_>>()).iter().map(number).collect();

    let rules: Vec<String> = row_rules.iter().map(|rule| format!("{}{}", rule.rule, rule.tags)).collect();
    let mut shares = Vec::new();
    for ((rule, failing), asked) in row_rules.iter().zip(&expected).zip(asked) {
        let rows = asked.filter(|asked| *asked > 0.0).expect("rows are asked");
        let share = (rows - failing.len() as f64) / rows;
        shares.push(format!("{}{} with mostly >= {}", rule.rule, rule.tags, (share - 1e-9).max(0.0)));
        shares.push(format!("{}{} with mostly > {}", rule.rule, rule.tags, share + 1e-9));
    }
    // Nobody asks which rows fail the rules with a share: without them the lists are a third as long.
    let (evaluation, of_shares) = (run_with_rows(table, &rules, references), run(table, &shares, references));
    let found = failing_rows(&evaluation, key);
    let found: Vec<BTreeSet<String>> =
        (0..row_rules.len()).map(|place| found.get(evaluation.rule(place).text()).cloned().unwrap_or_default()).collect();

    let mut wrong = Vec::new();
    for (place, rule) in row_rules.iter().enumerate() {
        let outcomes = [evaluation.rule(place), of_shares.rule(2 * place), of_shares.rule(2 * place + 1)];
        let fails = !expected[place].is_empty();
        let wanted = [if fails { "Failed" } else { "Passed" }, "Passed", "Failed"];
        if outcomes.each_ref().map(|outcome| outcome.outcome()) != wanted {
            let told: Vec<String> = outcomes.iter().map(super::command::RuleResult::told).collect();
            wrong.push(format!(
                "{}{}: {wanted:?} for {} rows that fail:\n{}",
                rule.rule,
                rule.tags,
                expected[place].len(),
                told.join("\n")
            ));
        }
        if found[place] != expected[place] {
            let only = |one: &BTreeSet<String>, other: &BTreeSet<String>| one.difference(other).take(5).cloned().collect::<Vec<_>>();
            wrong.push(format!(
                "{}{}: {} rows fail and not {}; only found {:?}, only expected {:?}",
                rule.rule,
                rule.tags,
                found[place].len(),
                expected[place].len(),
                only(&found[place], &expected[place]),
                only(&expected[place], &found[place])
            ));
        }
    }
    assert!(wrong.is_empty(), "{} are not as DuckDB says:\n{}", wrong.len(), wrong.join("\n"));
}

/// The keys of the rows that fail each rule, by its text, in one query: the lists are long.
fn failing_rows(evaluation: &Evaluation, key: &str) -> BTreeMap<String, BTreeSet<String>> {
    let query = format!(
        "SELECT rule, list(row({key})) FROM (SELECT unnest(DataQualityRulesFail) AS rule, {key} FROM read_parquet('{}')) GROUP BY rule",
        evaluation.rows().display()
    );
    let of_rule = |row: Vec<Value>| match row.as_slice() {
        [Value::String(rule), Value::Array(rows)] => {
            let rows = rows.iter().map(|row| row.as_array().expect("a row").clone()).collect();
            (rule.clone(), keys(rows))
        }
        other => panic!("{other:?} is no rule with rows"),
    };
    oracle::ask(&[], &[query]).remove(0).into_iter().map(of_rule).collect()
}

fn keys(rows: Vec<Vec<Value>>) -> BTreeSet<String> {
    rows.into_iter().map(|row| row.iter().map(ToString::to_string).collect::<Vec<_>>().join("|")).collect()
}

/// Rules with the outcome each has to have.
#[track_caller]
pub(crate) fn assert_outcomes(table: &Table, expected: &[(String, &str)], references: &[(&str, &Table)]) {
    let rules: Vec<String> = expected.iter().map(|(rule, _)| rule.clone()).collect();
    let evaluation = run(table, &rules, references);
    let wrong: Vec<String> = (0..expected.len())
        .filter(|place| evaluation.rule(*place).outcome() != expected[*place].1)
        .map(|place| format!("{} expected: {}", expected[place].1, evaluation.rule(place).told()))
        .collect();
    assert!(wrong.is_empty(), "{} of {} are wrong:\n{}", wrong.len(), expected.len(), wrong.join("\n"));
}
