//! States of files that are kept and used again: the outcomes are those of a measurement of everything.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use lakegate_quality::evaluate::{Evaluation, Point};
use lakegate_quality::stats::{StoreError, Stored};
use proptest::prelude::*;

use super::*;

/// Rules of every kind of state, and some that none can be kept of.
const RULES: &str = r#"
allowed = ["g0", "g1", "g2"]
Rules = [
    RowCount > 3, IsUnique "id", IsPrimaryKey "id", Uniqueness "n" > 0.1, UniqueValueRatio "n" > 0.1, DistinctValuesCount "g" > 2,
    Entropy "g" > 0.5, Completeness "n" > 0.9, Mean "f" > 1.0, Sum "n" > 10, StandardDeviation "f" between 0 and 100,
    ColumnCorrelation "n" "f" > -2.0, ColumnLength "g" <= 2, ColumnValues "n" between -1 and 50,
    ColumnValues "g" in $allowed with threshold > 0.5, ColumnValues "g" matches "g[0-9]", ColumnDataType "id" = "STRING",
    Mean "f" > 3.0 where "n > 4", IsComplete "n" where "g = 'g1'", ColumnValues "at" > (now() - 2 days) with threshold > 0.1,
    DataFreshness "at" <= 36 hours with mostly >= 0.2, RowCount > last(1), RowCountMatch "other" = 1.0, ReferentialIntegrity "g" "other.{g}" > 0.5,
    CustomSql "select count(*) from primary" > 3, DistributionMatch "f" "other.f" "psi" > 0, (IsComplete "id") and (Mean "n" < 5), ColumnValues "missing" > 3, CustomSql "n > 2" with threshold > 0.5
]
Analyzers = [ AllStatistics "n", Distribution "g", Distribution "f", Distribution "n", Completeness "f" ]
"#;

fn frame_of(rows: &[(i64, u8)]) -> DataFrame {
    let now = now().as_microsecond();
    let at: Vec<i64> = rows.iter().map(|(id, _)| now - id * 3_600_000_000).collect();
    df!(
        "id" => rows.iter().map(|(id, _)| format!("id {id}")).collect::<Vec<_>>(),
        "n" => rows.iter().map(|(_, kind)| (kind % 7 != 0).then_some(i64::from(*kind))).collect::<Vec<_>>(),
        "f" => rows.iter().map(|(id, kind)| *id as f64 / 7.0 + f64::from(*kind)).collect::<Vec<_>>(),
        "g" => rows.iter().map(|(_, kind)| (kind % 5 != 4).then(|| format!("g{}", kind % 5))).collect::<Vec<_>>(),
        "at" => Series::new("at".into(), at).cast(&DataType::Datetime(TimeUnit::Microseconds, None)).unwrap(),
    )
    .unwrap()
}

fn write(folder: &Path, name: &str, rows: &[(i64, u8)]) -> PathBuf {
    let path = folder.join(name);
    // In another place first: a file that is written over has the time of its change only to some milliseconds.
    let draft = folder.join("_draft");
    ParquetWriter::new(File::create(&draft).unwrap()).finish(&mut frame_of(rows)).unwrap();
    fs::rename(draft, &path).unwrap();
    path
}

fn with_other(context: Context) -> Context {
    context.with_reference("other", Dataset::of_frame(frame_of(&[(1, 1), (2, 2)])))
}

fn evaluation(data: &Path, rules: &str, context: &Context) -> Evaluation {
    evaluate(&parse(rules), &Dataset::of_files(&[data.to_owned()], None).unwrap(), context).evaluation
}

/// Evaluates with the states of a file, and saves them.
fn with_states(data: &Path, rules: &str, context: &Context, file: &Path) -> (Evaluation, Option<String>) {
    let states = Arc::new(Mutex::new(Stored::load(file).unwrap()));
    let found = evaluation(data, rules, &context.clone().with_states(states.clone()));
    let mut states = states.lock().unwrap();
    states.save(file).unwrap();
    (found, states.lost().map(str::to_owned))
}

