//! A stage's own queue: `queue: sqs://name`, or with what becomes of messages that nobody can take.

use crate::{destination::Destination, pipeline::StageQueue, yaml::Value};

/// The queue of the stage at `stage`. The first stage has none: what lands comes by `events`.
pub(super) fn queue(stage: usize, value: Value<'_>) -> Option<StageQueue> {
    if stage == 0 {
        value.wrong_key(
            "the first stage takes what lands, which comes by `events` of lakegate.yaml",
            "give a later stage a queue, or name this one under `events`",
        );
        return None;
    }
    if !value.is_mapping() {
        return Some(StageQueue { name: name(value)?, dead_letters: None, max_receives: None });
    }
    let fields = value.fields(&["name", "dead_letters", "max_receives"], &[])?;
    let name_value = fields.require("name");
    let own = name_value.and_then(name);
    let dead_letters = match fields.get("dead_letters") {
        Some(value) => {
            let dead_letters = name(value)?;
            if own.as_ref().is_some_and(|own| own.ends_with(".fifo") != dead_letters.ends_with(".fifo")) {
                value.wrong_with("a FIFO queue and its dead letters are of one kind", "let both names end with `.fifo`, or neither");
                return None;
            }
            Some(dead_letters)
        }
        None => None,
    };
    let max_receives = match fields.get("max_receives") {
        Some(value) => match u32::try_from(value.number(1)?).ok().filter(|receives| *receives <= 1_000) {
            Some(receives) => Some(receives),
            None => {
                value.wrong("`max_receives` is at most 1,000");
                return None;
            }
        },
        None => None,
    };
    Some(StageQueue { name: own?, dead_letters, max_receives })
}

fn name(value: Value<'_>) -> Option<String> {
    let text = value.filled_text()?;
    match text.parse() {
        Ok(Destination::Queue(name)) => Some(name),
        Ok(_) => {
            value.wrong_with(format!("a queue is wanted here, but this is `{text}`"), "write `sqs://` and its name");
            None
        }
        Err(wrong) => {
            value.wrong_with(wrong, "write `sqs://` and its name; one that ends with `.fifo` keeps the order of each dataset");
            None
        }
    }
}
