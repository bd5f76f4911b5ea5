//! A task from its input to its files: read, transform, write; again if the input turned out to be
//! other than it seemed.

use std::{
    sync::{Arc, Mutex, PoisonError, atomic::Ordering},
    time::Instant,
};

use lakegate_model::{
    Failure, FailureCode,
    machine::execution::TaskOutput,
    table::{OutputFile, Schema as ModelSchema},
};
use polars::prelude::*;

use super::{
    Assignment, Engine, Target,
    files::{Destination, GrowingFile},
    input::{Check, Inputs},
    partitions::{Partitions, TableTarget},
    schema::{model_schema, polars_schema, stored},
    storage, transform,
    transform::{Guess, LastStep, Planned, References, StepError, Subject},
};

/// Runs of one task at most: each one more than the first follows from something learnt about the
/// input, and there is only so much to learn.
const MOST_RUNS: usize = 8;

/// Carries a task out.
pub(super) fn run(engine: &Engine, assignment: &Assignment) -> Result<TaskOutput, Failure> {
    let started = Instant::now();
    check_cancelled(assignment)?;
    engine.allowed.check(&assignment.stage)?;
    let references = engine.references.load(&assignment.references, engine)?;
    let mut inputs = Inputs::load(&assignment.input, &assignment.stage.input, engine)?;
    let mut output = if inputs.is_small(engine.stream_above) {
        run_in_memory(engine, assignment, &mut inputs, &references)?
    } else {
        run_streaming(engine, assignment, &mut inputs, &references)?
    };
    output.rejected = std::mem::take(&mut inputs.rejected);
    output.micros = u64::try_from(started.elapsed().as_micros()).unwrap_or(u64::MAX);
    Ok(output)
}

fn check_cancelled(assignment: &Assignment) -> Result<(), Failure> {
    if assignment.cancelled.load(Ordering::Relaxed) { Err(cancelled()) } else { Ok(()) }
}

fn cancelled() -> Failure {
    Failure::new(FailureCode::Cancelled, "the task was cancelled while it ran")
}

fn run_in_memory(engine: &Engine, assignment: &Assignment, inputs: &mut Inputs, references: &References) -> Result<TaskOutput, Failure> {
    let frame = inputs.take_table()?;
    let (rows_in, input_schema) = (frame.height() as u64, model_schema(frame.schema()));
    check_cancelled(assignment)?;
    let frame = if transform::is_identity(&assignment.stage) {
        frame
    } else {
        transform::run(&frame, &assignment.stage, references).map_err(|error| inputs.subject.failed(&error))?
    };
    check_cancelled(assignment)?;
    let (rows_out, output_schema) = (frame.height() as u64, output_schema(frame.schema()));
    let files = write(engine, &assignment.target, frame, &inputs.subject)?;
    Ok(TaskOutput { files, rows_in, rows_out, input_schema, output_schema, ..TaskOutput::default() })
}

/// The schema of what is written: what a type is stored as, columns without a type told as such.
fn output_schema(schema: &Schema) -> ModelSchema {
    let stored = schema.iter().map(|(name, data_type)| {
        let data_type = if *data_type == DataType::Null { DataType::Null } else { stored(data_type) };
        Field::new(name.clone(), data_type)
    });
    model_schema(&stored.collect())
}

fn write(engine: &Engine, target: &Target, frame: DataFrame, subject: &Subject) -> Result<Vec<OutputFile>, Failure> {
    match target {
        Target::File { location, key } => {
            let destination = Destination { location: location.clone(), key: key.clone(), partition: Vec::new() };
            Ok(vec![engine.writing.write_frame(destination, frame)?])
        }
        Target::Table { .. } => {
            let mut partitions =
                Partitions::new(table_target(engine, target)?, frame.schema(), subject.clone(), Arc::clone(&engine.writing))?;
            partitions.push(frame)?;
            partitions.finish()
        }
    }
}

fn table_target(engine: &Engine, target: &Target) -> Result<TableTarget, Failure> {
    let Target::Table { staging, root, partition_by, execution } = target else {
        return Err(Failure::new(FailureCode::Internal, "a file is no table"));
    };
    Ok(TableTarget {
        staging: staging.clone(),
        root: root.clone(),
        partition_by: partition_by.clone(),
        execution: execution.clone(),
        budget: engine.options.slot_memory / 4,
    })
}