/// All that is said of an evaluation; numbers without what rounding makes of them.
fn told(evaluation: &Evaluation) -> Vec<String> {
    let metrics = |metrics: &BTreeMap<String, f64>| metrics.iter().map(|(name, value)| format!("{name} {value:.6e}")).collect::<Vec<_>>();
    let rules = evaluation.rules.iter().map(|rule| {
        // The reason of a rule says its numbers with all digits.
        let reason = rule.reason.as_deref().map(|reason| reason.split(['.', ' ']).filter(|word| word.len() < 9).collect::<Vec<_>>());
        format!("{} {:?} {reason:?} {:?}", rule.rule, rule.outcome, metrics(&rule.metrics))
    });
    let analyzers = evaluation.analyzers.iter().map(|found| format!("{} {:?}", found.analyzer, metrics(&found.metrics)));
    let whole = format!("{:?} {} {} {:?}", evaluation.outcome, evaluation.score, evaluation.rows, metrics(&evaluation.statistics));
    std::iter::once(whole).chain(rules).chain(analyzers).collect()
}

/// With states it is as without.
fn check_states(data: &Path, rules: &str, context: &Context, file: &Path) {
    let (found, lost) = with_states(data, rules, context, file);
    assert_eq!(lost, None);
    assert_eq!(told(&found), told(&evaluation(data, rules, context)));
}

fn scratch() -> (tempfile::TempDir, tempfile::TempDir, PathBuf) {
    let (data, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let file = other.path().join("states");
    (data, other, file)
}

/// How many cases are tried: more by hand, with `PROPTEST_CASES`.
#[expect(clippy::disallowed_methods, reason = "a test's own switch")]
fn cases(few: u32) -> u32 {
    std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(few)
}

/// What is done to the files between two evaluations.
#[derive(Clone, Debug)]
enum Step {
    Add(Vec<(i64, u8)>),
    Change(usize, Vec<(i64, u8)>),
    Remove(usize),
    Nothing,
}

fn rows() -> impl Strategy<Value = Vec<(i64, u8)>> {
    proptest::collection::vec((0..60_i64, 0..40_u8), 0..12)
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => rows().prop_map(Step::Add),
        1 => (0..8_usize, rows()).prop_map(|(file, rows)| Step::Change(file, rows)),
        1 => (0..8_usize).prop_map(Step::Remove),
        1 => Just(Step::Nothing),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(12), failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn with_states_all_is_as_without(first in rows(), steps in proptest::collection::vec(step(), 1..7)) {
        let (data, _other, file) = scratch();
        let context = with_other(with_history("RowCount", &[5.0]));
        let mut names = vec!["0.parquet".to_owned()];
        write(data.path(), "0.parquet", &first);
        check_states(data.path(), RULES, &context, &file);
        for (number, step) in steps.iter().enumerate() {
            match step {
                Step::Add(rows) => {
                    names.push(format!("{}.parquet", number + 1));
                    write(data.path(), names.last().unwrap(), rows);
                }
                Step::Change(which, rows) => drop(write(data.path(), &names[which % names.len()], rows)),
                Step::Remove(which) if names.len() > 1 => fs::remove_file(data.path().join(names.remove(which % names.len()))).unwrap(),
                Step::Remove(_) | Step::Nothing => {}
            }
            check_states(data.path(), RULES, &context, &file);
        }
    }
}

/// Makes a file's rows unreadable, so that nobody could tell from outside: its footer, size and time stay.
fn spoil(path: &Path) {
    let modified = fs::metadata(path).unwrap().modified().unwrap();
    let mut bytes = fs::read(path).unwrap();
    let footer = u32::from_le_bytes(bytes[bytes.len() - 8..bytes.len() - 4].try_into().unwrap()) as usize;
    let rows = bytes.len() - 8 - footer;
    bytes[4..rows].fill(0xFF);
    fs::write(path, bytes).unwrap();
    File::options().write(true).open(path).unwrap().set_modified(modified).unwrap();
}

#[test]
fn files_that_are_known_are_not_read() {
    let rules =
        "Rules = [ IsUnique \"id\", Mean \"f\" > 1.0, ColumnValues \"g\" in [\"g1\"] with threshold > 0.1, Sum \"n\" > 1 where \"n > 1\" ]";
    let (data, _other, file) = scratch();
    let first: Vec<(i64, u8)> = (0..40).map(|id| (id, (id % 11) as u8)).collect();
    let old = write(data.path(), "a.parquet", &first);
    check_states(data.path(), rules, &context(), &file);
    write(data.path(), "b.parquet", &[(39, 3), (100, 4)]);
    let wanted = told(&evaluation(data.path(), rules, &context()));
    spoil(&old);
    let unreadable = evaluation(data.path(), rules, &context());
    assert!(unreadable.rules.iter().all(|rule| rule.outcome == ERROR), "{unreadable:?}");
    let (found, _) = with_states(data.path(), rules, &context(), &file);
    assert_eq!(told(&found), wanted);
    assert_eq!(found.rules[0].outcome, FAILED, "id 39 is in both");
    // All that is known needs no file at all.
    spoil(&data.path().join("b.parquet"));
    assert_eq!(told(&with_states(data.path(), rules, &context(), &file).0), wanted);
    // A rule that is new to the file does.
    let more = rules.replace("Rules = [", "Rules = [ Mean \"n\" > 0,");
    assert_eq!(with_states(data.path(), &more, &context(), &file).0.rules[0].outcome, ERROR);
    // And the others are as they were: nothing of the failure is kept.
    assert_eq!(told(&with_states(data.path(), rules, &context(), &file).0), wanted);
    // A file that is another one is measured again, and only that one.
    write(data.path(), "b.parquet", &[(7, 1)]);
    let whole = tempfile::tempdir().unwrap();
    write(whole.path(), "a.parquet", &first);
    write(whole.path(), "b.parquet", &[(7, 1)]);
    assert_eq!(told(&with_states(data.path(), rules, &context(), &file).0), told(&evaluation(whole.path(), rules, &context())));
    // And what is left of two files was known before.
    fs::remove_file(whole.path().join("b.parquet")).unwrap();
    fs::remove_file(data.path().join("b.parquet")).unwrap();
    assert_eq!(told(&with_states(data.path(), rules, &context(), &file).0), told(&evaluation(whole.path(), rules, &context())));
}

/// Rules that states answer, two times; the second asks for more.
const LASTING: [&str; 2] = [
    r#"Rules = [
        RowCount > 3, IsUnique "id", Uniqueness "n" > 0.1, DistinctValuesCount "g" > 2, Entropy "g" > 0.5, Completeness "n" > 0.9,
        Mean "f" > 1.0, StandardDeviation "f" between 0 and 100, ColumnLength "g" <= 2, ColumnValues "n" between -1 and 50,
        Mean "f" > 3.0 where "n > 4", Completeness "extra" > 0.2, UniqueValueRatio "extra" > 0.1
    ]"#,
    r#"Rules = [
        RowCount > 3, IsUnique "id", Entropy "g" > 0.5, Mean "f" > 1.0, IsPrimaryKey "id" "g", Sum "n" > 10,
        ColumnCorrelation "n" "f" > -2.0, ColumnValues "g" in ["g1", "g2"] with threshold > 0.5, Completeness "extra" > 0.2,
        DistinctValuesCount "extra" > 3
    ]"#,
];

