//! What was set aside, found in the ledger: rows, objects, and objects that no pipeline takes. All of it is
//! there already: rows in the record of the execution whose audit set them aside, objects in their own.

use lakegate_model::{
    ExecutionId, Failure, FailureCode, ObjectId, ObjectVersion, StageKey, Timestamp, TraceContext, layout,
    machine::{execution::Phase, object::ObjectState},
    pipeline::Zone,
    project::Zones,
};
use lakegate_proto::v1;

use crate::{
    actors::stage::subject_text,
    ports::{
        Result,
        ledger::{Execution, Filter, Ledger, ObjectRecord, Page, Unrouted},
    },
    task,
};

/// Something that was set aside.
#[derive(Clone, Debug)]
pub(crate) enum Aside {
    /// Rows, by the execution whose audit set them aside.
    Rows(Box<Execution>),
    /// An object.
    Object(Box<ObjectRecord>),
    /// An object that no pipeline takes.
    Unrouted(Unrouted),
}

/// What kind of thing was set aside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Rows,
    Object,
    Unrouted,
}

impl Kind {
    const ALL: &'static [Kind] = &[Kind::Rows, Kind::Object, Kind::Unrouted];

    fn as_str(self) -> &'static str {
        match self {
            Kind::Rows => "rows",
            Kind::Object => "object",
            Kind::Unrouted => "unrouted",
        }
    }

    /// The kind of that name; `None` for no name.
    pub(crate) fn parse(text: &str) -> Result<Option<Kind>> {
        let known = Kind::ALL.iter().copied().find(|kind| kind.as_str() == text);
        if known.is_none() && !text.is_empty() {
            return Err(Failure::new(FailureCode::InvalidRequest, format!("there is no kind \"{text}\" in quarantine"))
                .hint("the kinds are rows, object and unrouted"));
        }
        Ok(known)
    }
}

/// An object to be admitted to a stage once more.
#[derive(Clone, Debug)]
pub(crate) struct Again {
    /// The object, under the id that it has from now on.
    pub object: ObjectVersion,
    /// What names its outputs.
    pub relative: String,
    /// The stage that set it aside.
    pub stage: StageKey,
    /// Whether it is of rows that were transformed already.
    pub is_rows: bool,
    /// The execution that made it, if one did.
    pub made_by: Option<ExecutionId>,
    /// Its trace.
    pub trace: TraceContext,
}

impl Aside {
    /// What kind it is.
    fn kind(&self) -> Kind {
        match self {
            Aside::Rows(_) => Kind::Rows,
            Aside::Object(_) => Kind::Object,
            Aside::Unrouted(_) => Kind::Unrouted,
        }
    }

    /// What is admitted when it is released; `None` for what no stage has set aside.
    pub(crate) fn again(&self, zone: Option<Zone>) -> Option<Again> {
        match self {
            Aside::Rows(execution) => {
                let Phase::Succeeded { output } = &execution.state.phase else { return None };
                let file = output.aside.as_ref()?;
                let object = ObjectVersion {
                    bucket: zone?.as_str().to_owned(),
                    key: file.key.clone(),
                    version: file.version.clone(),
                    sequencer: None,
                    size: file.bytes,
                };
                Some(Again {
                    object,
                    relative: layout::released(&execution.id),
                    stage: execution.stage.clone(),
                    is_rows: true,
                    made_by: Some(execution.id.clone()),
                    trace: task::span_context(execution),
                })
            }
            Aside::Object(record) => Some(Again {
                object: record.object.released_from(record.execution.as_ref()?),
                relative: record.relative.clone(),
                stage: record.stage.clone(),
                is_rows: layout::set_aside_by(&record.object.key).is_some(),
                made_by: record.made_by.clone(),
                trace: record.trace,
            }),
            Aside::Unrouted(_) => None,
        }
    }

