//! A task from its input to its files: read, transform, write; again if the input turned out to be
//! other than it seemed. Then the audit of what was written.

use std::{sync::Arc, time::Instant};

use lakegate_model::{
    Failure, FailureCode,
    machine::execution::TaskOutput,
    table::{OutputFile, Schema as ModelSchema},
};
use polars::prelude::*;

use super::{
    Assignment, Engine, ReferenceTable, Target, audit,
    drain::{Undrained, check_cancelled, drain},
    files::Destination,
    input::{Check, Inputs},
    partitions::Partitions,
    released,
    schema::{model_schema, polars_schema},
    sink::{Sink, output_schema, table_target},
    transform,
    transform::{Guess, LastStep, Planned, References, StepError, Subject},
};

/// Runs of one task at most: each one more than the first follows from something learnt about the
/// input, and there is only so much to learn.
const MOST_RUNS: usize = 8;

/// Carries a task out.
pub(super) fn run(engine: &Engine, assignment: &Assignment) -> Result<TaskOutput, Failure> {
    let started = Instant::now();
    check_cancelled(assignment)?;
    let assignment = &*released::as_it_is_run(assignment);
    engine.allowed.check(&assignment.stage)?;
    let references = load_references(engine, assignment)?;
    let mut inputs = Inputs::load(&assignment.input, &assignment.stage.input, engine)?;
    let output = if inputs.is_small(engine.stream_above) {
        run_in_memory(engine, assignment, &mut inputs, &references)?
    } else {
        run_streaming(engine, assignment, &mut inputs, &references)?
    };
    check_cancelled(assignment)?;
    let origins = audit::Origins::of(assignment, &inputs);
    let mut output = audit::run(engine, assignment, &references, output, origins, &inputs.subject)?;
    output.rejected = std::mem::take(&mut inputs.rejected);
    output.micros = u64::try_from(started.elapsed().as_micros()).unwrap_or(u64::MAX);
    Ok(output)
}

/// Tables that SQL or rules read besides the input. Without those that rules are about there is no audit.
fn load_references(engine: &Engine, assignment: &Assignment) -> Result<Vec<(String, LazyFrame)>, Failure> {
    let of_rules = |alias: &str| assignment.stage.quality().is_some_and(|quality| quality.references.contains_key(alias));
    let load = |reference: &ReferenceTable| {
        let loaded = engine.references.frame(reference, engine);
        loaded.map_err(|failure| if of_rules(&reference.alias) { audit::unaudited(failure) } else { failure })
    };
    assignment.references.iter().map(|reference| Ok((reference.alias.clone(), load(reference)?))).collect()
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

fn run_streaming(engine: &Engine, assignment: &Assignment, inputs: &mut Inputs, references: &References) -> Result<TaskOutput, Failure> {
    let mut guess = Guess::new(&polars_schema(&inputs.schema()));
    for _ in 0..MOST_RUNS {
        check_cancelled(assignment)?;
        let attempt = Stream::begin(engine, assignment, inputs, references, &mut guess)?.run(assignment);
        match attempt {
            Ok((sink, output_schema)) => {
                if inputs.check_after_success(&engine.options.scratch)? == Check::Sound {
                    let (files, rows_out) = sink.finish()?;
                    let (rows_in, input_schema) = (inputs.rows(), inputs.schema());
                    return Ok(TaskOutput { files, rows_in, rows_out, input_schema, output_schema, ..TaskOutput::default() });
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
    output_schema: ModelSchema,
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
        let sink = Sink::open(engine, &assignment.target, &schema, &inputs.subject)?;
        Ok(Stream { plan, last, sink, output_schema: output_schema(&schema) })
    }

    /// Runs the plan; where its rows went, and what they look like.
    fn run(self, assignment: &Assignment) -> Result<(Sink, ModelSchema), StreamError> {
        let ran = drain(self.plan, self.sink, &assignment.cancelled, Sink::push);
        ran.map(|sink| (sink, self.output_schema)).map_err(|error| match error {
            Undrained::Own(failure) => StreamError::Own(failure),
            Undrained::Polars(error) => StreamError::Polars(self.last.failed(error)),
        })
    }
}
