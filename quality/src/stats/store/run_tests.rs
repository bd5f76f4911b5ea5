use super::*;

#[test]
fn keys_are_found_however_many_there_are_to_each_that_is_looked_up() {
    let file = tempfile::tempfile().unwrap();
    // Some upper halves are there twice, and every lower one is small.
    let key = |number: u64| u128::from((number / 2).wrapping_mul(0x9E37_79B9_7F4A_7C15)) << 64 | u128::from(number % 3);
    let mut keys: Vec<(u128, u64)> = (0..5_000).map(|number| (key(number), 1 + number % 2)).collect();
    keys.sort_unstable();
    keys.dedup_by_key(|(hash, _)| *hash);
    let mut writer = Writer::new(&file, 7);
    keys.iter().for_each(|(hash, count)| writer.push(*hash, *count).unwrap());
    let run = writer.finish().unwrap();
    let chunks = run.chunks(&file).unwrap();
    for step in [1, 2, 3, 40, 700, 4_999] {
        let mut wanted: Vec<(u128, u64)> = (0..6_000).step_by(step).map(|number| (key(number) + u128::from(number % 2), 1)).collect();
        wanted.sort_unstable();
        wanted.dedup_by_key(|(hash, _)| *hash);
        let mut found = vec![10; wanted.len()];
        run.count(&file, &chunks, &wanted, &Sieve::of(&wanted), &mut found).unwrap();
        let count = |hash| keys.binary_search_by_key(&hash, |(known, _)| *known).map_or(0, |place| keys[place].1);
        let expected: Vec<u64> = wanted.iter().map(|(hash, _)| 10 + count(*hash)).collect();
        assert_eq!(found, expected, "{step}");
        assert!(step > 3 || found.iter().any(|found| *found > 10), "{step}");
    }
}
