//! `lakegate worker`: a worker that joins a coordinator.

use clap::Args as ClapArgs;
use lakegate_worker::WorkerOptions;

use crate::{
    config::LogLevel,
    context::Context,
    error::{CliError, Result},
    lake,
    output::text::parse_bytes,
    up::{session::start_tracing, signals::Signals},
};

#[derive(ClapArgs, Debug)]
pub(crate) struct Args {
    /// The coordinator, such as http://10.0.0.5:7447. Default: the one that runs on the project in --dir.
    #[arg(long, value_name = "URL", env = "LAKEGATE_COORDINATOR", hide_env_values = true)]
    coordinator: Option<String>,
    /// Tasks to run at once. Default: one for each core.
    #[arg(long, value_name = "N", env = "LAKEGATE_SLOTS", hide_env_values = true, value_parser = clap::value_parser!(u32).range(1..=1024))]
    slots: Option<u32>,
    /// Memory that tasks may use in all, such as 4GiB: a task starts only when its estimated need
    /// fits. Default: 60 % of what the machine or its control group has.
    #[arg(long, value_name = "SIZE", env = "LAKEGATE_MEMORY", hide_env_values = true, value_parser = parse_bytes)]
    memory: Option<u64>,
    /// A name for people. Default: host name and process id.
    #[arg(long)]
    name: Option<String>,
    /// A folder for decompressing files that are larger than memory. Default: in the system's folder for temporary files.
    #[arg(long, value_name = "DIR", env = "LAKEGATE_SCRATCH", hide_env_values = true)]
    scratch: Option<std::path::PathBuf>,
}

pub(crate) fn run(context: &Context, args: Args) -> Result<()> {
    context.block_on(LogLevel::Service, async {
        let coordinator = match args.coordinator.clone().or_else(|| context.global.endpoint()) {
            Some(coordinator) => coordinator,
            None => lake::written_endpoint(&context.dir()?)?.ok_or_else(|| {
                CliError::wrong("no coordinator to join", "name it with --coordinator, or the project it runs on with --dir")
            })?,
        };
        let defaults = WorkerOptions::new(coordinator);
        let options = WorkerOptions {
            slots: args.slots.map_or(defaults.slots, |slots| slots as usize),
            memory: args.memory.unwrap_or(defaults.memory),
            name: args.name.unwrap_or(defaults.name),
            scratch: args.scratch.unwrap_or(defaults.scratch),
            ..defaults
        };
        work(context, options).await
    })
}

/// Works until told to leave: then finishes what runs. Told twice, leaves at once.
async fn work(context: &Context, options: WorkerOptions) -> Result<()> {
    let (tracer, guard) = start_tracing("lakegate-worker")?;
    let mut signals = Signals::listen()?;
    let (leave, left) = tokio::sync::oneshot::channel::<()>();
    let stop = async {
        // A sender that is gone means that the command ends.
        let _ = left.await;
    };
    let mut working = std::pin::pin!(lakegate_worker::run(options, tracer, stop));
    let ended = tokio::select! {
        ended = &mut working => ended,
        () = signals.next() => {
            let _ = leave.send(());
            tokio::select! {
                ended = &mut working => ended,
                () = signals.next() => {
                    context.out.note("left at once; what was under way is given to others");
                    Ok(())
                }
            }
        }
    };
    guard.shutdown();
    Ok(ended?)
}
