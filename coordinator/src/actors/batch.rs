//! A batch actor: watches the open batch of one stage and seals it when it is due.

use std::time::Duration;

use actix::{Actor, ActorContext as _, ActorFutureExt, Addr, AsyncContext, Context, Handler, ResponseActFuture, SpawnHandle, WrapFuture};
use lakegate_model::{
    StageKey,
    machine::batch::{Due, OpenBatch, SealReason, decide},
    pipeline::BatchTrigger,
};

use super::{
    envelope::{Envelope, message, tell},
    router::{Deliver, Router},
};
use crate::{
    ports::{
        Result,
        ledger::{Execution, SealRequest},
    },
    shared::Shared,
};

/// The longest an actor sleeps before it looks again: a wall clock may be set.
const LOOK_AT_LEAST_EVERY: Duration = Duration::from_secs(30);
/// The wait after the ledger failed.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// Watches one stage's open batch.
pub(crate) struct BatchActor {
    shared: Shared,
    router: Addr<Router>,
    stage: StageKey,
    trigger: BatchTrigger,
    pipeline_version: u32,
    paused: bool,
    open: OpenBatch,
    /// Seals and reads of the ledger go one after another; `true` while one is under way.
    busy: bool,
    /// Something came while one was under way.
    again: bool,
    timer: Option<SpawnHandle>,
}

/// Members were added to the stage's open batch in the ledger.
pub(crate) struct Collected;
message!(Collected => ());

/// Seal what there is; the answer is how many batches were sealed.
pub(crate) struct SealNow;
message!(SealNow => Result<u32>);

/// Pause or resume.
pub(crate) struct SetPaused(pub bool);
message!(SetPaused => ());

/// The trigger of a newer pipeline version.
pub(crate) struct Retrigger {
    /// The trigger.
    pub trigger: BatchTrigger,
    /// The version that has it.
    pub pipeline_version: u32,
}
message!(Retrigger => ());

impl BatchActor {
    /// The actor of a stage; it reads the open batch from the ledger when it starts.
    pub(crate) fn new(
        shared: Shared,
        router: Addr<Router>,
        stage: StageKey,
        trigger: BatchTrigger,
        pipeline_version: u32,
        paused: bool,
    ) -> BatchActor {
        BatchActor {
            shared,
            router,
            stage,
            trigger,
            pipeline_version,
            paused,
            open: OpenBatch::default(),
            busy: false,
            again: false,
            timer: None,
        }
    }

    /// Reads the open batch, seals it as often as it is due, and sets the timer.
    fn look(&mut self, ctx: &mut Context<Self>) {
        if self.busy {
            self.again = true;
            return;
        }
        self.busy = true;
        let work = look_and_seal(self.shared.clone(), self.request(SealReason::Requested), self.paused, false);
        ctx.spawn(work.into_actor(self).map(|result, actor, ctx| drop(actor.looked(result, ctx))));
    }

    /// After a look: deliver what was sealed and set the timer.
    fn looked(&mut self, result: Result<Looked>, ctx: &mut Context<Self>) -> Result<u32> {
        self.busy = false;
        let next = match result {
            Ok(looked) => {
                self.open = looked.open;
                let sealed = u32::try_from(looked.sealed.len()).unwrap_or(u32::MAX);
                self.deliver(looked.sealed);
                self.set_timer(looked.due, ctx);
                Ok(sealed)
            }
            Err(failure) => {
                tracing::warn!(stage = %self.stage, %failure, "the batch could not be looked at; trying again");
                // It may be sealed all the same, or others before it were.
                self.shared.doubt.add([self.stage.clone()]);
                self.wake_in(RETRY_AFTER, ctx);
                Err(failure)
            }
        };
        if std::mem::take(&mut self.again) {
            self.look(ctx);
        }
        next
    }

    fn deliver(&self, sealed: Vec<Execution>) {
        if sealed.is_empty() {
            return;
        }
        // A router that is gone loses nothing: the executions are in the ledger.
        actix::spawn(tell(&self.router, Deliver { stage: self.stage.clone(), executions: sealed }));
    }

    fn set_timer(&mut self, due: Due, ctx: &mut Context<Self>) {
        match due {
            Due::At(at) => self.wake_in(at.since(self.shared.now()).min(LOOK_AT_LEAST_EVERY), ctx),
            Due::Seal(_) if self.paused => {}
            Due::Seal(_) => self.wake_in(Duration::ZERO, ctx),
            Due::OnArrival => {}
        }
    }

