//! The audit: what a `quality` step found in what its stage wrote, and what follows from it.
//!
//! Workers measure and the pipeline says what a failure does; what comes of both is decided here, once,
//! so that the worker that sets rows aside and the machine that lets output in can't disagree.

use std::{collections::BTreeMap, fmt};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

use crate::{
    failure::{Failure, FailureCode},
    pipeline::OnFailure,
    time::Timestamp,
};

/// Rules named in a reason; the others are counted.
const NAMED: usize = 5;
/// The longest text of a rule in a reason, in characters.
const LONGEST_NAMED: usize = 200;
/// The longest reason, in bytes.
const LONGEST_REASON: usize = 4_096;
/// The longest text of a rule that is kept, in characters. A rule may list thousands of values; all of
/// them are in the pipeline's version.
const LONGEST_RULE: usize = 1_000;

/// What an audit found, as it is stored and sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Audit {
    /// The file of the rules, relative to the project: the name under which their history is kept.
    pub ruleset: String,
    /// What the rules took for now: when the attempt was started, by the coordinator's clock.
    pub at: Timestamp,
    /// What follows from it.
    pub verdict: Verdict,
    /// Why, for people; empty if every rule holds.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub reason: String,
    /// Rules that hold over all rules; 1 if there are none.
    pub score: Metric,
    /// Rows that were audited.
    pub rows: u64,
    /// How many of them were set aside.
    #[serde(default)]
    pub rows_aside: u64,
    /// What came of each rule, in the order of the file.
    pub rules: Vec<RuleResult>,
    /// What each analyzer measured, in the order of the file.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub analyzers: Vec<AnalyzerResult>,
    /// What a history is kept of: the value of each statistic, by the rule without its condition.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub statistics: BTreeMap<String, Metric>,
    /// Statistics that were measured and not kept, because there were too many.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub statistics_left_out: u64,
}

fn is_zero(number: &u64) -> bool {
    *number == 0
}

/// What follows from an audit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Every rule holds.
    Passed,
    /// Not every rule holds, and the output is let in all the same.
    Warned,
    /// The rows that broke rules are set aside; the others are let in.
    Split,
    /// Nothing is let in.
    Blocked,
}

impl Verdict {
    /// Every verdict.
    pub const ALL: &'static [Verdict] = &[Verdict::Passed, Verdict::Warned, Verdict::Split, Verdict::Blocked];

    /// The name as stored, sent and shown.
    pub fn as_str(self) -> &'static str {
        match self {
            Verdict::Passed => "passed",
            Verdict::Warned => "warned",
            Verdict::Split => "split",
            Verdict::Blocked => "blocked",
        }
    }

    /// The verdict of that name.
    pub fn from_text(text: &str) -> Option<Verdict> {
        Verdict::ALL.iter().copied().find(|verdict| verdict.as_str() == text)
    }
}

/// Whether a rule holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Outcome {
    /// It holds.
    Passed,
    /// It does not.
    Failed,
    /// It could not be evaluated. It is never a pass, and lets nothing in.
    Error,
}

impl Outcome {
    /// Every outcome.
    pub const ALL: &'static [Outcome] = &[Outcome::Passed, Outcome::Failed, Outcome::Error];

    /// The name as stored, sent and shown.
    pub fn as_str(self) -> &'static str {
        match self {
            Outcome::Passed => "Passed",
            Outcome::Failed => "Failed",
            Outcome::Error => "Error",
        }
    }

    /// The outcome of that name.
    pub fn from_text(text: &str) -> Option<Outcome> {
        Outcome::ALL.iter().copied().find(|outcome| outcome.as_str() == text)
    }
}

/// What came of one rule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RuleResult {
    /// The rule in canonical spelling.
    pub rule: String,
    /// Whether it holds.
    pub outcome: Outcome,
    /// Why it doesn't; empty if it does.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub reason: String,
    /// What was measured.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub metrics: BTreeMap<String, Metric>,
    /// Its labels.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
    /// Whether it only warns when it doesn't hold: its level says so, or it is about the whole and the audit is
    /// of rows that come again.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub warns: bool,
    /// Whether it says of each row whether the row broke it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub by_row: bool,
}

impl RuleResult {
    /// Whether it doesn't hold, and more than warns.
    pub fn is_broken(&self) -> bool {
        self.outcome == Outcome::Failed && !self.warns
    }
}

/// What an analyzer measured.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AnalyzerResult {
    /// The analyzer in canonical spelling.
    pub analyzer: String,
    /// What was measured.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub metrics: BTreeMap<String, Metric>,
    /// Why nothing was; empty if something was.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub reason: String,
}

