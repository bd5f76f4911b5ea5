//! Moves: one conditional write each. What must follow it (outputs, the stage's schema) is written
//! into the same item first and then carried out; after a crash it is carried out by whoever opens
//! the ledger, before anything else.

use std::collections::{BTreeMap, HashMap, HashSet};

use futures::{FutureExt as _, StreamExt as _};
use lakegate_coordinator::ports::{Result, ledger::Move, meter};
use lakegate_model::{
    ExecutionId, FailureCode, StageKey,
    machine::execution::{ExecutionState, Phase},
};

use super::{
    blob,
    keys::{self, Key, Raw},
    memory::{Mark, Of, Run},
    outbox::{self, Letters},
    records::{ArrivalRecord, LANDED, StoredBatch, unpack_entries},
    table::{CONCURRENCY, Change, Item, OnlyIf, Table, Written, n, s},
    writer::{Desk, lock},
};
use crate::sdlf::pending::Step;

/// The beginning of the attributes that hold outputs; the revision they came with follows.
pub(super) const OUTPUTS: &str = "outputs";

/// A move that was written.
pub(super) struct Moved {
    execution: Raw,
    mark: Mark,
    schema: Option<SchemaChange>,
    letters: Vec<Letters>,
    /// Whether outputs or a schema are to be recorded before it is done.
    pub(super) is_followed: bool,
    run: Run,
    step: Step,
}

/// The last schema of each stage that the moves changed it of.
pub(super) fn newest_schemas(moved: &[Result<Option<Moved>>]) -> Vec<SchemaChange> {
    let mut newest: HashMap<&StageKey, &SchemaChange> = HashMap::new();
    for change in moved.iter().flatten().flatten().filter_map(|moved| moved.schema.as_ref()) {
        let known = newest.entry(&change.stage).or_insert(change);
        if known.number < change.number {
            *known = change;
        }
    }
    newest.into_values().cloned().collect()
}

/// A stage's new schema. Of two the one with the greater number counts.
#[derive(Clone)]
pub(super) struct SchemaChange {
    pub(super) stage: StageKey,
    pub(super) number: u64,
    pub(super) item: Item,
}

/// A move with what was prepared for it.
struct Prepared<'a> {
    step: &'a Move,
    run: Run,
    raw: Raw,
    token: String,
    schema_number: Option<u64>,
}

impl Desk {
    /// Writes the moves that apply; those of one execution one after the other. `None` is stale.
    pub(super) async fn advance(&mut self, moves: Vec<&Move>) -> Vec<Result<Option<Moved>>> {
        let mut results = Vec::new();
        let mut by_execution: BTreeMap<&ExecutionId, Vec<(usize, Prepared<'_>)>> = BTreeMap::new();
        for (index, step) in moves.into_iter().enumerate() {
            match self.prepare(step).await {
                Ok(Some(prepared)) => {
                    by_execution.entry(&step.execution).or_default().push((index, prepared));
                    results.push(Ok(None));
                }
                Ok(None) => results.push(Ok(None)),
                Err(failure) => results.push(Err(failure)),
            }
        }
        let table = &self.table;
        let mut in_turn = Vec::with_capacity(by_execution.len());
        for steps in by_execution.into_values() {
            let work = async move {
                let mut done = Vec::new();
                let mut is_over = false;
                for (index, prepared) in steps {
                    let write = meter::for_stage(&prepared.run.stage, advance_one(table, &prepared));
                    let outcome = if is_over { Ok(None) } else { write.await };
                    is_over |= matches!(outcome, Ok(Some(_))) && prepared.step.to.phase.is_terminal();
                    done.push((index, outcome));
                }
                done
            };
            // In a box: the compiler can't see by itself that this may be sent, whatever the lifetimes.
            in_turn.push(work.boxed());
        }
        let done: Vec<Vec<(usize, Result<Option<Moved>>)>> = futures::stream::iter(in_turn).buffer_unordered(CONCURRENCY).collect().await;
        for (index, outcome) in done.into_iter().flatten() {
            self.doubtful.raise_if(outcome.is_err());
            if let Ok(Some(moved)) = &outcome {
                self.tell_moved(&moved.run.stage, moved.run.seq, moved.run.of, moved.step.clone());
            }
            results[index] = outcome;
        }
        results
    }

    /// `None` if the execution is over or unknown.
    async fn prepare<'a>(&mut self, step: &'a Move) -> Result<Option<Prepared<'a>>> {
        let Some(raw) = keys::raw(step.execution.as_str()) else { return Ok(None) };
        let Some(run) = lock(&self.memory).runs.get(&raw).cloned() else { return Ok(None) };
        let schema_number = match step.schema {
            Some(_) => Some(self.take_numbers(1).await?.start),
            None => None,
        };
        let token = self.token();
        Ok(Some(Prepared { step, run, raw, token, schema_number }))
    }

    /// Records the stages' schemas that the moves changed.
    pub(super) async fn record_schemas(&self, changes: Vec<SchemaChange>) -> Result<()> {
        for change in changes {
            record_schema(&self.table, &change).await?;
        }
        Ok(())
    }

    /// Remembers the moves that are done: all of them, or those that nothing was to follow.
    pub(super) fn remember_moves(&self, moved: &[Result<Option<Moved>>], is_all: bool) {
        let mut memory = lock(&self.memory);
        for Moved { execution, mark, letters, .. } in moved.iter().flatten().flatten().filter(|moved| is_all || !moved.is_followed) {
            // First: what is held stays above the floor.
            letters.iter().cloned().for_each(|letters| memory.leave(letters));
            memory.mark_run(execution, *mark);
        }
    }
}

