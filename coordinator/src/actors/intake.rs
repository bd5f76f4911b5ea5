//! Intake: takes messages from one source, hands their events to the router, and acknowledges them
//! once the router says that everything is in the ledger, and what was not understood is in quarantine.
//! While ledger or quarantine are away it holds what it has taken. A message that the ledger refuses for
//! good goes back to its source alone.

use std::{sync::Arc, time::Duration};

use actix::{Actor, ActorContext as _, ActorFutureExt, Addr, AsyncContext, Context, WrapFuture};
use lakegate_model::{Failure, Fault};

use super::{
    envelope::Envelope,
    gone,
    router::{Route, Router},
};
use crate::{
    ports::{EventSource, Message, Receipt, Result},
    quarantine::Event,
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
    let mut patience = Patience::default();
    loop {
        match take_once(&shared, &source, &router).await {
            Ok(()) => patience = Patience::default(),
            // The router is gone for good: the system is stopping or beginning anew.
            Err(_) if !router.connected() => return,
            Err(failure) => patience.wait(source.name(), &failure).await,
        }
    }
}

async fn take_once(shared: &Shared, source: &Arc<dyn EventSource>, router: &Addr<Router>) -> Result<()> {
    let messages = source.receive(MESSAGES).await?;
    let mut refused = Ok(());
    // What is refused for good is halved until the message at fault is alone.
    let mut groups = vec![messages];
    while let Some(mut group) = groups.pop() {
        let receipts: Vec<Receipt> = group.iter().map(|message| message.receipt.clone()).collect();
        let done = match insist(shared, source.name(), &group, router).await {
            Ok(()) => source.acknowledge(receipts).await,
            Err(_) if group.len() > 1 && router.connected() => {
                let later = group.split_off(group.len() / 2);
                groups.extend([later, group]);
                continue;
            }
            Err(failure) => source.hand_back(receipts).await.and(Err(failure)),
        };
        // The other groups are held all the same, and have their turn.
        refused = done.and(refused);
    }
    refused
}

/// Has messages written down, and waits as long as it takes for a ledger that is away. They are held
/// meanwhile: handed back they would come again at once, and a queue that counts how often they came
/// would soon take good ones for dead letters.
async fn insist(shared: &Shared, source: &str, messages: &[Message], router: &Addr<Router>) -> Result<()> {
    let mut patience = Patience::default();
    loop {
        match admit(shared, source, messages, router).await {
            Err(failure) if failure.fault() == Fault::Outside && router.connected() => patience.wait(source, &failure).await,
            done => return done,
        }
    }
}

async fn admit(shared: &Shared, source: &str, messages: &[Message], router: &Addr<Router>) -> Result<()> {
    set_aside(shared, source, messages).await?;
    let events = messages.iter().flat_map(|message| message.events.iter().cloned()).collect();
    let passed = messages.iter().flat_map(|message| message.passed.iter().cloned()).collect();
    router.send(Envelope::many(Route { events, passed })).await.unwrap_or_else(|_| Err(gone("router")))
}

/// Waits longer after each failure.
#[derive(Default)]
struct Patience {
    failures: u32,
}

impl Patience {
    async fn wait(&mut self, source: &str, failure: &Failure) {
        self.failures += 1;
        tracing::warn!(source, %failure, failures = self.failures, "intake waits before it tries again");
        let wait = Duration::from_millis(100).saturating_mul(1 << self.failures.min(6)).min(MAX_WAIT);
        tokio::time::sleep(wait).await;
    }
}

/// Puts what was not understood into quarantine, with the reason.
async fn set_aside(shared: &Shared, source: &str, messages: &[Message]) -> Result<()> {
    for part in messages.iter().flat_map(|message| &message.not_understood) {
        let event = Event::new(source, part, shared.now());
        tracing::warn!(source, reason = part.reason, id = event.id(), "an event is not understood and is set aside");
        event.write(shared).await?;
    }
    Ok(())
}
