//! The commands: one file for each verb, and one for each noun with its verbs.

mod batch;
mod bootstrap;
mod check;
mod completions;
mod config;
mod coordinator;
mod cost;
mod demo;
pub(crate) mod doctor;
mod import;
mod init;
mod list;
mod object;
mod pipeline;
mod quality;
mod quarantine;
pub(crate) mod run;
mod stage;
mod status;
mod submit;
mod table;
mod up;
mod worker;
mod workers;

use clap::Subcommand;

use crate::{
    context::Context,
    error::{CliError, Result},
};

/// Shown below the help.
pub(crate) const FIRST_STEPS: &str = "\
First steps:
  lakegate demo            see it work, on the flights of New York in 2013
  lakegate init my-lake    make a lake project of your own
  lakegate up --dir my-lake

Exit codes: 0 done, 1 the work failed or a check did not hold, 2 the command or a file is wrong.";

#[derive(Subcommand, Debug)]
pub(crate) enum Command {
    /// Make a lake project that works, in a new or empty folder.
    Init(init::Args),
    /// Check the project's files and say everything that is wrong with them.
    Check,
    /// Make what the project needs on AWS and is not there yet: buckets, queue, tables, databases.
    Bootstrap(bootstrap::Args),
    /// Write pipeline files from what another framework keeps in its tables.
    #[command(subcommand)]
    Import(import::Verb),
    /// Run the whole lake in this process: coordinator and workers.
    Up(up::Args),
    /// Run the example lake, the flights of New York in 2013, from landing to table.
    Demo(demo::Args),
    /// Hand objects that lie in the raw zone to their pipelines.
    Submit(submit::Args),
    /// Run the coordinator alone; workers join it over its port.
    Coordinator(coordinator::Args),
    /// Run a worker that joins a coordinator.
    Worker(worker::Args),
    /// What landed, and what became of it.
    #[command(subcommand)]
    Object(object::Verb),
    /// Runs: one stage applied to one object or batch.
    #[command(subcommand)]
    Run(run::Verb),
    /// Batches, open and sealed.
    #[command(subcommand)]
    Batch(batch::Verb),
    /// Rows, objects and events that were set aside.
    #[command(subcommand)]
    Quarantine(quarantine::Verb),
    /// Published tables.
    #[command(subcommand)]
    Table(table::Verb),
    /// Hold a stage, or let it go on.
    #[command(subcommand)]
    Stage(stage::Verb),
    /// The pipelines that the lake runs.
    #[command(subcommand)]
    Pipeline(pipeline::Verb),
    /// Data quality: check rulesets, and hold data against them.
    #[command(subcommand)]
    Quality(quality::Verb),
    /// The workers that are connected.
    Workers,
    /// How much is waiting, running and done.
    Status(status::Args),
    /// What runs cost on AWS: their requests, and the price of these.
    Cost(cost::CostArgs),
    /// Check this machine and the project's places, and say what to mend.
    Doctor,
    /// The settings in force.
    #[command(subcommand)]
    Config(config::Verb),
    /// Print a completion script for a shell.
    Completions(completions::Args),
}

/// Does what was asked for.
pub(crate) fn run(command: Command, context: Context) -> Result<()> {
    if context.out.format().is_of_reports() && !matches!(&command, Command::Quality(verb) if verb.has_reports()) {
        let hint = "junit and html are forms of `lakegate quality run` and `lakegate quality report`; this command has table and json";
        return Err(CliError::wrong("this command has no such output format", hint));
    }
    match command {
        Command::Init(args) => init::run(&context, &args),
        Command::Check => check::run(&context),
        Command::Bootstrap(args) => bootstrap::run(&context, &args),
        Command::Import(verb) => import::run(&context, &verb),
        Command::Up(args) => up::run(&context, &args),
        Command::Demo(args) => demo::run(&context, &args),
        Command::Submit(args) => submit::run(&context, &args),
        Command::Coordinator(args) => coordinator::run(&context, &args),
        Command::Worker(args) => worker::run(&context, args),
        Command::Object(verb) => object::run(&context, &verb),
        Command::Run(verb) => run::run(&context, &verb),
        Command::Batch(verb) => batch::run(&context, &verb),
        Command::Quarantine(verb) => quarantine::run(&context, &verb),
        Command::Table(verb) => table::run(&context, &verb),
        Command::Stage(verb) => stage::run(&context, &verb),
        Command::Pipeline(verb) => pipeline::run(&context, &verb),
        Command::Quality(verb) => quality::run(&context, &verb),
        Command::Workers => workers::run(&context),
        Command::Status(args) => status::run(&context, &args),
        Command::Cost(args) => cost::run(&context, &args),
        Command::Doctor => doctor::run(&context),
        Command::Config(verb) => config::run(&context, &verb),
        Command::Completions(args) => completions::run(&context, &args),
    }
}
