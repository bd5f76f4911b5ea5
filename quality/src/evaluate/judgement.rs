//! What comes of each part of a ruleset, of its groups, and of what is put together.

use std::collections::BTreeMap;

use super::fault::guarded;
use super::groups::{self, Grouped, Series};
use super::plan::Check;
use super::tree::{Leaf, Tree};
use super::{Fault, Found, Outcome, Plan, Verdict};
use crate::language::RuleType;

/// What came of one part of a ruleset.
#[derive(Clone, Debug)]
pub(crate) struct Judged {
    /// Whether it holds.
    pub(crate) outcome: Outcome,
    /// Why not, or why so.
    pub(crate) reason: Option<String>,
    /// What was measured.
    pub(crate) metrics: BTreeMap<String, f64>,
    /// What the history is kept of, by the names of the statistics: one, or one of each group.
    pub(crate) values: Vec<(String, f64)>,
    /// Why there is no measure of it.
    pub(crate) fault: Option<Fault>,
}

impl Judged {
    /// Judges a part.
    pub(crate) fn of(leaf: &Leaf, plan: Result<&Plan, &Fault>, found: &Found<'_>, series: &Series<'_>) -> Judged {
        let judged = plan.map_err(Clone::clone).and_then(|plan| guarded(|| judge(leaf, plan, found, series)));
        match judged {
            Ok(Grouped { verdict, mut values }) => {
                values.retain(|(_, value)| value.is_finite());
                Judged {
                    outcome: if verdict.holds { Outcome::Passed } else { Outcome::Failed },
                    reason: verdict.reason,
                    metrics: verdict.metrics,
                    values,
                    fault: None,
                }
            }
            Err(fault) => {
                let outcome = if matches!(fault, Fault::Failed(_)) { Outcome::Failed } else { Outcome::Error };
                Judged { outcome, reason: Some(fault.to_string()), metrics: BTreeMap::new(), values: Vec::new(), fault: Some(fault) }
            }
        }
    }
}

fn judge(leaf: &Leaf, plan: &Plan, found: &Found<'_>, series: &Series<'_>) -> Result<Grouped, Fault> {
    let rule = &leaf.rule;
    let one = |verdict: Verdict| {
        let values = verdict.value.map(|value| (leaf.history_name.clone(), value)).into_iter().collect();
        Grouped { verdict, values }
    };
    if let Some(rows) = leaf.filter_rows() {
        // Nothing is wrong with rows that aren't there; but how many there are is what RowCount asks, and names of
        // columns are there without rows.
        if !matches!(rule.kind, RuleType::RowCount | RuleType::ColumnNamesMatchPattern) && found.rows(&rows)? == 0 {
            let filter = rule.filter.as_ref().map(|filter| filter.value.as_str()).unwrap_or_default();
            return Ok(one(Verdict { reason: Some(format!("No rows matched the filter: {filter}")), ..Verdict::new(true) }));
        }
    }
    match &plan.check {
        Check::Whole(_) if !rule.group_by.is_empty() => Err(Fault::error(format!("{} is not told of groups.", rule.kind.name()))),
        Check::Whole(check) => check(found).map(one),
        Check::Measured(check) if rule.group_by.is_empty() => check(found).map(one),
        Check::Measured(check) => groups::of_measured(leaf, plan, check, found, series),
        Check::Queried(check) => {
            let mut verdicts = check(found)?;
            match verdicts.pop() {
                Some((key, verdict)) if key.is_empty() && verdicts.is_empty() => Ok(one(verdict)),
                last => groups::of_queried(leaf, verdicts.into_iter().chain(last).collect(), series),
            }
        }
    }
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
