//! Data that can't be read is nobody's rule that does not hold: what is told is which file, and whether another try
//! may have better luck.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use lakegate_quality::data::{DataError, Dataset, Open, Part};
use lakegate_quality::evaluate::{Evaluated, evaluate};
use polars::prelude::*;

use super::{ERROR, context, parse};

fn text(folder: &Path, name: &str, text: &str) -> PathBuf {
    let path = folder.join(name);
    fs::write(&path, text).unwrap();
    path
}

fn parquet(folder: &Path, name: &str) -> PathBuf {
    let path = folder.join(name);
    let numbers: Vec<i64> = (0..50_000).map(|number| number * 7_919 % 50_000).collect();
    let mut frame = df!("id" => &numbers, "name" => numbers.iter().map(|number| format!("name {number}")).collect::<Vec<_>>()).unwrap();
    let writer = ParquetWriter::new(File::create(&path).unwrap()).with_compression(ParquetCompression::Snappy);
    writer.with_statistics(StatisticsOptions::empty()).finish(&mut frame).unwrap();
    path
}

/// What comes of rules on files of which one is done something to after they were looked at.
fn run(files: &[PathBuf], rules: &str, harm: impl FnOnce(&Path)) -> Evaluated {
    let data = Dataset::of_files(files, None).unwrap();
    harm(files.last().unwrap());
    evaluate(&parse(&format!("Rules = [{rules}]")), &data, &context())
}

fn vanish(path: &Path) {
    fs::remove_file(path).unwrap();
}

/// Makes pages of what none can be, and leaves the footer.
fn damage(path: &Path) {
    let mut bytes = fs::read(path).unwrap();
    let end = bytes.len() * 3 / 4;
    bytes[64..end].fill(0xA5);
    // Not written in place: somebody may have it in memory still.
    let other = path.with_extension("tmp");
    fs::write(&other, bytes).unwrap();
    fs::rename(&other, path).unwrap();
}

fn check(evaluated: &Evaluated, path: &Path, by_system: bool) -> String {
    let error = evaluated.unread().unwrap_or_else(|| panic!("it was read: {:?}", evaluated.evaluation.rules));
    assert_eq!((error.path(), error.io().is_some()), (Some(path), by_system), "{error}");
    assert!(error.to_string().contains(path.to_str().unwrap()) && !error.hint().is_empty(), "{error}");
    error.to_string()
}

#[test]
fn a_file_that_has_gone_is_named_whichever_way_it_is_read() {
    for (name, content) in [("csv", "id,name\n1,x\n2,y\n"), ("ndjson", "{\"id\": 1, \"name\": \"x\"}\n{\"id\": 2, \"name\": \"y\"}\n")] {
        for rules in [
            "IsComplete \"name\"",
            "RowCount > 0",
            "IsUnique \"id\" where \"id > 0\"",
            "CustomSql \"select sum(id) from primary\" > 0",
            "Monotonic \"id\"",
        ] {
            let folder = tempfile::tempdir().unwrap();
            let files = [text(folder.path(), &format!("a.{name}"), content), text(folder.path(), &format!("b.{name}"), content)];
            let evaluated = run(&files, rules, |_| {});
            assert!(evaluated.unread().is_none() && evaluated.evaluation.rules[0].outcome != ERROR, "{:?}", evaluated.evaluation);
            check(&run(&files, rules, vanish), &files[1], true);
        }
    }
    for rules in ["Mean \"id\" > 0", "Mean \"id\" > 0 where \"id > 1\"", "CustomSql \"select sum(id) from primary\" > 0"] {
        let folder = tempfile::tempdir().unwrap();
        let files = [parquet(folder.path(), "a.parquet"), parquet(folder.path(), "b.parquet")];
        check(&run(&files, rules, vanish), &files[1], true);
    }
}

