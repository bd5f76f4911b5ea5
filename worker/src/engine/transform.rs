//! A stage's steps as one plan over table `input`.

use lakegate_model::{
    Failure, FailureCode,
    pipeline::{Sql, Stage, Step, TransformWork},
};
use polars::{prelude::*, sql::SQLContext};

use super::{failure, operations, sql};

/// What a task is about, for messages: "object nyc/flights/a.csv", "batch ba-…".
#[derive(Clone, Debug)]
pub(super) struct Subject(pub String);

impl Subject {
    /// The transform did not work on this.
    pub(super) fn failed(&self, error: &StepError) -> Failure {
        let message = format!("{}: {} failed: {}", self.0, error.step, failure::clean(&error.error));
        Failure::new(FailureCode::TransformFailed, message).hint(error.hint())
    }

    /// Its files don't go together.
    pub(super) fn cannot_unite(&self, error: &PolarsError) -> Failure {
        let message = format!("{}: its files can't be read as one table: {}", self.0, failure::clean(error));
        Failure::new(FailureCode::TransformFailed, message).hint("declare the column's type: `input: { columns: … }`")
    }
}

/// A step that Polars could not plan or run.
#[derive(Debug)]
pub(super) struct StepError {
    /// Which, for messages.
    pub step: String,
    /// What Polars said.
    pub error: PolarsError,
    /// The columns the step could have used.
    pub columns: Vec<PlSmallStr>,
    /// Columns without any value, whose type the SQL may have expected to be another.
    pub untyped: Vec<PlSmallStr>,
}

impl StepError {
    fn hint(&self) -> String {
        let text = failure::clean(&self.error);
        let columns = || self.columns.iter().map(PlSmallStr::as_str);
        if matches!(innermost(&self.error), PolarsError::ColumnNotFound(_) | PolarsError::SchemaFieldNotFound(_)) || text.contains("not found") {
            let missing = quoted(&text).find(|name| !columns().any(|column| column == *name)).unwrap_or_default();
            return failure::columns_hint(missing, columns());
        }
        let guilty: Vec<&str> = self.untyped.iter().map(PlSmallStr::as_str).filter(|name| quoted(&text).any(|quoted| quoted == *name)).collect();
        match guilty.first() {
            Some(name) => format!("column \"{name}\" has no values here; declare its type: `input: {{ columns: {{ {name}: … }} }}`"),
            None => String::new(),
        }
    }
}

fn innermost(error: &PolarsError) -> &PolarsError {
    match error {
        PolarsError::Context { error, .. } | PolarsError::ExprContext { error, .. } => innermost(error),
        other => other,
    }
}

/// The texts in quotes of any kind in a message.
fn quoted(text: &str) -> impl Iterator<Item = &str> {
    ['"', '`', '\''].into_iter().flat_map(move |quote| text.split(quote).skip(1).step_by(2))
}

/// Tables that SQL may read besides `input`.
pub(super) type References = [(String, LazyFrame)];

/// Whether the stage does anything to what it reads.
pub(super) fn is_identity(stage: &Stage) -> bool {
    !stage.steps.iter().any(|step| matches!(step, Step::Transform(_) | Step::Job(_)))
}

/// The stage's steps over the input, for a frame in memory: planned and run.
pub(super) fn run(frame: &DataFrame, stage: &Stage, references: &References) -> Result<DataFrame, StepError> {
    let untyped = untyped_columns(frame.schema());
    let (mut output, as_text) = settle(&untyped, |as_text| {
        let (plan, step) = plan_as(frame.clone().lazy(), as_text, stage, references)?;
        plan.collect().map_err(|error| step.failed(error))
    })?;
    // A column that had no type when it came in, and passed through as text, still has none.
    for name in as_text {
        let still_empty = output.column(&name).is_ok_and(|column| *column.dtype() == DataType::String && column.null_count() == column.len());
        if still_empty {
            let empty = Column::full_null(name.clone(), output.height(), &DataType::Null);
            // The column is there, and its new values are as many.
            let _ = output.replace(&name, empty);
        }
    }
    Ok(output)
}