/// What is done to the files, the rules or the states between two evaluations.
#[derive(Clone, Debug)]
enum Turn {
    Add(Vec<(i64, u8)>),
    AddColumn(Vec<(i64, u8)>),
    Change(usize, Vec<(i64, u8)>),
    Remove(usize),
    Rules,
    /// Parts are saved apart, and make new sums.
    Apart,
    /// Sums are saved apart, and what is added next is taken in.
    Sums(Vec<(i64, u8)>),
}

fn turn() -> impl Strategy<Value = Turn> {
    prop_oneof![
        4 => rows().prop_map(Turn::Add),
        1 => rows().prop_map(Turn::AddColumn),
        2 => (0..8_usize, rows()).prop_map(|(file, rows)| Turn::Change(file, rows)),
        2 => (0..8_usize).prop_map(Turn::Remove),
        1 => Just(Turn::Rules),
        1 => Just(Turn::Apart),
        1 => rows().prop_map(Turn::Sums),
    ]
}

/// Data that can be read, and the same data of which everything that was measured once can't be read again.
struct Twice {
    whole: tempfile::TempDir,
    spoiled: tempfile::TempDir,
    names: Vec<String>,
    made: usize,
}

impl Twice {
    fn put(&mut self, name: &str, mut frame: DataFrame) {
        for folder in [self.whole.path(), self.spoiled.path()] {
            let draft = folder.join("_draft");
            ParquetWriter::new(File::create(&draft).unwrap()).finish(&mut frame).unwrap();
            fs::rename(draft, folder.join(name)).unwrap();
        }
    }

