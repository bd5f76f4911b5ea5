//! Events that were not understood: a file for each, with its reason, and whether it was released.

use std::sync::Arc;

use futures::{FutureExt as _, StreamExt as _, TryStreamExt as _};
use lakegate_model::{Failure, FailureCode, Location, Timestamp, layout, pipeline::Zone};
use serde::{Deserialize, Serialize};

use crate::{
    ports::{EventSource, Message, NotUnderstood, Result},
    shared::Shared,
};

/// Files read at a time.
const READS: usize = 16;

/// An event that was not understood.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Event {
    /// What told it.
    pub source: String,
    /// When.
    pub at: Timestamp,
    /// Why it was not understood.
    pub reason: String,
    /// It, as it came.
    pub body: String,
    /// What it was released as: ids of objects, or keys.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub released_as: Option<String>,
}

impl Event {
    /// An event that comes now. One that was released and comes again is set aside again.
    pub(crate) fn new(source: &str, part: &NotUnderstood, at: Timestamp) -> Event {
        Event { source: source.to_owned(), at, reason: part.reason.clone(), body: part.body.clone(), released_as: None }
    }

    /// Its id.
    pub(crate) fn id(&self) -> String {
        layout::event_id(&self.source, &self.body)
    }

    /// Where it lies.
    pub(crate) fn location(&self, shared: &Shared) -> Location {
        folder(shared).join(&layout::event_file(&self.id()))
    }

    /// Writes it down. `Ok` is durable.
    pub(crate) async fn write(&self, shared: &Shared) -> Result<()> {
        let bytes = serde_json::to_vec(self).map_err(|error| Failure::new(FailureCode::Internal, error.to_string()))?;
        shared.ports.storage.write(&self.location(shared), bytes).await
    }

    /// What its source makes of it now.
    ///
    /// # Errors
    /// It is still not understood, or says nothing for this lake; or nobody reads that source any more, or just now.
    pub(crate) fn read_again(&self, sources: &[Arc<dyn EventSource>]) -> Result<Message> {
        let refused = |why: String| Failure::new(FailureCode::InvalidRequest, why);
        if sources.is_empty() {
            return Err(Failure::new(FailureCode::Unavailable, "no lake is running here whose sources could read it again")
                .hint("start it with `lakegate up`"));
        }
        let source = sources.iter().find(|source| source.name() == self.source);
        let Some(message) = source.and_then(|source| source.read_again(&self.body)) else {
            return Err(refused(format!("this coordinator reads nothing from {}", self.source))
                .hint("name the source among `events` in lakegate.yaml, or hand the object in with `lakegate submit`"));
        };
        match message.not_understood.first() {
            Some(still) => Err(refused(format!("it is still not understood: {}", still.reason))
                .hint("hand the object in with `lakegate submit`, or mend what sends such events")),
            None if message.events.is_empty() && message.passed.is_empty() => {
                Err(refused("it says nothing of this lake's zones".to_owned()))
            }
            None => Ok(message),
        }
    }
}

/// What a message is of, for people: ids of objects, or keys of what is handed to a stage.
pub(crate) fn subjects(message: &Message) -> String {
    let events = message.events.iter().map(|event| event.object.id().to_string());
    events.chain(message.passed.iter().map(|passed| passed.key.clone())).collect::<Vec<_>>().join(", ")
}

fn folder(shared: &Shared) -> Location {
    layout::quarantined_events(shared.zones.location(Zone::Stage))
}

/// Events whose ids come after this one, in the order of their ids, at most `limit`; and the last id looked at, if
/// there may be more.
pub(super) async fn after(shared: &Shared, id: &str, limit: usize) -> Result<(Vec<Event>, Option<String>)> {
    let after = if id.is_empty() { String::new() } else { layout::event_file(id) };
    let names = shared.ports.storage.list(&folder(shared), &after, limit).await?;
    let last = names.last().filter(|_| names.len() >= limit).and_then(|name| name.strip_suffix(".json")).map(str::to_owned);
    // In boxes: the compiler can't see by itself that these may be sent, whatever the lifetimes.
    let reads: Vec<_> = names.iter().map(|name| read(shared, name).boxed()).collect();
    let events: Vec<Option<Event>> = futures::stream::iter(reads).buffered(READS).try_collect().await?;
    Ok((events.into_iter().flatten().collect(), last))
}

