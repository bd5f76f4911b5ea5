//! What was set aside: rows, objects, and objects that no pipeline takes, which the ledger has already, rows in the
//! record of the execution whose audit set them aside, objects in their own; and events that were not understood,
//! each in a file.

mod event;
mod list;

use lakegate_model::{
    ExecutionId, Failure, FailureCode, ObjectVersion, StageKey, Timestamp, TraceContext, layout,
    machine::{execution::Phase, object::ObjectState},
    pipeline::Zone,
    project::Zones,
};
use lakegate_proto::v1;

pub(crate) use self::{
    event::{Event, subjects},
    list::{OutputZones, list},
};

use crate::{
    actors::stage::subject_text,
    ports::{
        Result,
        ledger::{Execution, Ledger, ObjectRecord, Unrouted},
    },
    shared::Shared,
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
    /// An event that was not understood.
    Event(Box<Event>),
}

/// What kind of thing was set aside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Rows,
    Object,
    Unrouted,
    Event,
}

impl Kind {
    const ALL: &'static [Kind] = &[Kind::Rows, Kind::Object, Kind::Unrouted, Kind::Event];

    fn as_str(self) -> &'static str {
        match self {
            Kind::Rows => "rows",
            Kind::Object => "object",
            Kind::Unrouted => "unrouted",
            Kind::Event => "event",
        }
    }

    /// The kind of that name; `None` for no name.
    pub(crate) fn parse(text: &str) -> Result<Option<Kind>> {
        let known = Kind::ALL.iter().copied().find(|kind| kind.as_str() == text);
        if known.is_none() && !text.is_empty() {
            return Err(Failure::new(FailureCode::InvalidRequest, format!("there is no kind \"{text}\" in quarantine"))
                .hint("the kinds are rows, object, unrouted and event"));
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
            Aside::Event(_) => Kind::Event,
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
            Aside::Unrouted(_) | Aside::Event(_) => None,
        }
    }

    /// As users see it; of what a stage has set aside without whether it was released.
    pub(crate) fn shown(&self, shared: &Shared) -> v1::Quarantined {
        let zones = &shared.zones;
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
                    ..v1::Quarantined::default()
                }
            }
            Aside::Object(record) => v1::Quarantined {
                id: record.object.id().to_string(),
                kind,
                stage: record.stage.to_string(),
                subject: record.object.key.clone(),
                reason: Some((&record.failure.clone().unwrap_or_else(none)).into()),
                location: located(zones, &record.object),
                run: record.execution.as_ref().map(ToString::to_string).unwrap_or_default(),
                at: record.updated_at.0,
                ..v1::Quarantined::default()
            },
            Aside::Unrouted(unrouted) => v1::Quarantined {
                id: unrouted.object.id().to_string(),
                kind,
                subject: unrouted.object.key.clone(),
                reason: Some((&Failure::new(FailureCode::Unrouted, unrouted.reason.clone())).into()),
                location: located(zones, &unrouted.object),
                at: unrouted.at.0,
                ..v1::Quarantined::default()
            },
            Aside::Event(event) => v1::Quarantined {
                id: event.id(),
                kind,
                subject: event.source.clone(),
                reason: Some((&Failure::new(FailureCode::InvalidRequest, event.reason.clone())).into()),
                location: event.location(shared).to_string(),
                at: event.at.0,
                released_as: event.released_as.clone().unwrap_or_default(),
                body: event.body.clone(),
                ..v1::Quarantined::default()
            },
        }
    }
}

fn located(zones: &Zones, object: &ObjectVersion) -> String {
    zones.locate(&object.bucket, &object.key).map(|at| at.to_string()).unwrap_or_default()
}

/// Whether an object was set aside: by a drift policy, because it could not be read, or by an audit, even one that could
/// not be held.
fn is_aside(record: &ObjectRecord) -> bool {
    match record.state {
        ObjectState::Quarantined => true,
        ObjectState::Failed => record.failure.as_ref().is_some_and(|failure| failure.code.sets_aside()),
        _ => false,
    }
}

/// What ids of objects begin with, and how many digits follow.
const OBJECT: &str = "ob-";
const DIGITS: usize = 32;
/// Unrouted objects that are looked through for one of this key.
const UNROUTED: usize = 10_000;

/// What has this id, or an id that begins so.
pub(crate) async fn find(shared: &Shared, id: &str) -> Result<Aside> {
    let ledger = shared.ports.ledger.as_ref();
    let missing = |what: &str| Failure::new(FailureCode::NotFound, format!("{id}: {what}"));
    if id.starts_with("ex-") {
        let run = one(id, ledger.runs_by_prefix(id).await?)?.ok_or_else(|| missing("there is no such run"))?;
        if run.state.rows_aside() == 0 {
            return Err(missing("this run has set no rows aside"));
        }
        return Ok(Aside::Rows(Box::new(run)));
    }
    if id.starts_with(layout::EVENT) {
        let found = one(id, event::by_prefix(shared, id).await?)?;
        return found.map(|event| Aside::Event(Box::new(event))).ok_or_else(|| missing("there is no such event"));
    }
    if let Some(record) = one(id, ledger.objects_by_name(id).await?)? {
        if !is_aside(&record) {
            return Err(missing(&format!("it is {}, and was not set aside", record.state.as_str())));
        }
        return Ok(Aside::Object(Box::new(record)));
    }
    one(id, unrouted(ledger, id).await?)?.map(Aside::Unrouted).ok_or_else(|| missing("nothing of this id was set aside"))
}

/// Those of the objects that no pipeline takes whose id begins so, or that have this key, at most two.
async fn unrouted(ledger: &dyn Ledger, id: &str) -> Result<Vec<Unrouted>> {
    let fits = |unrouted: &Unrouted| unrouted.object.id().as_str().starts_with(id) || unrouted.object.key == id;
    let (after, limit) = match id.strip_prefix(OBJECT) {
        // They are in the order of their ids, and whoever has one whole comes behind all that it begins with.
        Some(digits) if digits.len() < DIGITS => (id, 2),
        Some(digits) => (id.strip_suffix(|_: char| true).unwrap_or(digits), 16),
        None => ("", UNROUTED),
    };
    Ok(ledger.unrouted_objects(after, limit).await?.into_iter().filter(fits).take(2).collect())
}

fn one<T>(id: &str, mut found: Vec<T>) -> Result<Option<T>> {
    if found.len() > 1 {
        return Err(Failure::new(FailureCode::InvalidRequest, format!("several ids start with {id}")).hint("give more of the id"));
    }
    Ok(found.pop())
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

/// When something happens again, for arrivals.
pub(crate) fn arrival(again: Again, pipeline_version: u32, is_batch: bool, at: Timestamp) -> crate::ports::ledger::Arrival {
    use crate::ports::ledger::{Arrival, Purpose};
    // Rows have been through their stage's transforms: they don't wait for others, whatever its trigger.
    let purpose = if is_batch && !again.is_rows { Purpose::Collect } else { Purpose::Execute { pipeline_version } };
    Arrival { object: again.object, relative: again.relative, stage: again.stage, purpose, made_by: again.made_by, at, trace: again.trace }
}
