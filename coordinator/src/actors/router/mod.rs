//! The router: says which stage an object is for, has it admitted to the ledger, and passes the
//! word on to the stage's actor, which it makes on demand and retires when idle.

mod admission;
mod handed_over;
mod population;
mod release;

use std::{collections::HashMap, sync::Arc, time::Duration};

use actix::{Actor, ActorFutureExt, Addr, AsyncContext, Context, Handler, ResponseActFuture, ResponseFuture, WrapFuture};
use lakegate_model::{
    DatasetId, Failure, FailureCode, Pipeline, StageKey, event::ObjectEvent, pipeline::Trigger, route::Routes, table::TableId,
};

use super::{
    Singletons,
    batch::{Collected, SealNow, SetPaused},
    envelope::{Envelope, message, tell},
    stage,
};
use crate::{
    ports::{
        Passed, Result,
        ledger::{Admission, Applied, Execution, PipelineVersion},
    },
    quarantine::Again,
    shared::Shared,
};
use population::Population;

/// How often idle stages are retired and dead ones found.
const ROUNDS_EVERY: Duration = Duration::from_secs(5);

/// The router.
pub(crate) struct Router {
    shared: Shared,
    routes: Routes,
    /// The newest version of every dataset's pipeline.
    pipelines: HashMap<DatasetId, Arc<PipelineVersion>>,
    population: Population,
}

/// Events to be routed and admitted; `Ok` means that the ledger has all of them.
pub(crate) struct Route {
    /// What happened in the lake.
    pub events: Vec<ObjectEvent>,
    /// What is handed to stages.
    pub passed: Vec<Passed>,
}
message!(Route => Result<()>);

/// Keys in the raw zone that somebody hands in.
pub(crate) struct Submit(pub Vec<String>);
message!(Submit => Result<Vec<SubmitOutcome>>);

/// What was set aside, to be sent through its stage once more.
pub(crate) struct Release(pub Vec<Again>);
message!(Release => Result<Vec<std::result::Result<bool, Failure>>>);

/// What became of a submitted key.
pub(crate) struct SubmitOutcome {
    /// The key.
    pub key: String,
    /// The object's id and whether the ledger learnt of it just now; or why it was refused.
    pub result: std::result::Result<(lakegate_model::ObjectId, bool), Failure>,
}

/// A pipeline to be applied.
pub(crate) struct Apply(pub Box<Pipeline>);
message!(Apply => Result<Applied>);

/// Executions that are new in the ledger, for their stage's actor.
pub(crate) struct Deliver {
    /// The stage.
    pub stage: StageKey,
    /// Its executions.
    pub executions: Vec<Execution>,
}
message!(Deliver => ());

/// Objects that were admitted to stages with a move: pass the word on.
pub(crate) struct HandOn(pub Vec<(StageKey, Admission)>);
message!(HandOn => ());

/// A table has a new version: those who wait for it may go on.
pub(crate) struct TablePublished(pub TableId);
message!(TablePublished => ());

/// Pause or resume a stage; the answer is whether that changed anything.
pub(crate) struct Pause {
    /// The stage.
    pub stage: StageKey,
    /// Whether it is to be paused.
    pub paused: bool,
}
message!(Pause => Result<bool>);

/// Seal every open batch; the answer is how many were sealed.
pub(crate) struct SealAll;
message!(SealAll => Result<u32>);

/// Make actors for these stages: the ledger has work for them.
pub(crate) struct Wake(pub Vec<StageKey>);
message!(Wake => ());

impl Router {
    /// A router that knows these pipelines and paused stages.
    pub(crate) fn new(shared: Shared, pipelines: Vec<PipelineVersion>, paused: Vec<StageKey>) -> Router {
        let routes = Routes::of(pipelines.iter().map(|version| &version.pipeline));
        let pipelines = pipelines.into_iter().map(|version| (version.pipeline.dataset.clone(), Arc::new(version))).collect();
        let population = Population::new(shared.clone(), paused);
        Router { shared, routes, pipelines, population }
    }

