//! Counting, superseding and the floor, without a table.

use super::*;

fn member(key: &str, sequencer: Option<&str>, n: u8) -> Collecting {
    let object =
        ObjectVersion { bucket: "raw".into(), key: key.into(), version: n.to_string(), sequencer: sequencer.map(str::to_owned), size: 10 };
    Collecting { id: [n; 16], object, at: Timestamp(i64::from(n)) }
}

fn execution(ordinal: u64, n: u8) -> Entry {
    Entry { ordinal, of: Of::Object([n; 16]), mark: Mark::ready(), execution: Some([n; 16]) }
}

#[test]
fn the_newest_version_of_a_key_collects() {
    let mut stage = StageMemory::default();
    assert_eq!(stage.join(1, 0, member("a", Some("02"), 1)), Joined::Replaced(vec![]));
    assert_eq!(stage.join(2, 0, member("a", Some("01"), 2)), Joined::Older);
    assert_eq!(stage.join(3, 1, member("b", None, 3)), Joined::Replaced(vec![]));
    assert_eq!(stage.join(4, 1, member("a", Some("03"), 4)), Joined::Replaced(vec![(1, [1; 16])]));
    assert_eq!((stage.total.0[6], stage.total.0[7]), (2, 2));
    stage.seal(3);
    assert_eq!(stage.collecting.keys().copied().collect::<Vec<_>>(), [4]);
    assert_eq!(stage.join(5, 2, member("b", None, 5)), Joined::Replaced(vec![]), "what is sealed is not replaced");
    assert_eq!(stage.join(6, 2, member("a", None, 6)), Joined::Replaced(vec![(4, [4; 16])]));
}

#[test]
fn the_floor_stops_below_what_is_not_over_and_counts_stay() {
    let mut stage = StageMemory { next: 3, ..StageMemory::default() };
    for n in 0..3 {
        stage.insert(u64::from(n), execution(u64::from(n), n));
    }
    let over = |rows_out| Mark::Execution { phase: "succeeded", rows_out, quarantined: 1, superseded: 0 };
    stage.mark(0, over(5));
    stage.mark(2, over(7));
    stage.mark(2, Mark::ready());
    let total = stage.total;
    assert_eq!((total.0[1], total.0[3], total.0[5], total.0[8]), (1, 2, 2, 12), "what is over stays so");
    assert_eq!(stage.next_floor(2), None, "not for so few");
    let (floor, base) = stage.next_floor(1).unwrap();
    assert_eq!((floor, base.0[3], base.0[8]), (1, 1, 5));
    stage.raise_floor(floor, base);
    assert_eq!((stage.total, stage.entries.len()), (total, 2));
    stage.mark(1, over(0));
    assert_eq!(stage.next_floor(2), Some((3, stage.total)));
}
