//! What must hold however many files there are, whoever else writes, and whatever fails.

use std::{
    fs,
    path::Path,
    sync::{Arc, Barrier},
};

use polars::prelude::*;

use super::{
    parts::{IN_MEMORY, OPEN},
    parts_tests::{Rows, of_parts, opened, rows, run},
    tests::{check, dataset, frame, statistics, write},
    *,
};
use crate::{
    data::{DataError, Open, Part},
    stats::{Measure, MeasureError, Statistic},
};

fn in_memory(stored: &mut Stored) -> u64 {
    stored.parts.values_mut().map(Slot::weight).sum()
}

#[test]
fn parts_are_in_memory_only_up_to_a_limit() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("states");
    let parts: Vec<Arc<Rows>> = (0..30).map(|number| rows(number * 90, 100)).collect();
    let mut stored = Stored::default();
    run(&parts, &mut stored);
    assert!((1..=IN_MEMORY).contains(&in_memory(&mut stored)), "{}", in_memory(&mut stored));
    stored.save(&path).unwrap();
    assert_eq!((in_memory(&mut stored), stored.lost()), (0, None));
    // One more statistic of each file needs no more of them in memory, nor does writing all anew.
    let mut stored = Stored::load(&path).unwrap();
    let fewer = &statistics()[..2];
    measure_with(&of_parts(&parts), fewer, &mut stored).unwrap();
    measure_with(&of_parts(&parts), &[Statistic::of(Measure::Lengths("g".to_owned()))], &mut stored).unwrap();
    assert!(in_memory(&mut stored) <= IN_MEMORY);
    stored.save(&folder.path().join("other")).unwrap();
    let mut stored = Stored::load(&folder.path().join("other")).unwrap();
    assert_eq!((run(&parts, &mut stored), stored.lost()), (vec![0; 30], None));
}

#[test]
fn keys_of_one_large_file_go_to_a_temporary_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("states");
    let parts: Vec<Arc<Rows>> = (0..3).map(|number| rows(number * 70_000, 100_000)).collect();
    let mut stored = Stored::default();
    run(&parts, &mut stored);
    assert!(in_memory(&mut stored) <= IN_MEMORY);
    stored.save(&path).unwrap();
    let mut stored = Stored::load(&path).unwrap();
    assert_eq!((run(&parts, &mut stored), run(&parts[..2], &mut stored), stored.lost()), (vec![0; 3], vec![0; 2], None));
}

#[test]
#[cfg_attr(not(target_os = "linux"), ignore = "looks at /proc")]
fn states_that_are_taken_in_keep_few_files_open() {
    let folder = tempfile::tempdir().unwrap();
    let parts: Vec<Arc<Rows>> = (0..20).map(|number| rows(number * 90, 100)).collect();
    let mut whole = Stored::default();
    run(&parts, &mut whole);
    let mut stored = Stored::default();
    for (number, file) in whole.files().iter().enumerate() {
        let path = folder.path().join(number.to_string());
        whole.part(file).unwrap().save(&path).unwrap();
        stored.take_in(Stored::load(&path).unwrap());
    }
    let open = || {
        let files = fs::read_dir("/proc/self/fd").unwrap().filter_map(|entry| fs::read_link(entry.ok()?.path()).ok());
        files.filter(|path| path.starts_with(folder.path())).count()
    };
    assert_eq!(open(), OPEN);
    stored.settle();
    assert!(open() <= OPEN);
    assert_eq!((run(&parts, &mut stored), stored.lost()), (vec![0; 20], None));
}