/// A measured number. Equal to itself whatever it is, and the same after it was stored: as text, because
/// JSON has neither NaN nor the infinities.
#[derive(Clone, Copy, Debug, Default)]
pub struct Metric(pub f64);

impl PartialEq for Metric {
    fn eq(&self, other: &Metric) -> bool {
        self.0 == other.0 || (self.0.is_nan() && other.0.is_nan())
    }
}

impl Eq for Metric {}

impl fmt::Display for Metric {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Serialize for Metric {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Metric {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Metric, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map(Metric).map_err(|_| D::Error::custom(format_args!("`{text}` is no number")))
    }
}

/// What follows from what came of the rules.
pub fn verdict(rules: &[RuleResult], on_failure: OnFailure) -> Verdict {
    if rules.iter().any(|rule| rule.outcome == Outcome::Error) {
        // A rule that nobody could ask has not been answered, whatever its level says.
        return Verdict::Blocked;
    }
    let failed = || rules.iter().filter(|rule| rule.outcome == Outcome::Failed);
    let broken = || failed().filter(|rule| !rule.warns);
    match on_failure {
        _ if failed().next().is_none() => Verdict::Passed,
        _ if broken().next().is_none() => Verdict::Warned,
        OnFailure::Warn => Verdict::Warned,
        OnFailure::QuarantineRows if broken().all(|rule| rule.by_row) => Verdict::Split,
        OnFailure::QuarantineRows | OnFailure::Block => Verdict::Blocked,
    }
}

/// Which rules don't hold and why, those that count most first; empty if all hold.
pub fn reason(rules: &[RuleResult]) -> String {
    let of = |outcome: Outcome, warns: bool| rules.iter().filter(move |rule| rule.outcome == outcome && rule.warns == warns);
    let errors: Vec<&RuleResult> = rules.iter().filter(|rule| rule.outcome == Outcome::Error).collect();
    let failed: Vec<&RuleResult> = of(Outcome::Failed, false).chain(of(Outcome::Failed, true)).collect();
    let mut said = Vec::new();
    if !errors.is_empty() {
        said.push(format!("{} of {} rules could not be evaluated: {}", errors.len(), rules.len(), named(&errors)));
    }
    if !failed.is_empty() {
        let verb = if failed.len() == 1 { "does" } else { "do" };
        said.push(format!("{} of {} rules {verb} not hold: {}", failed.len(), rules.len(), named(&failed)));
    }
    within(said.join("; "), LONGEST_REASON)
}

/// The text, or its first characters and an ellipsis if it has more than this many.
fn shortened(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        None => text.to_owned(),
        Some(_) => text.chars().take(most.saturating_sub(1)).chain(['…']).collect(),
    }
}

/// The text, cut to this many bytes.
fn within(mut text: String, most: usize) -> String {
    if text.len() > most {
        text.truncate(text.floor_char_boundary(most.saturating_sub('…'.len_utf8())));
        text.push('…');
    }
    text
}

fn named(rules: &[&RuleResult]) -> String {
    let mut names: Vec<String> = rules.iter().take(NAMED).map(|rule| said_of(rule)).collect();
    if rules.len() > NAMED {
        names.push(format!("and {} more", rules.len() - NAMED));
    }
    names.join("; ")
}

fn said_of(rule: &RuleResult) -> String {
    let name = shortened(&rule.rule, LONGEST_NAMED);
    if rule.reason.is_empty() { name } else { format!("{name} ({})", rule.reason) }
}

impl Audit {
    /// The failure that keeps the output out; `None` if it is let in.
    pub fn failure(&self) -> Option<Failure> {
        if self.verdict != Verdict::Blocked {
            return None;
        }
        let failure = Failure::new(FailureCode::QualityFailed, format!("{}: {}", self.ruleset, self.reason));
        let has_error = self.rules.iter().any(|rule| rule.outcome == Outcome::Error);
        Some(failure.hint(if has_error {
            "mend the rule, or the column, reference or file that it asks for; nothing was published"
        } else {
            "mend the data or the rules; nothing was published"
        }))
    }

    /// The audit as it is kept and told of: whoever made it has compared texts that may be long, and from now
    /// on they are only read.
    #[must_use]
    pub fn bounded(mut self) -> Audit {
        self.reason = within(self.reason, LONGEST_REASON);
        for rule in &mut self.rules {
            rule.rule = shortened(&rule.rule, LONGEST_RULE);
            rule.reason = within(std::mem::take(&mut rule.reason), LONGEST_REASON);
        }
        for analyzer in &mut self.analyzers {
            analyzer.analyzer = shortened(&analyzer.analyzer, LONGEST_RULE);
            analyzer.reason = within(std::mem::take(&mut analyzer.reason), LONGEST_REASON);
        }
        self
    }

