//! Keys as numbers of 128 bits.
//!
//! Integers, dates and floats go through a mixing that loses nothing: two of them never collide.
//! Strings and all else are hashed with XXH3. Equal values have equal hashes whatever the width of
//! their type; zero is one value, and so is NaN.

use polars::{chunked_array::ops::row_encode::_get_rows_encoded_ca_unordered, prelude::*};
use xxhash_rust::xxh3::xxh3_128;

/// The keys of a batch: those of the rows in which not all columns are null.
pub(crate) struct Hashes {
    pub(crate) keys: Vec<u128>,
    pub(crate) null_rows: u64,
}

/// What stands for null in a key of several columns.
const NULL: u128 = 0x9E37_79B9_7F4A_7C15_F39C_C060_5CED_C835;

/// The keys that some columns of equal length make together.
pub(crate) fn hashes_of(columns: &[&Series]) -> PolarsResult<Hashes> {
    if let [column] = columns {
        let null_rows = column.null_count() as u64;
        let keys = if null_rows == 0 { hash_values(column)? } else { hash_values(&column.drop_nulls())? };
        return Ok(Hashes { keys, null_rows });
    }
    let rows = columns.first().map_or(0, |column| column.len());
    let mut keys = vec![0_u128; rows];
    let mut present = vec![false; rows];
    let mut bytes = [0; 32];
    for column in columns {
        let hashes = hash_values(&column.drop_nulls())?;
        let mut hashes = hashes.into_iter();
        let valid = column.is_not_null();
        for ((key, present), valid) in keys.iter_mut().zip(&mut present).zip(valid.iter()) {
            let valid = valid == Some(true);
            let hash = if valid { hashes.next().unwrap_or_default() } else { NULL };
            *present |= valid;
            bytes[..16].copy_from_slice(&key.to_le_bytes());
            bytes[16..].copy_from_slice(&hash.to_le_bytes());
            *key = xxh3_128(&bytes);
        }
    }
    let mut present = present.into_iter();
    keys.retain(|_| present.next().unwrap_or_default());
    Ok(Hashes { null_rows: (rows - keys.len()) as u64, keys })
}

/// The key of each row; none where all columns are null.
pub(crate) fn keys_of_rows(columns: &[&Series]) -> PolarsResult<Vec<Option<u128>>> {
    let mut keys = hashes_of(columns)?.keys.into_iter();
    let mut present = vec![false; columns.first().map_or(0, |column| column.len())];
    for column in columns {
        let valid = column.is_not_null();
        present.iter_mut().zip(valid.iter()).for_each(|(present, valid)| *present |= valid == Some(true));
    }
    // As counters know them, which take 0 for no key.
    Ok(present.into_iter().map(|present| if present { keys.next().map(|key| key.max(1)) } else { None }).collect())
}

/// The hashes of a column without nulls.
pub(crate) fn hash_values(column: &Series) -> PolarsResult<Vec<u128>> {
    let mut hashes = Vec::with_capacity(column.len());
    match column.dtype() {
        DataType::Null => {}
        DataType::String => {
            let arrays = column.str()?.downcast_iter();
            arrays.for_each(|array| hashes.extend(array.values_iter().map(|text| hash_bytes(text.as_bytes()))));
        }
        DataType::Boolean => hashes.extend(column.bool()?.iter().map(|value| hash_integer(i64::from(value == Some(true))))),
        DataType::UInt64 => {
            column.u64()?.downcast_iter().for_each(|array| hashes.extend(array.values_iter().map(|value| hash_integer(*value as i64))));
        }
        data_type if data_type.is_float() => {
            let wide = column.cast(&DataType::Float64)?;
            wide.f64()?.downcast_iter().for_each(|array| hashes.extend(array.values_iter().map(|value| hash_float(*value))));
        }
        data_type
            if (data_type.is_integer() || data_type.is_temporal()) && *data_type != DataType::Int128 && *data_type != DataType::UInt128 =>
        {
            let wide = column.to_physical_repr().cast(&DataType::Int64)?;
            wide.i64()?.downcast_iter().for_each(|array| hashes.extend(array.values_iter().map(|value| hash_integer(*value))));
        }
        DataType::Categorical(..) | DataType::Enum(..) => return hash_values(&column.cast(&DataType::String)?),
        _ => {
            let rows = _get_rows_encoded_ca_unordered(PlSmallStr::EMPTY, &[column.clone().into_column()])?;
            rows.downcast_iter().for_each(|array| hashes.extend(array.values_iter().map(hash_bytes)));
        }
    }
    Ok(hashes)
}

/// The hash of a string.
#[inline]
pub(crate) fn hash_bytes(bytes: &[u8]) -> u128 {
    xxh3_128(bytes)
}

#[inline]
fn hash_float(value: f64) -> u128 {
    // Zero has a sign and NaN has many bits, and neither makes another value.
    let bits = if value.is_nan() { f64::NAN.to_bits() } else { (value + 0.0).to_bits() };
    hash_integer(bits as i64)
}

/// MurmurHash3's finalizer, which maps no two numbers to one.
#[inline]
fn hash_integer(value: i64) -> u128 {
    let mut bits = value as u64;
    bits = (bits ^ (bits >> 33)).wrapping_mul(0xFF51_AFD7_ED55_8CCD);
    bits = (bits ^ (bits >> 33)).wrapping_mul(0xC4CE_B9FE_1A85_EC53);
    u128::from(bits ^ (bits >> 33)) << 64
}
