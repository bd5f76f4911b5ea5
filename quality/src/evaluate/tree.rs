//! Rules put together by `and` and `or`, with their parts in one list.

use polars::prelude::{DataType, Schema};

use super::predicate::is_nested;
use super::{Context, Fault, Plan, Scope, Want, past, rules};
use crate::data::Dataset;
use crate::language::ast::{Analyzer, Compare, Comparison, Condition, Label, Level, Node, Operator, Rule};
use crate::language::{RuleType, unquoted};
use crate::stats::{Measure, Statistic};

/// A part of a ruleset that is judged on its own.
pub(crate) struct Leaf {
    /// The rule; an analyzer is a rule without condition.
    pub(crate) rule: Rule,
    /// Whether it is an analyzer.
    pub(crate) analyzer: bool,
    /// What its history is kept under.
    pub(crate) history_name: String,
}

impl Leaf {
    fn of_rule(rule: &Rule) -> Leaf {
        Leaf { rule: rule.clone(), analyzer: false, history_name: history_name(rule) }
    }

    /// Of an analyzer.
    pub(crate) fn of_analyzer(analyzer: &Analyzer) -> Leaf {
        Leaf { analyzer: true, ..Leaf::of_rule(&bare(analyzer.kind, analyzer.parameters.clone())) }
    }

    /// Takes columns out of backticks, in which Glue wants those whose names have dots.
    pub(crate) fn unquote(&mut self, schema: &Schema) {
        let parameters = self.rule.parameters.iter_mut().map(|parameter| &mut parameter.value);
        for name in parameters.chain(self.rule.group_by.iter_mut().map(|column| &mut column.value)) {
            if let Some(plain) = unquoted(name).filter(|plain| schema.contains(plain) && !schema.contains(name)) {
                *name = plain.to_owned();
            }
        }
    }

    /// Its plan.
    pub(crate) fn plan(
        &self,
        index: usize,
        (whole, data): (&Dataset, &Dataset),
        context: &Context,
        primary: Option<&str>,
    ) -> Result<Plan, Fault> {
        self.plan_with(index, (whole, data), context, primary, Some(&self.history_name))
    }

    /// Its plan with the series of another name as its past: that of a group. Without one it is held against no past.
    pub(crate) fn plan_with(
        &self,
        index: usize,
        (whole, data): (&Dataset, &Dataset),
        context: &Context,
        primary: Option<&str>,
        past: Option<&str>,
    ) -> Result<Plan, Fault> {
        let scope = Scope { rule: &self.rule, analyzer: self.analyzer, index, data, whole, context, past, primary };
        scope.filter()?;
        for column in &self.rule.group_by {
            let dtype = super::scope::column_of(data.schema(), &column.value, "the dataset")?;
            if is_nested(dtype) || *dtype == DataType::Binary {
                return Err(Fault::error(format!("Column \"{}\" is of type {dtype}, whose values make no groups.", column.value)));
            }
        }
        let mut plan = rules::plan(&scope)?;
        if !self.rule.group_by.is_empty() && self.condition_looks_back() {
            // Each group has bounds of its own, which a test of rows does not know.
            plan.rows = None;
        }
        Ok(plan)
    }

    /// Whether its condition is worked out from what was earlier.
    pub(crate) fn condition_looks_back(&self) -> bool {
        past::condition_looks_back(&self.rule)
    }

    /// Whether anything of it is.
    pub(crate) fn looks_back(&self) -> bool {
        past::rule_looks_back(&self.rule)
    }

    /// How many rows its `where` leaves, if it has one.
    pub(crate) fn filter_rows(&self) -> Option<Want> {
        let filter = self.rule.filter.as_ref().map(|filter| filter.value.clone());
        filter.as_ref()?;
        Some(Want { source: None, statistic: Statistic { measure: Measure::Rows, filter, group_by: Vec::new() } })
    }
}

/// A rule without anything but its type and parameters.
pub(crate) fn bare(kind: RuleType, parameters: Vec<crate::language::ast::Parameter>) -> Rule {
    Rule {
        kind,
        parameters,
        condition: None,
        filter: None,
        group_by: Vec::new(),
        labels: Vec::new(),
        tags: Vec::new(),
        threshold: None,
        mostly: None,
        level: Level::Error,
        span: crate::language::ast::Span::default(),
    }
}