    /// As users see it, without whether it was released.
    pub(crate) fn shown(&self, zones: &Zones) -> v1::Quarantined {
        let none = || Failure::new(FailureCode::Internal, "it was not said why");
        let kind = self.kind().as_str().to_owned();
        match self {
            Aside::Rows(execution) => {
                let file = match &execution.state.phase {
                    Phase::Succeeded { output } => output.aside.as_ref(),
                    _ => None,
                };
                let audit = execution.state.audit.as_deref();
                let reason = audit.map_or_else(none, |audit| {
                    Failure::new(FailureCode::QualityFailed, format!("{}: {}", audit.ruleset, audit.reason))
                        .hint("mend the data or the rules, then release the rows")
                });
                v1::Quarantined {
                    id: execution.id.to_string(),
                    kind,
                    stage: execution.stage.to_string(),
                    subject: subject_text(&execution.subject),
                    reason: Some((&reason).into()),
                    rows: file.map_or(0, |file| file.rows),
                    location: file.map(|file| file.location.to_string()).unwrap_or_default(),
                    run: execution.id.to_string(),
                    at: execution.updated_at.0,
                    released_as: String::new(),
                }
            }
            Aside::Object(record) => v1::Quarantined {
                id: record.object.id().to_string(),
                kind,
                stage: record.stage.to_string(),
                subject: record.object.key.clone(),
                reason: Some((&record.failure.clone().unwrap_or_else(none)).into()),
                rows: 0,
                location: located(zones, &record.object),
                run: record.execution.as_ref().map(ToString::to_string).unwrap_or_default(),
                at: record.updated_at.0,
                released_as: String::new(),
            },
            Aside::Unrouted(unrouted) => v1::Quarantined {
                id: unrouted.object.id().to_string(),
                kind,
                stage: String::new(),
                subject: unrouted.object.key.clone(),
                reason: Some((&Failure::new(FailureCode::Unrouted, unrouted.reason.clone())).into()),
                rows: 0,
                location: located(zones, &unrouted.object),
                run: String::new(),
                at: unrouted.at.0,
                released_as: String::new(),
            },
        }
    }
}

fn located(zones: &Zones, object: &ObjectVersion) -> String {
    zones.locate(&object.bucket, &object.key).map(|at| at.to_string()).unwrap_or_default()
}

/// Whether an object was set aside: by a drift policy, because it could not be read, or by an audit.
fn is_aside(record: &ObjectRecord) -> bool {
    match record.state {
        ObjectState::Quarantined => true,
        ObjectState::Failed => record.failure.as_ref().is_some_and(|failure| failure.code == FailureCode::QualityFailed),
        _ => false,
    }
}

/// The lists that are read one after another, by the names that page tokens have for them.
const LISTS: [(&str, Kind); 4] =
    [("rows", Kind::Rows), ("quarantined", Kind::Object), ("failed", Kind::Object), ("unrouted", Kind::Unrouted)];

/// A page of what was set aside, and the token of the next one. A page may be empty though another follows.
pub(crate) async fn list(ledger: &dyn Ledger, filter: &Filter, kind: Option<Kind>, page: &Page) -> Result<(Vec<Aside>, String)> {
    let (name, token) = page.token.split_once(':').unwrap_or(("rows", ""));
    let from = LISTS.iter().position(|(list, _)| *list == name).ok_or_else(|| {
        Failure::new(FailureCode::InvalidRequest, format!("\"{}\" is no page token", page.token))
            .hint("pass `next` of the page before, or nothing for the first")
    })?;
    let (mut page, mut from) = (Page { size: page.size, token: token.to_owned() }, from);
    loop {
        let Some((name, of)) = LISTS.get(from) else { return Ok((Vec::new(), String::new())) };
        let is_wanted = kind.is_none_or(|kind| kind == *of);
        if is_wanted {
            let (items, next) = read(ledger, name, filter, &page).await?;
            if !next.is_empty() {
                return Ok((items, format!("{name}:{next}")));
            }
            if !items.is_empty() {
                let next = LISTS.get(from + 1).map(|(name, _)| format!("{name}:")).unwrap_or_default();
                return Ok((items, next));
            }
        }
        from += 1;
        page.token.clear();
    }
}

async fn read(ledger: &dyn Ledger, list: &str, filter: &Filter, page: &Page) -> Result<(Vec<Aside>, String)> {
    match list {
        "rows" => {
            let filter = Filter { with_rows_aside: true, ..filter.clone() };
            let runs = ledger.runs(&filter, page).await?;
            Ok((runs.items.into_iter().map(|run| Aside::Rows(Box::new(run))).collect(), runs.next))
        }
        "unrouted" if filter.dataset.is_some() => Ok((Vec::new(), String::new())),
        "unrouted" => {
            let objects = ledger.unrouted_objects(&page.token, page.size).await?;
            let more = objects.len() >= page.size;
            let next = objects.last().filter(|_| more).map(|last| last.object.id().to_string()).unwrap_or_default();
            Ok((objects.into_iter().map(Aside::Unrouted).collect(), next))
        }
        state => {
            let objects = ledger.objects(&Filter { state: Some(state.to_owned()), ..filter.clone() }, page).await?;
            let aside = objects.items.into_iter().filter(is_aside);
            Ok((aside.map(|record| Aside::Object(Box::new(record))).collect(), objects.next))
        }
    }
}

