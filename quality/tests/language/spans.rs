//! Rulesets without their places in a text, which differ between a text and what is printed of it.

use lakegate_quality::language::ast::{Composite, Condition, Node, Parameter, Rule, Ruleset, Span, TextCondition};

/// The same ruleset, with all places 0.
pub(crate) fn without_spans(mut ruleset: Ruleset) -> Ruleset {
    ruleset.rules.iter_mut().for_each(node);
    for analyzer in &mut ruleset.analyzers {
        analyzer.span = Span::default();
        parameters(&mut analyzer.parameters);
    }
    for variable in &mut ruleset.variables {
        variable.span = Span::default();
    }
    ruleset
}

fn node(of: &mut Node) {
    match of {
        Node::Rule(rule) => strip(rule),
        Node::Composite(Composite { parts, span, .. }) => {
            *span = Span::default();
            parts.iter_mut().for_each(node);
        }
    }
}

fn strip(rule: &mut Rule) {
    rule.span = Span::default();
    parameters(&mut rule.parameters);
    for text in rule.filter.iter_mut().chain(&mut rule.group_by) {
        text.span = Span::default();
    }
    for tag in &mut rule.tags {
        tag.span = Span::default();
    }
    if let Some(Condition::Text(TextCondition::Matches { pattern, .. })) = &mut rule.condition {
        pattern.span = Span::default();
    }
}

fn parameters(parameters: &mut [Parameter]) {
    for parameter in parameters {
        parameter.span = Span::default();
    }
}
