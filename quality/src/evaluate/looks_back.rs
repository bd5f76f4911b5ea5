//! What rules ask of the past, read from the rules alone: for whoever sends them earlier values.

use std::collections::BTreeMap;

use super::{rules::anomalies::POINTS, tree::history_name};
use crate::language::{
    RuleType, Ruleset,
    ast::{Comparison, Condition, Node, Number, Rule},
    eval::NoHistory,
};

/// The statistics whose earlier values a ruleset asks for, by the names that [`super::History`] knows them by,
/// and how many values of each, from 1. Nothing else is asked of a history when the ruleset is evaluated.
pub fn looks_back(ruleset: &Ruleset) -> BTreeMap<String, usize> {
    let mut asked = BTreeMap::new();
    ruleset.rules.iter().for_each(|node| of_node(node, &mut asked));
    asked
}

fn of_node(node: &Node, asked: &mut BTreeMap<String, usize>) {
    match node {
        Node::Composite(composite) => composite.parts.iter().for_each(|part| of_node(part, asked)),
        Node::Rule(rule) => {
            let most = of_rule(rule);
            if most > 0 {
                let known = asked.entry(history_name(rule)).or_default();
                *known = most.max(*known);
            }
        }
    }
}

fn of_rule(rule: &Rule) -> usize {
    let anomalies = if rule.kind == RuleType::DetectAnomalies { POINTS } else { 0 };
    let condition = match &rule.condition {
        Some(Condition::Number(numbers)) => Some(numbers),
        _ => None,
    };
    let compared = condition.into_iter().chain(&rule.threshold).chain(&rule.mostly);
    compared.flat_map(Comparison::operands).map(of_number).fold(anomalies, usize::max)
}

fn of_number(number: &Number) -> usize {
    match number {
        Number::Literal(..) | Number::Null => 0,
        Number::Bracketed(inner) => of_number(inner),
        Number::Arithmetic(left, _, right) => of_number(left).max(of_number(right)),
        Number::Call(name, arguments) => {
            let within = arguments.iter().map(of_number).fold(0, usize::max);
            if name == "last" { within.max(count(arguments, within > 0)) } else { within }
        }
    }
}

/// How many values a `last` asks for; as many as anybody gets if only the past tells.
fn count(arguments: &[Number], of_past: bool) -> usize {
    match arguments {
        [] => 1,
        [count] if !of_past => match count.value(&NoHistory) {
            Ok(Some(count)) if count >= 1.0 => (count as usize).min(POINTS),
            // It is wrong, and says so when it is evaluated.
            _ => 0,
        },
        _ => POINTS,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use jiff::Timestamp;
    use polars::prelude::*;

    use super::*;
    use crate::{
        data::Dataset,
        evaluate::{Context, History, Point, evaluate},
        language::parse,
    };

    fn asked(rules: &str) -> Vec<(String, usize)> {
        looks_back(&parse(&format!("Rules = [ {rules} ]")).unwrap()).into_iter().collect()
    }

    #[test]
    fn only_what_rules_compare_with_is_asked_for_and_no_more_of_it() {
        for (rules, expected) in [
            ("RowCount > 0, IsComplete \"last\"", vec![]),
            ("RowCount > avg(last(3)) # max(last(99))\n", vec![("RowCount", 3)]),
            ("RowCount = last(), Mean \"a\" > max(last(12))", vec![("Mean \"a\"", 12), ("RowCount", 1)]),
            ("RowCount > avg(last(2 * 4)), RowCount < index(last((5)), 2)", vec![("RowCount", 8)]),
            ("RowCount > avg(last(1000000))", vec![("RowCount", POINTS)]),
            ("RowCount > avg(last(last()))", vec![("RowCount", POINTS)]),
            ("(RowCount > last()) or ((Mean \"a\" > 1) and (Sum \"a\" > 2 + min(last(4))))", vec![("RowCount", 1), ("Sum \"a\"", 4)]),
            ("ColumnValues \"a\" > 1 with threshold > avg(last(6))", vec![("ColumnValues \"a\" compliance", 6)]),
            ("ColumnValues \"a\" < max(last(2))", vec![("ColumnValues \"a\" maximum", 2)]),
            ("IsPrimaryKey \"a\" with mostly >= min(last(2))", vec![("IsPrimaryKey \"a\" compliance", 2)]),
            ("DetectAnomalies \"Completeness\" \"a\"", vec![("Completeness \"a\"", POINTS)]),
        ] {
            let expected: Vec<(String, usize)> = expected.into_iter().map(|(name, most): (&str, _)| (name.to_owned(), most)).collect();
            assert_eq!(asked(rules), expected, "{rules}");
        }
    }

    /// A history that notes what it is asked for.
    #[derive(Default)]
    struct Noting(Mutex<BTreeMap<String, usize>>);

    impl History for Noting {
        fn last(&self, statistic: &str, count: usize) -> Vec<Point> {
            let mut asked = self.0.lock().unwrap();
            let known = asked.entry(statistic.to_owned()).or_default();
            *known = count.max(*known);
            let point = |at| Point { at: Timestamp::from_second(at).unwrap(), value: 1.0 };
            (0..i64::try_from(count.min(20)).unwrap()).map(point).collect()
        }
    }

    #[test]
    fn what_is_read_from_rules_is_what_they_ask_for_when_they_are_evaluated() {
        let text = "Rules = [ RowCount > avg(last(3)), (Mean \"a\" > last()) and (Sum \"a\" < 9 * max(last(5))), ColumnValues \"a\" < max(last(7)), \
                    ColumnValues \"a\" > 0 with threshold >= min(last(2)), IsComplete \"a\" with mostly >= min(last(4)), RowCount > 0, \
                    Completeness \"a\" >= last() where \"a > 1\", Mean \"a\" > min(last(6)) group by \"b\", DetectAnomalies \"Entropy\" \"a\" ]";
        let rules = parse(text).unwrap();
        let data = Dataset::of_frame(df!("a" => [1, 2, 3], "b" => ["x", "y", "y"]).unwrap());
        let noting = std::sync::Arc::new(Noting::default());
        let context = Context::new(Timestamp::from_second(1_000).unwrap()).with_history(noting.clone());
        evaluate(&rules, &data, &context);
        let mut evaluated = BTreeMap::new();
        for (name, most) in noting.0.lock().unwrap().clone() {
            // Each group of a rule has a series of its own, which begins with the rule's name.
            let known = evaluated.entry(name.split(" [").next().unwrap().to_owned()).or_default();
            *known = most.max(*known);
        }
        assert_eq!(looks_back(&rules), evaluated);
        assert_eq!(evaluated.len(), 9, "{evaluated:?}");
    }
}
