//! Threads that take batches until there are no more.

use std::{
    collections::{BTreeMap, HashMap},
    num::NonZeroUsize,
    sync::atomic::{AtomicBool, Ordering},
    thread,
};

use polars::prelude::*;

use super::{
    accumulator::{Accumulator, Failure},
    batch::Batch,
    expressions::evaluate,
    groups::{self, Key},
    plan::{Plan, Section},
};
use crate::{
    data::{Batches, Dataset, first_line},
    stats::{
        MeasureError, State, StatisticError,
        keys::{Budget, Keep},
    },
};

/// Groups at most.
pub(crate) const GROUPS: usize = 10_000;

/// What came of a statistic.
pub(crate) type Found = Result<Value, StatisticError>;

/// A state, or one for each group.
#[derive(Clone, Debug)]
pub(crate) enum Value {
    One(State),
    Groups(Groups),
}

/// States of groups in the order of their keys, and the same with keys as they are shown.
#[derive(Clone, Debug, Default)]
pub(crate) struct Groups {
    pub(crate) keys: Vec<Key>,
    pub(crate) shown: Vec<(Vec<String>, State)>,
}

impl Groups {
    /// One more; its key comes after all others.
    pub(crate) fn push(&mut self, key: Key, state: State) {
        let shown = key.iter().map(|value| value.clone().unwrap_or_else(|| "null".to_owned())).collect();
        self.keys.push(key);
        self.shown.push((shown, state));
    }
}

/// What one thread keeps of a section.
struct Part {
    /// Of all rows, under no key; or of each group.
    groups: HashMap<Key, Vec<Accumulator>>,
    errors: Vec<Option<StatisticError>>,
}

/// Measures all that is planned. The numbers are the places of the statistics.
pub(crate) fn run(dataset: &Dataset, plan: &Plan, keep: Keep, memory: u64) -> Result<Vec<(usize, Found)>, MeasureError> {
    let batches = Batches::new(dataset, plan.columns.clone())?;
    let cores = threads();
    let threads = cores.min(batches.parallel()).min(plan.threads).max(1);
    let budget = Budget::new(memory);
    let stop = AtomicBool::new(false);
    let work = || {
        let done = read(&batches, plan, &budget, &stop);
        // The others need not read on.
        stop.fetch_or(done.is_err(), Ordering::Relaxed);
        done
    };
    let parts = thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        let joined = workers.into_iter().map(|worker| worker.join().unwrap_or(Err(MeasureError::Panicked)));
        joined.collect::<Result<Vec<_>, _>>()
    })?;
    let mut of_sections: Vec<Vec<Part>> = plan.sections.iter().map(|_| Vec::new()).collect();
    for part in parts {
        of_sections.iter_mut().zip(part).for_each(|(section, part)| section.push(part));
    }
    let mut found = Vec::new();
    for (section, parts) in plan.sections.iter().zip(of_sections) {
        found.extend(finish(section, parts, keep, cores)?);
    }
    Ok(found)
}

/// Threads that read at most.
fn threads() -> usize {
    thread::available_parallelism().map_or(1, NonZeroUsize::get)
}

fn read(batches: &Batches<'_>, plan: &Plan, budget: &Budget, stop: &AtomicBool) -> Result<Vec<Part>, MeasureError> {
    let mut parts: Vec<Part> = plan.sections.iter().map(|section| Part::new(section, budget)).collect();
    while !stop.load(Ordering::Relaxed) {
        let Some(frame) = batches.next()? else { break };
        for (section, part) in plan.sections.iter().zip(&mut parts) {
            part.update(section, &frame, budget)?;
        }
    }
    Ok(parts)
}

fn accumulators(section: &Section, budget: &Budget) -> Vec<Accumulator> {
    section.tasks.iter().map(|task| Accumulator::new(&task.work, budget)).collect()
}

impl Part {
    fn new(section: &Section, budget: &Budget) -> Part {
        let mut groups = HashMap::new();
        if section.group_by.is_empty() {
            groups.insert(Vec::new(), accumulators(section, budget));
        }
        Part { groups, errors: section.tasks.iter().map(|_| None).collect() }
    }

