//! What a lakegate from before the list of what is in quarantine has set aside comes into that list: once, when it is
//! first asked for. Each stage says from where on its log is in the list; a stage that is new is so from its beginning.

use futures::FutureExt as _;
use lakegate_coordinator::ports::{Result, meter};
use lakegate_model::StageKey;

use super::{
    keys::{self, Key},
    memory::Of,
    reader::Reader,
    records::{LANDED, LogRecord},
    table::{Change, OnlyIf, Range, n, s},
    writer::lock,
};

/// The attribute of a stage: records of its log below this one may not be in the list.
pub(super) const UNLISTED: &str = "unlisted";
/// Records of a log that are looked through before it is written down how far that has come.
const RECORDS: usize = 50;

impl Reader {
    /// Puts into the list what of a stage is not in it. Whatever interrupts it, it goes on from there.
    pub(super) async fn list_aside_of(&self, stage: &StageKey) -> Result<()> {
        loop {
            let unlisted = lock(&self.memory).stages.get(stage).map_or(0, |stage| stage.unlisted);
            if unlisted == 0 {
                return Ok(());
            }
            // In a box: the compiler can't see by itself that this may be sent, whatever the lifetimes.
            let listed = meter::for_stage(stage, self.list_below(stage, unlisted)).boxed().await?;
            if let Some(stage) = lock(&self.memory).stages.get_mut(stage) {
                stage.unlisted = stage.unlisted.min(listed);
            }
            if listed == 0 {
                tracing::info!(%stage, "what was set aside before there was a list of it is in the list now");
            }
        }
    }

    /// Looks through the records of the log just below this one; gives the first of them.
    async fn list_below(&self, stage: &StageKey, unlisted: u64) -> Result<u64> {
        let range = Range { to: keys::number(unlisted - 1), newest_first: true, limit: RECORDS, ..Range::all(keys::log(stage)) };
        let mut wanted = Vec::new();
        for item in self.table.query(range).await? {
            match LogRecord::read(&item)? {
                LogRecord::Arrivals(entries) => wanted.extend(entries.into_iter().map(|(_, raw)| Of::Object(raw))),
                LogRecord::Sealed(batch) => wanted.extend(keys::raw(batch.id.as_str()).map(Of::Batch)),
            }
        }
        let stored = self.stored(&wanted).await?;
        for run in self.executions(&stored).await?.into_iter().filter(|run| run.state.has_aside()) {
            let set = vec![(LANDED.to_owned(), s(keys::aside(stage))), ("seq".to_owned(), n(run.seq))];
            // One that is over never changes again; refused, it is in the list already.
            self.table.change(Change { key: Key::of_id(run.id.as_str()), set, only_if: OnlyIf::Missing(LANDED) }).await?;
        }
        let listed = unlisted.saturating_sub(RECORDS as u64);
        let set = vec![(UNLISTED.to_owned(), n(listed))];
        self.table.change(Change { key: Key::stage(stage), set, only_if: OnlyIf::Always }).await?;
        Ok(listed)
    }
}
