//! `lakegate up`: the whole lake in one process.

use clap::Args as ClapArgs;

use crate::{
    config::LogLevel,
    context::Context,
    error::Result,
    up::{self, Address, Plan},
};

#[derive(ClapArgs, Debug)]
pub(crate) struct Args {
    /// Workers in this process; more can join over the port.
    #[arg(long, value_name = "N", default_value_t = 1)]
    workers: usize,
    /// Tasks each worker runs at once. Default: one for each core, shared among the workers.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1024))]
    slots: Option<u32>,
    /// Where to listen, as HOST:PORT or PORT. Default: a free port of this machine, for it alone.
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:0", hide_default_value = true)]
    listen: Address,
    /// Listen on an address that others can reach, though nothing is encrypted and nobody is asked who they are.
    #[arg(long)]
    insecure: bool,
    /// Work off what is there, sealing open batches early, then stop: exit 0, or 1 if anything failed.
    #[arg(long)]
    until_idle: bool,
}

pub(crate) fn run(context: &Context, args: &Args) -> Result<()> {
    let project = context.checked_project()?;
    let plan = Plan {
        listen: args.listen.0,
        insecure: args.insecure,
        workers: args.workers,
        slots: args.slots.map(|slots| slots as usize),
        until_idle: args.until_idle,
    };
    context.block_on(LogLevel::Progress, up::run(context, &project, &plan))
}
