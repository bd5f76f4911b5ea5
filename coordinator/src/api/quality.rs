//! What was set aside and its release, and what audits have measured, as users see them.

use std::{collections::BTreeSet, sync::Arc};

use lakegate_model::{Failure, FailureCode, ObjectId, StageKey, pipeline::LONGEST_HISTORY};
use lakegate_proto::v1;

use super::{Api, filter, page};
use crate::{
    actors::{
        envelope::Envelope,
        gone,
        router::{Release, Route, Submit},
    },
    history,
    ports::{
        EventSource, Message, Result,
        ledger::{Filter, Page},
    },
    quarantine::{self, Again, Aside, Event, Kind, OutputZones},
    shared::Shared,
};

/// The most that one request releases.
const MOST: usize = 10_000;
/// Objects that the ledger is asked at once whether it knows them.
const KNOWN: usize = 1_000;

pub(super) async fn list(shared: &Shared, request: v1::ListQuarantineRequest) -> Result<v1::ListQuarantineResponse> {
    let (filter, kind) = (filter(&request.within, "")?, Kind::parse(&request.kind)?);
    let page = page(request.page_size, request.page_token);
    let (found, next) = quarantine::list(shared, &filter, kind, &page).await?;
    let mut items: Vec<v1::Quarantined> = found_of(shared, found).await?.into_iter().map(|found| found.item).collect();
    // Of an event what it says is for whoever asks for it alone.
    items.iter_mut().for_each(|item| item.body.clear());
    Ok(v1::ListQuarantineResponse { items, next_page_token: next })
}

/// Something that was set aside, as it is now.
struct Found {
    aside: Aside,
    item: v1::Quarantined,
    again: Option<Again>,
}

/// What was set aside with whether it was released: asked of the ledger once for all.
async fn found_of(shared: &Shared, asides: Vec<Aside>) -> Result<Vec<Found>> {
    let ledger = shared.ports.ledger.as_ref();
    let (mut zones, mut found) = (OutputZones::default(), Vec::with_capacity(asides.len()));
    for aside in asides {
        let (item, again) = (aside.shown(shared), aside.again(zones.of(ledger, &aside).await?));
        found.push(Found { aside, item, again });
    }
    let ids: Vec<ObjectId> = found.iter().filter_map(|found| Some(found.again.as_ref()?.object.id())).collect();
    let mut known = BTreeSet::new();
    for ids in ids.chunks(KNOWN) {
        known.extend(ledger.known(ids).await?);
    }
    for found in &mut found {
        let id = found.again.as_ref().map(|again| again.object.id()).filter(|id| known.contains(id));
        found.item.released_as.extend(id.iter().map(ObjectId::as_str));
    }
    Ok(found)
}

pub(super) async fn release(api: &Api, request: v1::ReleaseQuarantinedRequest) -> Result<v1::ReleaseQuarantinedResponse> {
    let shared = &api.shared;
    let ledger = shared.ports.ledger.as_ref();
    let found = if request.ids.is_empty() { all(shared, &request).await? } else { named(shared, &request.ids).await? };
    let mut items: Vec<v1::Released> = Vec::with_capacity(found.len());
    let mut ways = Ways::default();
    for found in found {
        let at = items.len();
        let is_done = !found.item.released_as.is_empty();
        let mut refused = if is_done { None } else { quarantine::refusal(ledger, &found.aside).await? };
        if !is_done && refused.is_none() {
            match way_back(found.again, &found.aside, &shared.sources) {
                Ok(WayBack::Again(one)) => ways.again.push((at, *one)),
                Ok(WayBack::Submit(key)) => ways.submitted.push((at, key)),
                Ok(WayBack::Event(event, message)) => ways.events.push((at, event, message)),
                Err(failure) => refused = Some(failure),
            }
        }
        let is_new = !is_done && refused.is_none();
        items.push(v1::Released { item: Some(found.item), new: is_new, refused: refused.map(|failure| (&failure).into()) });
    }
    if !request.dry_run {
        carry_out(api, &mut items, ways).await?;
    }
    Ok(v1::ReleaseQuarantinedResponse { items })
}

