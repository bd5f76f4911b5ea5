//! One column of a batch, with what several statistics want of it worked out once.

use std::cell::OnceCell;

use polars::prelude::*;

use super::{Target, dictionary::Dictionary};
use crate::stats::{
    keys::{hash_bytes, hash_values},
    states::{Extremes, Lengths, Look, Types, look},
};

/// A column in one piece.
pub(super) struct ColumnBatch {
    pub(super) series: Series,
    numbers: OnceCell<Float64Chunked>,
    dictionary: OnceCell<Option<Dictionary>>,
}

impl ColumnBatch {
    /// A target's values in a frame.
    pub(super) fn of(frame: &DataFrame, target: &Target) -> PolarsResult<ColumnBatch> {
        let mut series = frame.column(&target.root)?.as_materialized_series().clone();
        for name in &target.path {
            let whole = series.struct_()?.clone();
            let field = whole.field_by_name(name)?;
            series = if whole.null_count() == 0 { field } else { hide(&whole, &field)? };
        }
        if matches!(series.dtype(), DataType::Categorical(..) | DataType::Enum(..)) {
            series = series.cast(&DataType::String)?;
        }
        if series.n_chunks() > 1 {
            series = series.rechunk();
        }
        Ok(ColumnBatch { series, numbers: OnceCell::new(), dictionary: OnceCell::new() })
    }

    pub(super) fn nulls(&self) -> u64 {
        self.series.null_count() as u64
    }

    /// The values that are not null as numbers; dates and times in microseconds.
    pub(super) fn numbers(&self) -> PolarsResult<&Float64Chunked> {
        if let Some(known) = self.numbers.get() {
            return Ok(known);
        }
        let numbers = numbers(&self.series.drop_nulls())?;
        Ok(self.numbers.get_or_init(|| numbers))
    }

    /// The strings' dictionary; `None` if the values are no strings or many.
    pub(super) fn dictionary(&self) -> Option<&Dictionary> {
        self.dictionary.get_or_init(|| self.series.str().ok().and_then(Dictionary::of)).as_ref()
    }

    pub(super) fn extremes(&self) -> PolarsResult<Extremes> {
        let count = self.series.len() as u64 - self.nulls();
        let data_type = self.series.dtype();
        if count == 0 || data_type.is_float() || data_type.is_decimal() {
            return Ok(self.numbers()?.downcast_iter().fold(Extremes::default(), |mut all, array| {
                all.merge(&ends(array.values()));
                all
            }));
        }
        extremes_of(&self.series)
    }

    pub(super) fn lengths(&self) -> PolarsResult<Lengths> {
        let mut lengths = Lengths { nulls: self.nulls(), ..Lengths::default() };
        if let Some(dictionary) = self.dictionary() {
            dictionary.iter().for_each(|(text, count)| lengths.add(characters(text), count));
        } else if self.nulls() < self.series.len() as u64 {
            let values = self.series.drop_nulls();
            if let Some((shortest, longest)) = ends_of_lengths(values.str()?) {
                lengths.add(shortest, values.len() as u64);
                lengths.add(longest, 0);
            }
        }
        Ok(lengths)
    }

    pub(super) fn types(&self) -> PolarsResult<Types> {
        let mut types = Types { nulls: self.nulls(), ..Types::default() };
        let count = self.series.len() as u64 - types.nulls;
        match self.series.dtype() {
            DataType::String => {
                if let Some(dictionary) = self.dictionary() {
                    dictionary.iter().for_each(|(text, count)| types.add(look(text.as_bytes()), count));
                } else {
                    let values = self.series.str()?.downcast_iter().flat_map(|array| array.non_null_values_iter());
                    values.for_each(|text| types.add(look(text.as_bytes()), 1));
                }
            }
            DataType::Boolean => types.add(Look::Boolean, count),
            DataType::Decimal(_, 0) => types.add(Look::Integral, count),
            DataType::Decimal(..) => types.add(Look::Fractional, count),
            data_type if data_type.is_float() => {
                let finite = self.numbers()?.downcast_iter().flat_map(|array| array.values_iter()).filter(|value| value.is_finite());
                let finite = finite.count() as u64;
                types.add(Look::Fractional, finite);
                types.add(Look::Other, count - finite);
            }
            data_type if data_type.is_integer() => types.add(Look::Integral, count),
            _ => types.add(Look::Other, count),
        }
        Ok(types)
    }

    /// The hashes of the values, each with how many there are, and its place in what `values` gives.
    pub(super) fn counted(&self) -> PolarsResult<(Series, Vec<(u128, u64)>)> {
        if let Some(dictionary) = self.dictionary() {
            let counted = dictionary.iter().map(|(text, count)| (hash_bytes(text.as_bytes()), count)).collect();
            return Ok((dictionary.values.clone().into_series(), counted));
        }
        let values = self.series.drop_nulls();
        let hashes = hash_values(&values)?;
        Ok((values, hashes.into_iter().map(|hash| (hash, 1)).collect()))
    }
}

