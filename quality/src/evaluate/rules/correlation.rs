//! `ColumnCorrelation`: Pearson's, of rows in which neither is null.

use super::super::judge::Judge;
use super::super::{Fault, Plan, Scope, found};
use crate::stats::Measure;

pub(super) fn plan(scope: &Scope<'_>) -> Result<Plan, Fault> {
    let judge = Judge::of(scope)?;
    let ((first, _), (second, _)) = (scope.column(0)?, scope.column(1)?);
    let metric = format!("Multicolumn.{first},{second}.ColumnCorrelation");
    let moments = scope.statistic(Measure::CoMoments(first.clone(), second.clone()));
    Ok(Plan::shared(vec![moments.clone()], move |found| {
        let moments = found.state(&moments)?.co_moments().ok_or_else(found::unlike)?;
        if moments.count == 0 {
            return Err(Fault::failed(format!("There is no row in which neither \"{first}\" nor \"{second}\" is null.")));
        }
        match moments.correlation().filter(|correlation| !correlation.is_nan()) {
            Some(correlation) => Ok(judge.verdict(metric.clone(), correlation, String::new)),
            None => Err(Fault::failed(format!("There is no correlation: \"{first}\" or \"{second}\" does not vary."))),
        }
    }))
}
