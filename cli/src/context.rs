//! What every command is given: how it was called, where to answer, and the project it is about.

use std::{future::Future, path::PathBuf};

use clap::ArgMatches;
use lakegate_model::{Failure, project::Settings};
use lakegate_worker::engine::check_stage;

use crate::{
    config::{Global, LogLevel},
    error::{CliError, Result, at_path},
    output::Output,
    project::{self, Project},
};

/// What every command is given.
pub(crate) struct Context {
    /// Flags and variables.
    pub(crate) global: Global,
    /// Where to answer.
    pub(crate) out: Output,
    /// What clap read, which knows where each value came from.
    pub(crate) matches: ArgMatches,
}

impl Context {
    /// The project's folder as an absolute path.
    pub(crate) fn dir(&self) -> Result<PathBuf> {
        let dir = &self.global.dir;
        dir.canonicalize().map_err(|error| match error.kind() {
            std::io::ErrorKind::NotFound => {
                CliError::wrong(format!("there is no folder {}", dir.display()), "name the lake project's folder with --dir")
            }
            _ => at_path(dir, "open", &error).into(),
        })
    }

    /// The project: its settings and pipelines. All that is wrong with its files is told at once.
    pub(crate) fn project(&self) -> Result<Project> {
        project::load(&self.dir()?, self.global.environment().as_deref(), &self.global.overrides()).map_err(CliError::Diagnostics)
    }

    /// The project's settings alone, so that a broken pipeline file does not keep anybody from looking at the lake.
    pub(crate) fn settings(&self) -> Result<Settings> {
        let dir = self.dir()?;
        project::settings(&dir, self.global.environment().as_deref(), &self.global.overrides()).map_err(CliError::Diagnostics)
    }

    /// The project with its SQL checked too, ready to run.
    pub(crate) fn checked_project(&self) -> Result<Project> {
        let project = self.project()?;
        let problems = sql_problems(&project);
        if problems.is_empty() {
            return Ok(project);
        }
        problems.iter().for_each(|failure| self.out.failure(failure));
        Err(CliError::Wrong)
    }

    /// Runs what is asynchronous about a command.
    pub(crate) fn block_on<T>(&self, level: LogLevel, work: impl Future<Output = Result<T>>) -> Result<T> {
        self.global.start_logs(level, &self.out)?;
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().thread_stack_size(STACK).build()?;
        let result = runtime.block_on(work);
        // What still runs was told to stop and given its time: an exit does not wait for it again.
        runtime.shutdown_background();
        result
    }
}

/// Bytes of a thread's stack: plans nest as deep as a ruleset has rules with joins, and Polars walks them by recursion.
/// Only what is used of it takes memory.
pub(crate) const STACK: usize = 64 << 20;

/// What is wrong with the SQL of a project's stages.
pub(crate) fn sql_problems(project: &Project) -> Vec<Failure> {
    project.pipelines.iter().flat_map(|(_, pipeline)| &pipeline.stages).flat_map(check_stage).collect()
}
