//! A rule against what its type takes.

use super::ast::{Analyzer, Condition, Parameter, ParameterForm, Rule, Span, Tag, TagValue, TextCondition};
use super::registry::{Meaning, Need, Spec, TAGS};
use super::{RuleType, lexer, nearest};
use crate::anomalies::Strategy;

/// Where, what, and what to do about it.
type Problem = (Span, String, String);

/// What is wrong with a rule, given where its name and its condition are.
pub(super) fn rule(rule: &Rule, name: Span, condition: Span) -> Vec<Problem> {
    let spec = rule.kind.spec();
    let mut problems = Vec::new();
    if !spec.rule {
        problems.push((name, format!("`{}` only measures", rule.kind.name()), "it belongs between the brackets of `Analyzers`".to_owned()));
        return problems;
    }
    parameters(rule.kind, &rule.parameters, name, &mut problems);
    need(rule, &spec, name, condition, &mut problems);
    clauses(rule, &spec, name, condition, &mut problems);
    if rule.kind == RuleType::DetectAnomalies {
        problems.extend(strategy_problem(&rule.tags));
        return problems;
    }
    for tag in &rule.tags {
        problems.extend(tag_problem(rule.kind, &spec, tag));
    }
    problems
}

/// What is wrong with an analyzer.
pub(super) fn analyzer(analyzer: &Analyzer, name: Span) -> Vec<Problem> {
    let mut problems = Vec::new();
    if !analyzer.kind.spec().analyzer {
        let message = format!("`{}` is not measured, it holds or not", analyzer.kind.name());
        problems.push((name, message, "it belongs between the brackets of `Rules`".to_owned()));
        return problems;
    }
    parameters(analyzer.kind, &analyzer.parameters, name, &mut problems);
    problems
}

fn parameters(kind: RuleType, parameters: &[Parameter], name: Span, problems: &mut Vec<Problem>) {
    let spec = kind.spec();
    if !spec.takes(parameters.len()) {
        problems.push((name, arity(kind, &spec, parameters.len()), arity_hint(kind, &spec, parameters)));
        return;
    }
    if kind == RuleType::DetectAnomalies {
        return watched(parameters, problems);
    }
    problems.extend(kind.meanings(parameters).into_iter().filter_map(|(meaning, parameter)| value(kind, meaning, parameter)));
}

fn arity(kind: RuleType, spec: &Spec, found: usize) -> String {
    let (least, most) = (spec.fixed.len(), spec.fixed.len() + spec.optional.len());
    let takes = match (least, most) {
        _ if spec.rest.is_some() => format!("at least {least}"),
        (0, 0) => "no".to_owned(),
        _ if least == most => least.to_string(),
        _ => format!("{least} to {most}"),
    };
    let plural = if takes == "1" || takes == "at least 1" { "" } else { "s" };
    format!("`{}` takes {takes} parameter{plural}, and here are {found}", kind.name())
}

fn arity_hint(kind: RuleType, spec: &Spec, parameters: &[Parameter]) -> String {
    if parameters.iter().any(|parameter| parameter.form == ParameterForm::Quoted && lexer::swallows(&parameter.value)) {
        return "a double quote may be missing: there are rules in a string".to_owned();
    }
    if parameters.iter().any(|parameter| parameter.form == ParameterForm::Bare && parameter.value.parse::<f64>().is_ok()) {
        return format!("is an operator missing? A condition is written `{} > {}`", kind.name(), 1);
    }
    let usage = spec.fixed.iter().chain(spec.rest.is_none().then_some(spec.optional).into_iter().flatten());
    let usage = usage.fold(kind.name().to_owned(), |usage, meaning| format!("{usage} \"{}\"", meaning.placeholder()));
    format!("write `{usage}`")
}

/// The type that `DetectAnomalies` names, and the parameters of it.
fn watched(all: &[Parameter], problems: &mut Vec<Problem>) {
    let Some(first) = all.first() else { return };
    let can = || RuleType::ALL.iter().filter(|kind| kind.has_history()).map(|kind| kind.name());
    match RuleType::watched(all) {
        Some((kind, rest)) if kind.has_history() => parameters(kind, rest, first.span, problems),
        Some((kind, _)) => {
            let message = format!("`{}` has no history in which anomalies could be found", kind.name());
            problems.push((first.span, message, "name a statistic that is one number".to_owned()));
        }
        None => {
            let hint = match nearest(&first.value, can()) {
                Some(near) => format!("did you mean `{near}`?"),
                None => "name the statistic first: `DetectAnomalies \"Completeness\" \"column\"`".to_owned(),
            };
            problems.push((first.span, format!("there is no statistic {:?}", first.value), hint));
        }
    }
}

/// Parameters of which it can be said without data whether they mean something.
fn value(kind: RuleType, meaning: Meaning, parameter: &Parameter) -> Option<Problem> {
    let number = || parameter.value.parse::<f64>().ok().filter(|number| number.is_finite() && *number >= 0.0);
    let wanted = match meaning {
        Meaning::OneOf(words) if !words.contains(&parameter.value.as_str()) => {
            words.iter().map(|word| format!("\"{word}\"")).collect::<Vec<_>>().join(", ")
        }
        Meaning::Quantile if !number().is_some_and(|number| number <= 1.0) => "a number from 0 to 1".to_owned(),
        Meaning::Limit if number().is_none() => "a number that is not negative".to_owned(),
        _ => return None,
    };
    Some((parameter.span, format!("`{}` does not know {:?} here", kind.name(), parameter.value), format!("it takes {wanted}")))
}

