//! What comes out of an evaluation.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::language::ast::Level;

/// What comes out of a ruleset and a dataset. As JSON it is what `lakegate quality run -o json` prints.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Evaluation {
    /// The verdict: `Error` if any rule is in error, else `Failed` if any rule of level error failed, else `Passed`.
    pub outcome: Outcome,
    /// Rules that passed over all rules; 1 if there are none.
    pub score: f64,
    /// Rows of the dataset.
    pub rows: u64,
    /// One for each rule, in the order of the file.
    pub rules: Vec<RuleResult>,
    /// One for each analyzer, in the order of the file.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub analyzers: Vec<AnalyzerResult>,
    /// What a history is kept of: the value of each statistic that a rule or an analyzer measures, by the rule
    /// without condition, tags and labels: `Completeness "email" where "region = 'EU'"`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub statistics: BTreeMap<String, f64>,
}

/// Whether a rule holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Outcome {
    /// It holds.
    Passed,
    /// It does not.
    Failed,
    /// It could not be evaluated: a column is missing, a query can't be run. It is never a pass.
    Error,
}

/// What came of one rule.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RuleResult {
    /// The rule in canonical spelling.
    pub rule: String,
    /// Whether it holds.
    pub outcome: Outcome,
    /// Why it doesn't; of one that holds, why it could not have failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// What was measured, by the names that Glue and Deequ give.
    #[serde(deserialize_with = "super::numbers_json::deserialize")]
    pub metrics: BTreeMap<String, f64>,
    /// Default labels and the rule's own.
    pub labels: BTreeMap<String, String>,
    /// What a failure does.
    pub level: Level,
}

/// What an analyzer measured.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AnalyzerResult {
    /// The analyzer in canonical spelling.
    pub analyzer: String,
    /// What was measured.
    #[serde(deserialize_with = "super::numbers_json::deserialize")]
    pub metrics: BTreeMap<String, f64>,
    /// Why nothing was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}
