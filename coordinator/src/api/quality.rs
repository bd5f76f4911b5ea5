//! What was set aside and its release, and what audits have measured, as users see them.

use lakegate_model::{Failure, FailureCode, StageKey, pipeline::LONGEST_HISTORY};
use lakegate_proto::v1;

use super::{Api, filter, page};
use crate::{
    actors::{
        envelope::Envelope,
        gone,
        router::{Release, Submit},
    },
    history,
    ports::{
        Result,
        ledger::{Filter, Page},
    },
    quarantine::{self, Again, Aside, Kind},
    shared::Shared,
};

/// The most that one request releases.
const MOST: usize = 10_000;

pub(super) async fn list(shared: &Shared, request: v1::ListQuarantineRequest) -> Result<v1::ListQuarantineResponse> {
    let (filter, kind) = (filter(&request.within, "")?, Kind::parse(&request.kind)?);
    let page = page(request.page_size, request.page_token);
    let (found, next) = quarantine::list(shared.ports.ledger.as_ref(), &filter, kind, &page).await?;
    let mut items = Vec::with_capacity(found.len());
    for aside in found {
        items.push(Found::of(shared, aside).await?.item);
    }
    Ok(v1::ListQuarantineResponse { items, next_page_token: next })
}

/// Something that was set aside, as it is now.
struct Found {
    aside: Aside,
    item: v1::Quarantined,
    again: Option<Again>,
}

impl Found {
    async fn of(shared: &Shared, aside: Aside) -> Result<Found> {
        let ledger = shared.ports.ledger.as_ref();
        let mut item = aside.shown(&shared.zones);
        let again = aside.again(quarantine::zone_of(ledger, &aside).await?);
        if let Some(again) = &again {
            item.released_as = quarantine::released_as(ledger, again).await?.map(|id| id.to_string()).unwrap_or_default();
        }
        Ok(Found { aside, item, again })
    }
}

pub(super) async fn release(api: &Api, request: v1::ReleaseQuarantinedRequest) -> Result<v1::ReleaseQuarantinedResponse> {
    let shared = &api.shared;
    let ledger = shared.ports.ledger.as_ref();
    let found = if request.ids.is_empty() { all(shared, &request).await? } else { named(shared, &request.ids).await? };
    let mut items: Vec<v1::Released> = Vec::with_capacity(found.len());
    let (mut again, mut submitted) = (Vec::new(), Vec::new());
    for found in found {
        let at = items.len();
        let is_done = !found.item.released_as.is_empty();
        let mut refused = if is_done { None } else { quarantine::refusal(ledger, &found.aside).await? };
        if !is_done && refused.is_none() {
            match way_back(found.again, &found.aside) {
                Ok(WayBack::Again(one)) => again.push((at, *one)),
                Ok(WayBack::Submit(key)) => submitted.push((at, key)),
                Err(failure) => refused = Some(failure),
            }
        }
        let is_new = !is_done && refused.is_none();
        items.push(v1::Released { item: Some(found.item), new: is_new, refused: refused.map(|failure| (&failure).into()) });
    }
    if !request.dry_run {
        carry_out(api, &mut items, again, submitted).await?;
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
}

fn way_back(again: Option<Again>, aside: &Aside) -> Result<WayBack> {
    match (again, aside) {
        (Some(again), _) => Ok(WayBack::Again(Box::new(again))),
        (None, Aside::Unrouted(unrouted)) => Ok(WayBack::Submit(unrouted.object.key.clone())),
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
async fn carry_out(api: &Api, items: &mut [v1::Released], again: Vec<(usize, Again)>, submitted: Vec<(usize, String)>) -> Result<()> {
    let router = api.actors()?.router;
    let (places, again): (Vec<usize>, Vec<Again>) = again.into_iter().unzip();
    let ids: Vec<String> = again.iter().map(|again| again.object.id().to_string()).collect();
    let outcomes =
        if again.is_empty() { Vec::new() } else { router.send(Envelope::many(Release(again))).await.map_err(|_| gone("router"))?? };
    for ((at, id), outcome) in places.into_iter().zip(ids).zip(outcomes) {
        let Some(released) = items.get_mut(at) else { continue };
        match outcome {
            Ok(new) => {
                released.new = new;
                released.item.iter_mut().for_each(|item| item.released_as.clone_from(&id));
            }
            Err(failure) => (released.new, released.refused) = (false, Some((&failure).into())),
        }
    }
    let (places, keys): (Vec<usize>, Vec<String>) = submitted.into_iter().unzip();
    if keys.is_empty() {
        return Ok(());
    }
    let outcomes = router.send(Envelope::many(Submit(keys))).await.map_err(|_| gone("router"))??;
    for (at, outcome) in places.into_iter().zip(outcomes) {
        let Some(released) = items.get_mut(at) else { continue };
        match outcome.result {
            Ok((object, new)) => {
                released.new = new;
                released.item.iter_mut().for_each(|item| item.released_as = object.to_string());
            }
            Err(failure) => (released.new, released.refused) = (false, Some((&failure).into())),
        }
    }
    Ok(())
}

async fn named(shared: &Shared, ids: &[String]) -> Result<Vec<Found>> {
    let mut found: Vec<Found> = Vec::with_capacity(ids.len());
    for id in ids {
        let one = Found::of(shared, quarantine::find(shared.ports.ledger.as_ref(), id).await?).await?;
        if !found.iter().any(|known| known.item.id == one.item.id) {
            found.push(one);
        }
    }
    Ok(found)
}

/// All that is within, and is not released yet.
async fn all(shared: &Shared, request: &v1::ReleaseQuarantinedRequest) -> Result<Vec<Found>> {
    let (filter, kind): (Filter, _) = (filter(&request.within, "")?, Kind::parse(&request.kind)?);
    let (mut found, mut page) = (Vec::new(), Page { size: 500, token: String::new() });
    loop {
        let (items, next) = quarantine::list(shared.ports.ledger.as_ref(), &filter, kind, &page).await?;
        for aside in items {
            let one = Found::of(shared, aside).await?;
            if one.item.released_as.is_empty() {
                found.push(one);
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
        let refused = way_back(aside.again(None), &aside).unwrap_err();
        assert_eq!(refused.code, FailureCode::NotFound);
        let unrouted = Aside::Unrouted(Unrouted { object, reason: "no".into(), at: Timestamp(0) });
        assert!(matches!(way_back(unrouted.again(None), &unrouted), Ok(WayBack::Submit(key)) if key == "a.csv"));
    }
}
