//! Pipelines, pausing, and what is in each stage.

use std::collections::BTreeMap;

use lakegate_coordinator::ports::{
    Ledger,
    ledger::{Applied, Filter, Page, PipelineVersion, StageCounts},
};
use lakegate_model::{
    DatasetId, FailureCode, Pipeline, StageKey, Timestamp,
    machine::{
        execution::{Phase, Rejected, TaskOutput},
        object::ObjectState,
    },
    pipeline::{DriftPolicy, Input, Output, Stage, Trigger, Zone},
};

use super::{LedgerPlace, arrival, dataset, everything, failure, member, moved, object, running, seal, stage, started, succeeded, trigger};

fn pipeline(dataset: DatasetId, drift: DriftPolicy) -> Pipeline {
    let stage = Stage {
        name: "clean".into(),
        trigger: Trigger::Object,
        input: Input::default(),
        steps: Vec::new(),
        output: Output { zone: Zone::Stage },
        retry: Default::default(),
        queue: None,
    };
    Pipeline { dataset, routes: Vec::new(), drift, stages: vec![stage] }
}

/// Counted from 1; the newest again is the newest, an older one again is a new version.
pub async fn pipelines_have_versions(place: impl LedgerPlace) {
    let ledger = place.open().await;
    assert_eq!(ledger.pipelines().await.unwrap(), []);
    let (evolve, freeze) = (pipeline(dataset(), DriftPolicy::Evolve), pipeline(dataset(), DriftPolicy::Freeze));
    let other = pipeline(DatasetId::new("nyc", "a-weather"), DriftPolicy::Evolve);
    let mut applied = Vec::new();
    for (n, pipeline) in [&evolve, &evolve, &freeze, &evolve, &other].into_iter().enumerate() {
        applied.push(ledger.apply_pipeline(pipeline, Timestamp(n as i64)).await.unwrap());
    }
    let expected = [(1, true), (1, false), (2, true), (3, true), (1, true)].map(|(version, changed)| Applied { version, changed });
    assert_eq!(applied, expected);
    let version = |version, at, pipeline: &Pipeline| PipelineVersion { version, at: Timestamp(at), pipeline: pipeline.clone() };
    assert_eq!(ledger.pipelines().await.unwrap(), [version(1, 4, &other), version(3, 3, &evolve)], "by dataset");
    assert_eq!(ledger.pipeline(&dataset(), 2).await.unwrap(), Some(version(2, 2, &freeze)));
    assert_eq!(ledger.pipeline(&dataset(), 1).await.unwrap(), Some(version(1, 0, &evolve)), "an unchanged one keeps its date");
    assert_eq!(ledger.pipeline(&dataset(), 4).await.unwrap(), None);
    assert_eq!(ledger.pipeline(&DatasetId::new("nyc", "nothing"), 1).await.unwrap(), None);
}

/// Also of a stage the ledger has not heard of.
pub async fn pausing_tells_whether_it_changed_anything(place: impl LedgerPlace) {
    let ledger = place.open().await;
    assert_eq!(ledger.paused().await.unwrap(), []);
    let mut changed = Vec::new();
    for paused in [false, true, true, false, false, true] {
        changed.push(ledger.set_paused(&stage("clean"), paused).await.unwrap());
    }
    assert_eq!(changed, [false, true, false, true, false, true]);
    assert_eq!(ledger.paused().await.unwrap(), [stage("clean")]);
}

/// In order, from where the page before ended, without those that are over.
pub async fn unfinished_executions_are_paged_by_seq(place: impl LedgerPlace) {
    let ledger = place.open().await;
    let mut left = Vec::new();
    for n in 0..10 {
        let execution = started(&ledger, arrival("clean", &n.to_string(), "v1", n)).await;
        started(&ledger, arrival("other", &format!("o{n}"), "v1", n)).await;
        if n % 3 == 0 {
            moved(&ledger, &execution, succeeded(1), 20).await;
        } else {
            left.push(execution);
        }
    }
    let (mut read, mut after) = (Vec::new(), 0);
    loop {
        let page = ledger.unfinished(&stage("clean"), after, 4).await.unwrap();
        assert!(page.len() <= 4);
        let Some(last) = page.last() else { break };
        after = last.seq;
        read.extend(page);
    }
    assert!(left.is_sorted_by_key(|execution| execution.seq), "seq grows");
    assert_eq!(read, left);
    assert_eq!(ledger.unfinished(&stage("nothing"), 0, 4).await.unwrap(), []);
}

