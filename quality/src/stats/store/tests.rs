use std::{
    fs::{self, File},
    path::{Path, PathBuf},
};

use polars::prelude::*;

use super::*;
use crate::stats::{Measure, Measured, Options, State, Statistic, measure_with_options};

pub(super) fn frame(from: i64, rows: i64) -> DataFrame {
    let row = || from..from + rows;
    df!(
        "id" => row().map(|row| format!("id {row}")).collect::<Vec<_>>(),
        "n" => row().map(|row| (row % 13 != 0).then_some(row % 101)).collect::<Vec<_>>(),
        "f" => row().map(|row| row as f64 / 7.0).collect::<Vec<_>>(),
        "g" => row().map(|row| (row % 3 != 0).then(|| format!("g{}", row % 5))).collect::<Vec<_>>(),
    )
    .unwrap()
}

pub(super) fn write(folder: &Path, name: &str, from: i64, rows: i64) -> PathBuf {
    let path = folder.join(name);
    ParquetWriter::new(File::create(&path).unwrap()).finish(&mut frame(from, rows)).unwrap();
    path
}

pub(super) fn statistics() -> Vec<Statistic> {
    let name = |text: &str| text.to_owned();
    let mut all: Vec<Statistic> = [
        Measure::Rows,
        Measure::Complete(name("n")),
        Measure::Moments(name("f")),
        Measure::Frequencies(vec![name("id")]),
        Measure::Frequencies(vec![name("n"), name("g")]),
        Measure::Quantiles(name("n")),
        Measure::ApproximateDistinct(name("id")),
        Measure::TopValues(name("g")),
    ]
    .into_iter()
    .map(Statistic::of)
    .collect();
    all.push(Statistic { measure: Measure::Moments(name("n")), filter: Some(name("f > 3")), group_by: vec![name("g")] });
    all
}

pub(super) fn dataset(folder: &Path) -> Dataset {
    Dataset::of_files(&[folder.to_owned()], None).unwrap()
}

/// What was measured equals what is measured anew.
pub(super) fn check(measured: &Measured, dataset: &Dataset) {
    let statistics = statistics();
    let anew = measure_with_options(dataset, &statistics, &Options::default()).unwrap();
    for statistic in &statistics {
        let text = |measured: &Measured| match (measured.get(statistic), measured.groups(statistic)) {
            (Ok(State::Moments(moments)), _) => format!("{} {:.3} {:.3}", moments.count, moments.sum(), moments.variance().unwrap()),
            // A sketch once there are many; ranks are told by its own tests.
            (Ok(State::Quantiles(quantiles)), _) => format!("{} {:?}", quantiles.count, quantiles.quantile(1.0)),
            (Ok(State::Frequencies(found)), _) => format!("{:.9?}", found.summary),
            (Ok(state), _) => format!("{state:?}"),
            (_, Ok(groups)) => {
                let sums = groups.iter().map(|(key, state)| format!("{key:?} {:.3}", state.moments().unwrap().sum()));
                sums.collect::<Vec<_>>().join(", ")
            }
            (_, Err(error)) => error.to_string(),
        };
        assert_eq!(text(measured), text(&anew), "{statistic:?}");
    }
}

#[test]
fn new_files_cost_only_their_own_scan() {
    let (folder, states) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let states = states.path().join("states");
    let first = write(folder.path(), "a.parquet", 0, 100_000);
    for step in 0..12 {
        let data = dataset(folder.path());
        let mut stored = Stored::load(&states).unwrap();
        if step > 0 {
            // What was measured before can't be read now, so it is not.
            assert_eq!((stored.len(), stored.files().len()), (statistics().len(), step));
        }
        let measured = measure_with(&data, &statistics(), &mut stored).unwrap();
        check(&measured, &data);
        stored.save(&states).unwrap();
        // Half of the ids are new.
        write(folder.path(), &format!("b{step:02}.parquet"), 95_000 + i64::try_from(step).unwrap() * 5_000, 10_000);
    }
    assert!(first.exists());
    let mut stored = Stored::load(&states).unwrap();
    let keys: Vec<String> = stored.sums.keys().cloned().collect();
    let runs: Vec<usize> = keys.iter().map(|key| stored.sum_of(key).unwrap().keys.len()).collect();
    assert!(runs.iter().any(|runs| *runs > 1) && runs.iter().all(|runs| *runs <= 12), "{runs:?}");
    // Without new files nothing is read at all: the data could be gone.
    let paths: Vec<PathBuf> = stored.files().iter().map(|file| file.path.clone()).collect();
    let data = Dataset::of_files(&paths, None).unwrap();
    let before = measure_with(&data, &statistics(), &mut stored).unwrap();
    check(&before, &data);
}

