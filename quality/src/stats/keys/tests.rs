use std::collections::HashMap;

use polars::prelude::*;
use proptest::prelude::*;

use super::{Budget, Hashes, Keep, KeyCounts, hash_bytes, hashes_of};
use crate::stats::Frequencies;

/// Keys in batches, as so many threads see them.
fn count(keys: &[u128], threads: usize, budget: u64, keep: bool) -> Frequencies {
    let budget = Budget::new(budget);
    let mut all: Vec<KeyCounts> = (0..threads).map(|_| KeyCounts::new(budget.clone())).collect();
    for (index, batch) in keys.chunks(50_000).enumerate() {
        all[index % threads].update(&Hashes { keys: batch.to_vec(), null_rows: 1 }).unwrap();
    }
    KeyCounts::finish(all, if keep { Keep::All } else { Keep::Few }, threads).unwrap()
}

fn naive(keys: &[u128]) -> (u64, u64, u64, u64) {
    let mut counts: HashMap<u128, u64> = HashMap::new();
    keys.iter().for_each(|key| *counts.entry(*key).or_default() += 1);
    let singles = counts.values().filter(|count| **count == 1).count() as u64;
    (keys.len() as u64, counts.len() as u64, singles, keys.len() as u64 - singles)
}

fn keys(rows: u64, distinct: u64) -> Vec<u128> {
    (0..rows).map(|row| hash_bytes(&(row.wrapping_mul(0x9E37_79B9_7F4A_7C15) % distinct).to_le_bytes())).collect()
}

#[test]
fn spilled_and_kept_in_memory_are_the_same() {
    for (rows, distinct) in [(600_000, 1 << 40), (600_000, 200_000), (600_000, 70_000), (600_000, 10), (5, 3), (0, 1)] {
        let keys = keys(rows, distinct);
        let expected = naive(&keys);
        let in_memory = count(&keys, 1, u64::MAX, true);
        for found in [count(&keys, 2, 0, true), count(&keys, 3, 1 << 20, true), in_memory.clone()] {
            let summary = found.summary;
            assert_eq!((summary.rows, summary.groups, summary.singles, summary.in_duplicates), expected, "{rows} {distinct}");
            assert!((summary.entropy - in_memory.summary.entropy).abs() < 1e-9);
            assert_eq!(found.table, in_memory.table);
        }
    }
}

#[test]
fn null_rows_are_counted_apart() {
    assert_eq!(count(&keys(120_000, 1 << 40), 2, 0, false).summary.null_rows, 3);
}

#[test]
fn many_keys_are_kept_only_if_asked_for() {
    assert!(count(&keys(600_000, 1 << 40), 1, u64::MAX, false).table.is_none());
    assert!(count(&keys(600_000, 1_000), 1, u64::MAX, false).table.is_some());
}

#[test]
fn equal_values_have_equal_keys_whatever_their_type() {
    let of = |series: Series| hashes_of(&[&series]).unwrap().keys;
    let narrow = of(Series::new("a".into(), [0_i32, -1, 7]));
    assert_eq!(narrow, of(Series::new("a".into(), [0_i64, -1, 7])));
    assert_eq!(of(Series::new("a".into(), [0.0_f64, f64::NAN])), of(Series::new("a".into(), [-0.0_f64, -f64::NAN])));
    assert_eq!(of(Series::new("a".into(), [0.5_f32])), of(Series::new("a".into(), [0.5_f64])));
    let categories = Series::new("a".into(), ["x", "y"]).cast(&DataType::from_categories(Categories::global())).unwrap();
    assert_eq!(of(categories), of(Series::new("a".into(), ["x", "y"])));
}

#[test]
fn keys_of_several_columns_tell_null_from_every_value_and_columns_apart() {
    let of = |left: &[Option<&str>], right: &[Option<&str>]| {
        let (left, right) = (Series::new("a".into(), left), Series::new("b".into(), right));
        hashes_of(&[&left, &right]).unwrap()
    };
    let hashes = of(&[Some("a"), Some("b"), None, Some(""), Some("ab"), None], &[Some("b"), Some("a"), Some(""), None, Some(""), None]);
    assert_eq!(hashes.null_rows, 1);
    assert_eq!(naive(&hashes.keys), (5, 5, 5, 0));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]
    #[test]
    fn counts_are_those_of_a_map(values in proptest::collection::vec(0..50_u64, 0..400), threads in 1..4_usize) {
        let keys: Vec<u128> = values.iter().map(|value| if *value == 0 { 0 } else { hash_bytes(&value.to_le_bytes()) }).collect();
        let summary = count(&keys, threads, u64::MAX, false).summary;
        prop_assert_eq!((summary.rows, summary.groups, summary.singles, summary.in_duplicates), naive(&keys));
    }
}