/// Executions that are not over, or collecting members.
pub async fn busy_stages_are_those_with_work(place: impl LedgerPlace) {
    let ledger = place.open().await;
    let execution = started(&ledger, arrival("clean", "a", "v1", 1)).await;
    ledger.admit(vec![member("monthly", "b", "v1", 1)]).await.unwrap();
    ledger.set_paused(&stage("idle"), true).await.unwrap();
    assert_eq!(sorted(ledger.busy_stages().await.unwrap()), [stage("clean"), stage("monthly")]);
    moved(&ledger, &execution, succeeded(1), 2).await;
    assert_eq!(ledger.busy_stages().await.unwrap(), [stage("monthly")]);
    let sealed = ledger.seal(seal("monthly", trigger(|_| ()), 3)).await.unwrap().unwrap();
    assert_eq!(ledger.busy_stages().await.unwrap(), [stage("monthly")]);
    moved(&ledger, &sealed.execution, Phase::Failed { failure: failure(FailureCode::Timeout) }, 4).await;
    assert_eq!(ledger.busy_stages().await.unwrap(), []);
}

fn sorted(mut stages: Vec<StageKey>) -> Vec<StageKey> {
    stages.sort();
    stages
}

/// Whatever has happened, what is counted is what is listed. An execution counts by its phase; a
/// member counts by itself while it collects, and when it was set aside though its batch was not.
pub async fn counts_are_what_a_recount_finds(place: impl LedgerPlace) {
    let ledger = place.open().await;
    let phases = [
        Phase::Waiting { tables: Vec::new() },
        Phase::Ready { not_before: Timestamp(9) },
        running(),
        Phase::Promoting { output: TaskOutput::default() },
        succeeded(7),
        Phase::Failed { failure: failure(FailureCode::Timeout) },
        Phase::Quarantined { failure: failure(FailureCode::SchemaDrift) },
        Phase::Superseded { failure: failure(FailureCode::ObjectChanged) },
    ];
    for (n, phase) in phases.iter().cycle().take(30).enumerate() {
        let execution = started(&ledger, arrival("clean", &n.to_string(), "v1", 1)).await;
        let execution = moved(&ledger, &execution, running(), 2).await;
        moved(&ledger, &execution, phase.clone(), 3).await;
    }
    for (n, phase) in phases.iter().enumerate() {
        ledger.admit((0..4).map(|m| member("monthly", &format!("m{m}"), &format!("{n}"), 1)).collect()).await.unwrap();
        ledger.admit(vec![member("monthly", "m0", &format!("{n}-newer"), 2)]).await.unwrap();
        let sealed = ledger.seal(seal("monthly", trigger(|_| ()), 3)).await.unwrap().unwrap();
        let mut phase = phase.clone();
        if let Phase::Succeeded { output } = &mut phase {
            output.rejected.push(Rejected { object: object("m1", &n.to_string()).id(), failure: failure(FailureCode::UnreadableData) });
        }
        moved(&ledger, &sealed.execution, phase, 4).await;
    }
    ledger.admit(vec![member("monthly", "left", "v1", 5)]).await.unwrap();
    for counted in ledger.counts().await.unwrap() {
        let key = counted.stage.clone().unwrap();
        assert_eq!(counted, recount(&ledger, &key).await, "{key}");
    }
}

async fn recount(ledger: &impl Ledger, key: &StageKey) -> StageCounts {
    let mut counts = StageCounts { stage: Some(key.clone()), ..StageCounts::default() };
    let filter = Filter { dataset: Some(key.dataset.clone()), stage: Some(key.stage.clone()), ..everything() };
    let mut batches = BTreeMap::new();
    for run in ledger.runs(&filter, &Page { size: 1_000, token: String::new() }).await.unwrap().items {
        batches.insert(run.id.clone(), run.state.phase.as_str());
        match &run.state.phase {
            Phase::Waiting { .. } => counts.waiting += 1,
            Phase::Ready { .. } => counts.ready += 1,
            Phase::Running { .. } | Phase::Promoting { .. } => counts.running += 1,
            Phase::Succeeded { output } => {
                counts.succeeded += 1;
                counts.rows_out += output.rows_out;
            }
            Phase::Failed { .. } => counts.failed += 1,
            Phase::Quarantined { .. } => counts.quarantined += 1,
            Phase::Superseded { .. } => counts.superseded += 1,
        }
    }
    let objects = ledger.objects(&filter, &Page { size: 1_000, token: String::new() }).await.unwrap();
    assert!(objects.next.is_empty(), "all on one page");
    for record in objects.items {
        let alone = record.batch.is_none() || record.execution.as_ref().and_then(|id| batches.get(id)) == Some(&"succeeded");
        match record.state {
            ObjectState::Collecting => counts.collecting += 1,
            ObjectState::Quarantined if record.batch.is_some() && alone => counts.quarantined += 1,
            ObjectState::Superseded if alone && (record.batch.is_some() || record.execution.is_none()) => counts.superseded += 1,
            _ => {}
        }
    }
    counts
}