    /// The stage's newest version and its trigger.
    fn trigger(&self, key: &StageKey) -> Option<(u32, Trigger)> {
        let version = self.pipelines.get(&key.dataset)?;
        let (_, stage) = version.pipeline.stage(&key.stage)?;
        Some((version.version, stage.trigger.clone()))
    }

    /// Passes the word of admissions on; the future is done when every actor has it.
    fn pass_on(&mut self, admissions: Vec<(StageKey, Admission)>, ctx: &Context<Self>) -> impl Future<Output = ()> + use<> {
        let mut started: HashMap<StageKey, Vec<Execution>> = HashMap::new();
        let mut collected: Vec<StageKey> = Vec::new();
        for (stage, admission) in admissions {
            match admission {
                Admission::Started(execution) => started.entry(stage).or_default().push(*execution),
                Admission::Collected if !collected.contains(&stage) => collected.push(stage),
                Admission::Collected | Admission::Superseded | Admission::Known => {}
            }
        }
        let mut sends: Vec<std::pin::Pin<Box<dyn Future<Output = ()>>>> = Vec::new();
        for (stage, executions) in started {
            if let Some(addr) = self.population.stage(&stage) {
                let (told, router) = (tell(&addr, stage::Admit(executions)), ctx.address());
                sends.push(Box::pin(async move { wake_unless_heard(told.await, stage, router).await }));
            }
        }
        for stage in collected {
            if let Some(addr) = self.batch(&stage, ctx) {
                let (told, router) = (tell(&addr, Collected), ctx.address());
                sends.push(Box::pin(async move { wake_unless_heard(told.await, stage, router).await }));
            }
        }
        async move {
            futures::future::join_all(sends).await;
        }
    }

    /// Has those look at the ledger again of whom it may hold more than they have heard of.
    fn look_again(&mut self, ctx: &Context<Self>) {
        for stage in self.shared.doubt.take() {
            if let Some(addr) = self.population.stage(&stage) {
                actix::spawn(tell(&addr, stage::LookAgain));
            }
            if matches!(self.trigger(&stage), Some((_, Trigger::Batch(_))))
                && let Some(addr) = self.batch(&stage, ctx)
            {
                actix::spawn(tell(&addr, Collected));
            }
        }
    }

    fn batch(&mut self, key: &StageKey, ctx: &Context<Self>) -> Option<Addr<super::batch::BatchActor>> {
        let Some((version, Trigger::Batch(trigger))) = self.trigger(key) else {
            tracing::warn!(stage = %key, "objects are collecting for a stage that the pipeline's newest version does not have as a batch stage");
            return None;
        };
        Some(self.population.batch(key, trigger, version, &ctx.address()))
    }
}

impl Actor for Router {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        ctx.set_mailbox_capacity(64);
        ctx.run_interval(ROUNDS_EVERY, |router, ctx| {
            router.look_again(ctx);
            let rounds = router.population.rounds();
            ctx.spawn(rounds.into_actor(router).map(|retired, router, _| router.population.retire(retired)));
        });
    }
}

/// Tells the router of the actors that came after it.
pub(crate) struct Meet(pub Singletons);
message!(Meet => ());

impl Handler<Envelope<Meet>> for Router {
    type Result = ();

    fn handle(&mut self, envelope: Envelope<Meet>, _: &mut Self::Context) {
        self.population.meet(envelope.body.0);
    }
}

impl Handler<Envelope<Route>> for Router {
    type Result = ResponseActFuture<Self, Result<()>>;

    fn handle(&mut self, envelope: Envelope<Route>, _: &mut Self::Context) -> Self::Result {
        let Route { events, passed } = envelope.body;
        let sorted = admission::sort(&self.shared, &self.routes, &self.pipelines, events);
        let work = handed_over::admit(self.shared.clone(), sorted, passed, self.pipelines.clone());
        Box::pin(work.into_actor(self).then(|(admissions, result), router, ctx| {
            let passed = router.pass_on(admissions, ctx);
            async move {
                passed.await;
                result
            }
            .into_actor(router)
        }))
    }
}

