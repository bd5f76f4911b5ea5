//! `lakegate workers`: who does the work.

use crate::{
    config::LogLevel,
    context::Context,
    error::Result,
    lake::with_lake,
    output::{
        table::{Rows, cell, number, state},
        text::{ago, bytes, now},
    },
};

pub(crate) fn run(context: &Context) -> Result<()> {
    let out = &context.out;
    context.block_on(LogLevel::Quiet, async {
        with_lake(context, async |lake| {
            let workers = lake.workers().await?;
            let now = now();
            out.answer(&workers, |workers| {
                let mut rows = Rows::new(out, &["WORKER", "NAME", "STATE", "SLOTS", "RUNNING", "DONE", "MEMORY", "SINCE", "LAST SEEN"]);
                for worker in workers {
                    rows.push([
                        cell(&worker.id),
                        cell(&worker.name),
                        state(if worker.draining { "draining" } else { "connected" }),
                        number(u64::from(worker.slots)),
                        number(u64::from(worker.running)),
                        number(worker.tasks_done),
                        cell(bytes(worker.memory)),
                        cell(ago(worker.since, now)),
                        cell(ago(worker.last_seen, now)),
                    ]);
                }
                if rows.is_empty() { "no workers".to_owned() } else { rows.render() }
            })
        })
        .await
    })
}
