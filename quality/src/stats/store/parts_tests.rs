use std::{
    fs,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use polars::prelude::*;

use super::{
    tests::{check, dataset, frame, statistics, write},
    *,
};
use crate::{
    data::{DataError, Open, Part},
    stats::{Measure, Statistic},
};

/// Rows that tell how often somebody wanted them.
pub(super) struct Rows {
    pub(super) from: i64,
    rows: i64,
    opened: AtomicUsize,
}

impl Open for Rows {
    fn open(&self) -> Result<LazyFrame, DataError> {
        self.opened.fetch_add(1, Ordering::Relaxed);
        Ok(frame(self.from, self.rows).lazy())
    }
}

pub(super) fn rows(from: i64, rows: i64) -> Arc<Rows> {
    Arc::new(Rows { from, rows, opened: AtomicUsize::new(0) })
}

pub(super) fn of_parts(parts: &[Arc<Rows>]) -> Dataset {
    let part = |rows: &Arc<Rows>| Part::Later {
        name: format!("from {}", rows.from),
        size: rows.rows.unsigned_abs(),
        open: Arc::clone(rows) as Arc<dyn Open>,
    };
    Dataset::of_parts(frame(0, 1).schema().as_ref().clone(), parts.iter().map(part).collect()).unwrap()
}

/// How often each was opened since it was last asked.
pub(super) fn opened(parts: &[Arc<Rows>]) -> Vec<usize> {
    parts.iter().map(|rows| rows.opened.swap(0, Ordering::Relaxed)).collect()
}

/// Measures with what is stored, and once without; tells which parts the first opened.
pub(super) fn run(parts: &[Arc<Rows>], stored: &mut Stored) -> Vec<usize> {
    opened(parts);
    let measured = measure_with(&of_parts(parts), &statistics(), stored).unwrap();
    let found = opened(parts);
    check(&measured, &of_parts(parts));
    found
}

/// As it would be in another process.
fn again(stored: &mut Stored, path: &Path) {
    stored.save(path).unwrap();
    *stored = Stored::load(path).unwrap();
}

#[test]
fn only_what_no_part_knows_is_opened() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("states");
    let mut stored = Stored::default();
    let mut parts: Vec<Arc<Rows>> = (0..20).map(|number| rows(number * 90, 100)).collect();
    assert_eq!(run(&parts, &mut stored), vec![1; 20]);
    assert_eq!(stored.measured().len(), 20);
    again(&mut stored, &path);
    assert_eq!(run(&parts, &mut stored), vec![0; 20]);
    assert!(stored.measured().is_empty());
    // One more.
    parts.push(rows(5_000, 10));
    assert_eq!(run(&parts, &mut stored), [vec![0; 20], vec![1]].concat());
    assert_eq!(stored.measured().len(), 1);
    again(&mut stored, &path);
    // One less, in the middle.
    parts.remove(7);
    assert_eq!(run(&parts, &mut stored), vec![0; 20]);
    assert_eq!(stored.files().len(), 20);
    again(&mut stored, &path);
    // Another one in a place, and two gone at once.
    parts[3] = rows(270, 60);
    parts.remove(15);
    parts.remove(0);
    let expected: Vec<usize> = (0..18).map(|place| usize::from(place == 2)).collect();
    assert_eq!(run(&parts, &mut stored), expected);
    again(&mut stored, &path);
    assert_eq!(run(&parts, &mut stored), vec![0; 18]);
}

