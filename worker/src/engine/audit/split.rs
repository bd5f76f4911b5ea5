//! Rows that broke rules to one side, the others to the other, both written anew.

use std::collections::BTreeSet;

use lakegate_model::{Failure, FailureCode, machine::execution::TaskOutput};
use lakegate_quality::evaluate::RowsError;
use polars::prelude::*;

use super::{
    super::{
        Aside, Assignment, Engine, Target, align,
        drain::{Undrained, drain},
        failure,
        files::{Destination, GrowingFile},
        released::{REASONS, ROW, RULES, SOURCE},
        schema::polars_schema,
        sink::Sink,
        transform::Subject,
    },
    judge::{Judged, unread},
    origins::Origins,
};

/// The folder below the attempt's staging place in which the good rows are written, so that nothing is
/// read and overwritten at once.
const GOOD: &str = "good";

/// What was written.
pub(super) struct Split {
    /// The good rows' files, and the file of the others.
    pub(super) output: TaskOutput,
    /// The rules that rows were set aside for.
    pub(super) told: BTreeSet<String>,
}

/// Writes the rows that broke rules aside and the others where output is staged.
pub(super) fn split(
    engine: &Engine,
    assignment: &Assignment,
    (judged, aside): (&Judged, &Aside),
    output: TaskOutput,
    origins: Origins,
    subject: &Subject,
) -> Result<Split, Failure> {
    let doing = format!("{}: its rows can't be told apart by {}", subject.0, judged.audit.ruleset);
    let no_plan = |RowsError::Data(error): RowsError| unread(&judged.audit.ruleset, &error);
    let polars = |error: &PolarsError| match judged.evaluated.unread_in(error) {
        Some(error) => unread(&judged.audit.ruleset, &error),
        None => failed(error, &doing),
    };
    let undrained = |error: Undrained| match error {
        Undrained::Own(failure) => failure,
        Undrained::Polars(error) => polars(&error),
    };
    let schema = polars_schema(&output.output_schema);

    let mut passing = judged.evaluated.passing_rows().map_err(no_plan)?;
    let found = passing.collect_schema().map_err(|error| polars(&error))?;
    let good = Sink::open(engine, &good_target(&assignment.target)?, &schema, subject)?;
    let good = drain(align::plan(passing, &found, &schema), good, &assignment.cancelled, Sink::push).map_err(undrained)?;
    let (files, rows_out) = good.finish()?;

    let failing = judged.evaluated.numbered_failing_rows(ROW).map_err(no_plan)?;
    let bad = Bad::create(engine, aside, origins, &schema)?;
    let bad = drain(failing, bad, &assignment.cancelled, Bad::push).map_err(undrained)?;
    let Bad { file, told, .. } = bad;
    let aside = file.commit()?;
    check_all_there(judged.audit.rows, rows_out, aside.rows)?;
    Ok(Split { output: TaskOutput { files, rows_out, aside: Some(aside), ..output }, told })
}

/// Why rows could not be told apart: the rules and the data stay what they are, the system may get better.
fn failed(error: &PolarsError, doing: &str) -> Failure {
    match failure::io_of(error) {
        Some(error) => failure::of_io(error, doing, "what was staged can't be read"),
        None => Failure::new(FailureCode::QualityFailed, format!("{doing}: {}", failure::clean(error))),
    }
}

/// Each row that was audited is on one side and on no other, or nothing is let in.
fn check_all_there(audited: u64, good: u64, aside: u64) -> Result<(), Failure> {
    if good.checked_add(aside) == Some(audited) {
        return Ok(());
    }
    let message = format!("of {audited} rows that were audited, {good} were to be let in and {aside} set aside, which is not all of them");
    Err(Failure::new(FailureCode::Internal, message))
}

/// The same target with files of the same keys, in a folder of their own.
fn good_target(target: &Target) -> Result<Target, Failure> {
    match target {
        Target::Table { staging, root, partition_by, execution } => Ok(Target::Table {
            staging: staging.join(GOOD),
            root: root.clone(),
            partition_by: partition_by.clone(),
            execution: execution.clone(),
        }),
        Target::File { location, key } => {
            let staging = location
                .above(key)
                .ok_or_else(|| Failure::new(FailureCode::Internal, format!("{location} is not a place in staging for {key}")))?;
            Ok(Target::File { location: staging.join(GOOD).join(key), key: key.clone() })
        }
    }
}

