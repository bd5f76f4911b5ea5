//! What audits found, what was set aside by them or otherwise, and what they have measured over time.

use std::collections::BTreeMap;

use lakegate_model::{Failure, Location, Timestamp};
use lakegate_proto::{convert::Malformed, v1};
use serde::Serialize;

use super::text;

/// What the audit of a run's output found.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Audit {
    /// The file of the rules, relative to the project.
    pub ruleset: String,
    /// When it was made.
    pub at: Timestamp,
    /// `passed`, `warned` (let in all the same), `split` (the rows that broke rules were set aside) or
    /// `blocked` (nothing was let in).
    pub verdict: String,
    /// Which rules don't hold and why; `None` if all do.
    pub reason: Option<String>,
    /// Rules that hold over all rules, from 0 to 1.
    pub score: f64,
    /// Rows that were audited.
    pub rows: u64,
    /// Rows that were set aside.
    pub rows_aside: u64,
    /// What came of each rule, in the order of the file; none in lists of runs.
    pub rules: Vec<RuleResult>,
    /// What each analyzer measured; none in lists of runs.
    pub analyzers: Vec<AnalyzerResult>,
    /// The statistics that a history is kept of; none in lists of runs. As JSON, a number that is none is null.
    pub statistics: BTreeMap<String, f64>,
    /// Statistics that were measured and not kept, because there were too many.
    pub statistics_left_out: u64,
}

impl From<v1::Audit> for Audit {
    fn from(audit: v1::Audit) -> Audit {
        Audit {
            ruleset: audit.ruleset,
            at: Timestamp(audit.at),
            verdict: audit.verdict,
            reason: text(audit.reason),
            score: audit.score,
            rows: audit.rows,
            rows_aside: audit.rows_aside,
            rules: audit.rules.into_iter().map(Into::into).collect(),
            analyzers: audit.analyzers.into_iter().map(Into::into).collect(),
            statistics: audit.statistics.into_iter().collect(),
            statistics_left_out: audit.statistics_left_out,
        }
    }
}

/// What came of one rule.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RuleResult {
    /// In canonical spelling.
    pub rule: String,
    /// `Passed`, `Failed`, or `Error`: it could not be evaluated.
    pub outcome: String,
    /// Why it doesn't hold.
    pub reason: Option<String>,
    /// What was measured.
    pub metrics: BTreeMap<String, f64>,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// `error`, or `warn`: a failure of it is only told.
    pub level: &'static str,
}

impl From<v1::RuleResult> for RuleResult {
    fn from(result: v1::RuleResult) -> RuleResult {
        RuleResult {
            rule: result.rule,
            outcome: result.outcome,
            reason: text(result.reason),
            metrics: result.metrics.into_iter().collect(),
            labels: result.labels.into_iter().collect(),
            level: if result.warns { "warn" } else { "error" },
        }
    }
}

/// What an analyzer measured.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct AnalyzerResult {
    /// In canonical spelling.
    pub analyzer: String,
    /// What was measured.
    pub metrics: BTreeMap<String, f64>,
    /// Why nothing was.
    pub reason: Option<String>,
}

impl From<v1::AnalyzerResult> for AnalyzerResult {
    fn from(result: v1::AnalyzerResult) -> AnalyzerResult {
        AnalyzerResult { analyzer: result.analyzer, metrics: result.metrics.into_iter().collect(), reason: text(result.reason) }
    }
}

/// Something that was set aside.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Quarantined {
    /// Of rows, the id of the run whose audit set them aside: `ex-…`; of an event its own: `ev-…`; else the
    /// object's: `ob-…`.
    pub id: String,
    /// `rows`, `object`, `unrouted` (an object that no pipeline takes) or `event` (one that was not understood).
    pub kind: String,
    /// `team/dataset/stage`; `None` for what is unrouted, and for events.
    pub stage: Option<String>,
    /// The key of the object; of rows, the key or number of objects they were in; of an event what told it.
    pub subject: String,
    /// Why.
    pub reason: Failure,
    /// How many rows; 0 for objects.
    pub rows: u64,
    /// Where the rows' file or the object lies.
    pub location: Option<Location>,
    /// The run that set it aside.
    pub run: Option<String>,
    /// When it was set aside.
    pub at: Timestamp,
    /// The id of the object as which it was released; of an event all ids, or keys.
    pub released_as: Option<String>,
    /// Of an event, it as it came; lists leave it out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub body: Option<String>,
}

impl TryFrom<v1::Quarantined> for Quarantined {
    type Error = Malformed;

    fn try_from(item: v1::Quarantined) -> Result<Quarantined, Malformed> {
        Ok(Quarantined {
            id: item.id,
            kind: item.kind,
            stage: text(item.stage),
            subject: item.subject,
            reason: item.reason.ok_or_else(|| Malformed::missing("reason"))?.into(),
            rows: item.rows,
            location: text(item.location).map(Location::new),
            run: text(item.run),
            at: Timestamp(item.at),
            released_as: text(item.released_as),
            body: text(item.body),
        })
    }
}

/// What became of something that was to be released.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Released {
    /// What it is.
    #[serde(flatten)]
    pub item: Quarantined,
    /// Whether this request has released it, or would have if it was a dry run.
    pub new: bool,
    /// Why it can't be released.
    pub refused: Option<Failure>,
}

impl TryFrom<v1::Released> for Released {
    type Error = Malformed;

    fn try_from(released: v1::Released) -> Result<Released, Malformed> {
        let item = released.item.ok_or_else(|| Malformed::missing("item"))?.try_into()?;
        Ok(Released { item, new: released.new, refused: released.refused.map(Into::into) })
    }
}

/// What is to be released.
#[derive(Clone, Debug, PartialEq)]
pub enum Release {
    /// These, by their ids or unambiguous beginnings of them.
    These(Vec<String>),
    /// All that was set aside within a dataset or stage (empty is all) and is not released yet.
    All {
        /// `team/dataset` or `team/dataset/stage`; empty is all.
        within: String,
        /// Only of this kind; empty is all.
        kind: String,
    },
}

/// What one audit of a stage has measured.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct QualityPoint {
    /// When.
    pub at: Timestamp,
    /// The run.
    pub run: String,
    /// The file of the rules.
    pub ruleset: String,
    /// As in [`Audit`].
    pub verdict: String,
    /// Rules that hold over all rules.
    pub score: f64,
    /// Values by the names of their statistics. As JSON, a number that is none is null.
    pub statistics: BTreeMap<String, f64>,
}

impl From<v1::QualityPoint> for QualityPoint {
    fn from(point: v1::QualityPoint) -> QualityPoint {
        let v1::QualityPoint { at, run, ruleset, verdict, score, statistics } = point;
        QualityPoint { at: Timestamp(at), run, ruleset, verdict, score, statistics: statistics.into_iter().collect() }
    }
}
