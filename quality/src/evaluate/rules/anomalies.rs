//! `DetectAnomalies`: a statistic is not unlike its history.

use super::super::plan::Check;
use super::super::tree::{history_name, watched};
use super::super::{Fault, Plan, Scope};
use crate::anomalies::{AnomalyError, Strategy};
use crate::evaluate::Point;

/// How much of a history is looked at.
const POINTS: usize = 1000;

/// `DetectAnomalies "Completeness" "email"`: the statistic of the rule that the parameters are.
pub(super) fn plan(scope: &Scope<'_>) -> Result<Plan, Fault> {
    let named = scope.parameter(0)?;
    let inner = watched(scope.rule).ok_or_else(|| Fault::error(format!("\"{named}\" is no rule that measures one statistic.")))?;
    let strategy = Strategy::from_tags(&scope.rule.tags).map_err(Fault::Error)?;
    let name = history_name(&inner);
    let mut measured = super::plan(&Scope { rule: &inner, analyzer: true, statistic_name: &name, ..*scope })?;
    let mut history: Vec<Point> = scope.context.history.last(&name, POINTS);
    history.reverse();
    let now = scope.context.now;
    let assess = move |verdict: super::super::Verdict| {
        let value = verdict.value.ok_or_else(|| Fault::failed("There is nothing to compare with its history."))?;
        match strategy.assess_new(&history, Point { at: now, value }) {
            Ok(assessment) => {
                let mut verdict = verdict;
                verdict.holds = !assessment.anomalous;
                verdict.reason = None;
                Ok(verdict.because(|| format!("{name} is {value}, unlike its history: {}", assessment.detail)))
            }
            Err(error @ AnomalyError::NeedsHistory { .. }) => {
                let mut verdict = verdict;
                (verdict.holds, verdict.reason) = (true, Some(error.to_string()));
                Ok(verdict)
            }
            Err(error) => Err(Fault::Error(error.to_string())),
        }
    };
    measured.rows = None;
    measured.check = match measured.check {
        Check::Measured(check) => Check::Measured(Box::new(move |found| assess(check(found)?))),
        Check::Whole(check) => Check::Whole(Box::new(move |found| assess(check(found)?))),
        Check::Queried(check) => Check::Whole(Box::new(move |found| match check(found)?.pop() {
            Some((_, verdict)) => assess(verdict),
            None => Err(Fault::failed("There is nothing to compare with its history.")),
        })),
    };
    Ok(measured)
}