    fn add(&mut self, frame: DataFrame) {
        let name = format!("{:03}.parquet", self.made);
        self.made += 1;
        self.put(&name, frame);
        self.names.push(name);
    }

    /// All can be read again.
    fn mend(&self) {
        for name in &self.names {
            let spoiled = self.spoiled.path().join(name);
            let modified = fs::metadata(&spoiled).unwrap().modified().unwrap();
            fs::write(&spoiled, fs::read(self.whole.path().join(name)).unwrap()).unwrap();
            File::options().write(true).open(&spoiled).unwrap().set_modified(modified).unwrap();
        }
    }

    fn check(&self, rules: &str, states: &Path) {
        let (found, lost) = with_states(self.spoiled.path(), rules, &context(), states);
        assert_eq!(lost, None);
        assert_eq!(told(&found), told(&evaluation(self.whole.path(), rules, &context())));
        self.names.iter().for_each(|name| spoil(&self.spoiled.path().join(name)));
    }
}

fn with_extra(rows: &[(i64, u8)]) -> DataFrame {
    let mut frame = frame_of(rows);
    let extra: Vec<Option<String>> = rows.iter().map(|(id, kind)| (kind % 3 != 0).then(|| format!("e{}", id % 20))).collect();
    frame.with_column(Column::new("extra".into(), extra)).unwrap();
    frame
}

/// New sums of parts that were saved apart.
fn apart(states: &Path) {
    let stored = Stored::load(states).unwrap();
    let mut anew = Stored::default();
    for (number, file) in stored.files().iter().enumerate() {
        let path = states.with_extension(number.to_string());
        stored.part(file).unwrap().save(&path).unwrap();
        anew.take_in(Stored::load(&path).unwrap());
        fs::remove_file(path).unwrap();
    }
    anew.settle();
    assert_eq!((anew.covered().len(), anew.lost()), (stored.files().len(), None));
    anew.save(states).unwrap();
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(16), failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn nothing_is_read_twice(first in rows(), turns in proptest::collection::vec(turn(), 1..9)) {
        let mut data = Twice { whole: tempfile::tempdir().unwrap(), spoiled: tempfile::tempdir().unwrap(), names: Vec::new(), made: 0 };
        let other = tempfile::tempdir().unwrap();
        let (states, sums) = (other.path().join("states"), other.path().join("sums"));
        let mut rules = LASTING.iter().cycle();
        let mut asked = *rules.next().unwrap();
        data.add(frame_of(&first));
        data.check(asked, &states);
        for turn in &turns {
            match turn {
                Turn::Add(rows) => data.add(frame_of(rows)),
                Turn::AddColumn(rows) => data.add(with_extra(rows)),
                Turn::Change(which, rows) => {
                    let name = data.names[which % data.names.len()].clone();
                    data.put(&name, frame_of(rows));
                }
                Turn::Remove(which) if data.names.len() > 1 => {
                    let name = data.names.remove(which % data.names.len());
                    fs::remove_file(data.whole.path().join(&name)).unwrap();
                    fs::remove_file(data.spoiled.path().join(&name)).unwrap();
                }
                Turn::Remove(_) => {}
                Turn::Rules => {
                    asked = *rules.next().unwrap();
                    data.mend();
                }
                Turn::Apart => apart(&states),
                Turn::Sums(rows) => {
                    let mut stored = Stored::load(&states).unwrap();
                    stored.save_sums(&sums).unwrap();
                    let known = stored.files();
                    data.add(frame_of(rows));
                    data.check(asked, &states);
                    let more = Stored::load(&states).unwrap();
                    let mut stored = Stored::load(&sums).unwrap();
                    prop_assert_eq!(stored.covered(), known.iter().cloned().collect());
                    more.files().iter().filter(|file| !known.contains(file)).for_each(|file| stored.take_in(more.part(file).unwrap()));
                    stored.settle();
                    stored.save(&sums).unwrap();
                    data.check(asked, &sums);
                }
            }
            data.check(asked, &states);
        }
    }
}

