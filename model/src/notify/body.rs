//! What a notification says: one JSON object, whichever way it goes.
//!
//! `schema` names the version: fields are added within a version, and only a new version changes or
//! removes one. Times are RFC 3339 in UTC. What does not apply is left out.

use serde::{Serialize, Serializer};

use super::Event;
use crate::{
    audit::{Audit, Verdict},
    failure::Failure,
    time::Timestamp,
};

/// The version of what is said.
pub const SCHEMA: &str = "lakegate.notification/1";

/// A notification.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Notification<'a> {
    /// [`SCHEMA`].
    pub schema: &'static str,
    /// The same for every delivery of one ending to one destination: whoever gets it again knows it by this.
    pub id: &'a str,
    /// How the run ended; the narrowest that fits.
    pub event: Event,
    /// Whose data.
    pub team: &'a str,
    /// What data.
    pub dataset: &'a str,
    /// The stage's name.
    pub stage: &'a str,
    /// The run's id, as `lakegate run get` takes it.
    pub run: &'a str,
    /// The pipeline's version.
    pub pipeline_version: u32,
    /// The last attempt, counted from 1.
    pub attempt: u32,
    /// The run's state: `succeeded`, `failed` or `quarantined`.
    pub outcome: &'static str,
    /// Why it did not succeed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<&'a Failure>,
    /// How many objects it was of.
    pub objects: u64,
    /// The key of the object, if it was of one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub object: Option<&'a str>,
    /// The id of the batch, if it was of one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub batch: Option<&'a str>,
    /// Members of the batch that could not be read; the others were.
    pub rejected: u64,
    /// Rows read.
    pub rows_in: u64,
    /// Rows written.
    pub rows_out: u64,
    /// What its audit found, if its stage audits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub quality: Option<QualityNote<'a>>,
    /// The table it was published as: `database.table`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub table: Option<String>,
    /// The trace of the object or batch: 32 hexadecimal digits.
    pub trace_id: String,
    /// When the run was recorded.
    #[serde(serialize_with = "rfc3339")]
    pub recorded_at: Timestamp,
    /// When it ended.
    #[serde(serialize_with = "rfc3339")]
    pub ended_at: Timestamp,
}

/// What an audit found, in short; `lakegate run get` has every rule.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct QualityNote<'a> {
    /// The file of the rules.
    pub rules: &'a str,
    /// `passed`, `warned`, `split` or `blocked`.
    pub verdict: Verdict,
    /// Rules that hold over all rules.
    pub score: f64,
    /// Rows that were audited.
    pub rows: u64,
    /// Rows that were set aside.
    pub rows_aside: u64,
    /// Which rules don't hold and why; left out if all do.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub reason: &'a str,
}

impl<'a> From<&'a Audit> for QualityNote<'a> {
    fn from(audit: &'a Audit) -> QualityNote<'a> {
        let Audit { ruleset, verdict, reason, score, rows, rows_aside, .. } = audit;
        QualityNote { rules: ruleset, verdict: *verdict, score: score.0, rows: *rows, rows_aside: *rows_aside, reason }
    }
}

impl Notification<'_> {
    /// As JSON.
    pub fn to_json(&self) -> String {
        // Plain data with text keys; serialising it cannot fail.
        serde_json::to_string(self).unwrap_or_default()
    }
}

fn rfc3339<S: Serializer>(at: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(at)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::failure::FailureCode;

    /// What others have built on. It changes with the version in `SCHEMA` only.
    #[test]
    fn the_body_is_as_documented() {
        let failure = Failure::new(FailureCode::TransformFailed, "no column qty").hint("mend the SQL");
        let notification = Notification {
            schema: SCHEMA,
            id: "ex-1.3.0",
            event: Event::DeadLetter,
            team: "shop",
            dataset: "orders",
            stage: "clean",
            run: "ex-1",
            pipeline_version: 2,
            attempt: 3,
            outcome: "failed",
            reason: Some(&failure),
            objects: 1,
            object: Some("shop/orders/a.csv"),
            batch: None,
            rejected: 0,
            rows_in: 0,
            rows_out: 0,
            quality: Some(QualityNote {
                rules: "quality/orders.dqdl",
                verdict: Verdict::Blocked,
                score: 0.5,
                rows: 9,
                rows_aside: 0,
                reason: "1 of 2 rules does not hold: RowCount > 10 (9 rows)",
            }),
            table: Some("shop.orders".into()),
            trace_id: "0af7651916cd43dd8448eb211c80319c".into(),
            recorded_at: Timestamp(0),
            ended_at: Timestamp(1_500),
        };
        let expected = serde_json::json!({
            "schema": "lakegate.notification/1", "id": "ex-1.3.0", "event": "dead_letter", "team": "shop", "dataset": "orders",
            "stage": "clean", "run": "ex-1", "pipeline_version": 2, "attempt": 3, "outcome": "failed",
            "reason": { "code": "transform_failed", "message": "no column qty", "hint": "mend the SQL" },
            "objects": 1, "object": "shop/orders/a.csv", "rejected": 0, "rows_in": 0, "rows_out": 0,
            "quality": {
                "rules": "quality/orders.dqdl", "verdict": "blocked", "score": 0.5, "rows": 9, "rows_aside": 0,
                "reason": "1 of 2 rules does not hold: RowCount > 10 (9 rows)",
            },
            "table": "shop.orders",
            "trace_id": "0af7651916cd43dd8448eb211c80319c",
            "recorded_at": "1970-01-01T00:00:00.000Z", "ended_at": "1970-01-01T00:00:01.500Z",
        });
        assert_eq!(serde_json::from_str::<serde_json::Value>(&notification.to_json()).unwrap(), expected);
    }
}
