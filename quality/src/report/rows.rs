//! The rows of a dataset with what the rules say of each: all of them as a Parquet file, and the
//! first that break a rule for a report.

use std::{
    collections::HashMap,
    fs, io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use polars::{
    io::parquet::write::{ParquetCompression, ParquetWriteOptions},
    prelude::*,
};

use super::{
    document::{FailingRow, FailingRows, Reason},
    draft,
};
use crate::data::named;
use crate::evaluate::{Evaluation, Outcome, RuleResult};

/// Why there are no rows.
#[derive(Debug, thiserror::Error)]
pub enum RowsError {
    /// The file can't be made.
    #[error("can't write {}: {error}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// The rows can't be made.
    #[error("{0}")]
    Rows(#[from] PolarsError),
}

/// Rows in a row group.
const ROW_GROUP: usize = 1 << 17;

/// Writes rows as they come. The file is there when all of them are in it, and not before; what
/// was there stays if anything goes wrong.
pub fn write_parquet(rows: LazyFrame, path: &Path) -> Result<(), RowsError> {
    let failed = |error: io::Error| RowsError::File { path: path.to_owned(), error };
    if path.is_dir() {
        return Err(failed(io::Error::from(io::ErrorKind::IsADirectory)));
    }
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut builder = tempfile::Builder::new();
    builder.prefix(".lakegate-rows-").suffix(".tmp");
    readable(&mut builder);
    let draft = builder.tempfile_in(folder).map_err(failed)?;
    let options =
        ParquetWriteOptions { compression: ParquetCompression::Zstd(None), row_group_size: Some(ROW_GROUP), ..Default::default() };
    let (target, wrong) = draft::target(draft.as_file().try_clone().map_err(failed)?);
    let args = UnifiedSinkArgs::default();
    let plan = rows.sink(SinkDestination::File { target }, FileWriteFormat::Parquet(Arc::new(options)), args)?;
    plan.collect_with_engine(Engine::Streaming).map_err(|error| wrong.take().map_or(RowsError::Rows(error), failed))?;
    draft.as_file().sync_all().map_err(failed)?;
    draft.persist(path).map_err(|error| failed(error.error))?;
    // The name is safe once the folder is. Where folders can't be opened, the system sees to it.
    fs::File::open(folder).and_then(|folder| folder.sync_all()).or(Ok::<(), io::Error>(())).map_err(failed)
}

/// A file for others to read, as the user's mask allows; drafts are private by default.
#[cfg(unix)]
fn readable(builder: &mut tempfile::Builder<'_, '_>) {
    use std::os::unix::fs::PermissionsExt as _;
    builder.permissions(fs::Permissions::from_mode(0o666));
}

#[cfg(not(unix))]
fn readable(_: &mut tempfile::Builder<'_, '_>) {}

/// What is taken of the rows that break rules.
#[derive(Clone, Copy, Debug)]
pub struct Wanted<'a> {
    /// The column with the row's number in the dataset, counted from 1.
    pub number: &'a str,
    /// The columns with the list of rules and, in the same order, of reasons.
    pub reasons: [&'a str; 2],
    /// Reasons that say nothing of the row they are given for: of rules that could not be evaluated.
    pub ignored: &'a [&'a str],
    /// The columns to show, in this order.
    pub columns: &'a [&'a str],
    /// How many columns there are besides.
    pub hidden_columns: usize,
    /// How many of the first rows; so many again at most are of rules that these break seldom.
    pub rows: usize,
}

/// So many rows of each rule are shown, though they be not among the first.
const OF_EACH_RULE: usize = 3;

/// Some of the rows that break a rule, and how many do, in one pass over them.
pub fn failing(rows: LazyFrame, wanted: &Wanted<'_>) -> Result<FailingRows, RowsError> {
    let shown = wanted.columns.iter().map(|name| named(name));
    let told = [wanted.number, wanted.reasons[0], wanted.reasons[1]].map(named);
    // Told first, so that a column that is called as one of ours is not taken for it.
    let names: Vec<String> = (0..told.len() + wanted.columns.len()).map(|at| at.to_string()).collect();
    let plan = rows.select(told.into_iter().chain(shown).zip(&names).map(|(column, name)| column.alias(name.as_str())).collect::<Vec<_>>());
    let columns = wanted.columns.iter().map(|name| (*name).to_owned()).collect();
    let found = FailingRows { columns, hidden_columns: wanted.hidden_columns, ..FailingRows::default() };
    let found = Arc::new(Mutex::new((found, HashMap::<String, usize>::new())));
    let (into, limit) = (found.clone(), wanted.rows);
    let ignored: Vec<String> = wanted.ignored.iter().map(|reason| (*reason).to_owned()).collect();
    let take = PlanCallback::new(move |batch: DataFrame| {
        let mut found = into.lock().unwrap_or_else(PoisonError::into_inner);
        let (found, seen) = &mut *found;
        for at in 0..batch.height() {
            let first = found.rows.len() < limit;
            // Without such rules all rows count, and only those that are shown need be looked at.
            if !first && ignored.is_empty() && (found.rows.len() >= 2 * limit || !tells_more(&batch, at, seen)?) {
                found.total += 1;
                continue;
            }
            let reasons = reasons_of(&batch, at, &ignored)?;
            if reasons.is_empty() {
                continue;
            }
            found.total += 1;
            let is_seldom = |reason: &Reason| seen.get(&reason.rule).is_none_or(|count| *count < OF_EACH_RULE);
            if first || (found.rows.len() < 2 * limit && reasons.iter().any(is_seldom)) {
                reasons.iter().for_each(|reason| *seen.entry(reason.rule.clone()).or_default() += 1);
                found.first += usize::from(first);
                found.rows.push(row_of(&batch, at, reasons)?);
            }
        }
        // More is always wanted: all are counted.
        Ok(false)
    });
    plan.sink_batches(take, true, None)?.collect_with_engine(Engine::Streaming)?;
    let (found, _) = std::mem::take(&mut *found.lock().unwrap_or_else(PoisonError::into_inner));
    Ok(found)
}

