//! An evaluation for programs: what `lakegate quality run -o json` prints.

use serde::Serialize;

use crate::evaluate::{AnalyzerResult, Evaluation, Outcome, RuleResult};

/// An evaluation as a program is told of it. The reason of a rule that gives none is `null`;
/// `analyzers` is there if the ruleset has some.
#[derive(Clone, Debug, Serialize)]
pub struct Json<'a> {
    outcome: Outcome,
    score: f64,
    rows: u64,
    rules: Vec<Rule<'a>>,
    #[serde(skip_serializing_if = "<[AnalyzerResult]>::is_empty")]
    analyzers: &'a [AnalyzerResult],
}

/// `reason` is there in any case, so that a program need not look whether it is.
#[derive(Clone, Debug, Serialize)]
#[serde(untagged)]
enum Rule<'a> {
    Told(&'a RuleResult),
    Silent {
        #[serde(flatten)]
        result: &'a RuleResult,
        reason: (),
    },
}

impl<'a> Json<'a> {
    /// Of an evaluation.
    pub fn of(evaluation: &'a Evaluation) -> Json<'a> {
        let rule = |result: &'a RuleResult| match result.reason {
            Some(_) => Rule::Told(result),
            None => Rule::Silent { result, reason: () },
        };
        Json {
            outcome: evaluation.outcome,
            score: evaluation.score,
            rows: evaluation.rows,
            rules: evaluation.rules.iter().map(rule).collect(),
            analyzers: &evaluation.analyzers,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use serde_json::{Value, json};

    use super::*;
    use crate::report::sample;

    fn keys(object: &Value) -> BTreeSet<&str> {
        object.as_object().unwrap().keys().map(String::as_str).collect()
    }

    #[test]
    fn a_program_finds_every_key_of_every_rule() {
        let report = sample::report();
        let told = serde_json::to_value(Json::of(&report.evaluation)).unwrap();
        assert_eq!(keys(&told), BTreeSet::from(["analyzers", "outcome", "rows", "rules", "score"]));
        let rules = told["rules"].as_array().unwrap();
        for rule in rules {
            assert_eq!(keys(rule), BTreeSet::from(["labels", "level", "metrics", "outcome", "reason", "rule"]));
        }
        assert_eq!((&told["outcome"], &told["rows"]), (&json!("Error"), &json!(336_776)));
        assert_eq!((&rules[0]["reason"], &rules[0]["outcome"], &rules[0]["level"]), (&json!(null), &json!("Passed"), &json!("error")));
        assert_eq!(rules[0]["metrics"], json!({ "Dataset.*.RowCount": 336_776.0 }));
    }

    #[test]
    fn what_is_not_there_is_left_out_or_null() {
        let mut evaluation = sample::report().evaluation;
        evaluation.analyzers.clear();
        evaluation.rules.truncate(1);
        evaluation.rules[0].metrics = BTreeMap::from([("Column.a.Mean".to_owned(), f64::NAN)]);
        let told = serde_json::to_value(Json::of(&evaluation)).unwrap();
        assert!(told.get("analyzers").is_none() && told.get("statistics").is_none(), "{told}");
        assert_eq!(told["rules"][0]["metrics"], json!({ "Column.a.Mean": null }));
    }
}