/// Unrouted objects that are looked through for one of this id.
const UNROUTED: usize = 10_000;

/// What has this id, or an id that begins so.
pub(crate) async fn find(ledger: &dyn Ledger, id: &str) -> Result<Aside> {
    let missing = |what: &str| Failure::new(FailureCode::NotFound, format!("{id}: {what}"));
    if id.starts_with("ex-") {
        let run = one(id, ledger.runs_by_prefix(id).await?)?.ok_or_else(|| missing("there is no such run"))?;
        if run.state.rows_aside() == 0 {
            return Err(missing("this run has set no rows aside"));
        }
        return Ok(Aside::Rows(Box::new(run)));
    }
    if let Some(record) = one(id, ledger.objects_by_name(id).await?)? {
        if !is_aside(&record) {
            return Err(missing(&format!("it is {}, and was not set aside", record.state.as_str())));
        }
        return Ok(Aside::Object(Box::new(record)));
    }
    let unrouted = ledger.unrouted_objects("", UNROUTED).await?;
    let fits = |unrouted: &Unrouted| unrouted.object.id().as_str().starts_with(id) || unrouted.object.key == id;
    let found = unrouted.into_iter().filter(fits).take(2).collect();
    one(id, found)?.map(Aside::Unrouted).ok_or_else(|| missing("nothing of this id was set aside"))
}

fn one<T>(id: &str, mut found: Vec<T>) -> Result<Option<T>> {
    if found.len() > 1 {
        return Err(Failure::new(FailureCode::InvalidRequest, format!("several ids start with {id}")).hint("give more of the id"));
    }
    Ok(found.pop())
}

/// The zone that a stage's pipeline writes to, in the version that an execution ran by.
pub(crate) async fn zone_of(ledger: &dyn Ledger, aside: &Aside) -> Result<Option<Zone>> {
    let Aside::Rows(execution) = aside else { return Ok(None) };
    let version = ledger.pipeline(&execution.stage.dataset, execution.pipeline_version).await?;
    Ok(version.and_then(|version| version.pipeline.stage(&execution.stage.stage).map(|(_, stage)| stage.output.zone)))
}

/// Why an object is not to be released; `None` if it may be.
pub(crate) async fn refusal(ledger: &dyn Ledger, aside: &Aside) -> Result<Option<Failure>> {
    let Aside::Object(record) = aside else { return Ok(None) };
    if record.removed_at.is_some() {
        return Ok(Some(Failure::new(FailureCode::ObjectGone, format!("{} was removed from its zone", record.object.key))));
    }
    if record.made_by.is_some() {
        return Ok(None);
    }
    // The newest version of its key in the raw zone.
    let newest = ledger.objects_by_name(&record.object.key).await?.pop();
    let is_older = newest.is_some_and(|newest| newest.object.as_stored().id() != record.object.as_stored().id());
    Ok(is_older.then(|| {
        Failure::new(FailureCode::ObjectChanged, format!("{} was overwritten since", record.object.key))
            .hint("its newer version has gone its own way")
    }))
}

/// The id under which an object was released, if the ledger knows it.
pub(crate) async fn released_as(ledger: &dyn Ledger, again: &Again) -> Result<Option<ObjectId>> {
    let id = again.object.id();
    let known = ledger.objects_by_name(id.as_str()).await?;
    Ok(known.iter().any(|record| record.object.id() == id).then_some(id))
}

/// When something happens again, for arrivals.
pub(crate) fn arrival(again: Again, pipeline_version: u32, is_batch: bool, at: Timestamp) -> crate::ports::ledger::Arrival {
    use crate::ports::ledger::{Arrival, Purpose};
    // Rows have been through their stage's transforms: they don't wait for others, whatever its trigger.
    let purpose = if is_batch && !again.is_rows { Purpose::Collect } else { Purpose::Execute { pipeline_version } };
    Arrival { object: again.object, relative: again.relative, stage: again.stage, purpose, made_by: again.made_by, at, trace: again.trace }
}
