//! What comes of each part of a ruleset, of its groups, and of what is put together.

use std::collections::{BTreeMap, HashMap};

use super::fault::guarded;
use super::found::Group;
use super::plan::Check;
use super::tree::{Leaf, Tree};
use super::{Fault, Found, Outcome, Plan, Verdict};
use crate::language::RuleType;
use crate::language::ast::Rule;

/// How many failing groups a reason names.
const NAMED: usize = 10;

/// Of how many groups the metrics are kept.
const MEASURED: usize = 100;

/// What came of one part of a ruleset.
#[derive(Clone, Debug)]
pub(crate) struct Judged {
    /// Whether it holds.
    pub(crate) outcome: Outcome,
    /// Why not, or why so.
    pub(crate) reason: Option<String>,
    /// What was measured.
    pub(crate) metrics: BTreeMap<String, f64>,
    /// What the history is kept of.
    pub(crate) value: Option<f64>,
}

impl Judged {
    /// Judges a part.
    pub(crate) fn of(leaf: &Leaf, plan: Result<&Plan, &Fault>, found: &Found<'_>) -> Judged {
        let verdict = plan.map_err(Clone::clone).and_then(|plan| guarded(|| judge(leaf, plan, found)));
        match verdict {
            Ok(verdict) => Judged {
                outcome: if verdict.holds { Outcome::Passed } else { Outcome::Failed },
                reason: verdict.reason,
                metrics: verdict.metrics,
                value: verdict.value.filter(|value| value.is_finite() && leaf.rule.group_by.is_empty()),
            },
            Err(fault) => {
                let outcome = if matches!(fault, Fault::Failed(_)) { Outcome::Failed } else { Outcome::Error };
                Judged { outcome, reason: Some(fault.to_string()), metrics: BTreeMap::new(), value: None }
            }
        }
    }
}

fn judge(leaf: &Leaf, plan: &Plan, found: &Found<'_>) -> Result<Verdict, Fault> {
    let rule = &leaf.rule;
    if let Some(rows) = leaf.filter_rows() {
        // Nothing is wrong with rows that aren't there; but how many there are is what RowCount asks, and names of
        // columns are there without rows.
        if !matches!(rule.kind, RuleType::RowCount | RuleType::ColumnNamesMatchPattern) && found.rows(&rows)? == 0 {
            let filter = rule.filter.as_ref().map(|filter| filter.value.as_str()).unwrap_or_default();
            return Ok(Verdict { reason: Some(format!("No rows matched the filter: {filter}")), ..Verdict::new(true) });
        }
    }
    match &plan.check {
        Check::Whole(_) if !rule.group_by.is_empty() => Err(Fault::error(format!("{} is not told of groups.", rule.kind.name()))),
        Check::Whole(check) => check(found),
        Check::Measured(check) if rule.group_by.is_empty() => check(found),
        Check::Measured(check) => {
            let groups = groups(plan, found)?;
            let verdicts = groups.into_iter().map(|(key, states)| (key, check(&found.group(&states)))).collect();
            of_groups(rule, verdicts)
        }
        Check::Queried(check) => {
            let mut verdicts = check(found)?;
            match verdicts.pop() {
                Some((key, verdict)) if key.is_empty() && verdicts.is_empty() => Ok(verdict),
                last => of_groups(rule, verdicts.into_iter().chain(last).map(|(key, verdict)| (key, Ok(verdict))).collect()),
            }
        }
    }
}

/// The states of each group, in the order of the first statistic.
fn groups<'a>(plan: &'a Plan, found: &Found<'a>) -> Result<Vec<(Vec<String>, Group<'a>)>, Fault> {
    let mut groups: Vec<(Vec<String>, Group<'a>)> = Vec::new();
    let mut places: HashMap<&[String], usize> = HashMap::new();
    for want in plan.wants.iter().filter(|want| want.source.is_none()) {
        for (key, state) in found.groups(want)? {
            let place = *places.entry(key).or_insert_with(|| {
                groups.push((key.clone(), Group::new()));
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
fn of_groups(rule: &Rule, verdicts: Vec<(Vec<String>, Result<Verdict, Fault>)>) -> Result<Verdict, Fault> {
    if verdicts.is_empty() {
        return Err(Fault::failed("There are no rows, and so no groups."));
    }
    let all = verdicts.len();
    let mut whole = Verdict::new(true);
    let mut faults = Vec::new();
    for (at, (key, verdict)) in verdicts.into_iter().enumerate() {
        let name = || {
            let pairs = rule.group_by.iter().zip(&key).map(|(column, value)| format!("{} = {value:?}", column.value));
            pairs.collect::<Vec<_>>().join(", ")
        };
        let reason = match verdict {
            Err(Fault::Error(error)) => return Err(Fault::error(format!("{}: {error}", name()))),
            Err(Fault::Failed(reason)) => Some(reason),
            Ok(verdict) => {
                if at < MEASURED {
                    whole
                        .metrics
                        .extend(verdict.metrics.into_iter().map(|(metric, value)| (format!("{metric}[{}]", key.join(",")), value)));
                }
                (!verdict.holds).then(|| verdict.reason.unwrap_or_default())
            }
        };
        if let Some(reason) = reason {
            faults.push(format!("{}: {reason}", name()));
        }
    }
    whole.holds = faults.is_empty();
    Ok(whole.because(|| {
        let more = faults.len().saturating_sub(NAMED);
        let more = if more == 0 { String::new() } else { format!(" And {more} more.") };
        let failing = faults.len();
        faults.truncate(NAMED);
        format!("{failing} of {all} groups do not hold. {}{more}", faults.join(" "))
    }))
}

/// What comes of a rule from what came of its parts. An error in a part is an error of the whole, unless the whole holds
/// without it: `or` is true if one of its parts is. Then the reason still tells of the error.
pub(crate) fn combine(tree: &Tree, judged: &[Judged]) -> (Outcome, Option<String>) {
    if let Tree::Leaf(leaf) = tree {
        return judged.get(*leaf).map_or((Outcome::Error, None), |judged| (judged.outcome, judged.reason.clone()));
    }
    let mut parts = Vec::new();
    tree.each(&mut |leaf| parts.extend(judged.get(leaf)));
    let reasons = |wanted: &dyn Fn(Outcome) -> bool| {
        let reasons: Vec<String> = parts.iter().filter(|part| wanted(part.outcome)).filter_map(|part| part.reason.clone()).collect();
        (!reasons.is_empty()).then(|| reasons.join(" "))
    };
    let errors = reasons(&|outcome| outcome == Outcome::Error);
    if tree.holds(&|leaf| judged.get(leaf).is_some_and(|judged| judged.outcome == Outcome::Passed)) {
        (Outcome::Passed, errors)
    } else if parts.iter().any(|part| part.outcome == Outcome::Error) {
        (Outcome::Error, errors)
    } else {
        (Outcome::Failed, reasons(&|outcome| outcome == Outcome::Failed))
    }
}
