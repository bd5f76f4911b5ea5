//! The stage and batch actors there are: made on demand, retired when idle, made again when one
//! has died. Whatever one of them knew is in the ledger.

use std::{
    collections::{HashMap, HashSet},
    time::Duration,
};

use actix::{Actor, Addr};
use lakegate_model::{
    StageKey,
    pipeline::{BatchTrigger, Trigger},
};

use super::Router;
use crate::{
    actors::{
        Singletons,
        batch::{self, BatchActor, Retrigger},
        envelope::{Envelope, tell},
        stage::{self, StageActor},
    },
    ports::ledger::PipelineVersion,
    shared::Shared,
};

/// Deaths of one stage's actor after which it is not made again by the rounds, only on demand.
const MAX_DEATHS: u32 = 5;
/// The longest an actor may take to say whether it is idle.
const ANSWER_WITHIN: Duration = Duration::from_secs(2);

/// The stage and batch actors there are.
pub(super) struct Population {
    shared: Shared,
    singletons: Option<Singletons>,
    paused: HashSet<StageKey>,
    stages: HashMap<StageKey, Addr<StageActor>>,
    batches: HashMap<StageKey, Addr<BatchActor>>,
    deaths: HashMap<StageKey, u32>,
}

/// Actors that said they are idle and stopped.
#[derive(Default)]
pub(super) struct Retired {
    stages: Vec<StageKey>,
    batches: Vec<StageKey>,
}

impl Population {
    pub(super) fn new(shared: Shared, paused: Vec<StageKey>) -> Population {
        Population {
            shared,
            singletons: None,
            paused: paused.into_iter().collect(),
            stages: HashMap::new(),
            batches: HashMap::new(),
            deaths: HashMap::new(),
        }
    }

    pub(super) fn meet(&mut self, singletons: Singletons) {
        self.singletons = Some(singletons);
    }

    /// The actor of a stage; `None` only before the router has met the others.
    pub(super) fn stage(&mut self, key: &StageKey) -> Option<Addr<StageActor>> {
        if let Some(addr) = self.stages.get(key).filter(|addr| addr.connected()) {
            return Some(addr.clone());
        }
        let singletons = self.singletons.clone()?;
        let actor = StageActor::new(self.shared.clone(), singletons, key.clone(), self.paused.contains(key));
        let addr = actor.start();
        self.stages.insert(key.clone(), addr.clone());
        Some(addr)
    }

    pub(super) fn batch(&mut self, key: &StageKey, trigger: BatchTrigger, version: u32, router: &Addr<Router>) -> Addr<BatchActor> {
        if let Some(addr) = self.batches.get(key).filter(|addr| addr.connected()) {
            return addr.clone();
        }
        let paused = self.paused.contains(key);
        let addr = BatchActor::new(self.shared.clone(), router.clone(), key.clone(), trigger, version, paused).start();
        self.batches.insert(key.clone(), addr.clone());
        addr
    }

    pub(super) fn stages(&self) -> impl Iterator<Item = &Addr<StageActor>> {
        self.stages.values()
    }

    /// Tells batch actors of a pipeline's new triggers.
    pub(super) fn retrigger(&mut self, version: &PipelineVersion) {
        for stage in &version.pipeline.stages {
            let key = StageKey::new(version.pipeline.dataset.clone(), &stage.name);
            match (&stage.trigger, self.batches.get(&key)) {
                (Trigger::Batch(trigger), Some(addr)) => {
                    let message = Retrigger { trigger: trigger.clone(), pipeline_version: version.version };
                    actix::spawn(tell(addr, message));
                }
                _ => {
                    self.batches.remove(&key);
                }
            }
        }
    }

    /// Notes that a stage is paused or not, and gives its actors, who are to be told.
    pub(super) fn pause(&mut self, key: &StageKey, paused: bool) -> (Option<Addr<StageActor>>, Option<Addr<BatchActor>>) {
        if paused {
            self.paused.insert(key.clone())
        } else {
            self.paused.remove(key)
        };
        (self.stages.get(key).cloned(), self.batches.get(key).cloned())
    }

    /// Asks every actor whether it is idle; makes those that died anew.
    pub(super) fn rounds(&mut self) -> impl Future<Output = Retired> + use<> {
        self.revive();
        let stages: Vec<_> = self.stages.iter().map(|(key, addr)| (key.clone(), addr.send(Envelope::many(stage::RetireIfIdle)))).collect();
        let batches: Vec<_> =
            self.batches.iter().map(|(key, addr)| (key.clone(), addr.send(Envelope::many(batch::RetireIfIdle)))).collect();
        async move {
            let mut retired = Retired::default();
            for (key, answer) in stages {
                if let Ok(Ok(true)) = tokio::time::timeout(ANSWER_WITHIN, answer).await {
                    retired.stages.push(key);
                }
            }
            for (key, answer) in batches {
                if let Ok(Ok(true)) = tokio::time::timeout(ANSWER_WITHIN, answer).await {
                    retired.batches.push(key);
                }
            }
            retired
        }
    }

    fn revive(&mut self) {
        let dead: Vec<StageKey> = self.stages.iter().filter(|(_, addr)| !addr.connected()).map(|(key, _)| key.clone()).collect();
        for key in dead {
            let deaths = self.deaths.entry(key.clone()).or_default();
            *deaths += 1;
            tracing::error!(stage = %key, deaths = *deaths, "a stage's actor died; its work is in the ledger");
            self.stages.remove(&key);
            if *deaths <= MAX_DEATHS
                && let Some(singletons) = self.singletons.clone()
            {
                let actor = StageActor::new(self.shared.clone(), singletons, key.clone(), self.paused.contains(&key));
                self.stages.insert(key, actor.start());
            }
        }
        self.batches.retain(|_, addr| addr.connected());
    }

    /// Forgets actors that retired, unless they have been made anew since.
    pub(super) fn retire(&mut self, retired: Retired) {
        for key in retired.stages {
            if self.stages.get(&key).is_some_and(|addr| !addr.connected()) {
                self.stages.remove(&key);
            }
        }
        for key in retired.batches {
            if self.batches.get(&key).is_some_and(|addr| !addr.connected()) {
                self.batches.remove(&key);
            }
        }
    }
}
