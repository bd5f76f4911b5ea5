//! Rows and columns: `RowCount`, `ColumnCount`, `ColumnExists`, `ColumnNamesMatchPattern`.

use super::super::judge::{Judge, Shares, ratio, unmet};
use super::super::predicate::pattern::Pattern;
use super::super::scope::{column_of, quoted};
use super::super::{Fault, Plan, Scope, Verdict};
use crate::stats::Measure;

pub(super) fn row_count(scope: &Scope<'_>) -> Result<Plan, Fault> {
    let (judge, shares) = (Judge::of(scope)?, Shares::of(scope)?);
    let rows = scope.statistic(Measure::Rows);
    let mut wants = vec![rows.clone()];
    if scope.rule.filter.is_some() && !scope.rule.group_by.is_empty() {
        // A group of which `where` leaves nothing is there still, with no rows. Groups come in the order of the first.
        let mut all = rows.clone();
        all.statistic.filter = None;
        wants.insert(0, all);
    }
    Ok(Plan::shared(wants, move |found| {
        let mut verdict = judge.verdict("Dataset.*.RowCount", found.rows_or_none(&rows)? as f64, String::new);
        if shares.partial() {
            // How many rows there are is right for all of them, or for none.
            let share = shares.verdict("", u64::from(verdict.holds), 1, || "as one".to_owned());
            (verdict.holds, verdict.reason) = (share.holds, verdict.reason.or(share.reason).filter(|_| !share.holds));
        }
        Ok(verdict)
    }))
}

pub(super) fn column_count(scope: &Scope<'_>) -> Result<Plan, Fault> {
    let judge = Judge::of(scope)?;
    let columns = scope.whole.schema().len() as f64;
    Ok(Plan::direct(move |_| Ok(judge.verdict("Dataset.*.ColumnCount", columns, String::new))))
}

pub(super) fn column_exists(scope: &Scope<'_>) -> Result<Plan, Fault> {
    let name = scope.parameter(0)?.to_owned();
    let there = column_of(scope.whole.schema(), &name, "the dataset").map(|_| ());
    Ok(Plan::direct(move |_| {
        let verdict = Verdict::new(there.is_ok()).metric(format!("Dataset.{name}.ColumnExists"), if there.is_ok() { 1.0 } else { 0.0 });
        Ok(verdict.because(|| there.as_ref().map_or_else(ToString::to_string, |()| String::new())))
    }))
}

pub(super) fn column_names(scope: &Scope<'_>) -> Result<Plan, Fault> {
    let pattern = Pattern::new(scope.parameter(0)?)?;
    let names: Vec<String> = scope.whole.schema().iter_names().map(ToString::to_string).collect();
    let mut others = Vec::new();
    for name in &names {
        if !pattern.is_in(name)? {
            others.push(name.clone());
        }
    }
    Ok(Plan::direct(move |_| {
        let share = if names.is_empty() { f64::NAN } else { ratio((names.len() - others.len()) as u64, names.len() as u64) };
        Ok(Verdict::new(others.is_empty()).metric("Dataset.*.ColumnNamesPatternMatchRatio", share).because(|| {
            let few: Vec<&String> = others.iter().take(10).collect();
            unmet(share, &format!("{} of {} column names do not match: {}.", others.len(), names.len(), quoted(&few)))
        }))
    }))
}
