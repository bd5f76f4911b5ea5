//! Measured numbers against a rule's condition, and the words for it.

use std::collections::BTreeSet;

use super::condition::{self, Numbers};
use super::{Fault, Scope, Verdict};

/// A rule's condition on a number, worked out.
#[derive(Clone, Debug)]
pub(crate) struct Judge {
    /// None for an analyzer.
    numbers: Option<Numbers>,
    /// As a reason says it.
    expected: String,
}

impl Judge {
    /// The condition of a rule that has one on numbers.
    pub(crate) fn of(scope: &Scope<'_>) -> Result<Judge, Fault> {
        let numbers = scope.numbers()?;
        let expected = numbers.as_ref().map(condition::describe).unwrap_or_default();
        Ok(Judge { numbers, expected })
    }

    /// What is expected, in words.
    pub(crate) fn expected(&self) -> &str {
        &self.expected
    }

    /// Whether a number holds.
    pub(crate) fn holds(&self, value: f64) -> bool {
        self.numbers.as_ref().is_none_or(|numbers| condition::holds(numbers, value))
    }

    /// A verdict on a number. `detail` is a sentence on how it comes about; it may be empty.
    pub(crate) fn verdict(&self, metric: impl Into<String>, value: f64, detail: impl FnOnce() -> String) -> Verdict {
        Verdict::new(self.holds(value))
            .metric(metric, value)
            .because(|| unmet(value, &format!("{}expected {}.", lead(&detail()), self.expected)))
    }
}

fn lead(detail: &str) -> String {
    if detail.is_empty() { String::new() } else { format!("{detail}; ") }
}

fn lead_in(what: &str) -> String {
    if what.is_empty() { String::new() } else { format!(" {what}") }
}

/// Glue's words for a number that doesn't hold, and ours.
pub(crate) fn unmet(value: f64, detail: &str) -> String {
    let mut characters = detail.chars();
    let detail: String = characters.next().map(|first| first.to_uppercase().collect::<String>() + characters.as_str()).unwrap_or_default();
    format!("Value: {} does not meet the constraint requirement! {detail}", show(value)).trim_end().to_owned()
}

/// A number as a person reads it.
pub(crate) fn show(value: f64) -> String {
    if value.is_finite() && value != 0.0 && (value.abs() >= 1e15 || value.abs() < 1e-6) { format!("{value:e}") } else { format!("{value}") }
}

/// A share of rows against `threshold` and `mostly`; without either, all rows have to hold.
#[derive(Clone, Debug)]
pub(crate) struct Shares {
    conditions: Vec<Numbers>,
    expected: String,
}

impl Shares {
    /// Of a rule.
    pub(crate) fn of(scope: &Scope<'_>) -> Result<Shares, Fault> {
        let mut conditions = Vec::new();
        for share in [&scope.rule.threshold, &scope.rule.mostly].into_iter().flatten() {
            conditions.push(scope.resolve_numbers(share)?);
        }
        let said: BTreeSet<String> = conditions.iter().map(condition::describe).collect();
        let expected = said.into_iter().collect::<Vec<_>>().join(" and ");
        Ok(Shares { conditions, expected })
    }

    /// Whether a share is enough at all, rather than every row.
    pub(crate) fn partial(&self) -> bool {
        !self.conditions.is_empty()
    }

    /// What is expected, in words.
    pub(crate) fn expected(&self) -> String {
        if self.partial() { format!("a share {}", self.expected) } else { "all".to_owned() }
    }

    /// Whether `hits` of `rows` are enough. No rows are.
    pub(crate) fn hold(&self, hits: u64, rows: u64) -> bool {
        match self.conditions.as_slice() {
            [] => hits == rows,
            _ if rows == 0 => true,
            conditions => conditions.iter().all(|condition| condition::holds(condition, ratio(hits, rows))),
        }
    }

    /// A verdict on a share of rows.
    pub(crate) fn verdict(&self, metric: impl Into<String>, hits: u64, rows: u64, what: impl FnOnce() -> String) -> Verdict {
        let share = ratio(hits, rows);
        Verdict::new(self.hold(hits, rows)).metric(metric, share).because(|| {
            let misses = rows.saturating_sub(hits);
            unmet(share, &format!("{misses} of {rows} rows do not hold{}; expected {}.", lead_in(&what()), self.expected()))
        })
    }
}

/// What is expected of a number that is a share of rows as well, in words.
pub(crate) fn expected_of_both(judge: &Judge, shares: &Shares) -> String {
    let share = if shares.partial() { shares.expected() } else { String::new() };
    [judge.expected().to_owned(), share].into_iter().filter(|text| !text.is_empty()).collect::<Vec<_>>().join(" and ")
}

/// A share; of no rows, all.
pub(crate) fn ratio(hits: u64, rows: u64) -> f64 {
    if rows == 0 { 1.0 } else { hits as f64 / rows as f64 }
}