fn need(rule: &Rule, spec: &Spec, name: Span, condition: Span, problems: &mut Vec<Problem>) {
    let kind = rule.kind.name();
    match (spec.need(rule.parameters.len()), &rule.condition) {
        (Need::Required, None) => {
            let example = spec.conditions.first().map_or("", |kind| kind.example());
            let hint = format!("write `{kind}{} {example}`", if rule.parameters.is_empty() { "" } else { " …" });
            problems.push((name, format!("`{kind}` has no condition to hold against"), hint));
        }
        (Need::Never, Some(_)) => {
            let hint = if spec.conditions.is_empty() { "" } else { "two files are compared with each other only" };
            problems.push((condition, format!("`{kind}` holds or not, it has no condition"), hint.to_owned()));
        }
        _ => {}
    }
    if rule.kind == RuleType::ColumnDataType
        && matches!(rule.condition, Some(Condition::Text(TextCondition::In { .. } | TextCondition::Matches { .. })))
    {
        problems.push((condition, format!("`{kind}` is compared with one type"), "write `= \"DATE\"` or `!= \"DATE\"`".to_owned()));
    }
}

fn clauses(rule: &Rule, spec: &Spec, name: Span, condition: Span, problems: &mut Vec<Problem>) {
    let kind = rule.kind.name();
    if let Some(filter) = rule.filter.as_ref().filter(|_| !spec.filter) {
        problems.push((filter.span, format!("`{kind}` has no `where`"), String::new()));
    }
    if let Some(column) = rule.group_by.first().filter(|_| !spec.group_by) {
        problems.push((column.span, format!("`{kind}` is not measured by group"), String::new()));
    }
    let mut groups = std::collections::HashSet::new();
    if let Some(twice) = rule.group_by.iter().find(|column| !groups.insert(column.value.as_str())) {
        problems.push((twice.span, format!("{:?} is grouped by already", twice.value), String::new()));
    }
    let row_form = rule.kind != RuleType::CustomSql || rule.condition.is_none();
    let shares = [("threshold", &rule.threshold, spec.threshold), ("mostly", &rule.mostly, spec.row_level)];
    for (tag, _, allowed) in shares.iter().filter(|(_, share, _)| share.is_some()) {
        if !allowed {
            problems.push((name, format!("`{kind}` has no `with {tag}`"), share_hint(spec)));
        } else if !row_form {
            problems.push((
                condition,
                format!("`with {tag}` is of rows, and this query is compared as a whole"),
                "leave one out".to_owned(),
            ));
        }
    }
    if rule.threshold.is_some() && rule.mostly.is_some() {
        problems.push((name, "`threshold` and `mostly` say the same".to_owned(), "leave one out".to_owned()));
    }
}

fn share_hint(spec: &Spec) -> String {
    match (spec.threshold, spec.row_level) {
        (true, _) => "`with threshold` is the share of rows that pass".to_owned(),
        (_, true) => "`with mostly` is the share of rows that pass".to_owned(),
        _ => "it has no outcome for each row".to_owned(),
    }
}

/// Tags that don't make a strategy of anomaly detection.
fn strategy_problem(tags: &[Tag]) -> Option<Problem> {
    let (first, last) = (tags.first()?, tags.last()?);
    let reason = Strategy::from_tags(tags).err()?;
    Some((Span { start: first.span.start, end: last.span.end }, reason, String::new()))
}

fn tag_problem(kind: RuleType, spec: &Spec, tag: &Tag) -> Option<Problem> {
    if !TAGS.contains(&tag.key.as_str()) {
        return None;
    }
    if !spec.tags.contains(&tag.key.as_str()) {
        let hint = if spec.tags.is_empty() { String::new() } else { format!("it has {}", spec.tags.join(", ")) };
        return Some((tag.span, format!("`{}` has no tag `{}`", kind.name(), tag.key), hint));
    }
    let one_of = |words: &[&str], value: &str| words.iter().any(|word| word.eq_ignore_ascii_case(value));
    let wanted = match (tag.key.as_str(), &tag.value) {
        ("ignoreCase" | "matchFileName" | "failFast", TagValue::Text(value)) if one_of(&["true", "false"], value) => return None,
        ("ignoreCase" | "matchFileName" | "failFast", _) => "\"true\" or \"false\"",
        ("hashAlgorithm", TagValue::Text(value)) if one_of(&["MD5", "SHA-1", "SHA-256"], value) => return None,
        ("hashAlgorithm", _) => "\"MD5\", \"SHA-1\" or \"SHA-256\"",
        ("timeZone", TagValue::Text(value)) if jiff::tz::TimeZone::get(value).is_ok() => return None,
        ("timeZone", _) => "the name of a time zone, as \"Europe/Rome\"",
        ("recentFiles", TagValue::Number(spelled, _)) if spelled.parse::<u64>().is_ok_and(|files| files > 0) => return None,
        ("recentFiles", TagValue::Text(spelled)) if spelled.parse::<u64>().is_ok_and(|files| files > 0) => return None,
        ("recentFiles", _) => "a whole number of files",
        ("filterOrder", TagValue::Text(_) | TagValue::List(_)) | (_, TagValue::Text(_)) => return None,
        _ => "a string",
    };
    Some((tag.span, format!("`{}` has no such value", tag.key), format!("it takes {wanted}")))
}