#[test]
fn what_has_changed_is_measured_again() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "a.parquet", 0, 1_000);
    let changed = write(folder.path(), "b.parquet", 1_000, 1_000);
    let mut stored = Stored::default();
    check(&measure_with(&dataset(folder.path()), &statistics(), &mut stored).unwrap(), &dataset(folder.path()));
    write(folder.path(), "b.parquet", 500, 1_200);
    let data = dataset(folder.path());
    check(&measure_with(&data, &statistics(), &mut stored).unwrap(), &data);
    fs::remove_file(changed).unwrap();
    let data = dataset(folder.path());
    check(&measure_with(&data, &statistics(), &mut stored).unwrap(), &data);
    // A column of another type makes other keys.
    let mut frame = df!("id" => ["x"], "n" => [0.5], "f" => [1.0], "g" => ["g0"]).unwrap();
    ParquetWriter::new(File::create(folder.path().join("c.parquet")).unwrap()).finish(&mut frame).unwrap();
    let data = dataset(folder.path());
    check(&measure_with(&data, &statistics(), &mut stored).unwrap(), &data);
}

#[test]
fn a_damaged_file_is_no_file_of_states() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "a.parquet", 0, 1_000);
    let path = folder.path().join("states");
    let mut stored = Stored::load(&path).unwrap();
    assert!(stored.is_empty());
    measure_with(&Dataset::of_files(&[folder.path().join("a.parquet")], None).unwrap(), &statistics(), &mut stored).unwrap();
    stored.save(&path).unwrap();
    let whole = fs::read(&path).unwrap();
    for bytes in [&whole[..whole.len() - 1], &whole[..20], &whole[..5], b""] {
        fs::write(&path, bytes).unwrap();
        assert!(matches!(Stored::load(&path), Err(StoreError::Damaged { .. })));
    }
    for bytes in [&whole[1..], b"id,name\n1,Ada\n", b"x"] {
        fs::write(&path, bytes).unwrap();
        assert!(matches!(Stored::load(&path), Err(StoreError::NotStates { .. })));
    }
    let mut other = whole.clone();
    other[8] = 9;
    fs::write(&path, other).unwrap();
    assert!(matches!(Stored::load(&path), Err(StoreError::Version { version: 9, .. })));
}

#[test]
fn a_crash_while_it_is_written_leaves_the_states_of_before() {
    let (data, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let path = other.path().join("states");
    write(data.path(), "a.parquet", 0, 200);
    let mut stored = Stored::default();
    measure_with(&dataset(data.path()), &statistics(), &mut stored).unwrap();
    stored.save(&path).unwrap();
    let before = fs::read(&path).unwrap();
    // Without news nothing is written.
    let mut stored = Stored::load(&path).unwrap();
    measure_with(&dataset(data.path()), &statistics(), &mut stored).unwrap();
    stored.save(&path).unwrap();
    assert_eq!(fs::read(&path).unwrap(), before);
    write(data.path(), "b.parquet", 150, 100);
    measure_with(&dataset(data.path()), &statistics(), &mut stored).unwrap();
    stored.save(&path).unwrap();
    let after = fs::read(&path).unwrap();
    assert_eq!(after[..before.len()], before, "it is put behind");
    for cut in (before.len()..after.len()).step_by(997).chain([after.len() - 1]) {
        fs::write(&path, &after[..cut]).unwrap();
        let mut stored = Stored::load(&path).unwrap();
        assert_eq!(stored.files().len(), 1, "{cut}");
        check(&measure_with(&dataset(data.path()), &statistics(), &mut stored).unwrap(), &dataset(data.path()));
        stored.save(&path).unwrap();
        assert_eq!(Stored::load(&path).unwrap().files().len(), 2, "{cut}");
    }
    // Two that write at once: the file is of one of them, and whole.
    let mut both = [Stored::load(&path).unwrap(), Stored::load(&path).unwrap()];
    write(data.path(), "c.parquet", 240, 100);
    for stored in &mut both {
        measure_with(&dataset(data.path()), &statistics(), stored).unwrap();
    }
    std::thread::scope(|scope| both.iter_mut().for_each(|stored| drop(scope.spawn(|| stored.save(&path).unwrap()))));
    write(data.path(), "d.parquet", 300, 100);
    let mut stored = Stored::load(&path).unwrap();
    assert_eq!(stored.files().len(), 3);
    check(&measure_with(&dataset(data.path()), &statistics(), &mut stored).unwrap(), &dataset(data.path()));
}

#[test]
fn keys_that_are_wanted_twice_are_kept_once() {
    let (data, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let path = other.path().join("states");
    for name in ["a.parquet", "b.parquet", "c.parquet"] {
        write(data.path(), name, 1, 1);
        let mut stored = Stored::load(&path).unwrap();
        let twice = [statistics(), statistics()].concat();
        check(&measure_with(&dataset(data.path()), &twice, &mut stored).unwrap(), &dataset(data.path()));
        stored.save(&path).unwrap();
    }
}
