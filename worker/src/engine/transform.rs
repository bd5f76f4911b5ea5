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
        if matches!(innermost(&self.error), PolarsError::ColumnNotFound(_) | PolarsError::SchemaFieldNotFound(_))
            || text.contains("not found")
        {
            let missing = quoted(&text).find(|name| !columns().any(|column| column == *name)).unwrap_or_default();
            return failure::columns_hint(missing, columns());
        }
        let guilty: Vec<&str> =
            self.untyped.iter().map(PlSmallStr::as_str).filter(|name| quoted(&text).any(|quoted| quoted == *name)).collect();
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

/// What columns without any value are taken for: at first for what they are, and, where a function
/// wants text and nothing else, for text.
pub(super) struct Guess {
    untyped: Vec<PlSmallStr>,
    as_text: Vec<PlSmallStr>,
    first: Option<StepError>,
}

impl Guess {
    /// The first guess about columns of this schema.
    pub(super) fn new(schema: &Schema) -> Guess {
        let untyped = schema.iter().filter(|(_, data_type)| **data_type == DataType::Null).map(|(name, _)| name.clone()).collect();
        Guess { untyped, as_text: Vec::new(), first: None }
    }

    /// Takes in that the guess did not work, and makes the next one: the columns that the error
    /// names, or all that are left. Fails with the first error if no guess is left.
    pub(super) fn next(&mut self, error: StepError) -> Result<(), StepError> {
        let remaining: Vec<PlSmallStr> = self.untyped.iter().filter(|name| !self.as_text.contains(name)).cloned().collect();
        if remaining.is_empty() {
            return Err(StepError { untyped: self.untyped.clone(), ..self.first.take().unwrap_or(error) });
        }
        let text = error.error.to_string();
        let named: Vec<PlSmallStr> = remaining.iter().filter(|name| quoted(&text).any(|quoted| quoted == name.as_str())).cloned().collect();
        self.as_text.extend(if named.is_empty() { remaining } else { named });
        self.first.get_or_insert(error);
        Ok(())
    }
}

/// The stage's steps over the input, for a frame in memory: planned and run.
pub(super) fn run(frame: &DataFrame, stage: &Stage, references: &References) -> Result<DataFrame, StepError> {
    let mut guess = Guess::new(frame.schema());
    let mut output = loop {
        let ran = plan_as(frame.clone().lazy(), &guess.as_text, stage, references)
            .and_then(|(plan, step)| plan.collect().map_err(|error| step.failed(error)));
        match ran {
            Ok(output) => break output,
            Err(error) => guess.next(error)?,
        }
    };
    // A column that had no type when it came in, and passed through as text, still has none.
    for name in guess.as_text {
        let still_empty =
            output.column(&name).is_ok_and(|column| *column.dtype() == DataType::String && column.null_count() == column.len());
        if still_empty {
            let empty = Column::full_null(name.clone(), output.height(), &DataType::Null);
            // The column is there, and its new values are as many.
            let _ = output.replace(&name, empty);
        }
    }
    Ok(output)
}

/// A plan of a stage's steps.
pub(super) struct Planned {
    /// The plan.
    pub plan: LazyFrame,
    /// The columns it gives.
    pub schema: SchemaRef,
    /// The step it ends with.
    pub last: LastStep,
}

/// The stage's steps over the input, for a plan. The guess is made better until the plan holds;
/// running it may still prove it wrong.
pub(super) fn plan(input: &LazyFrame, guess: &mut Guess, stage: &Stage, references: &References) -> Result<Planned, StepError> {
    loop {
        let planned = plan_as(input.clone(), &guess.as_text, stage, references).and_then(|(mut plan, last)| {
            let schema = plan.collect_schema().map_err(|error| last.failed(error))?;
            Ok(Planned { plan, schema, last })
        });
        match planned {
            Ok(planned) => return Ok(planned),
            Err(error) => guess.next(error)?,
        }
    }
}

/// The step that a plan ends with, to say so if it fails.
#[derive(Debug)]
pub(super) struct LastStep {
    name: String,
    columns: Vec<PlSmallStr>,
}

impl LastStep {
    /// It failed with this.
    pub(super) fn failed(&self, error: PolarsError) -> StepError {
        StepError { step: self.name.clone(), error, columns: self.columns.clone(), untyped: Vec::new() }
    }
}

fn plan_as(
    mut input: LazyFrame,
    as_text: &[PlSmallStr],
    stage: &Stage,
    references: &References,
) -> Result<(LazyFrame, LastStep), StepError> {
    if !as_text.is_empty() {
        let casts: Vec<Expr> = as_text.iter().map(|name| col(name.clone()).cast(DataType::String)).collect();
        input = input.with_columns(casts);
    }
    let mut last = LastStep { name: "reading".to_owned(), columns: Vec::new() };
    for step in &stage.steps {
        let work = match step {
            Step::Transform(transform) => &transform.work,
            Step::Job(job) => &TransformWork::Sql(job.sql.clone()),
            Step::Quality(_) | Step::Publish(_) | Step::Crawl(_) => break,
            Step::Notify(_) => continue,
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