/// How something comes back.
#[derive(Debug)]
enum WayBack {
    /// To the stage that set it aside.
    Again(Box<Again>),
    /// As a new object of this key, to whatever pipeline takes it by now.
    Submit(String),
    /// Through intake, as what its source makes of it now.
    Event(Box<Event>, Message),
}

/// What comes back, each with its place among the answers.
#[derive(Default)]
struct Ways {
    again: Vec<(usize, Again)>,
    submitted: Vec<(usize, String)>,
    events: Vec<(usize, Box<Event>, Message)>,
}

fn way_back(again: Option<Again>, aside: &Aside, sources: &[Arc<dyn EventSource>]) -> Result<WayBack> {
    match (again, aside) {
        (Some(again), _) => Ok(WayBack::Again(Box::new(again))),
        (None, Aside::Unrouted(unrouted)) => Ok(WayBack::Submit(unrouted.object.key.clone())),
        (None, Aside::Event(event)) => Ok(WayBack::Event(event.clone(), event.read_again(sources)?)),
        (None, Aside::Rows(run)) => {
            Err(Failure::new(FailureCode::NotFound, format!("{}: where its rows lie is not known any more", run.id))
                .hint(format!("the ledger has no version {} of the pipeline of {}", run.pipeline_version, run.stage)))
        }
        (None, Aside::Object(record)) => {
            Err(Failure::new(FailureCode::NotFound, format!("{}: which run has set it aside is not known", record.object.id())))
        }
    }
}

/// Has what is released admitted, and notes what became of it.
async fn carry_out(api: &Api, items: &mut [v1::Released], ways: Ways) -> Result<()> {
    let router = api.actors()?.router;
    let (places, again): (Vec<usize>, Vec<Again>) = ways.again.into_iter().unzip();
    let ids: Vec<String> = again.iter().map(|again| again.object.id().to_string()).collect();
    let outcomes =
        if again.is_empty() { Vec::new() } else { router.send(Envelope::many(Release(again))).await.map_err(|_| gone("router"))?? };
    for ((at, id), outcome) in places.into_iter().zip(ids).zip(outcomes) {
        note(items, at, outcome.map(|new| (id, new)));
    }
    let (places, keys): (Vec<usize>, Vec<String>) = ways.submitted.into_iter().unzip();
    if !keys.is_empty() {
        let outcomes = router.send(Envelope::many(Submit(keys))).await.map_err(|_| gone("router"))??;
        for (at, outcome) in places.into_iter().zip(outcomes) {
            note(items, at, outcome.result.map(|(object, new)| (object.to_string(), new)));
        }
    }
    for (at, mut event, message) in ways.events {
        let released_as = quarantine::subjects(&message);
        let route = Route { events: message.events, passed: message.passed };
        let done = router.send(Envelope::many(route)).await.map_err(|_| gone("router"))?;
        // Told only once it is written down: whoever repeats the request finds the objects known.
        if done.is_ok() {
            event.released_as = Some(released_as.clone());
            event.write(&api.shared).await?;
        }
        note(items, at, done.map(|()| (released_as, true)));
    }
    Ok(())
}

/// Notes what became of one: as what it was released, and whether just now.
fn note(items: &mut [v1::Released], at: usize, outcome: Result<(String, bool)>) {
    let Some(released) = items.get_mut(at) else { return };
    match outcome {
        Ok((released_as, new)) => {
            released.new = new;
            released.item.iter_mut().for_each(|item| item.released_as.clone_from(&released_as));
        }
        Err(failure) => (released.new, released.refused) = (false, Some((&failure).into())),
    }
}

async fn named(shared: &Shared, ids: &[String]) -> Result<Vec<Found>> {
    let mut asides: Vec<Aside> = Vec::with_capacity(ids.len());
    for id in ids {
        asides.push(quarantine::find(shared, id).await?);
    }
    let mut found = found_of(shared, asides).await?;
    let mut seen = BTreeSet::new();
    found.retain(|found| seen.insert(found.item.id.clone()));
    Ok(found)
}

/// What has gone its way since it was listed is not among all, and keeps none of the others back.
fn unless_gone<T>(found: Result<Vec<T>>) -> Result<Vec<T>> {
    match found {
        Err(failure) if failure.code == FailureCode::NotFound => Ok(Vec::new()),
        found => found,
    }
}

