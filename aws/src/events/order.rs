//! The order of events of one key: S3's `sequencer` says it, and a queue does not keep it. Events are
//! put right among those at hand; the others are the ledger's to put right.

use std::{cmp::Ordering, collections::HashMap};

use lakegate_coordinator::ports::Message;
use lakegate_model::{event::ObjectEvent, object::is_earlier};

/// Puts the events of one message that are of one key into order. Other keys stay where they are.
pub(crate) fn within(events: &mut [ObjectEvent]) {
    rearrange(events, |event| Some(event));
}

/// Puts messages into the order of their events. A message's events stay in it, because they share
/// its receipt: only messages with a single event, as S3 sends them, change places.
pub(crate) fn among(messages: &mut [Message]) {
    rearrange(messages, |message| single(&message.events));
}

fn single(events: &[ObjectEvent]) -> Option<&ObjectEvent> {
    let [event] = events else { return None };
    Some(event)
}

/// Sorts, for each key, what is about it among the places that it has.
fn rearrange<T: Clone>(items: &mut [T], about: impl Fn(&T) -> Option<&ObjectEvent>) {
    let mut places: HashMap<(&str, &str), Vec<usize>> = HashMap::new();
    for (place, item) in items.iter().enumerate() {
        if let Some(ObjectEvent { object, .. }) = about(item).filter(|event| event.object.sequencer.is_some()) {
            places.entry((&object.bucket, &object.key)).or_default().push(place);
        }
    }
    let several: Vec<Vec<usize>> = places.into_values().filter(|places| places.len() > 1).collect();
    for places in several {
        let mut sorted: Vec<T> = places.iter().map(|place| items[*place].clone()).collect();
        sorted.sort_by(|a, b| by_sequencer(about(a), about(b)));
        for (place, item) in places.into_iter().zip(sorted) {
            items[place] = item;
        }
    }
}

fn by_sequencer(a: Option<&ObjectEvent>, b: Option<&ObjectEvent>) -> Ordering {
    let [a, b] = [a, b].map(|event| event?.object.sequencer.as_deref());
    match (is_earlier(a, b), is_earlier(b, a)) {
        (true, _) => Ordering::Less,
        (_, true) => Ordering::Greater,
        _ => Ordering::Equal,
    }
}

#[cfg(test)]
mod tests {
    use lakegate_coordinator::ports::Receipt;
    use lakegate_model::{ObjectVersion, Timestamp};

    use super::*;

    fn event(key: &str, sequencer: Option<&str>) -> ObjectEvent {
        let sequencer = sequencer.map(str::to_owned);
        let object = ObjectVersion { bucket: "raw".into(), key: key.into(), version: "v".into(), sequencer, size: 1 };
        ObjectEvent::created(object, Timestamp(0))
    }

    fn sequencers(events: &[ObjectEvent]) -> Vec<&str> {
        events.iter().map(|event| event.object.sequencer.as_deref().unwrap_or("-")).collect()
    }

    #[test]
    fn events_of_one_key_are_put_into_order_and_others_stay() {
        let mut events =
            [event("a", Some("00C1")), event("b", Some("0002")), event("a", Some("00B")), event("b", None), event("a", Some("00A1"))];
        within(&mut events);
        assert_eq!(sequencers(&events), ["00A1", "0002", "00B", "-", "00C1"]);
        let keys: Vec<_> = events.iter().map(|event| event.object.key.as_str()).collect();
        assert_eq!(keys, ["a", "b", "a", "b", "a"]);
    }

    #[test]
    fn a_message_keeps_its_receipt_wherever_it_goes() {
        let message = |receipt: &str, events: Vec<ObjectEvent>| Message {
            receipt: Receipt(receipt.into()),
            events,
            passed: Vec::new(),
            not_understood: Vec::new(),
        };
        let mut messages = [
            message("late", vec![event("a", Some("2"))]),
            message("two", vec![event("a", Some("0")), event("b", Some("0"))]),
            message("other", vec![event("b", Some("1"))]),
            message("early", vec![event("a", Some("1"))]),
            message("none", Vec::new()),
        ];
        among(&mut messages);
        let receipts: Vec<_> = messages.iter().map(|message| message.receipt.0.as_str()).collect();
        assert_eq!(receipts, ["early", "two", "other", "late", "none"]);
        assert_eq!(sequencers(&messages[0].events), ["1"]);
    }
}
