//! What a thread keeps of a statistic while it reads.

use polars::prelude::*;

use super::{batch::Batch, column::ColumnBatch, plan::Work};
use crate::{
    data::first_line,
    stats::{
        MeasureError, State, StatisticError,
        keys::{Budget, Hashes, Keep, KeyCounts, hashes_of},
        states::{Classes, CoMoments, Distinct, Extremes, Histogram, Lengths, Moments, Quantiles, TopCounter, Types},
    },
};

/// A state that grows, or what becomes one at the end.
pub(super) enum Accumulator {
    State(State),
    Keys(KeyCounts),
    Top(TopCounter),
}

/// Why a batch could not be taken in.
pub(super) enum Failure {
    Statistic(StatisticError),
    Measure(MeasureError),
}

impl From<PolarsError> for Failure {
    fn from(error: PolarsError) -> Failure {
        Failure::Statistic(StatisticError::Expression(first_line(&error)))
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Failure {
        Failure::Measure(MeasureError::Spill(error))
    }
}

impl Accumulator {
    pub(super) fn new(work: &Work, budget: &Budget) -> Accumulator {
        Accumulator::State(match work {
            Work::Rows => State::Rows(0),
            Work::Complete(_) | Work::Matches(_) => State::Ratio { matches: 0, rows: 0 },
            Work::Extremes(_) => State::Extremes(Extremes::default()),
            Work::Moments(_) => State::Moments(Moments::default()),
            Work::CoMoments(..) => State::CoMoments(CoMoments::default()),
            Work::Lengths(_) => State::Lengths(Lengths::default()),
            Work::Quantiles(_, kept) => State::Quantiles(Quantiles::with_room(kept.room)),
            Work::Distinct(_) => State::Distinct(Distinct::default()),
            Work::Histogram(_, whole) => State::Histogram(Histogram::new(*whole)),
            Work::Classes(..) => State::Classes(Classes::default()),
            Work::Types(_) => State::Types(Types::default()),
            Work::Keys(_) => return Accumulator::Keys(KeyCounts::new(budget.clone())),
            Work::Top(_) => return Accumulator::Top(TopCounter::default()),
        })
    }

    /// Takes in a batch.
    pub(super) fn update(&mut self, work: &Work, batch: &Batch) -> Result<(), Failure> {
        match self {
            Accumulator::State(state) => update_state(state, work, batch),
            Accumulator::Keys(keys) => update_keys(keys, work, batch),
            Accumulator::Top(top) => update_top(top, work, batch),
        }
    }