/// All that is within, and is not released yet.
async fn all(shared: &Shared, request: &v1::ReleaseQuarantinedRequest) -> Result<Vec<Found>> {
    let (filter, kind): (Filter, _) = (filter(&request.within, "")?, Kind::parse(&request.kind)?);
    let (mut found, mut page) = (Vec::new(), Page { size: 500, token: String::new() });
    loop {
        let (items, next) = quarantine::list(shared, &filter, kind, &page).await?;
        for one in found_of(shared, items).await?.into_iter().filter(|one| one.item.released_as.is_empty()) {
            match &one.aside {
                // A list does not say all that is to be known of an object before it is released.
                Aside::Object(record) => found.extend(unless_gone(named(shared, &[record.object.id().to_string()]).await)?),
                _ => found.push(one),
            }
        }
        if next.is_empty() {
            return Ok(found);
        }
        if found.len() > MOST {
            return Err(Failure::new(FailureCode::InvalidRequest, format!("more than {MOST} things were set aside there"))
                .hint("release them stage by stage, or kind by kind"));
        }
        page.token = next;
    }
}

pub(super) async fn history(shared: &Shared, request: v1::GetQualityHistoryRequest) -> Result<v1::QualityHistory> {
    let malformed = || Failure::new(FailureCode::InvalidRequest, format!("`{}` is not <team>/<dataset>/<stage>", request.stage));
    let stage = StageKey::parse(&request.stage).ok_or_else(malformed)?;
    super::tables::stage_exists(shared, &stage).await?;
    let most = match usize::try_from(request.most).unwrap_or(LONGEST_HISTORY) {
        0 => LONGEST_HISTORY,
        most => most.min(LONGEST_HISTORY),
    };
    let audits = history::audits(shared.ports.ledger.as_ref(), &stage, &request.ruleset, most).await?;
    let point = |measured: history::Measured| v1::QualityPoint {
        at: measured.at.0,
        run: measured.run.to_string(),
        ruleset: measured.ruleset,
        verdict: measured.verdict.as_str().to_owned(),
        score: measured.score.0,
        statistics: measured.statistics.into_iter().map(|(name, value)| (name, value.0)).collect(),
    };
    Ok(v1::QualityHistory { points: audits.into_iter().map(point).collect() })
}

#[cfg(test)]
mod tests {
    use lakegate_model::{ObjectVersion, Timestamp, TraceContext, machine::object::ObjectState};

    use super::*;
    use crate::ports::ledger::{ObjectRecord, Unrouted};

    #[test]
    fn what_is_gone_keeps_none_of_the_others_back_and_what_can_not_be_read_does() {
        let failed = |code| Err::<Vec<u8>, _>(Failure::new(code, "no"));
        assert_eq!(unless_gone(failed(FailureCode::NotFound)).unwrap(), [0; 0]);
        assert_eq!(unless_gone(failed(FailureCode::Ledger)).unwrap_err().code, FailureCode::Ledger);
        assert_eq!(unless_gone(Ok(vec![1])).unwrap(), [1]);
    }

    #[test]
    fn what_has_no_way_back_is_refused_and_not_told_as_released() {
        let object = ObjectVersion { bucket: "raw".into(), key: "a.csv".into(), version: "1".into(), sequencer: None, size: 1 };
        let record = ObjectRecord {
            object: object.clone(),
            relative: "a.csv".into(),
            stage: StageKey::parse("shop/orders/load").unwrap(),
            state: ObjectState::Quarantined,
            arrived_at: Timestamp(0),
            updated_at: Timestamp(0),
            execution: None,
            batch: None,
            failure: None,
            removed_at: None,
            made_by: None,
            trace: TraceContext::default(),
        };
        let aside = Aside::Object(Box::new(record));
        let refused = way_back(aside.again(None), &aside, &[]).unwrap_err();
        assert_eq!(refused.code, FailureCode::NotFound);
        let unrouted = Aside::Unrouted(Unrouted { object, reason: "no".into(), at: Timestamp(0) });
        assert!(matches!(way_back(unrouted.again(None), &unrouted, &[]), Ok(WayBack::Submit(key)) if key == "a.csv"));
    }
}
