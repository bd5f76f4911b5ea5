//! Audits between messages and the model.

use std::collections::{BTreeMap, HashMap};

use lakegate_model::{
    Timestamp,
    audit::{AnalyzerResult, Audit, Metric, Outcome, RuleResult, Verdict},
};

use crate::{convert::Malformed, v1};

impl From<&Audit> for v1::Audit {
    fn from(audit: &Audit) -> v1::Audit {
        v1::Audit {
            ruleset: audit.ruleset.clone(),
            at: audit.at.0,
            verdict: audit.verdict.as_str().to_owned(),
            reason: audit.reason.clone(),
            score: audit.score.0,
            rows: audit.rows,
            rows_aside: audit.rows_aside,
            rules: audit.rules.iter().map(Into::into).collect(),
            analyzers: audit.analyzers.iter().map(Into::into).collect(),
            statistics: metrics_to_wire(&audit.statistics),
            statistics_left_out: audit.statistics_left_out,
        }
    }
}

impl TryFrom<v1::Audit> for Audit {
    type Error = Malformed;

    fn try_from(audit: v1::Audit) -> Result<Audit, Malformed> {
        Ok(Audit {
            verdict: Verdict::from_text(&audit.verdict).ok_or_else(|| unknown("audit.verdict", &audit.verdict))?,
            ruleset: audit.ruleset,
            at: Timestamp(audit.at),
            reason: audit.reason,
            score: Metric(audit.score),
            rows: audit.rows,
            rows_aside: audit.rows_aside,
            rules: audit.rules.into_iter().map(RuleResult::try_from).collect::<Result<_, _>>()?,
            analyzers: audit.analyzers.into_iter().map(Into::into).collect(),
            statistics: metrics_from_wire(audit.statistics),
            statistics_left_out: audit.statistics_left_out,
        })
    }
}

impl From<&RuleResult> for v1::RuleResult {
    fn from(result: &RuleResult) -> v1::RuleResult {
        v1::RuleResult {
            rule: result.rule.clone(),
            outcome: result.outcome.as_str().to_owned(),
            reason: result.reason.clone(),
            metrics: metrics_to_wire(&result.metrics),
            labels: result.labels.clone().into_iter().collect(),
            warns: result.warns,
            by_row: result.by_row,
        }
    }
}

impl TryFrom<v1::RuleResult> for RuleResult {
    type Error = Malformed;

    fn try_from(result: v1::RuleResult) -> Result<RuleResult, Malformed> {
        Ok(RuleResult {
            outcome: Outcome::from_text(&result.outcome).ok_or_else(|| unknown("audit.rules.outcome", &result.outcome))?,
            rule: result.rule,
            reason: result.reason,
            metrics: metrics_from_wire(result.metrics),
            labels: result.labels.into_iter().collect(),
            warns: result.warns,
            by_row: result.by_row,
        })
    }
}

impl From<&AnalyzerResult> for v1::AnalyzerResult {
    fn from(result: &AnalyzerResult) -> v1::AnalyzerResult {
        let AnalyzerResult { analyzer, metrics, reason } = result;
        v1::AnalyzerResult { analyzer: analyzer.clone(), metrics: metrics_to_wire(metrics), reason: reason.clone() }
    }
}

impl From<v1::AnalyzerResult> for AnalyzerResult {
    fn from(result: v1::AnalyzerResult) -> AnalyzerResult {
        let v1::AnalyzerResult { analyzer, metrics, reason } = result;
        AnalyzerResult { analyzer, metrics: metrics_from_wire(metrics), reason }
    }
}

fn unknown(field: &'static str, text: &str) -> Malformed {
    Malformed { field, problem: format!("is `{text}`, which this version does not know") }
}

fn metrics_to_wire(metrics: &BTreeMap<String, Metric>) -> HashMap<String, f64> {
    metrics.iter().map(|(name, value)| (name.clone(), value.0)).collect()
}

fn metrics_from_wire(metrics: HashMap<String, f64>) -> BTreeMap<String, Metric> {
    metrics.into_iter().map(|(name, value)| (name, Metric(value))).collect()
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn audit() -> Audit {
        let metrics: BTreeMap<String, Metric> =
            [("Column.id.Completeness".to_owned(), Metric(0.75)), ("Column.id.Mean".to_owned(), Metric(f64::NAN))].into();
        Audit {
            ruleset: "quality/a.dqdl".into(),
            at: Timestamp(7),
            verdict: Verdict::Split,
            reason: "1 of 1 rules does not hold".into(),
            score: Metric(0.0),
            rows: 4,
            rows_aside: 1,
            rules: vec![RuleResult {
                rule: "IsComplete \"id\"".into(),
                outcome: Outcome::Failed,
                reason: "1 of 4 rows".into(),
                metrics: metrics.clone(),
                labels: [("who".to_owned(), "me".to_owned())].into(),
                warns: true,
                by_row: true,
            }],
            analyzers: vec![AnalyzerResult { analyzer: "RowCount".into(), metrics: metrics.clone(), reason: String::new() }],
            statistics: metrics,
            statistics_left_out: 3,
        }
    }

    #[test]
    fn an_audit_survives_the_wire() {
        assert_eq!(Audit::try_from(v1::Audit::from(&audit())), Ok(audit()));
    }

    #[test]
    fn a_verdict_that_nobody_knows_is_no_verdict() {
        let wrong = v1::Audit { verdict: "fine".into(), ..v1::Audit::from(&audit()) };
        let said = Audit::try_from(wrong).map_err(|malformed| malformed.to_string());
        assert_eq!(said, Err("field `audit.verdict` is `fine`, which this version does not know".to_owned()));
    }
}
