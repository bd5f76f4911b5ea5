//! Rows to learn from, and rows that are held out: chosen by their numbers, so that the same
//! dataset is always split in the same way, on every machine and by any number of threads.

use polars::prelude::{BooleanChunked, Column, DataType, Field, IntoColumn, NewChunkedArray, PlSmallStr, PolarsResult, col};

use crate::data::{DataError, Dataset};

/// Which of so many parts of the rows are held out.
const PARTS: u64 = 1 << 32;

/// The rows to learn from, and those that are held out if there are to be any.
pub(super) fn split(data: &Dataset, share: f64, seed: u64) -> Result<(Dataset, Option<Dataset>), DataError> {
    if share <= 0.0 {
        return Ok((data.clone(), None));
    }
    let number = unused_name(data);
    let part = |keep_held_out: bool| {
        let held_out = col(number.clone()).map(
            move |numbers| chosen(&numbers, share, seed, keep_held_out),
            |_, field| Ok(Field::new(field.name().clone(), DataType::Boolean)),
        );
        let rows = data.scan()?.with_row_index(number.clone(), None).filter(held_out);
        Dataset::of_lazy(rows.drop(polars::prelude::by_name([number.clone()], true, false)))
    };
    Ok((part(false)?, Some(part(true)?)))
}

fn chosen(numbers: &Column, share: f64, seed: u64, held_out: bool) -> PolarsResult<Column> {
    let numbers = numbers.cast(&DataType::UInt64)?;
    let limit = (share * PARTS as f64) as u64;
    let is_held_out = |number: Option<u64>| number.map(|number| (mix(number ^ mix(seed)) % PARTS < limit) == held_out);
    let mask = BooleanChunked::from_iter_options(numbers.name().clone(), numbers.u64()?.iter().map(is_held_out));
    Ok(mask.into_column())
}

/// SplitMix64: numbers in a row have nothing in common after it.
fn mix(number: u64) -> u64 {
    let mut mixed = number.wrapping_add(0x9E37_79B9_7F4A_7C15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    mixed ^ (mixed >> 31)
}

fn unused_name(data: &Dataset) -> PlSmallStr {
    let mut name = "row".to_owned();
    while data.schema().contains(&name) {
        name.push('_');
    }
    PlSmallStr::from_string(name)
}