#[test]
fn a_reference_that_has_gone_is_named_too() {
    for rule in ["RowCountMatch \"ref\" = 1", "ReferentialIntegrity \"id\" \"ref.id\" = 1", "CustomSql \"select max(id) from ref\" > 0"] {
        let folder = tempfile::tempdir().unwrap();
        let ours = text(folder.path(), "ours.csv", "id\n1\n2\n");
        let theirs = text(folder.path(), "theirs.csv", "id\n1\n2\n");
        let open = |path: &PathBuf| Dataset::of_files(std::slice::from_ref(path), None).unwrap();
        let context = context().with_reference("ref", open(&theirs));
        vanish(&theirs);
        check(&evaluate(&parse(&format!("Rules = [{rule}]")), &open(&ours), &context), &theirs, true);
    }
}

#[test]
fn damaged_pages_are_the_files_doing_and_no_rules() {
    for rules in ["Mean \"id\" > 0", "IsUnique \"name\"", "CustomSql \"select sum(id) from primary\" > 0"] {
        let folder = tempfile::tempdir().unwrap();
        let files = [parquet(folder.path(), "a.parquet"), parquet(folder.path(), "b.parquet")];
        check(&run(&files, rules, damage), &files[1], false);
    }
    let folder = tempfile::tempdir().unwrap();
    let cut = parquet(folder.path(), "cut.parquet");
    let bytes = fs::read(&cut).unwrap();
    fs::write(&cut, &bytes[..bytes.len() / 2]).unwrap();
    let error = Dataset::of_files(std::slice::from_ref(&cut), None).map(|_| ()).unwrap_err();
    assert!(matches!(&error, DataError::Unreadable { path, .. } if *path == cut) && error.hint().contains("cut off"), "{error}");
}

#[test]
fn a_line_with_too_many_fields_is_noticed_by_whatever_is_asked() {
    let folder = tempfile::tempdir().unwrap();
    for (name, content, said) in [
        ("wide.csv", "id,name\n1,\"x\n,y\"\n2,y,z\n3,w\n", "line 4 has 3 fields where the header has 2"),
        ("last.csv", "id,name\n1,x\n2,y,", "line 3 has 3 fields where the header has 2"),
        ("one.csv", "id\n1\n2,3\n", "line 3 has 2 fields where the header has 1"),
        ("tabs.tsv", "id\tname\n1\tx\ty\n", "line 2 has 3 fields where the header has 2"),
        ("open.csv", "id,name\n1,x\n2,\"y\n3,z\n", "line 3: a quoted field begins here and never ends"),
    ] {
        for rules in ["RowCount > 0", "IsComplete \"id\"", "ColumnCount > 0", "CustomSql \"select count(*) from primary\" > 0"] {
            let folder = tempfile::tempdir().unwrap();
            let files = [text(folder.path(), "a.csv", "id,name\n1,x\n"), text(folder.path(), name, content)];
            let error = check(&run(&files, rules, |_| {}), &files[1], false);
            assert!(error.contains(said), "{error}");
        }
    }
    let short = text(folder.path(), "short.csv", "id,name\n1\n2,y\n");
    let evaluated = run(&[short], "Completeness \"name\" = 0.5, RowCount = 2", |_| {});
    assert!(evaluated.unread().is_none(), "what a line lacks is null, which rules can ask about");
    assert_eq!(evaluated.evaluation.score, 1.0, "{:?}", evaluated.evaluation);
}

#[test]
fn what_rules_ask_wrongly_is_their_own_error() {
    let folder = tempfile::tempdir().unwrap();
    let files = [text(folder.path(), "a.csv", "id,name\n1,x\n2,y\n")];
    for rule in [
        "Mean \"nosuch\" > 1",
        "Mean \"name\" > 1",
        "RowCount > 0 where \"nosuch > 1\"",
        "CustomSql \"select sum(nosuch) from primary\" > 0",
        "CustomSql \"select cast(name as int) from primary limit 1\" > 0",
        "CustomSql \"select count(*) from other\" > 0",
        "RowCountMatch \"other\" = 1",
    ] {
        let evaluated = run(&files, rule, |_| {});
        assert!(evaluated.unread().is_none(), "{rule}: {:?}", evaluated.unread());
        assert_eq!(evaluated.evaluation.rules[0].outcome, ERROR, "{rule}");
    }
}

