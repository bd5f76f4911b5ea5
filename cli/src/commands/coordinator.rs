//! `lakegate coordinator`: the coordinator alone, as a service.

use clap::Args as ClapArgs;

use crate::{
    config::LogLevel,
    context::Context,
    error::Result,
    up::{self, Address, Plan},
};

#[derive(ClapArgs, Debug)]
pub(crate) struct Args {
    /// Where to listen, as HOST:PORT or PORT.
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:7447")]
    listen: Address,
    /// Listen on an address that others can reach, though nothing is encrypted and nobody is asked who they are.
    #[arg(long)]
    insecure: bool,
}

pub(crate) fn run(context: &Context, args: &Args) -> Result<()> {
    let project = context.checked_project()?;
    let plan = Plan { listen: args.listen.0, insecure: args.insecure, workers: 0, slots: None, until_idle: false };
    context.block_on(LogLevel::Service, up::run(context, &project, &plan))
}
