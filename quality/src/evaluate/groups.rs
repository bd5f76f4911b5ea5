//! What comes of a rule with `group by`: of each of its groups, and of all of them.
//!
//! Each group has a history of its own, under the rule's name with the group's values behind it:
//! `RowCount group by "country" ["DE"]`. So many groups have one; if there are more, those that have one already
//! keep it, and the first of the others in the order of their values get one; which have one is asked for rules only
//! that look back. A group without is held against what the rule asks apart from the past, and the rule says so.

use std::collections::{BTreeSet, HashMap};

use super::found::Group;
use super::plan::{Check, Judgement};
use super::tree::Leaf;
use super::{Fault, Found, History, Plan, Verdict};
use crate::language::RuleType;
use crate::language::ast::Rule;
use crate::stats::{Key, Measure, Predicate};

/// How many failing groups a reason names.
const NAMED: usize = 10;

/// Of how many groups the metrics are kept.
const MEASURED: usize = 100;

/// How many groups of a rule have a history.
const WITH_HISTORY: usize = 100;

/// How null is shown.
const NULL: &str = "null";

/// Where the series of groups are, and how a rule is planned anew with one of them as its past.
pub(super) struct Series<'a> {
    /// Earlier values.
    pub(super) history: &'a dyn History,
    /// The plan with the series of this name, or without a past.
    pub(super) plan: &'a dyn Fn(Option<&str>) -> Result<Plan, Fault>,
}

/// What comes of a rule, and what the history is kept of.
pub(super) struct Grouped {
    pub(super) verdict: Verdict,
    pub(super) values: Vec<(String, f64)>,
}

/// The name of a group's series. Texts are in quotes, and null is not.
pub(super) fn series_name(rule: &str, key: &Key) -> String {
    let values: Vec<String> = key.iter().map(|value| value.as_deref().map_or_else(|| NULL.to_owned(), in_quotes)).collect();
    format!("{rule} [{}]", values.join(", "))
}

/// A group as metrics name it. A text is in quotes if it would be taken for null or for several without.
fn metric_name(metric: &str, key: &Key) -> String {
    let values = key.iter().map(|value| match value.as_deref() {
        None => NULL.to_owned(),
        Some(text) if text == NULL || text.contains(['"', ',']) => in_quotes(text),
        Some(text) => text.to_owned(),
    });
    format!("{metric}[{}]", values.collect::<Vec<_>>().join(","))
}

fn in_quotes(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

/// Judges each group by what was measured of it.
pub(super) fn of_measured(leaf: &Leaf, plan: &Plan, check: &Judgement, found: &Found<'_>, series: &Series<'_>) -> Result<Grouped, Fault> {
    let groups = states(plan, found)?;
    let looks_back = leaf.looks_back();
    let lasting = |measure: &Measure| !matches!(measure, Measure::Matches(Predicate { lasting: false, .. }));
    if leaf.condition_looks_back() && plan.wants.iter().any(|want| !lasting(&want.statistic.measure)) {
        return Err(unlike_the_past(&leaf.rule));
    }
    let with_history = with_history(leaf, groups.iter().map(|(key, _)| *key), series.history);
    let mut without_past = None;
    let mut verdicts = Vec::with_capacity(groups.len());
    for (key, states) in groups {
        let of_group = found.group(&states);
        let verdict = match (looks_back, with_history.contains(key)) {
            (false, _) => check(&of_group),
            (true, true) => judge_by(&(series.plan)(Some(&series_name(&leaf.history_name, key)))?, &of_group),
            (true, false) => {
                if without_past.is_none() {
                    without_past = Some((series.plan)(None)?);
                }
                without_past.as_ref().map_or_else(|| check(&of_group), |plan| judge_by(plan, &of_group))
            }
        };
        verdicts.push((key.clone(), verdict));
    }
    together(leaf, verdicts, &with_history)
}

fn judge_by(plan: &Plan, group: &Found<'_>) -> Result<Verdict, Fault> {
    match &plan.check {
        Check::Measured(check) => check(group),
        Check::Whole(_) | Check::Queried(_) => Err(Fault::error("It was planned in two ways.")),
    }
}

/// Takes together what a query says of groups.
pub(super) fn of_queried(leaf: &Leaf, verdicts: Vec<(Key, Verdict)>, series: &Series<'_>) -> Result<Grouped, Fault> {
    // A watch over anomalies looks at each group's own series.
    if leaf.looks_back() && leaf.rule.kind != RuleType::DetectAnomalies {
        return Err(unlike_the_past(&leaf.rule));
    }
    let with_history = with_history(leaf, verdicts.iter().map(|(key, _)| key), series.history);
    together(leaf, verdicts.into_iter().map(|(key, verdict)| (key, Ok(verdict))).collect(), &with_history)
}

fn unlike_the_past(rule: &Rule) -> Fault {
    let kind = rule.kind.name();
    Fault::error(format!("This {kind} is of single rows, which are not compared with the past of their group; leave out `group by`."))
}

/// The keys of the groups that have a history.
fn with_history<'k>(leaf: &Leaf, keys: impl Iterator<Item = &'k Key>, history: &dyn History) -> BTreeSet<Key> {
    let keys: BTreeSet<&Key> = keys.collect();
    if keys.len() <= WITH_HISTORY || !leaf.looks_back() {
        return keys.into_iter().take(WITH_HISTORY).cloned().collect();
    }
    let is_new = |key: &Key| history.last(&series_name(&leaf.history_name, key), 1).is_empty();
    let mut keys: Vec<(bool, &Key)> = keys.into_iter().map(|key| (is_new(key), key)).collect();
    keys.sort_unstable();
    keys.into_iter().take(WITH_HISTORY).map(|(_, key)| key.clone()).collect()
}