impl Handler<Envelope<Submit>> for Router {
    type Result = ResponseActFuture<Self, Result<Vec<SubmitOutcome>>>;

    fn handle(&mut self, envelope: Envelope<Submit>, _: &mut Self::Context) -> Self::Result {
        let routes = self.routes.clone();
        let work = admission::submit(self.shared.clone(), routes, self.pipelines.clone(), envelope.body.0);
        Box::pin(work.into_actor(self).then(|result, router, ctx| {
            let (admissions, result) = match result {
                Ok((admissions, outcomes)) => (admissions, Ok(outcomes)),
                Err(failure) => (Vec::new(), Err(failure)),
            };
            let passed = router.pass_on(admissions, ctx);
            async move {
                passed.await;
                result
            }
            .into_actor(router)
        }))
    }
}

impl Handler<Envelope<Release>> for Router {
    type Result = ResponseActFuture<Self, Result<Vec<std::result::Result<bool, Failure>>>>;

    fn handle(&mut self, envelope: Envelope<Release>, _: &mut Self::Context) -> Self::Result {
        let work = release::admit(self.shared.clone(), self.pipelines.clone(), envelope.body.0);
        Box::pin(work.into_actor(self).then(|result, router, ctx| {
            let (admissions, result) = match result {
                Ok((admissions, outcomes)) => (admissions, Ok(outcomes)),
                Err(failure) => (Vec::new(), Err(failure)),
            };
            let passed = router.pass_on(admissions, ctx);
            async move {
                passed.await;
                result
            }
            .into_actor(router)
        }))
    }
}

impl Handler<Envelope<Apply>> for Router {
    type Result = ResponseActFuture<Self, Result<Applied>>;

    fn handle(&mut self, envelope: Envelope<Apply>, _: &mut Self::Context) -> Self::Result {
        let (shared, pipeline) = (self.shared.clone(), envelope.body.0);
        let work = async move {
            let at = shared.now();
            let applied = shared.ports.ledger.apply_pipeline(&pipeline, at).await?;
            Ok((applied, PipelineVersion { version: applied.version, at, pipeline: *pipeline }))
        };
        Box::pin(work.into_actor(self).then(|result: Result<(Applied, PipelineVersion)>, router, ctx| {
            let rerouted = match &result {
                Ok((applied, version)) if applied.changed => router.adopt(version.clone(), ctx),
                _ => None,
            };
            async move {
                if let Some(rerouted) = rerouted {
                    rerouted.await;
                }
                result.map(|(applied, _)| applied)
            }
            .into_actor(router)
        }))
    }
}

impl Router {
    /// Takes up a pipeline's new version: its routes, its triggers, and the objects that no
    /// pipeline took until now.
    fn adopt(&mut self, version: PipelineVersion, ctx: &Context<Self>) -> Option<std::pin::Pin<Box<dyn Future<Output = ()>>>> {
        self.pipelines.insert(version.pipeline.dataset.clone(), Arc::new(version.clone()));
        self.routes = Routes::of(self.pipelines.values().map(|version| &version.pipeline));
        self.population.retrigger(&version);
        let (shared, router) = (self.shared.clone(), ctx.address());
        Some(Box::pin(async move { admission::reroute(&shared, &router).await }))
    }
}

impl Handler<Envelope<Deliver>> for Router {
    type Result = ResponseFuture<()>;

    fn handle(&mut self, envelope: Envelope<Deliver>, ctx: &mut Self::Context) -> Self::Result {
        let Deliver { stage, executions } = envelope.body;
        let admissions = executions.into_iter().map(|execution| (stage.clone(), Admission::Started(Box::new(execution)))).collect();
        Box::pin(self.pass_on(admissions, ctx))
    }
}