/// Records a stage's schema unless a later one is recorded.
pub(super) async fn record_schema(table: &Table, change: &SchemaChange) -> Result<()> {
    let set: Vec<_> = change.item.iter().map(|(name, value)| (name.clone(), value.clone())).collect();
    let only_if = OnlyIf::Below("number", n(change.number));
    let change_item = table.change(Change { key: Key::schema(&change.stage), set, only_if });
    meter::for_stage(&change.stage, change_item).await.map(drop)
}

async fn advance_one(table: &Table, prepared: &Prepared<'_>) -> Result<Option<Moved>> {
    let Prepared { step, run, raw, token, schema_number } = prepared;
    let mark = ending(table, run, &step.to).await?;
    let mut set = vec![
        ("of".to_owned(), s(subject(run.of))),
        ("revision".to_owned(), n(step.from + 1)),
        ("phase".to_owned(), s(step.to.phase.as_str())),
        ("updated".to_owned(), n(step.at.0)),
        ("token".to_owned(), s(token)),
        ("state".to_owned(), packed(table, &step.to, &format!("{token}-state")).await?),
    ];
    if !step.outputs.is_empty() {
        let outputs: Vec<ArrivalRecord> = step.outputs.iter().map(ArrivalRecord::from).collect();
        let value = packed(table, &outputs, &format!("{token}-outputs")).await?;
        set.push((format!("{OUTPUTS}{}", step.from + 1), value));
    }
    if step.to.has_aside() {
        // So the index has it, in a list that no key of the raw zone has the name of.
        set.extend([(LANDED.to_owned(), s(keys::aside(&run.stage))), ("seq".to_owned(), n(run.seq))]);
    }
    let mut schema = None;
    if let (Some(new), Some(number)) = (&step.schema, schema_number) {
        let item =
            Item::from([("schema".to_owned(), packed(table, new, &format!("{token}-schema")).await?), ("number".to_owned(), n(number))]);
        set.extend(item.iter().map(|(name, value)| (name.clone(), value.clone())));
        schema = Some(SchemaChange { stage: (*run.stage).clone(), number: *number, item });
    }
    let mut letters = Vec::new();
    for (name, value, waiting) in outbox::written_with(table, step, run, token).await? {
        set.push((name, value));
        letters.push(waiting);
    }
    // An execution that has not moved has no item yet: it is what its object or batch makes it.
    let only_if = if step.from == 0 { OnlyIf::New } else { OnlyIf::Is("revision", n(step.from)) };
    let key = Key::of_id(step.execution.as_str());
    let is_ours = match table.change(Change { key, set, only_if }).await? {
        Written::Done(before) => {
            if let Some((token, count)) = before.get("state").and_then(blob::parts_of) {
                table.expire_parts(token, count, step.at).await;
            }
            true
        }
        // Ours all the same, if the answer to an earlier try was lost.
        Written::Refused(there) => there.get("token").and_then(|value| value.as_s().ok()) == Some(token),
    };
    let is_followed = !step.outputs.is_empty() || schema.is_some();
    Ok(is_ours.then_some(Moved { execution: *raw, mark, schema, letters, is_followed, run: run.clone(), step: Step::of_move(step) }))
}

/// A value as an attribute, its parts written.
pub(super) async fn packed<T: serde::Serialize>(table: &Table, value: &T, token: &str) -> Result<aws_sdk_dynamodb::types::AttributeValue> {
    let packed = blob::pack(value, token)?;
    table.put_parts(&packed.token, packed.parts).await?;
    Ok(packed.value)
}

fn subject(of: Of) -> String {
    match of {
        Of::Object(raw) => keys::object_id(&raw).as_str().to_owned(),
        Of::Batch(raw) => keys::batch_id(&raw).as_str().to_owned(),
    }
}

/// How an execution in this state counts. Of rejected objects only members of its batch count.
pub(super) async fn ending(table: &Table, run: &Run, state: &ExecutionState) -> Result<Mark> {
    let phase = state.phase.as_str();
    let Phase::Succeeded { output } = &state.phase else { return Ok(Mark::phase(phase)) };
    let (mut quarantined, mut superseded) = (0, 0);
    if let Of::Batch(batch) = run.of
        && !output.rejected.is_empty()
    {
        let members: HashSet<Raw> = member_entries(table, &batch).await?.into_iter().map(|(_, raw)| raw).collect();
        let mut seen = HashSet::new();
        for rejected in &output.rejected {
            if !keys::raw(rejected.object.as_str()).is_some_and(|raw| members.contains(&raw) && seen.insert(raw)) {
                continue;
            }
            if rejected.failure.code == FailureCode::ObjectChanged {
                superseded += 1;
            } else {
                quarantined += 1;
            }
        }
    }
    Ok(Mark::Execution { phase, rows_out: output.rows_out, quarantined, superseded })
}

/// The members of a sealed batch, in the order they came; none if there is no such batch.
pub(super) async fn member_entries(table: &Table, batch: &Raw) -> Result<Vec<(u64, Raw)>> {
    let id = keys::batch_id(batch);
    let Some(item) = table.get(&Key::of_id(id.as_str())).await? else { return Ok(Vec::new()) };
    let stored = StoredBatch::read(&item)?;
    Ok(unpack_entries(&table.parts(stored.id.as_str(), stored.parts).await?))
}