#[test]
fn a_new_statistic_costs_only_itself() {
    let parts: Vec<Arc<Rows>> = (0..4).map(|number| rows(number * 100, 100)).collect();
    let (first, all) = (&statistics()[1..3], statistics());
    let mut stored = Stored::default();
    measure_with(&of_parts(&parts), first, &mut stored).unwrap();
    let file = stored.files()[0].clone();
    let before = stored.look_at(&file, |part| part.len()).unwrap();
    check(&measure_with(&of_parts(&parts), &all, &mut stored).unwrap(), &of_parts(&parts));
    assert_eq!((before, stored.look_at(&file, |part| part.len()).unwrap()), (first.len(), all.len()));
    opened(&parts);
    // Those that are not wanted are known as long as the files stay.
    measure_with(&of_parts(&parts), first, &mut stored).unwrap();
    measure_with(&of_parts(&parts), &all, &mut stored).unwrap();
    assert_eq!(opened(&parts), vec![0; 4]);
    // And after that, their parts are.
    let fewer = &parts[1..];
    measure_with(&of_parts(fewer), first, &mut stored).unwrap();
    assert_eq!(stored.len(), first.len());
    check(&measure_with(&of_parts(fewer), &all, &mut stored).unwrap(), &of_parts(fewer));
    assert_eq!(opened(&parts), [0, 1, 1, 1], "by the measurement without states alone");
}

#[test]
fn parts_that_were_saved_apart_make_the_same_sums() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let parts: Vec<Arc<Rows>> = (0..12).map(|number| rows(number * 80, 100)).collect();
    let (old, new) = parts.split_at(9);
    let mut whole = Stored::default();
    measure_with(&of_parts(old), &statistics(), &mut whole).unwrap();
    whole.save_sums(&at("sums")).unwrap();
    let (files, lent) = (whole.files(), whole.covered());
    assert_eq!((files.len(), lent.len()), (9, 9));
    for (number, file) in files.iter().enumerate() {
        whole.part(file).unwrap().save(&at(&format!("part {number}"))).unwrap();
    }
    let mut more = Stored::default();
    measure_with(&of_parts(new), &statistics(), &mut more).unwrap();
    for file in more.measured() {
        more.part(&file).unwrap().save(&at(file.path.to_str().unwrap())).unwrap();
    }
    // Sums of the old ones, and parts of the new ones.
    let mut stored = Stored::load(&at("sums")).unwrap();
    assert_eq!((stored.covered(), stored.measured().len(), stored.len()), (lent, 0, statistics().len()));
    for file in more.measured() {
        stored.take_in(Stored::load(&at(file.path.to_str().unwrap())).unwrap());
        fs::remove_file(at(file.path.to_str().unwrap())).unwrap();
    }
    assert_eq!(stored.covered().len(), 9, "nothing is merged yet");
    stored.settle();
    assert_eq!((stored.covered().len(), stored.measured().len(), stored.lost()), (12, 0, None));
    stored.save_sums(&at("sums")).unwrap();
    assert_eq!(run(&parts, &mut stored), vec![0; 12]);
    let mut stored = Stored::load(&at("sums")).unwrap();
    assert_eq!((stored.covered().len(), run(&parts, &mut stored)), (12, vec![0; 12]));
    // All sums are made of parts alone, after one of them is gone.
    let mut stored = Stored::default();
    for number in 1..9 {
        stored.take_in(Stored::load(&at(&format!("part {number}"))).unwrap());
        stored.take_in(Stored::load(&at(&format!("part {number}"))).unwrap());
    }
    assert!(stored.covered().is_empty());
    stored.settle();
    assert_eq!((stored.covered().len(), stored.len(), run(&old[1..], &mut stored)), (8, statistics().len(), vec![0; 8]));
    // A sum of which no part is known is of no use when a file is gone.
    let mut stored = Stored::load(&at("sums")).unwrap();
    assert_eq!(run(&parts[1..], &mut stored), vec![1; 11]);
}

#[test]
fn another_version_of_a_file_takes_the_place_of_the_one_before() {
    let (one, other, same) = (rows(0, 100), rows(0, 70), rows(300, 50));
    let mut old = Stored::default();
    measure_with(&of_parts(&[one.clone(), same.clone()]), &statistics(), &mut old).unwrap();
    let mut new = Stored::default();
    measure_with(&of_parts(std::slice::from_ref(&other)), &statistics(), &mut new).unwrap();
    let mut stored = Stored { sums: old.sums.clone(), ..Stored::default() };
    let of_same = old.files().into_iter().find(|file| file.size == 50).unwrap();
    stored.take_in(new);
    stored.take_in(old.part(&of_same).unwrap());
    stored.settle();
    assert_eq!(stored.covered().iter().map(|file| file.size).collect::<Vec<_>>(), [70, 50]);
    assert_eq!(run(&[other, same], &mut stored), [0, 0]);
}

