//! Intake: takes messages from one source, hands their events to the router, and acknowledges them
//! once the router says that everything is in the ledger, and what was not understood is in quarantine.

use std::{sync::Arc, time::Duration};

use actix::{Actor, ActorContext as _, ActorFutureExt, Addr, AsyncContext, Context, WrapFuture};
use lakegate_model::{layout, pipeline::Zone};
use serde_json::json;

use super::{
    envelope::Envelope,
    gone,
    router::{Route, Router},
};
use crate::{
    ports::{EventSource, Message, Result},
    shared::Shared,
};

/// Messages taken at once. One group is under way at a time, so that events of one key keep their order.
const MESSAGES: usize = 512;
/// The longest wait after a failure of the source or the ledger.
const MAX_WAIT: Duration = Duration::from_secs(5);

/// Takes in what one source tells.
pub(crate) struct Intake {
    shared: Shared,
    source: Arc<dyn EventSource>,
    router: Addr<Router>,
}

impl Intake {
    /// Intake from a source.
    pub(crate) fn new(shared: Shared, source: Arc<dyn EventSource>, router: Addr<Router>) -> Intake {
        Intake { shared, source, router }
    }
}

impl Actor for Intake {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        let (shared, source, router) = (self.shared.clone(), Arc::clone(&self.source), self.router.clone());
        ctx.spawn(take_in(shared, source, router).into_actor(self).map(|(), _, ctx| ctx.terminate()));
    }
}

async fn take_in(shared: Shared, source: Arc<dyn EventSource>, router: Addr<Router>) {
    let mut failures = 0_u32;
    loop {
        match take_once(&shared, &source, &router).await {
            Ok(()) => failures = 0,
            // The router is gone for good: the system is stopping or beginning anew.
            Err(_) if !router.connected() => return,
            Err(failure) => {
                failures += 1;
                tracing::warn!(source = source.name(), %failure, failures, "intake waits before it tries again");
                let wait = Duration::from_millis(100).saturating_mul(1 << failures.min(6)).min(MAX_WAIT);
                tokio::time::sleep(wait).await;
            }
        }
    }
}

async fn take_once(shared: &Shared, source: &Arc<dyn EventSource>, router: &Addr<Router>) -> Result<()> {
    let messages = source.receive(MESSAGES).await?;
    let receipts = messages.iter().map(|message| message.receipt.clone()).collect();
    let admitted = match set_aside(shared, source.name(), &messages).await {
        Ok(()) => router.send(Envelope::many(Route(events(messages)))).await.unwrap_or_else(|_| Err(gone("router"))),
        Err(failure) => Err(failure),
    };
    match admitted {
        Ok(()) => source.acknowledge(receipts).await,
        Err(failure) => {
            source.hand_back(receipts).await?;
            Err(failure)
        }
    }
}

/// Puts what was not understood into quarantine, with the reason.
async fn set_aside(shared: &Shared, source: &str, messages: &[Message]) -> Result<()> {
    for part in messages.iter().flat_map(|message| &message.not_understood) {
        let at = layout::quarantined_event(shared.zones.location(Zone::Stage), source, &part.body);
        tracing::warn!(source, reason = part.reason, %at, "an event is not understood and is set aside");
        let record = json!({ "source": source, "at": shared.now(), "reason": part.reason, "body": part.body });
        shared.ports.storage.write(&at, record.to_string().into_bytes()).await?;
    }
    Ok(())
}

fn events(messages: Vec<Message>) -> Vec<lakegate_model::event::ObjectEvent> {
    messages.into_iter().flat_map(|message| message.events).collect()
}