/// The states of each group, in the order of the first statistic.
fn states<'a>(plan: &'a Plan, found: &Found<'a>) -> Result<Vec<(&'a Key, Group<'a>)>, Fault> {
    let mut groups: Vec<(&'a Key, Group<'a>)> = Vec::new();
    let mut places: HashMap<&'a Key, usize> = HashMap::new();
    for want in plan.wants.iter().filter(|want| want.source.is_none()) {
        for (key, state) in found.groups(want)? {
            let place = *places.entry(key).or_insert_with(|| {
                groups.push((key, Group::new()));
                groups.len() - 1
            });
            if let Some((_, states)) = groups.get_mut(place) {
                states.push((&want.statistic, state));
            }
        }
    }
    Ok(groups)
}

/// All groups have to hold. A group in which nothing can be measured fails; an error is an error of the rule.
fn together(leaf: &Leaf, verdicts: Vec<(Key, Result<Verdict, Fault>)>, with_history: &BTreeSet<Key>) -> Result<Grouped, Fault> {
    if verdicts.is_empty() {
        return Err(Fault::failed("There are no rows, and so no groups."));
    }
    let all = verdicts.len();
    let mut whole = Verdict::new(true);
    let (mut faults, mut values) = (Vec::new(), Vec::new());
    for (at, (key, verdict)) in verdicts.into_iter().enumerate() {
        let name = || {
            let shown = |value: &Option<String>| value.as_ref().map_or_else(|| NULL.to_owned(), |text| format!("{text:?}"));
            let pairs = leaf.rule.group_by.iter().zip(&key).map(|(column, value)| format!("{} = {}", column.value, shown(value)));
            pairs.collect::<Vec<_>>().join(", ")
        };
        let reason = match verdict {
            Err(Fault::Error(error)) => return Err(Fault::error(format!("{}: {error}", name()))),
            Err(Fault::Broken(error)) => return Err(Fault::Broken(format!("{}: {error}", name()))),
            Err(unread @ Fault::Unread(_)) => return Err(unread),
            Err(Fault::Failed(reason)) => Some(reason),
            Ok(verdict) => {
                if at < MEASURED {
                    whole.metrics.extend(verdict.metrics.into_iter().map(|(metric, value)| (metric_name(&metric, &key), value)));
                }
                if let Some(value) = verdict.value.filter(|_| with_history.contains(&key)) {
                    values.push((series_name(&leaf.history_name, &key), value));
                }
                (!verdict.holds).then(|| verdict.reason.unwrap_or_default())
            }
        };
        if let Some(reason) = reason {
            faults.push(format!("{}: {reason}", name()));
        }
    }
    whole.holds = faults.is_empty();
    let mut verdict = whole.because(|| {
        let more = faults.len().saturating_sub(NAMED);
        let more = if more == 0 { String::new() } else { format!(" And {more} more.") };
        let failing = faults.len();
        faults.truncate(NAMED);
        format!("{failing} of {all} groups do not hold. {}{more}", faults.join(" "))
    });
    if all > with_history.len() {
        let compared = if leaf.looks_back() { ", and the others are not compared with one" } else { "" };
        let told = format!("A history is kept of {} of {all} groups{compared}.", with_history.len());
        verdict.reason = Some(verdict.reason.map_or_else(|| told.clone(), |reason| format!("{reason} {told}")));
    }
    Ok(Grouped { verdict, values })
}