impl Handler<Envelope<HandOn>> for Router {
    type Result = ResponseFuture<()>;

    fn handle(&mut self, envelope: Envelope<HandOn>, ctx: &mut Self::Context) -> Self::Result {
        Box::pin(self.pass_on(envelope.body.0, ctx))
    }
}

impl Handler<Envelope<TablePublished>> for Router {
    type Result = ResponseFuture<()>;

    fn handle(&mut self, envelope: Envelope<TablePublished>, _: &mut Self::Context) -> Self::Result {
        let table = envelope.body.0;
        let told: Vec<_> = self.population.stages().map(|stage| tell(stage, stage::TableIsThere(table.clone()))).collect();
        Box::pin(async move {
            futures::future::join_all(told).await;
        })
    }
}

impl Handler<Envelope<Pause>> for Router {
    type Result = ResponseActFuture<Self, Result<bool>>;

    fn handle(&mut self, envelope: Envelope<Pause>, _: &mut Self::Context) -> Self::Result {
        let Pause { stage, paused } = envelope.body;
        if self.trigger(&stage).is_none() {
            let known = self.pipelines.values().flat_map(|version| {
                version.pipeline.stages.iter().map(|stage| StageKey::new(version.pipeline.dataset.clone(), &stage.name).to_string())
            });
            let failure = Failure::new(FailureCode::NotFound, format!("there is no stage {stage}"))
                .hint(format!("the stages are {}", known.collect::<Vec<_>>().join(", ")));
            return Box::pin(std::future::ready(Err(failure)).into_actor(self));
        }
        let shared = self.shared.clone();
        let work = async move { (shared.ports.ledger.set_paused(&stage, paused).await, stage) };
        Box::pin(work.into_actor(self).then(move |(changed, stage), router, _| {
            let told = changed.is_ok().then(|| router.population.pause(&stage, paused));
            async move {
                if let Some((stage, batch)) = told {
                    if let Some(stage) = stage {
                        tell(&stage, stage::SetPaused(paused)).await;
                    }
                    if let Some(batch) = batch {
                        tell(&batch, SetPaused(paused)).await;
                    }
                }
                changed
            }
            .into_actor(router)
        }))
    }
}

impl Handler<Envelope<SealAll>> for Router {
    type Result = ResponseFuture<Result<u32>>;

    fn handle(&mut self, _: Envelope<SealAll>, ctx: &mut Self::Context) -> Self::Result {
        let keys: Vec<StageKey> = self.pipelines.values().flat_map(|version| batch_stages(version)).collect();
        let batches: Vec<_> = keys.iter().filter_map(|key| self.batch(key, ctx)).collect();
        Box::pin(async move {
            let mut sealed = 0;
            for batch in batches {
                sealed += batch.send(Envelope::many(SealNow)).await.map_err(|_| super::gone("batch"))??;
            }
            Ok(sealed)
        })
    }
}

/// An actor that retired or died while it was spoken to is made again, and reads the ledger.
async fn wake_unless_heard(heard: bool, stage: StageKey, router: Addr<Router>) {
    if !heard {
        tell(&router, Wake(vec![stage])).await;
    }
}

fn batch_stages(version: &PipelineVersion) -> Vec<StageKey> {
    let batch = version.pipeline.stages.iter().filter(|stage| matches!(stage.trigger, Trigger::Batch(_)));
    batch.map(|stage| StageKey::new(version.pipeline.dataset.clone(), &stage.name)).collect()
}

impl Handler<Envelope<Wake>> for Router {
    type Result = ();

    fn handle(&mut self, envelope: Envelope<Wake>, ctx: &mut Self::Context) {
        for stage in envelope.body.0 {
            self.population.stage(&stage);
            if matches!(self.trigger(&stage), Some((_, Trigger::Batch(_)))) {
                self.batch(&stage, ctx);
            }
        }
    }
}