/// Whether a row breaks a rule of which few rows are shown.
fn tells_more(batch: &DataFrame, at: usize, seen: &HashMap<String, usize>) -> PolarsResult<bool> {
    let AnyValue::List(rules) = batch.columns()[1].get(at)? else { return Ok(false) };
    let is_seldom = |rule: &str| seen.get(rule).is_none_or(|count| *count < OF_EACH_RULE);
    Ok(rules.str()?.iter().flatten().any(is_seldom))
}

/// What is told of a row that says something of it.
fn reasons_of(batch: &DataFrame, at: usize, ignored: &[String]) -> PolarsResult<Vec<Reason>> {
    let list = |column: usize| match batch.columns()[column].get(at)? {
        AnyValue::List(texts) => PolarsResult::Ok(texts.str()?.iter().map(|text| text.unwrap_or_default().to_owned()).collect()),
        _ => Ok(Vec::<String>::new()),
    };
    let reasons = list(1)?.into_iter().zip(list(2)?).map(|(rule, why)| Reason { rule, why });
    Ok(reasons.filter(|reason| !ignored.contains(&reason.why)).collect())
}

fn row_of(batch: &DataFrame, at: usize, reasons: Vec<Reason>) -> PolarsResult<FailingRow> {
    let number = batch.columns()[0].get(at)?.extract().unwrap_or_default();
    let values = batch.columns()[3..].iter().map(|column| {
        Ok(match column.get(at)? {
            AnyValue::Null => None,
            value => Some(value.str_value().into_owned()),
        })
    });
    Ok(FailingRow { number, reasons, values: values.collect::<PolarsResult<_>>()? })
}

/// Which columns tell most about rows that break rules, so many at most: keys, then what the rules
/// that don't hold name, then the others in their order.
pub fn telling<'a>(columns: &[&'a str], evaluation: &Evaluation, most: usize) -> Vec<&'a str> {
    let is_key = |rule: &&RuleResult| rule.rule.starts_with("IsPrimaryKey ") || rule.rule.starts_with("IsUnique ");
    let named = |rules: &[&RuleResult], column: &str| rules.iter().any(|rule| names(&rule.rule, column));
    let keys: Vec<&RuleResult> = evaluation.rules.iter().filter(is_key).collect();
    let failed: Vec<&RuleResult> = evaluation.rules.iter().filter(|rule| rule.outcome == Outcome::Failed).collect();
    let rank = |column: &&str| {
        if named(&keys, column) {
            0
        } else if named(&failed, column) {
            1
        } else {
            2
        }
    };
    let mut columns = columns.to_vec();
    columns.sort_by_key(rank);
    columns.truncate(most);
    columns
}

