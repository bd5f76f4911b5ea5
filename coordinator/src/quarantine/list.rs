//! Pages of what was set aside. One costs what is on it, whatever else there is: the ledger has a list of the runs
//! that left something in quarantine, and whatever a run says of its objects need not be read of them.

use std::collections::BTreeMap;

use async_trait::async_trait;
use futures::FutureExt as _;
use lakegate_model::{
    BatchId, DatasetId, ExecutionId, Failure, FailureCode, ObjectId, ObjectVersion, TraceContext,
    machine::{
        execution::{Phase, TaskOutput},
        object::ObjectState,
    },
    pipeline::Zone,
};

use super::{Aside, Kind, event};
use crate::{
    ports::{
        Result,
        ledger::{Execution, Filter, Ledger, Member, ObjectRecord, Page, Paged, PipelineVersion, Subject},
    },
    shared::Shared,
};

/// Reads of the ledger's list for one page. When little of them fits the page is short, and another one follows.
const MOST_READS: usize = 10;
/// Objects that the ledger is asked for at once.
const NAMED: usize = 1_000;

/// The lists that are read one after another, by the names that page tokens have for them.
const LISTS: [(&str, &[Kind]); 3] = [("runs", &[Kind::Rows, Kind::Object]), ("unrouted", &[Kind::Unrouted]), ("events", &[Kind::Event])];

/// A page of what was set aside, and the token of the next one. A page may be empty though another follows.
pub(crate) async fn list(shared: &Shared, filter: &Filter, kind: Option<Kind>, page: &Page) -> Result<(Vec<Aside>, String)> {
    let (name, token) = page.token.split_once(':').unwrap_or(("runs", ""));
    let from = LISTS.iter().position(|(list, _)| *list == name).ok_or_else(|| no_token(&page.token))?;
    let mut token = token;
    for at in from..LISTS.len() {
        let Some((name, kinds)) = LISTS.get(at) else { break };
        // What belongs to no stage is in no dataset.
        let is_wanted = kind.is_none_or(|kind| kinds.contains(&kind)) && (*name == "runs" || filter.dataset.is_none());
        if is_wanted {
            let (items, next) = read(shared, name, filter, kind, &Page { size: page.size, token: token.to_owned() }).await?;
            if !next.is_empty() {
                return Ok((items, format!("{name}:{next}")));
            }
            if !items.is_empty() {
                let next = LISTS.get(at + 1).map(|(name, _)| format!("{name}:")).unwrap_or_default();
                return Ok((items, next));
            }
        }
        token = "";
    }
    Ok((Vec::new(), String::new()))
}

fn no_token(token: &str) -> Failure {
    Failure::new(FailureCode::InvalidRequest, format!("\"{token}\" is no page token"))
        .hint("pass `next` of the page before, or nothing for the first")
}

async fn read(shared: &Shared, list: &str, filter: &Filter, kind: Option<Kind>, page: &Page) -> Result<(Vec<Aside>, String)> {
    let ledger = shared.ports.ledger.as_ref();
    match list {
        "events" => {
            let (events, last) = event::after(shared, &page.token, page.size).await?;
            Ok((events.into_iter().map(|event| Aside::Event(Box::new(event))).collect(), last.unwrap_or_default()))
        }
        "unrouted" => {
            let objects = ledger.unrouted_objects(&page.token, page.size).await?;
            let more = objects.len() >= page.size;
            let next = objects.last().filter(|_| more).map(|last| last.object.id().to_string()).unwrap_or_default();
            Ok((objects.into_iter().map(Aside::Unrouted).collect(), next))
        }
        // In a box: the compiler can't see by itself that this may be sent, whatever the lifetimes.
        _ => of_runs(ledger, filter, kind, page).boxed().await,
    }
}

/// Where a page begins: after the ledger's page of this token, at this run and so many of its things.
struct Place {
    token: String,
    run: Option<ExecutionId>,
    skip: usize,
}

impl Place {
    fn parse(text: &str) -> Result<Place> {
        let mut parts = text.split('|');
        let (token, run, skip) = (parts.next(), parts.next().unwrap_or_default(), parts.next().unwrap_or("0"));
        let run = (!run.is_empty()).then(|| ExecutionId::from_text(run));
        let skip = skip.parse().map_err(|_| no_token(text))?;
        Ok(Place { token: token.unwrap_or_default().to_owned(), run, skip })
    }
}

/// All that is asked of the ledger about runs.
#[async_trait]
trait Runs: Sync {
    async fn list(&self, filter: &Filter, page: &Page) -> Result<Paged<Execution>>;
    async fn members_from(&self, batch: &BatchId, from: usize, limit: usize) -> Result<Vec<Member>>;
    async fn members_named(&self, objects: &[ObjectId]) -> Result<Vec<Member>>;
}

#[async_trait]
impl Runs for dyn Ledger {
    async fn list(&self, filter: &Filter, page: &Page) -> Result<Paged<Execution>> {
        self.runs(filter, page).await
    }

    async fn members_from(&self, batch: &BatchId, from: usize, limit: usize) -> Result<Vec<Member>> {
        Ledger::members_from(self, batch, from, limit).await
    }

    async fn members_named(&self, objects: &[ObjectId]) -> Result<Vec<Member>> {
        Ledger::members_named(self, objects).await
    }
}