#[test]
fn files_at_hand_and_parts_for_later_are_one_dataset() {
    let folder = tempfile::tempdir().unwrap();
    let file = Part::File { path: write(folder.path(), "a.parquet", 0, 50), name: "x/a".to_owned(), size: 7 };
    let rows = rows(50, 30);
    let later = Part::Later { name: "x/b".to_owned(), size: 8, open: Arc::clone(&rows) as Arc<dyn Open> };
    let data = Dataset::of_parts(frame(0, 1).schema().as_ref().clone(), vec![file.clone(), later]).unwrap();
    assert_eq!(data.files(), [Path::new("x/a"), Path::new("x/b")]);
    assert_eq!(files_of(&data).unwrap()[1], DataFile { path: "x/b".into(), size: 8, modified: 0 });
    // Footers answer for the file, and nobody wants the rows.
    assert_eq!((data.one(0).known_rows(), data.one(1).known_rows()), (Some(50), None));
    assert_eq!(rows.opened.load(Ordering::Relaxed), 0);
    let mut stored = Stored::default();
    check(&measure_with(&data, &statistics(), &mut stored).unwrap(), &Dataset::of_frame(frame(0, 80)));
    assert_eq!(data.scan().unwrap().collect().unwrap(), frame(0, 80));
    // A file's columns are made those of the dataset: one that it lacks is null, and one that it has more is not there.
    let schema = Schema::from_iter([Field::new("new".into(), DataType::Int64), Field::new("n".into(), DataType::Float64)]);
    let data = Dataset::of_parts(schema, vec![file]).unwrap();
    let frame = data.scan().unwrap().collect().unwrap();
    assert_eq!((frame.shape(), frame.column("new").unwrap().null_count()), ((50, 2), 50));
    let complete = |name: &str| Statistic::of(Measure::Complete(name.to_owned()));
    let measured = measure_with(&data, &[complete("new"), complete("n"), complete("id")], &mut stored).unwrap();
    assert_eq!(measured.get(&complete("new")).unwrap().ratio(), Some((0, 50)));
    assert_eq!(measured.get(&complete("n")).unwrap().ratio(), Some((46, 50)));
    assert!(measured.get(&complete("id")).is_err());
}

#[test]
fn a_damaged_part_costs_a_measurement_of_its_file() {
    let (data, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let path = other.path().join("states");
    for name in ["a.parquet", "b.parquet", "c.parquet"] {
        write(data.path(), name, i64::from(name.as_bytes()[0]) * 100, 150);
    }
    let mut stored = Stored::default();
    measure_with(&dataset(data.path()), &statistics(), &mut stored).unwrap();
    stored.save(&path).unwrap();
    let whole = fs::read(&path).unwrap();
    fs::remove_file(data.path().join("b.parquet")).unwrap();
    let (mut lost, mut refused) = (0, 0);
    for place in (0..whole.len()).step_by(1_009) {
        let mut damaged = whole.clone();
        damaged[place] ^= 0x20;
        fs::write(&path, damaged).unwrap();
        let Ok(mut stored) = Stored::load(&path) else {
            refused += 1;
            continue;
        };
        check(&measure_with(&dataset(data.path()), &statistics(), &mut stored).unwrap(), &dataset(data.path()));
        lost += usize::from(stored.lost().is_some());
        stored.save(&path).unwrap();
        let mut stored = Stored::load(&path).unwrap();
        check(&measure_with(&dataset(data.path()), &statistics(), &mut stored).unwrap(), &dataset(data.path()));
        assert_eq!((stored.lost(), stored.measured().len()), (None, 0), "{place}");
    }
    assert!(lost > 1 && refused > 0, "{lost} {refused}");
}