/// The rule whose statistic a `DetectAnomalies` watches; none if it names no type that has one.
pub(crate) fn watched(rule: &Rule) -> Option<Rule> {
    let kind = RuleType::find(&rule.parameters.first()?.value)?;
    if matches!(kind, RuleType::DetectAnomalies | RuleType::AllStatistics | RuleType::Distribution) {
        return None;
    }
    Some(Rule {
        filter: rule.filter.clone(),
        group_by: rule.group_by.clone(),
        ..bare(kind, rule.parameters.iter().skip(1).cloned().collect())
    })
}

/// What a rule's history is kept under: the rule without condition; if the condition tells which of several
/// statistics is meant, that too.
pub(crate) fn history_name(rule: &Rule) -> String {
    if rule.kind == RuleType::DetectAnomalies {
        return watched(rule).map_or_else(|| rule.statistic_name(), |watched| history_name(&watched));
    }
    let name = rule.statistic_name();
    let of_share = rule.threshold.is_some() || rule.mostly.is_some();
    if !matches!(rule.kind, RuleType::ColumnValues | RuleType::ColumnLength) {
        let measures_another = matches!(rule.kind, RuleType::IsPrimaryKey | RuleType::Outliers);
        return if of_share && measures_another { format!("{name} compliance") } else { name };
    }
    match &rule.condition {
        _ if of_share => format!("{name} compliance"),
        Some(Condition::Number(Comparison::Compare { operator: Compare::Less | Compare::LessOrEqual, .. })) => format!("{name} maximum"),
        None
        | Some(Condition::Number(Comparison::Compare { operator: Compare::Greater | Compare::GreaterOrEqual | Compare::Equal, .. })) => {
            name
        }
        Some(Condition::Number(Comparison::Between { negated: false, .. })) => name,
        Some(_) => format!("{name} compliance"),
    }
}

/// A rule as operators over leaves, by their places in the list.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Tree {
    /// One.
    Leaf(usize),
    /// All hold.
    All(Vec<Tree>),
    /// One holds.
    Any(Vec<Tree>),
}

impl Tree {
    /// The tree of a node, whose leaves are added to the list.
    pub(crate) fn plant(node: &Node, leaves: &mut Vec<Leaf>) -> Tree {
        match node {
            Node::Rule(rule) => {
                leaves.push(Leaf::of_rule(rule));
                Tree::Leaf(leaves.len() - 1)
            }
            Node::Composite(composite) => {
                let parts = composite.parts.iter().map(|part| Tree::plant(part, leaves)).collect();
                match composite.operator {
                    Operator::And => Tree::All(parts),
                    Operator::Or => Tree::Any(parts),
                }
            }
        }
    }

    /// Visits its leaves.
    pub(crate) fn each(&self, visit: &mut dyn FnMut(usize)) {
        match self {
            Tree::Leaf(leaf) => visit(*leaf),
            Tree::All(parts) | Tree::Any(parts) => parts.iter().for_each(|part| part.each(visit)),
        }
    }

    /// Whether something is true of all leaves.
    pub(crate) fn all(&self, test: &dyn Fn(usize) -> bool) -> bool {
        match self {
            Tree::Leaf(leaf) => test(*leaf),
            Tree::All(parts) | Tree::Any(parts) => parts.iter().all(|part| part.all(test)),
        }
    }

    /// Whether it holds, if something is known of each leaf.
    pub(crate) fn holds(&self, leaf: &dyn Fn(usize) -> bool) -> bool {
        match self {
            Tree::Leaf(at) => leaf(*at),
            Tree::All(parts) => parts.iter().all(|part| part.holds(leaf)),
            Tree::Any(parts) => parts.iter().any(|part| part.holds(leaf)),
        }
    }
}

/// A rule's own labels.
pub(crate) fn labels(node: &Node) -> &[Label] {
    match node {
        Node::Rule(rule) => &rule.labels,
        Node::Composite(composite) => &composite.labels,
    }
}
