//! The ends of the stages' logs, merged: what was recorded last comes first.

use lakegate_coordinator::ports::Result;
use lakegate_model::StageKey;

use super::{
    keys::{self, Key},
    memory::{Mark, Of, StageMemory, is_unfinished},
    pages::Asked,
    reader::Reader,
    records::LogRecord,
    table::{Range, number},
    writer::lock,
};

/// Records of a log read at once.
const LOG_READ: usize = 50;

/// A stage's log, read from its end.
struct Tail {
    stage: StageKey,
    /// Records below this one are not read yet.
    ordinal: u64,
    /// What was read and not taken, newest last.
    entries: Vec<(u64, Of)>,
}

/// The newest entries of several logs.
pub(super) struct Tails<'a> {
    reader: &'a Reader,
    before: u64,
    tails: Vec<Tail>,
}

impl<'a> Tails<'a> {
    pub(super) async fn open(reader: &'a Reader, asked: &Asked<'_>) -> Result<Tails<'a>> {
        let stages: Vec<(StageKey, u64)> = {
            let memory = lock(&reader.memory);
            let stages = memory.stages.iter().filter(|(stage, _)| asked.takes(stage));
            stages.map(|(stage, known)| ((**stage).clone(), known.next)).collect()
        };
        let mut tails = Vec::with_capacity(stages.len());
        for (stage, next) in stages {
            let ordinal = if asked.before == u64::MAX { next } else { reader.ordinal_before(&stage, next, asked.before).await? };
            tails.push(Tail { stage, ordinal, entries: Vec::new() });
        }
        Ok(Tails { reader, before: asked.before, tails })
    }

    /// Only of executions that are over. Above the floor memory says which these are, so that nothing is read of what
    /// waits, however much it is.
    pub(super) async fn of_over(reader: &'a Reader, asked: &Asked<'_>) -> Result<Tails<'a>> {
        let fits = |mark: &Mark| match mark {
            Mark::Execution { phase, .. } => asked.state.map_or(!is_unfinished(phase), |state| *phase == state),
            Mark::Collecting | Mark::Sealed | Mark::Superseded => false,
        };
        let above_floor = |stage: &StageKey, known: &StageMemory| {
            let over = known.entries.range(..asked.before).filter(|(_, entry)| fits(&entry.mark));
            Tail { stage: stage.clone(), ordinal: known.floor, entries: over.map(|(seq, entry)| (*seq, entry.of)).collect() }
        };
        let mut tails: Vec<Tail> = {
            let memory = lock(&reader.memory);
            memory.stages.iter().filter(|(stage, _)| asked.takes(stage)).map(|(stage, known)| above_floor(stage, known)).collect()
        };
        for tail in &mut tails {
            if tail.entries.is_empty() && asked.before != u64::MAX {
                tail.ordinal = reader.ordinal_before(&tail.stage, tail.ordinal, asked.before).await?;
            }
        }
        Ok(Tails { reader, before: asked.before, tails })
    }

    async fn fill(&mut self) -> Result<()> {
        for tail in self.tails.iter_mut().filter(|tail| tail.entries.is_empty()) {
            while tail.entries.is_empty() && tail.ordinal > 0 {
                let range =
                    Range { to: keys::number(tail.ordinal - 1), newest_first: true, limit: LOG_READ, ..Range::all(keys::log(&tail.stage)) };
                let items = self.reader.table.query(range).await?;
                tail.ordinal = tail.ordinal.saturating_sub(LOG_READ as u64);
                for item in items {
                    match LogRecord::read(&item)? {
                        LogRecord::Arrivals(entries) => tail.entries.extend(entries.into_iter().map(|(seq, raw)| (seq, Of::Object(raw)))),
                        LogRecord::Sealed(batch) => {
                            tail.entries.extend(keys::raw(batch.id.as_str()).map(|raw| (batch.seq, Of::Batch(raw))))
                        }
                    }
                }
                tail.entries.retain(|(seq, _)| *seq < self.before);
                tail.entries.sort_unstable_by_key(|(seq, _)| *seq);
            }
        }
        Ok(())
    }

    /// The next newest entries, at most so many; none if there are no more.
    pub(super) async fn next(&mut self, most: usize) -> Result<Vec<(u64, Of)>> {
        let mut taken = Vec::with_capacity(most);
        while taken.len() < most {
            self.fill().await?;
            let newest =
                self.tails.iter_mut().filter(|tail| !tail.entries.is_empty()).max_by_key(|tail| tail.entries.last().map(|(seq, _)| *seq));
            match newest.and_then(|tail| tail.entries.pop()) {
                Some(entry) => taken.push(entry),
                None => break,
            }
        }
        Ok(taken)
    }
}

impl Reader {
    /// The end of those records of a stage's log that have entries below `seq`, by halving.
    async fn ordinal_before(&self, stage: &StageKey, next: u64, seq: u64) -> Result<u64> {
        let (mut low, mut high) = (0, next);
        while low < high {
            let middle = low + (high - low) / 2;
            let first: u64 = match self.table.get(&Key::log(stage, middle)).await? {
                Some(item) => number(&item, "first")?,
                None => u64::MAX,
            };
            if first < seq {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        Ok(low)
    }
}