fn run_streaming(engine: &Engine, assignment: &Assignment, inputs: &mut Inputs, references: &References) -> Result<TaskOutput, Failure> {
    let mut guess = Guess::new(&polars_schema(&inputs.schema()));
    for _ in 0..MOST_RUNS {
        check_cancelled(assignment)?;
        let attempt = Stream::begin(engine, assignment, inputs, references, &mut guess)?.run(assignment);
        match attempt {
            Ok(sink) => {
                if inputs.check_after_success(&engine.options.scratch)? == Check::Sound {
                    return sink.finish(inputs);
                }
            }
            Err(StreamError::Own(failure)) => return Err(failure),
            Err(StreamError::Polars(error)) => {
                if inputs.check_after_failure()? == Check::ReadAgain {
                    guess = Guess::new(&polars_schema(&inputs.schema()));
                } else {
                    guess.next(error).map_err(|error| inputs.subject.failed(&error))?;
                }
            }
        }
    }
    Err(Failure::new(FailureCode::UnreadableData, format!("{} was different each time it was read", inputs.subject.0)))
}

/// A plan and where its rows go.
struct Stream {
    plan: LazyFrame,
    last: LastStep,
    sink: Sink,
}

/// Why a run of a plan ended early.
enum StreamError {
    /// Polars failed: the data or the transform.
    Polars(StepError),
    /// Something of ours failed, or the task was cancelled.
    Own(Failure),
}

impl Stream {
    fn begin(
        engine: &Engine,
        assignment: &Assignment,
        inputs: &Inputs,
        references: &References,
        guess: &mut Guess,
    ) -> Result<Stream, Failure> {
        let input = inputs.plan()?;
        let planned = transform::plan(&input, guess, &assignment.stage, references).map_err(|error| inputs.subject.failed(&error))?;
        let Planned { plan, schema, last } = planned;
        let sink = Sink::open(engine, assignment, &schema, inputs.schema(), &inputs.subject)?;
        Ok(Stream { plan, last, sink })
    }

    fn run(self, assignment: &Assignment) -> Result<Sink, StreamError> {
        let shared = Arc::new(Mutex::new((self.sink, None::<Failure>)));
        let taker = Arc::clone(&shared);
        let is_cancelled = Arc::clone(&assignment.cancelled);
        let take = PlanCallback::new(move |frame: DataFrame| {
            let mut taker = taker.lock().unwrap_or_else(PoisonError::into_inner);
            let taken = if is_cancelled.load(Ordering::Relaxed) { Err(cancelled()) } else { taker.0.push(frame) };
            taken.map(|()| false).map_err(|failure| {
                let error = PolarsError::ComputeError(failure.message.clone().into());
                taker.1 = Some(failure);
                error
            })
        });
        let ran = self
            .plan
            .sink_batches(take, true, Some(storage::HANDED_OVER))
            .and_then(|plan| plan.collect_with_engine(polars::prelude::Engine::Streaming));
        let failed = shared.lock().unwrap_or_else(PoisonError::into_inner).1.take();
        match (failed, ran) {
            (Some(failure), _) => Err(StreamError::Own(failure)),
            (None, Err(error)) => Err(StreamError::Polars(self.last.failed(error))),
            (None, Ok(_)) => match Arc::try_unwrap(shared) {
                Ok(shared) => Ok(shared.into_inner().unwrap_or_else(PoisonError::into_inner).0),
                Err(_) => Err(StreamError::Own(Failure::new(FailureCode::Internal, "the plan still holds its output after it ended"))),
            },
        }
    }
}

/// Where the rows of a plan go.
struct Sink {
    to: SinkFiles,
    rows: u64,
    input_schema: ModelSchema,
    output_schema: ModelSchema,
}

enum SinkFiles {
    File(Box<GrowingFile>),
    Table(Box<Partitions>),
}

impl Sink {
    fn open(
        engine: &Engine,
        assignment: &Assignment,
        schema: &Schema,
        input_schema: ModelSchema,
        subject: &Subject,
    ) -> Result<Sink, Failure> {
        let to = match &assignment.target {
            Target::File { location, key } => {
                let destination = Destination { location: location.clone(), key: key.clone(), partition: Vec::new() };
                SinkFiles::File(Box::new(GrowingFile::create(destination, schema, &engine.writing)?))
            }
            target @ Target::Table { .. } => SinkFiles::Table(Box::new(Partitions::new(
                table_target(engine, target)?,
                schema,
                subject.clone(),
                Arc::clone(&engine.writing),
            )?)),
        };
        Ok(Sink { to, rows: 0, input_schema, output_schema: output_schema(schema) })
    }

    fn push(&mut self, frame: DataFrame) -> Result<(), Failure> {
        self.rows += frame.height() as u64;
        match &mut self.to {
            SinkFiles::File(file) => file.push(frame),
            SinkFiles::Table(partitions) => partitions.push(frame),
        }
    }

    fn finish(self, inputs: &Inputs) -> Result<TaskOutput, Failure> {
        let Sink { to, rows, input_schema, output_schema } = self;
        let files = match to {
            SinkFiles::File(file) => vec![file.commit()?],
            SinkFiles::Table(partitions) => partitions.finish()?,
        };
        Ok(TaskOutput { files, rows_in: inputs.rows(), rows_out: rows, input_schema, output_schema, ..TaskOutput::default() })
    }
}
