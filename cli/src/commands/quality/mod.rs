//! `lakegate quality`: rulesets, and data that is held against them.

mod check;
mod history;
mod history_file;
mod inputs;
mod profile;
mod report;
mod run;
mod states_file;
mod suggest;
mod text;

use clap::Subcommand;

use crate::{context::Context, error::Result};

#[derive(Subcommand, Debug)]
pub(crate) enum Verb {
    /// Check a ruleset and say everything that is wrong with it.
    Check(check::Args),
    /// Hold data against a ruleset; exit 1 if it does not pass.
    Run(run::Args),
    /// Tell what the columns of data are like: types, gaps, distributions.
    Profile(profile::Args),
    /// Print a ruleset that data speaks for.
    Suggest(suggest::Args),
    /// Show what the audits of a stage have measured, and how it went.
    History(history::Args),
    /// Report the audit of a run in the lake.
    Report(report::Args),
}

impl Verb {
    /// Whether its answer can be had as JUnit XML and as HTML.
    pub(crate) fn has_reports(&self) -> bool {
        matches!(self, Verb::Run(_) | Verb::Report(_))
    }
}

pub(crate) fn run(context: &Context, verb: &Verb) -> Result<()> {
    match verb {
        Verb::Check(args) => check::run(context, args),
        Verb::Run(args) => run::run(context, args),
        Verb::Profile(args) => profile::run(context, args),
        Verb::Suggest(args) => suggest::run(context, args),
        Verb::History(args) => history::run(context, args),
        Verb::Report(args) => report::run(context, args),
    }
}
