//! `lakegate check`: everything that is wrong with a project's files, at once.

use lakegate_model::{Failure, diagnostics::Diagnostic};
use serde::Serialize;

use crate::{
    context::{Context, sql_problems},
    error::{CliError, Result},
    output::text::counted,
    project::{self, Project},
};

/// What a program is told.
#[derive(Serialize)]
struct Checked<'a> {
    ok: bool,
    pipelines: usize,
    stages: usize,
    diagnostics: &'a [Diagnostic],
    problems: &'a [Failure],
}

pub(crate) fn run(context: &Context) -> Result<()> {
    let out = &context.out;
    let loaded = project::load(&context.dir()?, context.global.environment().as_deref(), &context.global.overrides());
    let project = match loaded {
        Ok(project) => project,
        Err(diagnostics) => {
            out.for_programs(&Checked { ok: false, pipelines: 0, stages: 0, diagnostics: &diagnostics, problems: &[] })?;
            return Err(if out.is_json() { CliError::Wrong } else { CliError::Diagnostics(diagnostics) });
        }
    };
    let problems = sql_problems(&project);
    let (pipelines, stages) = size(&project);
    out.for_programs(&Checked { ok: problems.is_empty(), pipelines, stages, diagnostics: &[], problems: &problems })?;
    if problems.is_empty() {
        return out.say(format_args!("ok: {}, {}", counted(pipelines as u64, "pipeline"), counted(stages as u64, "stage")));
    }
    if !out.is_json() {
        problems.iter().for_each(|failure| out.failure(failure));
    }
    Err(CliError::Wrong)
}

/// Pipelines and stages.
fn size(project: &Project) -> (usize, usize) {
    (project.pipelines.len(), project.pipelines.iter().map(|(_, pipeline)| pipeline.stages.len()).sum())
}
