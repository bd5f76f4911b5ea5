//! Objects per second of lake and floor, in turn.

use std::{
    path::Path,
    process::Command,
    time::{Duration, Instant},
};

use super::{
    Bench, data,
    lake::{Lake, count, wait},
    measure::{Spread, memory},
};
use crate::Result;

/// Runs floor and lake in turn, the first of them changing, and prints objects per second of both.
pub(crate) fn measure(bench: &Bench, files: u64, rounds: usize) -> Result<()> {
    let source = bench.scratch.path().join(format!("files-{files}"));
    data::files(&source, files)?;
    let overhead = Spread::of(&(0..3).map(|_| Ok(lake(bench, None, 0)?.0)).collect::<Result<Vec<f64>>>()?).median;
    let (mut floors, mut lakes, mut ratios, mut peaks) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for round in 0..rounds {
        let floor_first = round % 2 == 0;
        let before = if floor_first { Some(floor(bench, &source, files)?) } else { None };
        let (seconds, peak) = lake(bench, Some(&source), files)?;
        let floor_rate = match before {
            Some(rate) => rate,
            None => floor(bench, &source, files)?,
        };
        let lake_rate = files as f64 / (seconds - overhead).max(f64::EPSILON);
        floors.push(floor_rate);
        lakes.push(lake_rate);
        ratios.push(lake_rate / floor_rate);
        peaks.push(peak);
    }
    println!("\n{files} files of 200 rows, {rounds} rounds                       min    median       max");
    line("floor, a plain Polars loop      objects/s", &floors, 0);
    line("lake, durable ledger on         objects/s", &lakes, 0);
    line("ratio lake / floor                       ", &ratios, 2);
    line("peak memory of `up`                    MB", &peaks, 0);
    println!("  (starting and stopping an empty lake, {:.0} ms, is not counted)", overhead * 1_000.0);
    Ok(())
}

fn line(what: &str, figures: &[f64], digits: usize) {
    let Spread { min, median, max } = Spread::of(figures);
    println!("  {what} {min:>9.digits$} {median:>9.digits$} {max:>9.digits$}");
}

/// Objects per second of the floor.
fn floor(bench: &Bench, source: &Path, files: u64) -> Result<f64> {
    let to = bench.folder("floor")?;
    let output = Command::new(&bench.programs.floor).arg(source).arg(&to).arg(bench.slots.to_string()).arg(data::SQL).output()?;
    if !output.status.success() {
        return Err(format!("the floor failed: {}", String::from_utf8_lossy(&output.stderr).trim()).into());
    }
    let seconds: f64 = String::from_utf8_lossy(&output.stdout).trim().parse()?;
    check(&to, files)?;
    Ok(files as f64 / seconds)
}

/// Seconds that `up --until-idle` took in all, and its peak memory in megabytes.
fn lake(bench: &Bench, source: Option<&Path>, files: u64) -> Result<(f64, f64)> {
    let lake = Lake::new(bench, "lake")?;
    if let Some(source) = source {
        data::link(source, &lake.landing())?;
    }
    let begun = Instant::now();
    let mut up = lake.spawn(&["up", "--until-idle", "--slots", &bench.slots.to_string()])?;
    let mut peak = 0.0;
    wait(Duration::from_millis(5), || {
        let ended = up.ended()?;
        if !ended {
            // It may end between the two questions.
            peak = memory(up.id(), "VmHWM").unwrap_or(peak);
        }
        Ok(ended)
    })?;
    let seconds = begun.elapsed().as_secs_f64();
    check(&lake.output(), files)?;
    Ok((seconds, peak))
}

fn check(folder: &Path, files: u64) -> Result<()> {
    let found = count(folder);
    if found as u64 == files { Ok(()) } else { Err(format!("{found} of {files} files are in {}", folder.display()).into()) }
}