/// A field with nulls where the whole struct is null.
fn hide(whole: &StructChunked, field: &Series) -> PolarsResult<Series> {
    let nulls = Series::full_null(field.name().clone(), field.len(), field.dtype());
    field.zip_with(&whole.clone().into_series().is_not_null(), &nulls)
}

/// The ends of integers, dates and times.
pub(crate) fn extremes_of(values: &Series) -> PolarsResult<Extremes> {
    let physical = values.to_physical_repr();
    let (least, greatest) = (physical.min::<f64>()?, physical.max::<f64>()?);
    let micros = |value: Option<f64>| value.map_or(f64::NAN, |value| micros(values.dtype(), value));
    Ok(Extremes::of_ends((values.len() - values.null_count()) as u64, micros(least), micros(greatest)))
}

fn numbers(values: &Series) -> PolarsResult<Float64Chunked> {
    let data_type = values.dtype();
    let mut numbers = values.to_physical_repr().into_owned();
    if data_type.is_decimal() {
        numbers = values.cast(&DataType::Float64)?;
    }
    let numbers = numbers.cast(&DataType::Float64)?.rechunk();
    let numbers = numbers.f64()?.clone();
    Ok(if data_type.is_temporal() { numbers.apply_values(|value| micros(data_type, value)) } else { numbers })
}

/// A date or a time as it is stored in microseconds.
fn micros(data_type: &DataType, value: f64) -> f64 {
    match data_type {
        DataType::Date => value * 86_400_000_000.0,
        DataType::Datetime(TimeUnit::Milliseconds, _) | DataType::Duration(TimeUnit::Milliseconds) => value * 1_000.0,
        DataType::Datetime(TimeUnit::Nanoseconds, _) | DataType::Duration(TimeUnit::Nanoseconds) | DataType::Time => value / 1_000.0,
        _ => value,
    }
}

/// The shortest and the longest of strings without nulls.
///
/// Whether all are ASCII is asked once for each buffer that they lie in: their lengths then stand in
/// their views, and no string is looked at by itself.
fn ends_of_lengths(values: &StringChunked) -> Option<(u64, u64)> {
    let (mut shortest, mut longest) = (u64::MAX, 0);
    for array in values.downcast_iter() {
        // Strings of up to 12 bytes lie in their views, behind their lengths.
        let (mut inline, mut bytes, mut ends) = (0_u128, 0, (u32::MAX, 0));
        for view in array.views().iter() {
            bytes += view.length as usize;
            ends = (ends.0.min(view.length), ends.1.max(view.length));
            inline |= if view.length <= 12 { view.as_u128() >> 32 } else { 0 };
        }
        let buffers = array.data_buffers();
        // Buffers may have many more strings than these.
        let near = buffers.iter().map(|buffer| buffer.len()).sum::<usize>() <= 4 * bytes;
        if near && inline & (u128::MAX / 255 * 128) == 0 && buffers.iter().all(|buffer| buffer.is_ascii()) {
            (shortest, longest) = (shortest.min(u64::from(ends.0)), longest.max(u64::from(ends.1)));
        } else {
            for length in array.values_iter().map(characters) {
                (shortest, longest) = (shortest.min(length), longest.max(length));
            }
        }
    }
    (shortest <= longest).then_some((shortest, longest))
}

fn characters(text: &str) -> u64 {
    (if text.is_ascii() { text.len() } else { text.chars().count() }) as u64
}

/// The ends of numbers, found in eight lanes at once.
fn ends(values: &[f64]) -> Extremes {
    let (mut least, mut greatest) = ([f64::INFINITY; 8], [f64::NEG_INFINITY; 8]);
    let mut numbers = 0_u64;
    let (blocks, rest) = values.as_chunks::<8>();
    let tail = [rest.first().copied().unwrap_or(f64::NAN); 8];
    let mut last = tail;
    last.iter_mut().zip(rest).for_each(|(slot, value)| *slot = *value);
    for block in blocks.iter().chain((!rest.is_empty()).then_some(&last)) {
        for ((least, greatest), value) in least.iter_mut().zip(&mut greatest).zip(block) {
            *least = if *value < *least { *value } else { *least };
            *greatest = if *value > *greatest { *value } else { *greatest };
        }
    }
    for block in values.chunks(64) {
        numbers += block.iter().map(|value| u64::from(!value.is_nan())).sum::<u64>();
    }
    let least = least.into_iter().fold(f64::INFINITY, f64::min);
    let greatest = greatest.into_iter().fold(f64::NEG_INFINITY, f64::max);
    let count = values.len() as u64;
    let (minimum, maximum) = (if numbers == 0 { f64::NAN } else { least }, if numbers < count { f64::NAN } else { greatest });
    Extremes::of_ends(count, minimum, maximum)
}
