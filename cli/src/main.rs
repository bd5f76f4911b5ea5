//! The `lakegate` command: the only place where ports meet adapters.

mod commands;
mod config;
mod context;
mod error;
mod lake;
mod output;
mod project;
mod up;

use std::{process::ExitCode, thread};

use clap::{CommandFactory as _, FromArgMatches as _, Parser};

use crate::{
    commands::Command,
    config::Global,
    context::{Context, STACK},
    error::CliError,
    output::Output,
};

/// The gate to a data lake: files land, are routed to their pipelines, transformed, batched and published as tables.
#[derive(Parser, Debug)]
#[command(name = "lakegate", version, propagate_version = true, max_term_width = 120, after_help = commands::FIRST_STEPS)]
struct Cli {
    #[command(subcommand)]
    command: Command,
    #[command(flatten)]
    global: Global,
}

fn main() -> ExitCode {
    let matches = match Cli::command().try_get_matches() {
        Ok(matches) => matches,
        Err(error) => return usage(&error),
    };
    let cli = match Cli::from_arg_matches(&matches) {
        Ok(cli) => cli,
        Err(error) => return usage(&error),
    };
    let out = Output::new(cli.global.output, cli.global.color);
    let run = || match commands::run(cli.command, Context { global: cli.global, out: out.clone(), matches }) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => error.report(&out),
    };
    // The stack of the first thread is what the shell allows.
    thread::scope(|scope| match thread::Builder::new().stack_size(STACK).spawn_scoped(scope, run) {
        Ok(running) => running.join().unwrap_or(ExitCode::from(PANICKED)),
        Err(error) => CliError::from(error).report(&out),
    })
}

/// What a program that panics exits with.
const PANICKED: u8 = 101;

/// Help and version go to standard output and are no errors; the rest goes to standard error.
fn usage(error: &clap::Error) -> ExitCode {
    // Where it can't be printed, the exit code still tells.
    let _ = error.print();
    ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(error::EXIT_WRONG))
}

/// The command's grammar, for completion scripts.
fn grammar() -> clap::Command {
    Cli::command()
}
