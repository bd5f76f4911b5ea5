//! Measuring files apart.

use std::{
    collections::BTreeMap,
    num::NonZeroUsize,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread,
};

use super::DataFile;
use crate::{
    data::Dataset,
    stats::{MeasureError, Measured, Statistic, measure::measure_to_store},
};

/// Files up to this size, in bytes, keep few threads busy: many of them are measured at a time.
const SMALL: u64 = 16 << 20;

/// So many at most: what is somewhere else is fetched and opened for it.
const AT_ONCE: usize = 16;

/// Measures statistics of some of a dataset's files, by their places: of each file apart, and all of them in one pass.
/// What comes of each is handed over when it is there, in no particular order, and also if others fail.
pub(super) fn measure(
    dataset: &Dataset,
    files: &[DataFile],
    jobs: BTreeMap<usize, Vec<&Statistic>>,
    mut take: impl FnMut(usize, Measured) -> Result<(), MeasureError> + Send,
) -> Result<(), MeasureError> {
    let one = |(place, statistics): &(usize, Vec<&Statistic>), at_once: usize| {
        let statistics: Vec<Statistic> = statistics.iter().map(|statistic| (*statistic).clone()).collect();
        measure_to_store(&dataset.one(*place), &statistics, at_once)
    };
    let is_small = |(place, _): &(usize, Vec<&Statistic>)| files.get(*place).is_some_and(|file| file.size <= SMALL);
    let (small, large): (Vec<_>, Vec<_>) = jobs.into_iter().partition(is_small);
    for job in &large {
        take(job.0, one(job, 1)?)?;
    }
    let threads = thread::available_parallelism().map_or(1, NonZeroUsize::get).min(small.len()).min(AT_ONCE);
    if threads < 2 {
        return small.iter().try_for_each(|job| take(job.0, one(job, 1)?));
    }
    let (next, stop) = (AtomicUsize::new(0), AtomicBool::new(false));
    let take = Mutex::new(take);
    let work = || {
        while let Some(job) = small.get(next.fetch_add(1, Ordering::Relaxed)).filter(|_| !stop.load(Ordering::Relaxed)) {
            let measured = one(job, threads);
            let taken = measured.and_then(|measured| take.lock().unwrap_or_else(PoisonError::into_inner)(job.0, measured));
            // The others need not begin another one.
            taken.inspect_err(|_| stop.store(true, Ordering::Relaxed))?;
        }
        Ok(())
    };
    thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        // All of them come to an end before any of their failures is looked at.
        let ended: Vec<_> = workers.into_iter().map(|worker| worker.join().unwrap_or(Err(MeasureError::Panicked))).collect();
        ended.into_iter().collect()
    })
}
