//! `DetectAnomalies`: a statistic is not unlike its history.

use super::super::groups::series_name;
use super::super::plan::Check;
use super::super::tree::watched;
use super::super::{Fault, Plan, Scope, Verdict};
use crate::anomalies::{AnomalyError, Strategy};
use crate::evaluate::Point;
use crate::stats::Key;

/// How much of a history is looked at.
pub(crate) const POINTS: usize = 1000;

/// `DetectAnomalies "Completeness" "email"`: the statistic of the rule that the parameters are.
pub(super) fn plan(scope: &Scope<'_>) -> Result<Plan, Fault> {
    let named = scope.parameter(0)?;
    let inner = watched(scope.rule).ok_or_else(|| Fault::error(format!("\"{named}\" is no rule that measures one statistic.")))?;
    let strategy = Strategy::from_tags(&scope.rule.tags).map_err(Fault::Error)?;
    let name = scope.past.map(str::to_owned);
    let mut measured = super::plan(&Scope { rule: &inner, analyzer: true, ..*scope })?;
    let (histories, now) = (scope.context.history.clone(), scope.context.now);
    let assess = move |name: Option<&str>, verdict: Verdict| {
        let value = verdict.value.ok_or_else(|| Fault::failed("There is nothing to compare with its history."))?;
        let Some(name) = name else { return Ok(Verdict { holds: true, reason: None, ..verdict }) };
        let mut history: Vec<Point> = histories.last(name, POINTS);
        history.reverse();
        match strategy.assess_new(&history, Point { at: now, value }) {
            Ok(assessment) => {
                let verdict = Verdict { holds: !assessment.anomalous, reason: None, ..verdict };
                Ok(verdict.because(|| format!("{name} is {value}, unlike its history: {}", assessment.detail)))
            }
            Err(error @ AnomalyError::NeedsHistory { .. }) => Ok(Verdict { holds: true, reason: Some(error.to_string()), ..verdict }),
            Err(error) => Err(Fault::Error(error.to_string())),
        }
    };
    measured.rows = None;
    measured.check = match measured.check {
        Check::Measured(check) => Check::Measured(Box::new(move |found| assess(name.as_deref(), check(found)?))),
        Check::Whole(check) => Check::Whole(Box::new(move |found| assess(name.as_deref(), check(found)?))),
        Check::Queried(check) => Check::Queried(Box::new(move |found| {
            let of_group = |(key, verdict): (Key, Verdict)| {
                let name = name.as_ref().map(|name| if key.is_empty() { name.clone() } else { series_name(name, &key) });
                let assessed = assess(name.as_deref(), verdict)?;
                Ok((key, assessed))
            };
            check(found)?.into_iter().map(of_group).collect()
        })),
    };
    Ok(measured)
}
