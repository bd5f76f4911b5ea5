//! How long one file takes in an idle lake, and how long a lake takes to start.

use std::{
    fs, thread,
    time::{Duration, Instant},
};

use super::{
    Bench, data,
    lake::{Lake, wait},
    measure::{Spread, millis, percentile},
};
use crate::Result;

/// Drops files one by one into an idle lake and waits for the output of each.
pub(crate) fn single_files(bench: &Bench, samples: usize) -> Result<()> {
    let lake = Lake::new(bench, "latency")?;
    let (_up, _) = lake.serve(&["up", "--slots", &bench.slots.to_string()])?;
    let mut times = Vec::new();
    for sample in 0..samples + 10 {
        let name = format!("{sample:06}.csv");
        let content = data::file(sample as u64)?;
        let output = lake.output().join(format!("{name}.parquet"));
        let begun = Instant::now();
        fs::write(lake.landing().join(name), content)?;
        wait(Duration::from_micros(200), || Ok(output.exists()))?;
        times.push(millis(begun.elapsed()));
        // Long enough for the lake to be idle again; uneven, so as not to beat with its timers.
        thread::sleep(Duration::from_millis(25 + sample as u64 * 7 % 13));
    }
    // The first few warm up.
    let times = times.split_off(10);
    let at = |share| percentile(&times, share);
    println!("\none file into an idle lake, written → output there, {samples} samples");
    println!("  p50 {:.1} ms   p90 {:.1} ms   p99 {:.1} ms   max {:.1} ms", at(0.5), at(0.9), at(0.99), at(1.0));
    Ok(())
}

/// Starts an empty lake several times.
pub(crate) fn start(bench: &Bench) -> Result<()> {
    let lake = Lake::new(bench, "start")?;
    let times: Vec<f64> = (0..10).map(|_| Ok(millis(lake.serve(&["up"])?.1))).collect::<Result<_>>()?;
    let Spread { min, median, max } = Spread::of(&times);
    println!("\nstart of `up`, process begun → it listens: min {min:.0} ms   median {median:.0} ms   max {max:.0} ms");
    Ok(())
}
