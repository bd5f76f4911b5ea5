//! `IsPrimaryKey`: unique, and complete in each column.

use super::super::judge::{Shares, ratio, unmet};
use super::super::scope::{named, quoted};
use super::super::{Fault, Plan, Scope, Verdict};
use super::completeness::no_rows;
use super::uniqueness::{key_test, of_columns, repeated};
use crate::stats::Measure;

pub(super) fn plan(scope: &Scope<'_>) -> Result<Plan, Fault> {
    let columns = scope.columns(0)?;
    let keys = scope.statistic(Measure::Frequencies(columns.clone()));
    let complete: Vec<_> = columns.iter().map(|column| (column.clone(), scope.statistic(Measure::Complete(column.clone())))).collect();
    let shares = Shares::of(scope)?;
    let mut rows = key_test(scope, &columns)?;
    for column in &columns {
        rows.pass = rows.pass.and(named(column).is_not_null());
    }
    let rows = rows.words("Value: ", format!(" is not a key of {}: it has a NULL or occurs more than once.", quoted(&columns)));
    let whole = shares.partial().then(|| scope.statistic(Measure::WholeKeys(columns.clone())));
    let mut wants = vec![keys.clone()];
    wants.extend(complete.iter().map(|(_, want)| want.clone()));
    wants.extend(whole.clone());
    let plan = Plan::shared(wants, move |found| {
        let keys = found.frequencies(&keys)?;
        let all = keys.rows + keys.null_rows;
        if all == 0 {
            return Err(no_rows());
        }
        let unique = ratio(keys.singles, keys.rows);
        let name = of_columns(&columns);
        let mut verdict = Verdict::new(true).metric(format!("{name}.Uniqueness"), unique);
        let mut faults = Vec::new();
        if keys.singles < keys.rows {
            faults.push(repeated(keys));
        }
        for (column, want) in &complete {
            let (hits, rows) = found.ratio(want)?;
            verdict = verdict.metric(format!("Column.{column}.Completeness"), ratio(hits, rows));
            if hits < rows {
                faults.push(format!("{} of {rows} values of \"{column}\" are null", rows - hits));
            }
        }
        let share = match &whole {
            // A key with a null equals none without, so what occurs once among whole keys occurs once among all.
            Some(whole) => {
                let singles = found.frequencies_or_none(whole)?.map_or(0, |keys| keys.singles);
                verdict = verdict.metric(format!("{name}.IsPrimaryKey.Compliance"), ratio(singles, all));
                verdict.holds = shares.hold(singles, all);
                verdict.value = Some(ratio(singles, all));
                ratio(singles, all)
            }
            None => {
                verdict.holds = faults.is_empty();
                unique
            }
        };
        let expected = shares.expected();
        faults.push(format!("expected {expected}."));
        Ok(verdict.because(|| unmet(share, &faults.join("; "))))
    });
    Ok(plan.with_rows(rows))
}