async fn of_runs<R: Runs + ?Sized>(ledger: &R, filter: &Filter, kind: Option<Kind>, page: &Page) -> Result<(Vec<Aside>, String)> {
    let Place { mut token, mut run, mut skip } = Place::parse(&page.token)?;
    let filter = Filter { with_aside: true, ..filter.clone() };
    let mut found = Vec::new();
    for _ in 0..MOST_READS {
        let listed = ledger.list(&filter, &Page { size: page.size, token: token.clone() }).await?;
        for execution in listed.items {
            // What ended meanwhile comes before the run at which the page begins.
            if run.as_ref().is_some_and(|run| *run != execution.id) {
                continue;
            }
            run = None;
            let id = execution.id.clone();
            // One more than there is room for tells whether the next page begins in the middle of the run.
            let (from, room) = (std::mem::take(&mut skip), page.size - found.len());
            let mut things = things_of(ledger, execution, kind, from, room + 1).await?;
            let is_more = things.len() > room;
            things.truncate(room);
            found.extend(things);
            if is_more {
                return Ok((found, format!("{token}|{id}|{}", from + room)));
            }
        }
        token = listed.next;
        if token.is_empty() || found.len() == page.size {
            break;
        }
    }
    let next = if token.is_empty() { token } else { format!("{token}|{}|{skip}", run.map(|run| run.to_string()).unwrap_or_default()) };
    Ok((found, next))
}

/// What of a run lies in quarantine, from the `from`-th thing on, at most `limit`. Of a batch's members only these are read.
async fn things_of<R: Runs + ?Sized>(ledger: &R, run: Execution, kind: Option<Kind>, from: usize, limit: usize) -> Result<Vec<Aside>> {
    let has_rows = run.state.rows_aside() > 0 && kind.is_none_or(|kind| kind == Kind::Rows);
    let mut things = if has_rows && from == 0 { vec![Aside::Rows(Box::new(run.clone()))] } else { Vec::new() };
    let (from, limit) = (from.saturating_sub(usize::from(has_rows)), limit.saturating_sub(things.len()));
    if kind.is_some_and(|kind| kind != Kind::Object) || limit == 0 {
        return Ok(things);
    }
    match (&run.subject, &run.state.phase) {
        (Subject::Object { object, relative }, Phase::Failed { failure } | Phase::Quarantined { failure }) => {
            things.extend((from == 0).then(|| object_of(&run, object.clone(), relative.clone(), run.trace, failure)));
        }
        (Subject::Batch { id, .. }, Phase::Failed { failure } | Phase::Quarantined { failure }) => {
            let members = ledger.members_from(id, from, limit).await?;
            things.extend(members.into_iter().map(|member| object_of(&run, member.object, member.relative, member.trace, failure)));
        }
        (Subject::Batch { .. }, Phase::Succeeded { output: TaskOutput { rejected, .. } }) => {
            let aside = rejected.iter().filter(|one| one.is_aside()).skip(from).take(limit);
            let why: BTreeMap<&ObjectId, &Failure> = aside.clone().map(|one| (&one.object, &one.failure)).collect();
            let wanted: Vec<ObjectId> = aside.map(|one| one.object.clone()).collect();
            for wanted in wanted.chunks(NAMED) {
                for member in ledger.members_named(wanted).await? {
                    if let Some(failure) = why.get(&member.object.id()) {
                        things.push(object_of(&run, member.object, member.relative, member.trace, failure));
                    }
                }
            }
        }
        _ => {}
    }
    Ok(things)
}

/// An object as far as the run tells that set it aside: neither what has made it nor whether it was removed since.
fn object_of(run: &Execution, object: ObjectVersion, relative: String, trace: TraceContext, failure: &Failure) -> Aside {
    let state = if matches!(run.state.phase, Phase::Failed { .. }) { ObjectState::Failed } else { ObjectState::Quarantined };
    Aside::Object(Box::new(ObjectRecord {
        object,
        relative,
        stage: run.stage.clone(),
        state,
        arrived_at: run.created_at,
        updated_at: run.updated_at,
        execution: Some(run.id.clone()),
        batch: match &run.subject {
            Subject::Batch { id, .. } => Some(id.clone()),
            Subject::Object { .. } => None,
        },
        failure: Some(failure.clone()),
        removed_at: None,
        made_by: None,
        trace,
    }))
}

/// The zones that pipelines write to, each version read once.
#[derive(Default)]
pub(crate) struct OutputZones(BTreeMap<(DatasetId, u32), Option<PipelineVersion>>);

impl OutputZones {
    /// The zone that the stage wrote to which set rows aside, in the version that it ran by.
    pub(crate) async fn of(&mut self, ledger: &dyn Ledger, aside: &Aside) -> Result<Option<Zone>> {
        let Aside::Rows(execution) = aside else { return Ok(None) };
        let key = (execution.stage.dataset.clone(), execution.pipeline_version);
        if !self.0.contains_key(&key) {
            let version = ledger.pipeline(&key.0, key.1).await?;
            self.0.insert(key.clone(), version);
        }
        let stage = self.0.get(&key).and_then(Option::as_ref).and_then(|version| version.pipeline.stage(&execution.stage.stage));
        Ok(stage.map(|(_, stage)| stage.output.zone))
    }
}

#[cfg(test)]
#[path = "list_tests.rs"]
mod tests;