    fn wake_in(&mut self, wait: Duration, ctx: &mut Context<Self>) {
        if let Some(timer) = self.timer.take() {
            ctx.cancel_future(timer);
        }
        let wait = wait.max(Duration::from_millis(1));
        self.timer = Some(ctx.run_later(wait, |actor, ctx| {
            actor.timer = None;
            actor.look(ctx);
        }));
    }

    /// Whether nothing is collecting and nothing is under way.
    fn is_idle(&self) -> bool {
        self.open.objects == 0 && !self.busy && !self.again
    }

    fn request(&self, reason: SealReason) -> SealRequest {
        SealRequest {
            stage: self.stage.clone(),
            trigger: self.trigger.clone(),
            pipeline_version: self.pipeline_version,
            reason,
            at: self.shared.now(),
            trace: self.shared.tracer.new_trace().at([0; 8]),
        }
    }
}

/// What a look at the open batch came to.
struct Looked {
    open: OpenBatch,
    due: Due,
    sealed: Vec<Execution>,
}

/// Seals as often as the batch is due, or until it is empty when `all` is asked for.
async fn look_and_seal(shared: Shared, request: SealRequest, paused: bool, all: bool) -> Result<Looked> {
    let mut sealed = Vec::new();
    loop {
        let open = shared.ports.ledger.open_batch(&request.stage, &request.trigger).await?;
        let now = shared.now();
        let due = decide(&request.trigger, &open, now);
        let reason = match due {
            _ if paused || open.objects == 0 => return Ok(Looked { open, due, sealed }),
            Due::Seal(reason) => reason,
            _ if all => SealReason::Requested,
            _ => return Ok(Looked { open, due, sealed }),
        };
        let next = SealRequest { reason, at: now, trace: shared.tracer.new_trace().at([0; 8]), ..request.clone() };
        if let Some(batch) = shared.ports.ledger.seal(next).await? {
            tracing::info!(
                stage = %request.stage, batch = %batch.batch.id, objects = batch.batch.objects, reason = reason.as_str(),
                trace_id = batch.execution.trace.trace_id_hex(), "batch sealed"
            );
            sealed.push(batch.execution);
        }
    }
}

impl Actor for BatchActor {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        ctx.set_mailbox_capacity(64);
        self.look(ctx);
    }
}

impl Handler<Envelope<Collected>> for BatchActor {
    type Result = ();

    fn handle(&mut self, _: Envelope<Collected>, ctx: &mut Self::Context) {
        self.look(ctx);
    }
}

impl Handler<Envelope<SealNow>> for BatchActor {
    type Result = ResponseActFuture<Self, Result<u32>>;

    fn handle(&mut self, _: Envelope<SealNow>, _: &mut Self::Context) -> Self::Result {
        // Seals are safe to run beside one another: the ledger gives each member to one of them.
        let work = look_and_seal(self.shared.clone(), self.request(SealReason::Requested), self.paused, true);
        Box::pin(work.into_actor(self).map(|result, actor, ctx| actor.looked(result, ctx)))
    }
}

impl Handler<Envelope<SetPaused>> for BatchActor {
    type Result = ();

    fn handle(&mut self, envelope: Envelope<SetPaused>, ctx: &mut Self::Context) {
        self.paused = envelope.body.0;
        self.look(ctx);
    }
}

impl Handler<Envelope<Retrigger>> for BatchActor {
    type Result = ();

    fn handle(&mut self, envelope: Envelope<Retrigger>, ctx: &mut Self::Context) {
        let Retrigger { trigger, pipeline_version } = envelope.body;
        (self.trigger, self.pipeline_version) = (trigger, pipeline_version);
        self.look(ctx);
    }
}

/// Go, if there is nothing to do; the ledger remembers the rest.
pub(crate) struct RetireIfIdle;
message!(RetireIfIdle => bool);

impl Handler<Envelope<RetireIfIdle>> for BatchActor {
    type Result = bool;

    fn handle(&mut self, _: Envelope<RetireIfIdle>, ctx: &mut Self::Context) -> bool {
        let idle = self.is_idle();
        if idle {
            ctx.stop();
        }
        idle
    }
}