#[test]
fn rows_that_can_not_be_read_once_more_name_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let files = [parquet(folder.path(), "a.parquet"), parquet(folder.path(), "b.parquet")];
    let evaluated = run(&files, "ColumnValues \"id\" > 100", |_| {});
    assert!(evaluated.unread().is_none());
    let rows = evaluated.rows().unwrap();
    vanish(&files[0]);
    let error = rows.collect_with_engine(Engine::Streaming).map(|_| ()).unwrap_err();
    let unread = evaluated.unread_in(&error).unwrap();
    assert_eq!((unread.path(), unread.io().is_some()), (Some(files[0].as_path()), true), "{unread}");
}

#[test]
fn a_plan_of_damaged_files_can_not_be_read_and_says_of_what_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let (ours, theirs) = (text(folder.path(), "ours.csv", "id\n1\n2\n"), parquet(folder.path(), "theirs.parquet"));
    let plan = LazyFrame::scan_parquet(PlRefPath::try_from_path(&theirs).unwrap(), ScanArgsParquet::default()).unwrap();
    let context = context().with_reference("ref", Dataset::of_lazy(plan).unwrap());
    let data = Dataset::of_files(&[ours], None).unwrap();
    damage(&theirs);
    for rule in
        ["ReferentialIntegrity \"id\" \"ref.id\" = 1", "AggregateMatch \"sum(id)\" \"sum(ref.id)\" > 0", "RowCountMatch \"ref\" > 0"]
    {
        let evaluated = evaluate(&parse(&format!("Rules = [{rule}]")), &data, &context);
        // The rows are counted by what the footer says.
        let Some(error) = evaluated.unread() else { continue };
        assert!(error.io().is_none() && !error.hint().is_empty(), "{rule}: {error}");
        assert!(error.to_string().contains("the reference \"ref\""), "{rule}: {error}");
    }
    let evaluated = evaluate(&parse("Rules = [ReferentialIntegrity \"id\" \"ref.id\" = 1]"), &data, &context);
    assert!(evaluated.unread().is_some(), "{:?}", evaluated.evaluation.rules);
}

/// Rows that can't be opened at the first try.
struct Late(AtomicBool);

impl Open for Late {
    fn open(&self) -> Result<LazyFrame, DataError> {
        if self.0.swap(false, Ordering::Relaxed) {
            return Err(DataError::Open { path: "part".into(), source: std::io::ErrorKind::TimedOut.into() });
        }
        let street = df!("street" => ["a", "b"]).unwrap().into_struct("info".into()).into_series();
        Ok(DataFrame::new(2, vec![street.into()])?.lazy())
    }
}

#[test]
fn a_field_of_rows_that_were_not_there_for_a_moment_is_no_missing_column() {
    let schema = Schema::from_iter([Field::new("info".into(), DataType::Struct(vec![Field::new("street".into(), DataType::String)]))]);
    let evaluate_at = |is_late: bool| {
        let part = Part::Later { name: "part".to_owned(), size: 1, open: Arc::new(Late(AtomicBool::new(is_late))) };
        let data = Dataset::of_parts(schema.clone(), vec![part]).unwrap();
        evaluate(&parse("Rules = [IsComplete \"info.street\"]"), &data, &context())
    };
    let evaluated = evaluate_at(false);
    assert_eq!(evaluated.evaluation.score, 1.0, "{:?}", evaluated.evaluation);
    let evaluated = evaluate_at(true);
    let error = evaluated.unread().unwrap_or_else(|| panic!("{:?}", evaluated.evaluation));
    assert_eq!((error.path(), error.io().is_some()), (Some(Path::new("part")), true));
}