#[test]
fn what_means_something_else_later_is_measured_later() {
    let (data, _other, file) = scratch();
    write(data.path(), "a.parquet", &(0..50).map(|id| (id, (id % 13) as u8)).collect::<Vec<_>>());
    let at = |day: &str, last: f64| {
        let now = format!("2026-03-{day}T12:00:30Z").parse().unwrap();
        let points = vec![Point { at: now, value: last }];
        Context::new(now).with_history(Arc::new(BTreeMap::from([("ColumnValues.n".to_owned(), points)])))
    };
    let rules = |list: &str| {
        format!(
            "allowed = {list}\nRules = [ DataFreshness \"at\" <= 20 hours with mostly >= 0.3, \
             ColumnValues \"at\" > (now() - 1 days) with threshold > 0.3, ColumnValues \"at\" > \"11:00\" with threshold > 0.001, \
             ColumnValues \"g\" in $allowed with threshold > 0.3 ]"
        )
    };
    let outcomes = |rules: &str, context: &Context| {
        check_states(data.path(), rules, context, &file);
        with_states(data.path(), rules, context, &file).0.rules.iter().map(|rule| rule.outcome).collect::<Vec<_>>()
    };
    assert_eq!(outcomes(&rules(r#"["g0","g1"]"#), &at("10", 1.0)), [PASSED; 4]);
    assert_eq!(outcomes(&rules(r#"["g0","g1"]"#), &at("12", 2.0)), [FAILED, FAILED, FAILED, PASSED]);
    assert_eq!(outcomes(&rules(r#"["x"]"#), &at("10", 3.0)), [PASSED, PASSED, PASSED, FAILED]);
    // A number that is worked out from what was measured earlier.
    let back = "Rules = [ ColumnValues \"n\" in [last(1)] with threshold > 0.01 ]";
    let history = |value| with_history("ColumnValues \"n\"", &[value]);
    for value in [1.0, 77.0, 2.0] {
        check_states(data.path(), back, &history(value), &file);
    }
}

#[test]
fn one_file_by_two_names_is_one_file_and_two_rulesets_share_a_file() {
    let (data, _other, file) = scratch();
    let path = write(data.path(), "a.parquet", &[(1, 1), (2, 2), (3, 3)]);
    check_states(data.path(), "Rules = [ Mean \"f\" > 0 ]", &context(), &file);
    check_states(data.path(), "Rules = [ IsUnique \"id\" ]", &context(), &file);
    spoil(&path);
    let by_another_name = data.path().join("..").join(data.path().file_name().unwrap());
    let found = with_states(&by_another_name, "Rules = [ Mean \"f\" > 0, IsUnique \"id\" ]", &context(), &file).0;
    assert_eq!(found.outcome, PASSED, "{found:?}");
}

#[test]
fn a_damaged_file_is_told_and_never_believed() {
    let rules = "Rules = [ IsUnique \"id\", Mean \"f\" > 1.0, Entropy \"g\" > 0.1 ]";
    let (data, other, file) = scratch();
    write(data.path(), "a.parquet", &(0..30).map(|id| (id, (id % 11) as u8)).collect::<Vec<_>>());
    check_states(data.path(), rules, &context(), &file);
    write(data.path(), "b.parquet", &[(29, 1), (40, 2)]);
    let wanted = told(&evaluation(data.path(), rules, &context()));
    let whole = fs::read(&file).unwrap();
    let (mut refused, mut lost) = (0, 0);
    for place in (0..whole.len()).step_by(23) {
        let mut damaged = whole.clone();
        damaged[place] ^= 0x40;
        let file = other.path().join("damaged");
        fs::write(&file, damaged).unwrap();
        match Stored::load(&file) {
            Err(StoreError::Io { .. }) => panic!("{place}"),
            Err(_) => refused += 1,
            Ok(_) => {
                let (found, why) = with_states(data.path(), rules, &context(), &file);
                assert_eq!(told(&found), wanted, "{place}");
                lost += usize::from(why.is_some());
                // What was written then is whole.
                check_states(data.path(), rules, &context(), &file);
            }
        }
    }
    assert!(refused > 0 && lost > 0, "{refused} {lost}");
}