#[test]
fn quantiles_are_sketches_as_soon_as_those_of_the_whole_are_and_no_longer() {
    let statistic = Statistic::of(Measure::Quantiles("f".to_owned()));
    let parts: Vec<Arc<Rows>> = (0..6).map(|number| rows(number * 30_000, 30_000)).collect();
    let mut stored = Stored::default();
    let measured = measure_with(&of_parts(&parts), std::slice::from_ref(&statistic), &mut stored).unwrap();
    let found = measured.get(&statistic).unwrap().quantiles().unwrap();
    assert!(!found.is_exact() && found.count == 180_000);
    assert!((found.quantile(0.5).unwrap() / (90_000.0 / 7.0) - 1.0).abs() < 0.005);
    let kept = |stored: &mut Stored| -> Vec<usize> {
        let kept = |part: &entry::Part| part[&statistic.key()].quantiles().unwrap().kept();
        stored.files().iter().filter_map(|file| stored.look_at(file, kept)).collect()
    };
    let exact = kept(&mut stored).into_iter().filter(|kept| *kept == 30_000).count();
    assert!(exact <= 2, "{:?}", kept(&mut stored));
    // What is left is little enough for all values.
    let fewer = [Arc::clone(&parts[0]), Arc::clone(&parts[5])];
    let measured = measure_with(&of_parts(&fewer), std::slice::from_ref(&statistic), &mut stored).unwrap();
    let found = measured.get(&statistic).unwrap().quantiles().unwrap();
    assert!(found.is_exact());
    assert_eq!(found.quantile(0.25), Some(15_000.0 / 7.0 - 0.25 / 7.0));
    opened(&parts);
    let again = measure_with(&of_parts(&fewer), std::slice::from_ref(&statistic), &mut stored).unwrap();
    assert_eq!(again.get(&statistic).unwrap(), measured.get(&statistic).unwrap());
    assert_eq!(opened(&parts), [0; 6]);
}

/// Rows that can't be had.
struct Gone;

impl Open for Gone {
    fn open(&self) -> Result<LazyFrame, DataError> {
        Err(DataError::Open { path: "gone".into(), source: std::io::ErrorKind::NotFound.into() })
    }
}

#[test]
fn a_file_that_fails_costs_no_other_its_states() {
    let whole: Vec<Arc<Rows>> = (0..12).map(|number| rows(number * 100, 100)).collect();
    let later = |name: &str, open: Arc<dyn Open>| Part::Later { name: name.to_owned(), size: 100, open };
    let mut parts: Vec<Part> = whole.iter().map(|rows| later(&format!("from {}", rows.from), Arc::clone(rows) as Arc<dyn Open>)).collect();
    parts.push(later("gone", Arc::new(Gone)));
    let data = Dataset::of_parts(frame(0, 1).schema().as_ref().clone(), parts).unwrap();
    let mut stored = Stored::default();
    assert!(matches!(measure_with(&data, &statistics(), &mut stored), Err(MeasureError::Data(DataError::Open { .. }))));
    assert_eq!(stored.measured().len(), 12);
    assert_eq!(run(&whole, &mut stored), [0; 12]);
}

#[test]
fn a_file_that_is_replaced_after_it_was_opened_is_not_known_by_its_new_name() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "a.parquet", 0, 50);
    write(folder.path(), "b.parquet", 50, 50);
    let before = dataset(folder.path());
    let draft = write(folder.path(), "_draft", 0, 80);
    fs::rename(draft, folder.path().join("b.parquet")).unwrap();
    let rows = [Statistic::of(Measure::Rows)];
    let mut stored = Stored::default();
    // The footer of the old one says so; the new one has the name.
    drop(measure_with(&before, &rows, &mut stored));
    let measured = measure_with(&dataset(folder.path()), &rows, &mut stored).unwrap();
    assert_eq!(measured.get(&rows[0]).unwrap().rows(), Some(130));
}

/// Two that read a file of states before either writes to it, and then do so one after the other or at once.
fn two_writers(data: &Path, path: &Path, at_once: bool) -> Stored {
    let all = statistics();
    let (some, others) = all.split_at(4);
    let mut both = [Stored::load(path).unwrap(), Stored::load(path).unwrap()];
    for (stored, statistics) in both.iter_mut().zip([some, others]) {
        measure_with(&dataset(data), statistics, stored).unwrap();
    }
    if at_once {
        let barrier = Barrier::new(2);
        let save = |stored: &mut Stored| {
            barrier.wait();
            stored.save(path).unwrap();
        };
        std::thread::scope(|scope| both.iter_mut().for_each(|stored| drop(scope.spawn(|| save(stored)))));
    } else {
        both.iter_mut().for_each(|stored| stored.save(path).unwrap());
    }
    Stored::load(path).unwrap()
}