    fn update(&mut self, section: &Section, frame: &DataFrame, budget: &Budget) -> Result<(), MeasureError> {
        if self.errors.iter().all(Option::is_some) {
            return Ok(());
        }
        let split = || -> Result<Vec<(Key, Batch)>, String> {
            let polars = |error: PolarsError| first_line(&error);
            let rows = match &section.filter {
                None => frame.clone(),
                Some(filter) => {
                    let mask = evaluate(frame, &[filter]).pop().unwrap_or_else(|| Err("the filter gives nothing".to_owned()))?;
                    frame.select(section.columns.iter()).and_then(|frame| frame.filter_seq(&mask)).map_err(polars)?
                }
            };
            if section.group_by.is_empty() {
                return Ok(vec![(Vec::new(), Batch::new(&rows, section).map_err(polars)?)]);
            }
            groups::split(&rows, section).map_err(polars)
        };
        match split() {
            Err(why) => self.fail(&StatisticError::Expression(why)),
            Ok(batches) => {
                for (key, batch) in batches {
                    if !self.groups.contains_key(&key) && self.groups.len() == GROUPS {
                        self.groups.clear();
                        self.fail(&StatisticError::Groups(GROUPS));
                        return Ok(());
                    }
                    let group = self.groups.entry(key).or_insert_with(|| accumulators(section, budget));
                    take(section, group, &mut self.errors, &batch)?;
                }
            }
        }
        Ok(())
    }

    fn fail(&mut self, error: &StatisticError) {
        self.errors.iter_mut().for_each(|slot| *slot = Some(error.clone()));
    }
}

fn take(section: &Section, group: &mut [Accumulator], errors: &mut [Option<StatisticError>], batch: &Batch) -> Result<(), MeasureError> {
    for ((task, accumulator), error) in section.tasks.iter().zip(group).zip(errors) {
        if error.is_some() {
            continue;
        }
        match accumulator.update(&task.work, batch) {
            Ok(()) => {}
            Err(Failure::Statistic(why)) => *error = Some(why),
            Err(Failure::Measure(error)) => return Err(error),
        }
    }
    Ok(())
}

fn finish(section: &Section, parts: Vec<Part>, keep: Keep, threads: usize) -> Result<Vec<(usize, Found)>, MeasureError> {
    let mut errors: Vec<Option<StatisticError>> = section.tasks.iter().map(|_| None).collect();
    // Sorted, so that groups come in the order of their keys.
    let mut groups: BTreeMap<Key, Vec<Vec<Accumulator>>> = BTreeMap::new();
    for part in parts {
        errors.iter_mut().zip(part.errors).for_each(|(known, new)| *known = known.take().or(new));
        for (key, accumulators) in part.groups {
            let slots = groups.entry(key).or_insert_with(|| section.tasks.iter().map(|_| Vec::new()).collect());
            slots.iter_mut().zip(accumulators).for_each(|(slot, accumulator)| slot.push(accumulator));
        }
    }
    if groups.len() > GROUPS {
        errors.iter_mut().for_each(|slot| *slot = Some(StatisticError::Groups(GROUPS)));
    }
    let grouped = !section.group_by.is_empty();
    // Groups are kept as they are.
    let keep = if grouped && matches!(keep, Keep::Written(_)) { Keep::All } else { keep };
    let mut values: Vec<Found> = errors.into_iter().map(|error| error.map_or_else(|| Ok(Value::Groups(Groups::default())), Err)).collect();
    for (key, slots) in groups {
        for (value, all) in values.iter_mut().zip(slots) {
            let Ok(Value::Groups(done)) = value else { continue };
            match Accumulator::finish(all, keep, threads) {
                Ok(state) if grouped => done.push(key.clone(), state),
                Ok(state) => *value = Ok(Value::One(state)),
                Err(Failure::Statistic(why)) => *value = Err(why),
                Err(Failure::Measure(error)) => return Err(error),
            }
        }
    }
    Ok(section.tasks.iter().map(|task| task.statistic).zip(values).collect())
}
