//! What the coordinator answers, as plain values. Empty texts and zero times of the wire, which
//! mean "none", are `Option`s here. Serialised, they have the field names they have here; times
//! are milliseconds since the Unix epoch.

mod cost;
mod object;
mod pipeline;
mod quality;
mod run;
mod status;
mod table;

pub use cost::{Cost, StageCost};
use lakegate_model::Timestamp;
pub use object::{Batch, HistoryEntry, Object, ObjectHistory, Submitted};
pub use pipeline::{AppliedPipeline, PipelineInfo, StageInfo, StagePause};
pub use quality::{AnalyzerResult, Audit, QualityPoint, Quarantined, Release, Released, RuleResult};
pub use run::Run;
pub use status::{StageStatus, Status, Worker};
pub use table::{Table, TableFile};

/// A text whose emptiness means that there is none.
fn text(text: String) -> Option<String> {
    Some(text).filter(|text| !text.is_empty())
}

/// A time whose zero means that there is none.
fn time(at: i64) -> Option<Timestamp> {
    Some(Timestamp(at)).filter(|at| at.0 != 0)
}
