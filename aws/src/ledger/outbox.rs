//! Messages to others that moves have left. Those of one move to one destination are an attribute of
//! the execution's item: written with the move, removed when all of them are sent. As long as it is
//! there, the stage's floor stays below the execution, so that every start finds it again.

use std::collections::{BTreeMap, HashMap};

use aws_sdk_dynamodb::types::AttributeValue;
use futures::{FutureExt as _, StreamExt as _};
use lakegate_coordinator::ports::{Outgoing, Result, ledger::Move};
use lakegate_model::{ExecutionId, Timestamp, destination::Destination};

use super::{
    DynamoLedger, blob,
    keys::Key,
    memory::{Memory, Run},
    moves::packed,
    table::{CONCURRENCY, Item, Table, number, text},
    writer::lock,
};

/// The beginning of the attributes that hold messages.
const LETTERS: &str = "letters";

/// A move's messages to one destination.
#[derive(Clone, Debug)]
pub(super) struct Letters {
    execution: ExecutionId,
    attribute: String,
    to: Destination,
    run: Run,
    /// When they were left.
    at: Timestamp,
    /// The ids of those that are not sent.
    left: Vec<String>,
}

/// What waits to be sent, in the order in which it was left.
#[derive(Debug, Default)]
pub(super) struct Outbox {
    waiting: BTreeMap<Destination, BTreeMap<u64, Letters>>,
    places: HashMap<String, (Destination, u64)>,
    next: u64,
}

impl Outbox {
    fn add(&mut self, letters: Letters) {
        let place = self.next;
        self.next += 1;
        self.places.extend(letters.left.iter().map(|id| (id.clone(), (letters.to.clone(), place))));
        self.waiting.entry(letters.to.clone()).or_default().insert(place, letters);
    }

    /// The oldest for a destination that have together so many messages.
    fn oldest(&self, to: &Destination, limit: usize) -> Vec<Letters> {
        let mut messages = 0;
        let enough = |letters: &&Letters| {
            let is_wanted = messages < limit;
            messages += letters.left.len();
            is_wanted
        };
        self.waiting.get(to).into_iter().flat_map(BTreeMap::values).take_while(enough).cloned().collect()
    }

    /// What these ids leave nothing of.
    fn finished_by(&self, ids: &[String]) -> Vec<Letters> {
        let mut sent: BTreeMap<(&Destination, u64), usize> = BTreeMap::new();
        for (to, place) in ids.iter().filter_map(|id| self.places.get(id)) {
            *sent.entry((to, *place)).or_default() += 1;
        }
        let finished = |((to, place), count): ((&Destination, u64), usize)| {
            self.waiting.get(to)?.get(&place).filter(|letters| letters.left.len() <= count).cloned()
        };
        sent.into_iter().filter_map(finished).collect()
    }

    /// Forgets these; gives what nothing is left of.
    fn forget(&mut self, ids: &[String]) -> Vec<Letters> {
        let mut finished = Vec::new();
        for id in ids {
            let Some((to, place)) = self.places.remove(id) else { continue };
            let Some(waiting) = self.waiting.get_mut(&to) else { continue };
            if let Some(letters) = waiting.get_mut(&place) {
                letters.left.retain(|left| left != id);
                if letters.left.is_empty() {
                    finished.extend(waiting.remove(&place));
                }
            }
            if waiting.is_empty() {
                self.waiting.remove(&to);
            }
        }
        finished
    }
}

impl Memory {
    /// Remembers messages that wait, and holds the floor for them.
    pub(super) fn leave(&mut self, letters: Letters) {
        if let Some(stage) = self.stages.get_mut(&letters.run.stage) {
            stage.hold(letters.run.seq);
        }
        self.outbox.add(letters);
    }

    fn sent(&mut self, ids: &[String]) {
        for letters in self.outbox.forget(ids) {
            if let Some(stage) = self.stages.get_mut(&letters.run.stage) {
                stage.release(letters.run.seq);
            }
        }
    }
}