    /// Whether some rule does not hold.
    pub fn is_failing(&self) -> bool {
        self.verdict != Verdict::Passed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(outcome: Outcome, warns: bool, by_row: bool) -> RuleResult {
        let reason = if outcome == Outcome::Passed { String::new() } else { "2 of 9 rows".to_owned() };
        RuleResult { rule: "IsComplete \"id\"".into(), outcome, reason, metrics: [].into(), labels: [].into(), warns, by_row }
    }

    #[test]
    fn what_follows_is_what_the_pipeline_says_and_an_error_always_blocks() {
        use OnFailure::{Block, QuarantineRows, Warn};
        use Outcome::{Error, Failed, Passed};
        let all = [Block, Warn, QuarantineRows];
        for (rules, expected) in [
            (vec![], [Verdict::Passed; 3]),
            (vec![rule(Passed, false, true)], [Verdict::Passed; 3]),
            (vec![rule(Failed, false, true)], [Verdict::Blocked, Verdict::Warned, Verdict::Split]),
            (vec![rule(Failed, false, false)], [Verdict::Blocked, Verdict::Warned, Verdict::Blocked]),
            (vec![rule(Failed, false, true), rule(Failed, false, false)], [Verdict::Blocked, Verdict::Warned, Verdict::Blocked]),
            (vec![rule(Failed, true, true)], [Verdict::Warned; 3]),
            (vec![rule(Failed, true, false), rule(Failed, false, true)], [Verdict::Blocked, Verdict::Warned, Verdict::Split]),
            (vec![rule(Error, false, false)], [Verdict::Blocked; 3]),
            (vec![rule(Error, true, false), rule(Failed, false, true)], [Verdict::Blocked; 3]),
        ] {
            assert_eq!(all.map(|on_failure| verdict(&rules, on_failure)), expected, "{rules:?}");
        }
    }

    #[test]
    fn a_reason_names_what_counts_most_and_counts_the_rest() {
        assert_eq!(reason(&[rule(Outcome::Passed, false, true)]), "");
        let rules = vec![rule(Outcome::Failed, false, true); 7];
        let said = reason(&rules);
        assert!(said.starts_with("7 of 7 rules do not hold: IsComplete \"id\" (2 of 9 rows); "), "{said}");
        assert!(said.ends_with("; and 2 more"), "{said}");
        let said = reason(&[rule(Outcome::Failed, false, true), rule(Outcome::Error, false, true)]);
        assert!(said.starts_with("1 of 2 rules could not be evaluated"), "{said}");
    }

    #[test]
    fn no_rule_is_too_long_to_be_told_of() {
        let values: Vec<String> = (0..10_000).map(|value| format!("\"wert-ü{value}\"")).collect();
        let long = format!("ColumnValues \"id\" in [{}]", values.join(", "));
        let rules = vec![RuleResult { rule: long.clone(), ..rule(Outcome::Failed, false, true) }; 7];
        let said = reason(&rules);
        assert!(said.len() < 2_000 && said.contains("… (2 of 9 rows); ") && said.ends_with("; and 2 more"), "{said}");
        let talkative = vec![RuleResult { reason: "ü".repeat(5_000), ..rule(Outcome::Error, false, true) }; 7];
        let said = reason(&talkative);
        assert!(said.len() <= LONGEST_REASON && said.ends_with('…'), "{}", said.len());

        let kept = shortened(&long, LONGEST_RULE);
        assert!(kept.chars().count() == LONGEST_RULE && kept.ends_with('…') && long.starts_with(kept.trim_end_matches('…')));
        assert_eq!(shortened("äöü", 3), "äöü");
        assert_eq!(shortened("äöüß", 3), "äö…");
    }

    #[test]
    fn every_number_is_the_same_after_it_was_stored() {
        for value in [0.1 + 0.2, f64::NAN, f64::INFINITY, f64::NEG_INFINITY, f64::MIN_POSITIVE, 1e300, -0.0, 7.0] {
            let stored = serde_json::to_string(&Metric(value)).unwrap();
            let read: Metric = serde_json::from_str(&stored).unwrap();
            assert_eq!(read, Metric(value), "{stored}");
        }
        assert!(serde_json::from_str::<Metric>("\"much\"").is_err());
    }
}
