//! The courier: sends the messages that moves have left in the ledger, and marks them as sent. Each
//! destination has a delivery of its own, so that one that is away keeps no other's messages.

use std::{collections::HashMap, time::Duration};

use actix::{Actor, ActorFutureExt, AsyncContext, Context, Handler, WrapFuture};
use lakegate_model::{Retry, destination::Destination};

use super::envelope::{Envelope, message};
use crate::{
    ports::{Outgoing, Result},
    shared::Shared,
};

/// Messages that are read and sent at once.
const AT_ONCE: usize = 100;
/// How often the ledger is asked for messages that nobody told of.
const LOOK_EVERY: Duration = Duration::from_secs(30);
/// The longest wait before a destination is tried again.
const MAX_WAIT: Duration = Duration::from_secs(60);

/// The courier.
pub(crate) struct Courier {
    shared: Shared,
    /// The destinations that a delivery is under way to, and whether there was news meanwhile.
    under_way: HashMap<Destination, bool>,
}

/// There are new messages in the ledger.
pub(crate) struct Left(pub Vec<Destination>);
message!(Left => ());

impl Courier {
    /// A courier with nothing under way.
    pub(crate) fn new(shared: Shared) -> Courier {
        Courier { shared, under_way: HashMap::new() }
    }

    fn look(&mut self, ctx: &mut Context<Self>) {
        let shared = self.shared.clone();
        let work = async move { shared.ports.ledger.destinations().await };
        ctx.spawn(work.into_actor(self).map(|found, courier, ctx| match found {
            Ok(destinations) => destinations.into_iter().for_each(|to| courier.deliver(to, ctx)),
            Err(failure) => tracing::warn!(%failure, "the messages that wait can't be read; looking again later"),
        }));
    }

    fn deliver(&mut self, to: Destination, ctx: &mut Context<Self>) {
        if let Some(news) = self.under_way.get_mut(&to) {
            *news = true;
            return;
        }
        self.under_way.insert(to.clone(), false);
        let work = deliver_all(self.shared.clone(), to.clone());
        ctx.spawn(work.into_actor(self).map(|(), courier, ctx| {
            // What came between the last look and now.
            if courier.under_way.remove(&to) == Some(true) {
                courier.deliver(to, ctx);
            }
        }));
    }
}

impl Actor for Courier {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        ctx.set_mailbox_capacity(64);
        self.look(ctx);
        ctx.run_interval(LOOK_EVERY, Courier::look);
    }
}

impl Handler<Envelope<Left>> for Courier {
    type Result = ();

    fn handle(&mut self, envelope: Envelope<Left>, ctx: &mut Self::Context) {
        for to in envelope.body.0 {
            self.deliver(to, ctx);
        }
    }
}

/// Sends what waits for a destination, until nothing does.
async fn deliver_all(shared: Shared, to: Destination) {
    let mut failures = 0_u32;
    loop {
        match deliver_some(&shared, &to).await {
            Ok(0) => break,
            Ok(_) => failures = 0,
            Err(failure) => {
                failures += 1;
                shared.outbox.troubled(&to);
                tracing::warn!(to = to.for_logs(), %failure, failures, "messages wait for their destination");
                tokio::time::sleep(Duration::from_millis(100).saturating_mul(1 << failures.min(10)).min(MAX_WAIT)).await;
            }
        }
    }
    shared.outbox.well(&to);
}

/// Sends some of what waits; how many messages it was.
async fn deliver_some(shared: &Shared, to: &Destination) -> Result<usize> {
    let messages = shared.ports.ledger.outgoing(to, AT_ONCE).await?;
    if messages.is_empty() {
        return Ok(0);
    }
    let answers = shared.ports.messenger.send(to, &messages).await;
    let (mut done, mut trouble) = (Vec::new(), None);
    for (message, answer) in messages.iter().zip(answers) {
        match answer {
            Ok(()) => done.push(message.id.clone()),
            Err(failure) if failure.retry() == Retry::Never && is_droppable(message) => {
                tracing::error!(to = to.for_logs(), id = message.id, kind = message.kind, %failure, "a message can't be sent, and is given up");
                done.push(message.id.clone());
            }
            Err(failure) => trouble = Some(failure),
        }
    }
    let count = done.len();
    // Counted before they are marked: until then their destination is.
    let objects = messages.iter().filter(|message| message.kind == crate::passing::KIND && done.contains(&message.id));
    shared.on_the_way.sent(objects.count());
    if !done.is_empty() {
        shared.ports.ledger.mark_sent(done).await?;
    }
    trouble.map_or(Ok(count), Err)
}

/// A notification may be given up; an object that is to arrive at a stage may not.
fn is_droppable(message: &Outgoing) -> bool {
    message.kind != crate::passing::KIND
}