/// A move's messages as attributes, and as what waits once they are written.
pub(super) async fn written_with(table: &Table, step: &Move, run: &Run, token: &str) -> Result<Vec<(String, AttributeValue, Letters)>> {
    let mut by_destination: BTreeMap<&Destination, Vec<&Outgoing>> = BTreeMap::new();
    for message in &step.outgoing {
        by_destination.entry(&message.to).or_default().push(message);
    }
    let mut attributes = Vec::with_capacity(by_destination.len());
    for (number, (to, messages)) in by_destination.into_iter().enumerate() {
        let attribute = format!("{LETTERS}{}-{number}", step.from + 1);
        let value = packed(table, &messages, &format!("{token}-{attribute}")).await?;
        let left = messages.iter().map(|message| message.id.clone()).collect();
        let letters = Letters {
            execution: step.execution.clone(),
            attribute: attribute.clone(),
            to: to.clone(),
            run: run.clone(),
            at: step.at,
            left,
        };
        attributes.push((attribute, value, letters));
    }
    Ok(attributes)
}

/// What an execution's item says is not sent.
pub(super) async fn recalled(table: &Table, item: &Item, run: &Run) -> Result<Vec<Letters>> {
    let mut found = Vec::new();
    for attribute in item.keys().filter(|name| name.starts_with(LETTERS)) {
        let messages: Vec<Outgoing> = table.unpack(item, attribute).await?;
        let Some(to) = messages.first().map(|message| message.to.clone()) else { continue };
        let at = Timestamp(number(item, "updated")?);
        let execution = ExecutionId::from_text(text(item, "sk")?);
        let left = messages.into_iter().map(|message| message.id).collect();
        found.push(Letters { execution, attribute: attribute.clone(), to, run: run.clone(), at, left });
    }
    Ok(found)
}

impl DynamoLedger {
    pub(super) fn waiting_destinations(&self) -> Vec<Destination> {
        lock(&self.reader.memory).outbox.waiting.keys().cloned().collect()
    }

    pub(super) async fn waiting_for(&self, to: &Destination, limit: usize) -> Result<Vec<Outgoing>> {
        let wanted = lock(&self.reader.memory).outbox.oldest(to, limit);
        let keys = wanted.iter().map(|letters| Key::of_id(letters.execution.as_str())).collect();
        let table = &self.reader.table;
        let mut items = HashMap::new();
        for item in table.get_many(keys).await? {
            items.insert(text(&item, "sk")?.to_owned(), item);
        }
        let mut messages: Vec<Outgoing> = Vec::new();
        for letters in wanted {
            // Not there any longer: it was marked as sent while this was read.
            let Some(item) = items.get(letters.execution.as_str()).filter(|item| item.contains_key(&letters.attribute)) else { continue };
            let written: Vec<Outgoing> = table.unpack(item, &letters.attribute).await?;
            messages.extend(written.into_iter().filter(|message| letters.left.contains(&message.id)));
        }
        messages.truncate(limit);
        Ok(messages)
    }

    pub(super) async fn forget_sent(&self, ids: &[String]) -> Result<()> {
        let finished = lock(&self.reader.memory).outbox.finished_by(ids);
        let table = &self.reader.table;
        // In boxes: the compiler can't see by itself that these may be sent, whatever the lifetimes.
        let removals: Vec<_> = finished.into_iter().map(|letters| remove(table.clone(), letters).boxed()).collect();
        let done: Vec<Result<()>> = futures::stream::iter(removals).buffer_unordered(CONCURRENCY).collect().await;
        done.into_iter().collect::<Result<()>>()?;
        lock(&self.reader.memory).sent(ids);
        Ok(())
    }
}

async fn remove(table: Table, letters: Letters) -> Result<()> {
    let before = table.remove(&Key::of_id(letters.execution.as_str()), &letters.attribute).await?;
    if let Some((token, count)) = before.as_ref().and_then(blob::parts_of) {
        table.expire_parts(token, count, letters.at).await;
    }
    Ok(())
}