/// The stage's steps over the input, for a plan: planned, with the schema they give.
pub(super) fn plan(input: &LazyFrame, schema: &Schema, stage: &Stage, references: &References) -> Result<(LazyFrame, SchemaRef, String), StepError> {
    let untyped = untyped_columns(schema);
    let (planned, _) = settle(&untyped, |as_text| {
        let (mut plan, step) = plan_as(input.clone(), as_text, stage, references)?;
        let schema = plan.collect_schema().map_err(|error| step.failed(error))?;
        Ok((plan, schema, step.name))
    })?;
    Ok(planned)
}

fn untyped_columns(schema: &Schema) -> Vec<PlSmallStr> {
    schema.iter().filter(|(_, data_type)| **data_type == DataType::Null).map(|(name, _)| name.clone()).collect()
}

/// Tries with columns that have no values as what they are, and, where a function wants text and
/// nothing else, as text. What was made, and the columns that had to be text for it.
fn settle<T>(untyped: &[PlSmallStr], mut attempt: impl FnMut(&[PlSmallStr]) -> Result<T, StepError>) -> Result<(T, Vec<PlSmallStr>), StepError> {
    let mut as_text: Vec<PlSmallStr> = Vec::new();
    let mut first: Option<StepError> = None;
    loop {
        let error = match attempt(&as_text) {
            Ok(made) => return Ok((made, as_text)),
            Err(error) => error,
        };
        let remaining: Vec<&PlSmallStr> = untyped.iter().filter(|name| !as_text.contains(name)).collect();
        if remaining.is_empty() {
            return Err(StepError { untyped: untyped.to_vec(), ..first.unwrap_or(error) });
        }
        let text = error.error.to_string();
        let named: Vec<PlSmallStr> = remaining.iter().filter(|name| quoted(&text).any(|quoted| quoted == name.as_str())).map(|name| (*name).clone()).collect();
        let next = if named.is_empty() { remaining.into_iter().cloned().collect() } else { named };
        as_text.extend(next);
        first.get_or_insert(error);
    }
}

/// The step that a plan ends with, to say so if it fails.
struct LastStep {
    name: String,
    columns: Vec<PlSmallStr>,
}

impl LastStep {
    fn failed(&self, error: PolarsError) -> StepError {
        StepError { step: self.name.clone(), error, columns: self.columns.clone(), untyped: Vec::new() }
    }
}

fn plan_as(mut input: LazyFrame, as_text: &[PlSmallStr], stage: &Stage, references: &References) -> Result<(LazyFrame, LastStep), StepError> {
    if !as_text.is_empty() {
        let casts: Vec<Expr> = as_text.iter().map(|name| col(name.clone()).cast(DataType::String)).collect();
        input = input.with_columns(casts);
    }
    let mut last = LastStep { name: "reading".to_owned(), columns: Vec::new() };
    for step in &stage.steps {
        let work = match step {
            Step::Transform(transform) => &transform.work,
            Step::Job(job) => &TransformWork::Sql(job.sql.clone()),
            Step::Publish(_) => break,
        };
        let schema = input.collect_schema().map_err(|error| last.failed(error))?;
        last = LastStep { name: String::new(), columns: schema.iter_names().cloned().collect() };
        match work {
            TransformWork::Sql(sql) => {
                last.name = sql::name_of(sql);
                input = query(input, sql, references).map_err(|error| last.failed(error))?;
            }
            TransformWork::Operations(operations) => {
                for (index, operation) in operations.iter().enumerate() {
                    let schema = input.collect_schema().map_err(|error| last.failed(error))?;
                    last = LastStep { name: operations::name_of(index, operation), columns: schema.iter_names().cloned().collect() };
                    input = operations::apply(input, &schema, operation).map_err(|error| last.failed(error))?;
                }
            }
        }
    }
    Ok((input, last))
}

fn query(input: LazyFrame, sql: &Sql, references: &References) -> PolarsResult<LazyFrame> {
    let mut context = SQLContext::new();
    context.register("input", input);
    for (alias, frame) in references {
        context.register(alias, frame.clone());
    }
    context.execute(&sql.text)
}
