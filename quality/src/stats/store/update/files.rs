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
    stats::{MeasureError, Measured, Options, Statistic, measure_with_options},
};

/// Files up to this size, in bytes, keep few threads busy: many of them are measured at a time.
const SMALL: u64 = 16 << 20;

/// Measures statistics of some of a dataset's files, by their places: of each file apart, and all of them in one pass.
pub(super) fn measure(
    dataset: &Dataset,
    files: &[DataFile],
    jobs: BTreeMap<usize, Vec<Statistic>>,
) -> Result<Vec<(usize, Measured)>, MeasureError> {
    let options = Options { states: true, ..Options::default() };
    let one =
        |(place, statistics): &(usize, Vec<Statistic>)| Ok((*place, measure_with_options(&dataset.one(*place), statistics, &options)?));
    let is_small = |(place, _): &(usize, Vec<Statistic>)| files.get(*place).is_some_and(|file| file.size <= SMALL);
    let (small, large): (Vec<_>, Vec<_>) = jobs.into_iter().partition(is_small);
    let mut done = large.iter().map(one).collect::<Result<Vec<_>, MeasureError>>()?;
    let threads = thread::available_parallelism().map_or(1, NonZeroUsize::get).min(small.len());
    if threads < 2 {
        done.extend(small.iter().map(one).collect::<Result<Vec<_>, MeasureError>>()?);
        return Ok(done);
    }
    let (next, stop) = (AtomicUsize::new(0), AtomicBool::new(false));
    let found = Mutex::new(done);
    let work = || {
        while let Some(job) = small.get(next.fetch_add(1, Ordering::Relaxed)).filter(|_| !stop.load(Ordering::Relaxed)) {
            // The others need not go on.
            let measured = one(job).inspect_err(|_| stop.store(true, Ordering::Relaxed))?;
            found.lock().unwrap_or_else(PoisonError::into_inner).push(measured);
        }
        Ok(())
    };
    thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        workers.into_iter().try_for_each(|worker| worker.join().unwrap_or(Err(MeasureError::Panicked)))
    })?;
    Ok(found.into_inner().unwrap_or_else(PoisonError::into_inner))
}
