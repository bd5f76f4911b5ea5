//! Memory of coordinator and worker in processes of their own.

use std::{fs, time::Duration};

use super::{
    Bench, data,
    lake::{Lake, count, wait},
    measure::{memory, millis},
};
use crate::Result;

const LISTEN: &[&str] = &["coordinator", "--listen", "127.0.0.1:0"];

/// Peak memory of a coordinator and a worker that work through so many files.
pub(crate) fn apart(bench: &Bench, files: u64) -> Result<()> {
    let lake = Lake::new(bench, "apart")?;
    data::files(&lake.landing(), files)?;
    let (coordinator, _) = lake.serve(LISTEN)?;
    let worker = lake.spawn(&["worker", "--coordinator", &lake.endpoint()?, "--slots", &bench.slots.to_string()])?;
    wait(Duration::from_millis(100), || Ok(count(&lake.output()) as u64 >= files))?;
    println!("\n{files} files through processes of their own, peak resident memory");
    println!("  coordinator {:.0} MB   worker {:.0} MB", memory(coordinator.id(), "VmHWM")?, memory(worker.id(), "VmHWM")?);
    Ok(())
}

/// Memory of a coordinator without workers when so many objects wait, and of one that starts with them.
pub(crate) fn pending(bench: &Bench, objects: u64) -> Result<()> {
    let lake = Lake::new(bench, "pending")?;
    for number in 0..objects {
        let folder = lake.landing().join((number / 1_000).to_string());
        if number % 1_000 == 0 {
            fs::create_dir_all(&folder)?;
        }
        fs::write(folder.join(format!("{number}.csv")), format!("id,qty,amount\n{number},1,1\n"))?;
    }
    println!("\n{objects} objects pending, no worker");
    for what in ["taken in", "started again"] {
        let (coordinator, ready) = lake.serve(LISTEN)?;
        wait(Duration::from_millis(200), || Ok(lake.total("ready")? >= objects))?;
        let (peak, now) = (memory(coordinator.id(), "VmHWM")?, memory(coordinator.id(), "VmRSS")?);
        println!("  {what}: coordinator peak {peak:.0} MB, now {now:.0} MB; it listened after {:.0} ms", millis(ready));
    }
    Ok(())
}
