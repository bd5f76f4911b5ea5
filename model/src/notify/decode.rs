//! Reads `{ on: […], to: … }`, in a pipeline file's `notify` step and in a team's defaults.

use super::{Event, Notify};
use crate::{destination::Destination, yaml::Value};

/// One that is to be told.
pub(crate) fn notify(value: Value<'_>) -> Option<Notify> {
    let fields = value.fields(&["on", "to"], &[])?;
    let on = fields.require("on").and_then(events);
    let to = fields.require("to").and_then(destination);
    Some(Notify { on: on?, to: to? })
}

/// One event, or a list of several.
fn events(value: Value<'_>) -> Option<Vec<Event>> {
    let known: Vec<(&'static str, Event)> = Event::ALL.iter().map(|event| (event.as_str(), *event)).collect();
    if value.as_text().is_some() {
        return Some(vec![value.one_of(&known)?]);
    }
    let events: Vec<Option<Event>> = value.filled_list()?.into_iter().map(|event| event.one_of(&known)).collect();
    events.into_iter().collect()
}

fn destination(value: Value<'_>) -> Option<Destination> {
    match value.filled_text()?.parse() {
        Ok(Destination::Queue(_)) => {
            value.wrong_with("nobody is told by a queue of SQS", "write `sns://topic` and let the queue subscribe to it");
            None
        }
        Ok(Destination::Webhook(url)) if url.starts_with("http://") && !is_here(&url) => {
            value.wrong_with("a webhook on another machine must be `https://`", "what is told would cross the network for all to read");
            None
        }
        Ok(destination) => Some(destination),
        Err(wrong) => {
            value.wrong_with(wrong, "one that is told is `sns://topic`, `eventbridge://bus` or `https://…`");
            None
        }
    }
}

/// Whether a URL is of this machine.
fn is_here(url: &str) -> bool {
    let host = url.trim_start_matches("http://").split(['/', '?', '#']).next().unwrap_or_default();
    let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
    ["localhost", "127.0.0.1", "[::1]"].contains(&name)
}