/// The events whose ids begin so, at most two.
pub(super) async fn by_prefix(shared: &Shared, prefix: &str) -> Result<Vec<Event>> {
    let prefix = prefix.strip_prefix(layout::EVENT).unwrap_or(prefix);
    let names = shared.ports.storage.list(&folder(shared), prefix, 2).await?;
    let mut found = Vec::new();
    for name in names.iter().filter(|name| name.starts_with(prefix)) {
        found.extend(read(shared, name).await?);
    }
    Ok(found)
}

/// `None` for a file that is gone, or that is none of these.
async fn read(shared: &Shared, name: &str) -> Result<Option<Event>> {
    let Some(bytes) = shared.ports.storage.read(&folder(shared).join(name)).await? else { return Ok(None) };
    Ok(serde_json::from_slice(&bytes).ok())
}

#[cfg(test)]
mod tests {
    use async_trait::async_trait;
    use lakegate_model::{ObjectVersion, event::ObjectEvent};

    use super::*;
    use crate::ports::Receipt;

    /// A source that understands keys of CSV files, and of nothing that ends with `?`.
    struct Keys;

    #[async_trait]
    impl EventSource for Keys {
        fn name(&self) -> &str {
            "keys"
        }

        async fn receive(&self, _max: usize) -> Result<Vec<Message>> {
            std::future::pending().await
        }

        async fn acknowledge(&self, _receipts: Vec<Receipt>) -> Result<()> {
            Ok(())
        }

        async fn hand_back(&self, _receipts: Vec<Receipt>) -> Result<()> {
            Ok(())
        }

        fn read_again(&self, body: &str) -> Option<Message> {
            let object = ObjectVersion { bucket: "raw".into(), key: body.into(), version: "1".into(), sequencer: None, size: 1 };
            let not_understood = body.ends_with('?').then(|| NotUnderstood { body: body.into(), reason: "it asks".into() });
            let events = body.ends_with(".csv").then(|| ObjectEvent::created(object, Timestamp(0)));
            let (events, not_understood) = (events.into_iter().collect(), not_understood.into_iter().collect());
            Some(Message { receipt: Receipt(String::new()), events, passed: Vec::new(), not_understood })
        }

        fn arriving(&self) -> u64 {
            0
        }
    }

    fn event(source: &str, body: &str) -> Event {
        Event::new(source, &NotUnderstood { body: body.into(), reason: "no".into() }, Timestamp(0))
    }

    #[test]
    fn an_event_is_released_as_what_its_source_makes_of_it_now() {
        let sources: [Arc<dyn EventSource>; 1] = [Arc::new(Keys)];
        let message = event("keys", "a.csv").read_again(&sources).unwrap();
        assert_eq!(subjects(&message), message.events[0].object.id().to_string());
        for (source, body, why) in
            [("keys", "a?", "still not understood: it asks"), ("keys", "a", "nothing of this lake"), ("gone", "a.csv", "from gone")]
        {
            let refused = event(source, body).read_again(&sources).unwrap_err();
            assert!(refused.message.contains(why) && refused.code == FailureCode::InvalidRequest, "{refused}");
        }
        assert_eq!(event("keys", "a.csv").read_again(&[]).unwrap_err().code, FailureCode::Unavailable);
    }

    #[test]
    fn events_written_before_they_could_be_released_are_read() {
        let old = r#"{"source":"keys","at":7,"reason":"no","body":"a?"}"#;
        let read: Event = serde_json::from_str(old).unwrap();
        assert_eq!(read, Event { at: Timestamp(7), ..event("keys", "a?") });
        assert_eq!(serde_json::to_value(&read).unwrap(), serde_json::from_str::<serde_json::Value>(old).unwrap());
    }
}
