//! Rows that were set aside and come again: what their file has besides the stage's columns, and how they
//! go through the stage without being transformed a second time. They are a part of their data, so rules that
//! say nothing of single rows only warn when they are audited again (`audit/judge.rs`).

use std::{borrow::Cow, sync::Arc};

use lakegate_model::pipeline::{Format, Input, Quality, Sql, Stage, Step, Transform, TransformWork};

use super::{Assignment, TaskInput};

/// The rules that a row broke.
pub(super) const RULES: &str = "_lakegate_rules";
/// What each of them says of it.
pub(super) const REASONS: &str = "_lakegate_reasons";
/// Where it came from: the key of an object, or a batch.
pub(super) const SOURCE: &str = "_lakegate_source";
/// Its number there, counted from 1.
pub(super) const ROW: &str = "_lakegate_row";
/// All of them.
pub(super) const COLUMNS: [&str; 4] = [RULES, REASONS, SOURCE, ROW];

/// The task as it is run: of rows that were set aside the stage's other columns, audited again and not
/// transformed again.
pub(super) fn as_it_is_run(assignment: &Assignment) -> Cow<'_, Assignment> {
    if !matches!(assignment.input, TaskInput::Rows { .. }) {
        return Cow::Borrowed(assignment);
    }
    let steps = assignment.stage.steps.iter().filter(|step| !matches!(step, Step::Transform(_) | Step::Job(_)));
    let stage = Stage {
        input: Input { format: Some(Format::Parquet), ..Input::default() },
        steps: [without_ours(assignment.stage.quality())].into_iter().chain(steps.cloned()).collect(),
        ..Stage::clone(&assignment.stage)
    };
    Cow::Owned(Assignment { stage: Arc::new(stage), ..assignment.clone() })
}

/// Leaves out the columns that only the file of rows set aside has.
fn without_ours(quality: Option<&Quality>) -> Step {
    let names: Vec<String> = COLUMNS.iter().map(|name| format!("\"{name}\"")).collect();
    let text = format!("SELECT * EXCLUDE ({}) FROM input", names.join(", "));
    let timeout = quality.map_or(lakegate_model::pipeline::DEFAULT_TRANSFORM_TIMEOUT, |quality| quality.timeout);
    Step::Transform(Transform { work: TransformWork::Sql(Sql { text, file: None }), references: Default::default(), timeout })
}
