//! Figures: medians, percentiles, and what the system says of a process.

use std::{fs, time::Duration};

use crate::Result;

/// Smallest, middle and largest of some figures.
pub(crate) struct Spread {
    pub(crate) min: f64,
    pub(crate) median: f64,
    pub(crate) max: f64,
}

impl Spread {
    /// Of these figures, of which there is at least one.
    pub(crate) fn of(figures: &[f64]) -> Spread {
        let at = |share: f64| percentile(figures, share);
        Spread { min: at(0.0), median: at(0.5), max: at(1.0) }
    }
}

/// The figure below which this share of them lies, from 0 to 1. Nearest rank; 0 if there is none.
pub(crate) fn percentile(figures: &[f64], share: f64) -> f64 {
    let mut sorted = figures.to_vec();
    sorted.sort_by(f64::total_cmp);
    let last = sorted.len().saturating_sub(1);
    let rank = (0..last).take_while(|rank| (*rank as f64) < share * last as f64).count();
    sorted.get(rank).copied().unwrap_or_default()
}

/// Milliseconds.
pub(crate) fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1_000.0
}

/// What `/proc` says of a process's memory, in megabytes: `VmHWM` is the most it ever had.
pub(crate) fn memory(process: u32, field: &str) -> Result<f64> {
    let status = fs::read_to_string(format!("/proc/{process}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix(field)).ok_or_else(|| format!("no {field} for process {process}"))?;
    let kilobytes: f64 = line.trim_start_matches(':').trim().trim_end_matches("kB").trim().parse()?;
    Ok(kilobytes / 1_024.0)
}