    /// Puts together what all threads have kept.
    pub(super) fn finish(all: Vec<Accumulator>, keep: Keep, threads: usize) -> Result<State, Failure> {
        let (mut state, mut keys, mut top): (Option<State>, Vec<KeyCounts>, Option<TopCounter>) = (None, Vec::new(), None);
        for one in all {
            match one {
                Accumulator::Keys(counts) => keys.push(counts),
                Accumulator::Top(counter) => match &mut top {
                    Some(top) => top.merge(counter),
                    None => top = Some(counter),
                },
                Accumulator::State(more) => match &mut state {
                    Some(state) => {
                        state.merge(&more).map_err(|error| StatisticError::Expression(error.to_string())).map_err(Failure::Statistic)?
                    }
                    None => state = Some(more),
                },
            }
        }
        if let Some(top) = top {
            return Ok(State::TopValues(top.finish()));
        }
        let Some(mut state) = state else { return Ok(State::Frequencies(KeyCounts::finish(keys, keep, threads)?)) };
        if let State::Quantiles(quantiles) = &mut state {
            quantiles.sort();
        }
        Ok(state)
    }
}

fn column(batch: &Batch, place: usize) -> Result<&ColumnBatch, Failure> {
    let missing = || Failure::Statistic(StatisticError::Expression("a column is not in the batch".to_owned()));
    batch.columns.get(place).ok_or_else(missing)
}

fn update_state(state: &mut State, work: &Work, batch: &Batch) -> Result<(), Failure> {
    match (state, work) {
        (State::Rows(rows), _) => *rows += batch.rows,
        (State::Ratio { matches, rows }, Work::Complete(place)) => {
            *matches += batch.rows - column(batch, *place)?.nulls();
            *rows += batch.rows;
        }
        (State::Ratio { matches, rows }, Work::Matches(place)) => {
            match batch.matches.get(*place) {
                Some(Ok(found)) => *matches += found,
                Some(Err(why)) => return Err(Failure::Statistic(StatisticError::Expression(why.clone()))),
                None => {}
            }
            *rows += batch.rows;
        }
        (State::Extremes(extremes), Work::Extremes(place)) => extremes.merge(&column(batch, *place)?.extremes()?),
        (State::Moments(moments), Work::Moments(place)) => {
            column(batch, *place)?.numbers()?.downcast_iter().for_each(|array| moments.merge(&Moments::of(array.values())));
        }
        (State::CoMoments(moments), Work::CoMoments(left, right)) => {
            moments.merge(&pairs(column(batch, *left)?, column(batch, *right)?)?);
        }
        (State::Lengths(lengths), Work::Lengths(place)) => lengths.merge(&column(batch, *place)?.lengths()?),
        (State::Quantiles(quantiles), Work::Quantiles(place, kept)) => {
            for array in column(batch, *place)?.numbers()?.downcast_iter() {
                if kept.is_exceeded_by(array.values().len()) {
                    quantiles.sketch();
                }
                quantiles.extend(array.values());
            }
        }
        (State::Distinct(distinct), Work::Distinct(place)) => {
            let (_, counted) = column(batch, *place)?.counted()?;
            counted.iter().for_each(|(hash, _)| distinct.add(*hash));
        }
        (State::Histogram(histogram), Work::Histogram(place, _)) => {
            column(batch, *place)?.numbers()?.downcast_iter().for_each(|array| histogram.extend(array.values()));
        }
        (State::Classes(classes), Work::Classes(place, edges)) => {
            column(batch, *place)?.numbers()?.downcast_iter().for_each(|array| classes.extend(edges, array.values()));
        }
        (State::Types(types), Work::Types(place)) => types.merge(&column(batch, *place)?.types()?),
        _ => {}
    }
    Ok(())
}

fn pairs(left: &ColumnBatch, right: &ColumnBatch) -> PolarsResult<CoMoments> {
    if left.nulls() == 0 && right.nulls() == 0 {
        let (left, right) = (left.numbers()?, right.numbers()?);
        return match (left.cont_slice(), right.cont_slice()) {
            (Ok(left), Ok(right)) => Ok(CoMoments::of(left, right)),
            _ => Ok(CoMoments::default()),
        };
    }
    let both = left.series.is_not_null() & right.series.is_not_null();
    let of = |column: &ColumnBatch| column.series.filter(&both)?.cast(&DataType::Float64).map(|series| series.rechunk());
    let (left, right) = (of(left)?, of(right)?);
    match (left.f64()?.cont_slice(), right.f64()?.cont_slice()) {
        (Ok(left), Ok(right)) => Ok(CoMoments::of(left, right)),
        _ => Ok(CoMoments::default()),
    }
}

/// Rows whose keys are made at once: few enough to stay in the second cache until they are counted.
const KEYS: usize = 1 << 14;

fn update_keys(keys: &mut KeyCounts, work: &Work, batch: &Batch) -> Result<(), Failure> {
    let Work::Keys(places) = work else { return Ok(()) };
    if let [place] = places.as_slice() {
        let column = column(batch, *place)?;
        if column.dictionary().is_some() {
            let (_, counted) = column.counted()?;
            return Ok(keys.update_counted(column.nulls(), counted.into_iter())?);
        }
    }
    let columns = places.iter().map(|place| column(batch, *place).map(|column| &column.series)).collect::<Result<Vec<_>, _>>()?;
    if columns.is_empty() {
        return Ok(keys.update(&Hashes { keys: Vec::new(), null_rows: batch.rows })?);
    }
    let rows = columns.iter().map(|column| column.len()).max().unwrap_or_default();
    for offset in (0..rows).step_by(KEYS) {
        let slices: Vec<Series> = columns.iter().map(|column| column.slice(offset as i64, KEYS)).collect();
        keys.update(&hashes_of(&slices.iter().collect::<Vec<_>>())?)?;
    }
    Ok(())
}

fn update_top(top: &mut TopCounter, work: &Work, batch: &Batch) -> Result<(), Failure> {
    let Work::Top(place) = work else { return Ok(()) };
    let column = column(batch, *place)?;
    top.rows += batch.rows;
    top.nulls += column.nulls();
    let (values, counted) = column.counted()?;
    for (place, (hash, count)) in counted.into_iter().enumerate() {
        top.add(hash, count, || values.get(place).map(|value| value.str_value().into_owned()).unwrap_or_default());
    }
    top.prune();
    Ok(())
}