/// The file of the rows that broke rules.
struct Bad {
    file: GrowingFile,
    origins: Origins,
    schema: Schema,
    told: BTreeSet<String>,
}

impl Bad {
    fn create(engine: &Engine, aside: &Aside, origins: Origins, schema: &Schema) -> Result<Bad, Failure> {
        let mut schema = schema.clone();
        let texts = || DataType::List(Box::new(DataType::String));
        schema.extend([
            Field::new(RULES.into(), texts()),
            Field::new(REASONS.into(), texts()),
            Field::new(SOURCE.into(), DataType::String),
            Field::new(ROW.into(), DataType::UInt64),
        ]);
        let destination = Destination { location: aside.location.clone(), key: aside.key.clone(), partition: Vec::new() };
        let file = GrowingFile::create(destination, &schema, &engine.writing)?;
        Ok(Bad { file, origins, schema, told: BTreeSet::new() })
    }

    /// Takes rows whose last columns are the lists of rules and of reasons, and the row's number.
    fn push(&mut self, frame: DataFrame) -> Result<(), Failure> {
        let frame = self.labelled(frame).map_err(|error| {
            Failure::new(FailureCode::Internal, format!("rows that broke rules can't be set aside: {}", failure::clean(&error)))
        })?;
        self.file.push(frame)
    }

    fn labelled(&mut self, frame: DataFrame) -> PolarsResult<DataFrame> {
        let mut columns = frame.columns().to_vec();
        let missing = || PolarsError::ColumnNotFound(RULES.into());
        let numbers = columns.pop().ok_or_else(missing)?.cast(&DataType::UInt64)?;
        let reasons = columns.pop().ok_or_else(missing)?.with_name(REASONS.into());
        let rules = columns.pop().ok_or_else(missing)?.with_name(RULES.into());
        for names in rules.list()?.amortized_iter().flatten() {
            self.told.extend(names.as_ref().str()?.iter().flatten().map(str::to_owned));
        }
        let places: Vec<(&str, u64)> = numbers.u64()?.iter().flatten().map(|row| self.origins.of_row(row)).collect();
        let sources = StringChunked::from_iter_values(SOURCE.into(), places.iter().map(|(source, _)| *source)).into_column();
        let rows = UInt64Chunked::from_iter_values(ROW.into(), places.iter().map(|(_, row)| *row)).into_column();
        columns.extend([rules, reasons, sources, rows]);
        // A column whose type nothing has told yet is read back as text.
        let columns = columns.into_iter().map(|column| match self.schema.get(column.name()) {
            Some(wanted) if wanted != column.dtype() && *wanted != DataType::Null => column.cast(wanted),
            Some(DataType::Null) => Ok(Column::full_null(column.name().clone(), column.len(), &DataType::Null)),
            _ => Ok(column),
        });
        DataFrame::new(frame.height(), columns.collect::<PolarsResult<_>>()?)
    }
}

#[cfg(test)]
mod tests {
    use std::{io, sync::Arc};

    use super::*;

    #[test]
    fn no_row_is_lost_or_doubled_between_the_two_sides() {
        assert!(check_all_there(5, 3, 2).is_ok() && check_all_there(0, 0, 0).is_ok());
        for (audited, good, aside) in [(5, 3, 1), (5, 3, 3), (5, 0, 0), (0, 1, 0), (1, u64::MAX, 2)] {
            let failure = check_all_there(audited, good, aside).unwrap_err();
            assert_eq!(failure.code, FailureCode::Internal, "{failure}");
        }
    }

    #[test]
    fn what_the_system_does_to_a_split_is_tried_again_and_what_the_rules_do_is_not() {
        let io = |kind: io::ErrorKind| PolarsError::IO { error: Arc::new(kind.into()), msg: None };
        assert_eq!(failed(&io(io::ErrorKind::NotFound), "a.csv").code, FailureCode::LakeIo);
        assert_eq!(failed(&io(io::ErrorKind::PermissionDenied), "a.csv").code, FailureCode::PermissionDenied);
        assert_eq!(failed(&PolarsError::ComputeError("no number".into()), "a.csv").code, FailureCode::QualityFailed);
    }
}