#[test]
fn two_that_write_at_once_lose_nothing_of_each_other() {
    for at_once in [false, true] {
        let (data, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let path = other.path().join("states");
        write(data.path(), "a.parquet", 0, 200);
        // The first time there is no file yet, then what is new is put behind.
        for name in ["b.parquet", "c.parquet"] {
            let mut stored = two_writers(data.path(), &path, at_once);
            assert_eq!(stored.len(), statistics().len());
            let known = stored.files().len();
            check(&measure_with(&dataset(data.path()), &statistics(), &mut stored).unwrap(), &dataset(data.path()));
            assert_eq!((stored.measured().len(), stored.files().len()), (0, known), "nothing was measured again");
            write(data.path(), name, 150, 100);
        }
        // One finds another file in the place of the one that it has read.
        let mut slow = Stored::load(&path).unwrap();
        measure_with(&dataset(data.path()), &statistics()[..4], &mut slow).unwrap();
        let mut stored = Stored::load(&path).unwrap();
        measure_with(&dataset(data.path()), &statistics(), &mut stored).unwrap();
        fs::remove_file(&path).unwrap();
        stored.save(&path).unwrap();
        slow.save(&path).unwrap();
        // Whoever has written keeps nobody from writing.
        let mut stored = Stored::load(&path).unwrap();
        stored.changed = true;
        stored.save(&path).unwrap();
        let mut stored = Stored::load(&path).unwrap();
        check(&measure_with(&dataset(data.path()), &statistics(), &mut stored).unwrap(), &dataset(data.path()));
        assert_eq!((stored.measured().len(), stored.lost()), (0, None));
    }
}

#[test]
fn what_is_no_file_of_states_any_more_is_left_as_it_is() {
    let (data, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let path = other.path().join("states");
    write(data.path(), "a.parquet", 0, 20);
    let mut stored = Stored::load(&path).unwrap();
    measure_with(&dataset(data.path()), &statistics(), &mut stored).unwrap();
    fs::write(&path, "id,name\n1,Ada\n").unwrap();
    assert!(matches!(stored.save(&path), Err(StoreError::Io { .. })));
    assert_eq!(fs::read(&path).unwrap(), b"id,name\n1,Ada\n");
}

#[test]
fn of_two_versions_of_a_file_the_one_that_comes_last_counts() {
    let of = |rows: &[Arc<Rows>]| {
        let mut stored = Stored::default();
        measure_with(&of_parts(rows), &statistics(), &mut stored).unwrap();
        stored
    };
    let (old, new, other) = (rows(0, 100), rows(0, 70), rows(500, 30));
    for versions in [[&old, &new], [&new, &old]] {
        let mut stored = Stored::default();
        stored.take_in(of(&[Arc::clone(versions[0]), Arc::clone(&other)]));
        stored.take_in(of(&[Arc::clone(versions[1])]));
        stored.settle();
        assert_eq!(stored.covered().len(), 2);
        assert_eq!(run(&[Arc::clone(versions[1]), Arc::clone(&other)], &mut stored), [0, 0]);
    }
}

#[test]
fn a_damaged_sum_is_made_again_of_its_parts() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("states");
    let parts: Vec<Arc<Rows>> = (0..3).map(|number| rows(number * 20, 20)).collect();
    let mut stored = Stored::default();
    run(&parts, &mut stored);
    stored.save(&path).unwrap();
    let whole = fs::read(&path).unwrap();
    let mut lost = 0;
    for place in (0..whole.len()).step_by(211) {
        let mut damaged = whole.clone();
        damaged[place] ^= 0x20;
        fs::write(&path, damaged).unwrap();
        let Ok(mut stored) = Stored::load(&path) else { continue };
        stored.settle();
        if stored.lost().is_some_and(|lost| lost.starts_with("a sum")) {
            lost += 1;
            assert_eq!((stored.len(), stored.covered().len()), (statistics().len(), 3), "{place}");
            assert_eq!(run(&parts, &mut stored), [0; 3]);
        }
    }
    assert!(lost > 1, "{lost}");
}
