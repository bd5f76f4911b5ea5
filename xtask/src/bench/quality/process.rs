//! One process from its start to its end: time, processor time, memory.

use std::{
    fs,
    io::{Read, Seek},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use crate::{Result, bench::measure::memory};

/// What a process took.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Taken {
    /// Seconds from start to end.
    pub(crate) wall: f64,
    /// Seconds of processor time, its own and the kernel's for it, in steps of 10 ms.
    pub(crate) processor: f64,
    /// Most memory it had, in megabytes, and its children with it.
    pub(crate) memory: f64,
}

/// How often a running process is asked for its memory.
const GLANCE: Duration = Duration::from_millis(5);

/// Runs a command to its end. Exit codes above 1 are errors: 1 is what a checker says of data that don't hold.
pub(crate) fn run(command: &mut Command) -> Result<Taken> {
    let begun = Instant::now();
    // A file and not a pipe: some draw progress bars, and a full pipe would stop them.
    let mut said = tempfile::tempfile()?;
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(said.try_clone()?).spawn()?;
    let (mut most, mut ended) = (0.0_f64, false);
    while !ended {
        // The most it ever had is asked for as long as it runs, and is 0 or unreadable once it has ended.
        most = most.max(memory_of_all(child.id()));
        ended = state(&child)? == 'Z';
        if !ended {
            thread::sleep(GLANCE);
        }
    }
    let wall = begun.elapsed().as_secs_f64();
    // An ended process that nobody has waited for still tells its processor time.
    let processor = processor_time(&child)?;
    match child.wait()?.code() {
        Some(0 | 1) => Ok(Taken { wall, processor, memory: most }),
        code => {
            let mut text = String::new();
            said.rewind()?;
            said.read_to_string(&mut text)?;
            Err(format!("{command:?} ended with {code:?}: {text}").into())
        }
    }
}

/// The most memory that a process and its children ever had.
fn memory_of_all(process: u32) -> f64 {
    let children = fs::read_to_string(format!("/proc/{process}/task/{process}/children")).unwrap_or_default();
    let of_children = children.split_whitespace().filter_map(|child| child.parse().ok()).map(memory_of_all);
    memory(process, "VmHWM").unwrap_or_default() + of_children.sum::<f64>()
}

/// The fields of `/proc/<id>/stat` after the command's name, which may hold anything.
fn fields(child: &Child) -> Result<Vec<String>> {
    let stat = fs::read_to_string(format!("/proc/{}/stat", child.id()))?;
    let (_, after) = stat.rsplit_once(')').ok_or("a line of another form")?;
    Ok(after.split_whitespace().map(str::to_owned).collect())
}

fn state(child: &Child) -> Result<char> {
    Ok(fields(child)?.first().and_then(|state| state.chars().next()).ok_or("no state")?)
}

/// Fields 14 to 17 of the line, in hundredths of a second: the process's own and its ended children's.
fn processor_time(child: &Child) -> Result<f64> {
    let fields = fields(child)?;
    let ticks = fields.get(11..15).ok_or("too few fields")?.iter().map(|ticks| ticks.parse::<f64>());
    Ok(ticks.sum::<std::result::Result<f64, _>>()? / 100.0)
}