/// Whether a rule's text has a column's name as a word.
fn names(rule: &str, column: &str) -> bool {
    let is_part = |c: char| c.is_alphanumeric() || c == '_';
    rule.match_indices(column).any(|(at, _)| !rule[..at].ends_with(is_part) && !rule[at + column.len()..].starts_with(is_part))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame() -> DataFrame {
        let list = |name: &str, lists: &[&[&str]]| {
            let lists: Vec<Series> = lists.iter().map(|list| Series::new("".into(), *list)).collect();
            polars::prelude::Column::from(Series::new(name.into(), lists))
        };
        let mut rows = df!("a" => [2, 4, 5], "b" => [None, Some(""), Some("<y>")], "row" => [2_u32, 4, 7]).unwrap();
        rows.with_column(list("rule", &[&["B", "A", "E"], &["E"], &["A", "E"]])).unwrap();
        rows.with_column(list("reason", &[&["b is null", "a is 2", "no c"], &["no c"], &["a is 5", "no c"]])).unwrap();
        rows
    }

    #[test]
    fn the_first_failing_rows_have_number_reasons_and_values() {
        let wanted =
            Wanted { number: "row", reasons: ["rule", "reason"], ignored: &["no c"], columns: &["b", "a"], hidden_columns: 3, rows: 1 };
        let found = failing(frame().lazy(), &wanted).unwrap();
        assert_eq!((found.total, found.hidden_columns, found.columns.join(",").as_str()), (2, 3, "b,a"));
        let reason = |rule: &str, why: &str| Reason { rule: rule.to_owned(), why: why.to_owned() };
        let first = FailingRow {
            number: 2,
            reasons: vec![reason("B", "b is null"), reason("A", "a is 2")],
            values: vec![None, Some("2".to_owned())],
        };
        assert_eq!((found.first, &found.rows[0], found.rows[1].number), (1, &first, 7), "and another of a rule of which one is shown");
        let all = failing(frame().lazy(), &Wanted { ignored: &[], rows: 2, ..wanted }).unwrap();
        assert_eq!((all.total, all.first, all.rows.len(), all.rows[1].number, &all.rows[1].values[0]), (3, 2, 3, 4, &Some(String::new())));
        assert_eq!(all.rows[1].reasons, [reason("E", "no c")]);
    }

    #[test]
    fn a_rule_that_is_seldom_broken_is_shown_too() {
        let list = |text: &str| Series::new("".into(), [text; 1]);
        let rules: Vec<Series> = (0..10_000).map(|row| list(if row < 5_000 || row % 1_000 > 0 { "often" } else { "seldom" })).collect();
        let rules = Column::from(Series::new("rule".into(), rules));
        let frame = DataFrame::new(
            10_000,
            vec![rules.clone(), rules.with_name("reason".into()), Column::new("row".into(), (1..=10_000).collect::<Vec<i32>>())],
        );
        let wanted = Wanted { number: "row", reasons: ["rule", "reason"], ignored: &[], columns: &[], hidden_columns: 0, rows: 4 };
        for ignored in [&[] as &[&str], &["nothing"]] {
            let found = failing(frame.clone().unwrap().lazy(), &Wanted { ignored, ..wanted }).unwrap();
            let numbers: Vec<u64> = found.rows.iter().map(|row| row.number).collect();
            assert_eq!((found.total, found.first, numbers), (10_000, 4, vec![1, 2, 3, 4, 5_001, 6_001, 7_001]));
        }
    }

    #[test]
    fn keys_and_what_failed_come_first() {
        let evaluation = crate::report::sample::report().evaluation;
        let columns = ["date", "a", "dep_delay", "origin", "tailnum", "id", "z"];
        assert_eq!(telling(&columns, &evaluation, 6), ["dep_delay", "origin", "tailnum", "date", "a", "id"]);
        let mut keyed = evaluation.clone();
        keyed.rules[6].rule = "IsPrimaryKey \"id\"".to_owned();
        assert_eq!(telling(&columns, &keyed, 2), ["id", "dep_delay"]);
    }

    #[test]
    fn rows_are_written_whole_or_not_at_all() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("rows.parquet");
        write_parquet(frame().lazy(), &path).unwrap();
        let read =
            |path: &Path| LazyFrame::scan_parquet(PlRefPath::try_from_path(path).unwrap(), Default::default()).unwrap().collect().unwrap();
        assert!(read(&path).equals_missing(&frame()));
        let bad = frame().lazy().select([col("b").cast(DataType::Int64).strict_cast(DataType::Int64), col("nothing")]);
        assert!(write_parquet(bad, &path).is_err());
        let late = frame().lazy().select([col("b").strict_cast(DataType::Int64)]);
        for _ in 0..50 {
            assert!(write_parquet(late.clone(), &path).is_err());
        }
        // Whatever Polars has begun and not ended is ended by then.
        std::thread::sleep(std::time::Duration::from_millis(200));
        assert!(read(&path).equals_missing(&frame()), "what was there stays");
        let left: Vec<_> = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(left, ["rows.parquet"]);
        assert!(matches!(write_parquet(frame().lazy(), folder.path()), Err(RowsError::File { .. })));
        assert!(matches!(write_parquet(frame().lazy(), &folder.path().join("none/rows.parquet")), Err(RowsError::File { .. })));
    }

    #[test]
    fn columns_that_are_null_altogether_are_written_too() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("rows.parquet");
        let mut frame = frame();
        frame.with_column(Column::new_scalar("nothing".into(), Scalar::null(DataType::Null), 3)).unwrap();
        write_parquet(frame.lazy(), &path).unwrap();
        let read = LazyFrame::scan_parquet(PlRefPath::try_from_path(&path).unwrap(), Default::default()).unwrap().collect().unwrap();
        assert_eq!((read.shape(), read.column("nothing").unwrap().null_count()), ((3, 6), 3));
    }
}
