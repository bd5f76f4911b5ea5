//! Triggers.

use std::str::FromStr;

use croner::Cron;

use crate::{
    machine::batch::next_tick,
    pipeline::{BatchTrigger, Schedule, Trigger},
    time::Timestamp,
    yaml::{Fields, Value},
};

pub(super) fn trigger(value: Value<'_>) -> Option<Trigger> {
    if value.is_mapping() {
        let fields = value.fields(&["batch"], &["manifest"])?;
        if fields.get("manifest").is_some() {
            return None;
        }
        return fields.require("batch").and_then(batch).map(Trigger::Batch);
    }
    if value.text()? == "manifest" {
        value.unsupported("trigger `manifest`");
        return None;
    }
    let is_batch = value.one_of(&[("object", false), ("batch", true)])?;
    Some(if is_batch { Trigger::Batch(BatchTrigger::default()) } else { Trigger::Object })
}

fn batch(value: Value<'_>) -> Option<BatchTrigger> {
    let fields = value.fields(&["every", "cron", "min_objects", "max_objects", "max_bytes", "max_wait", "quiet"], &["manifest"])?;
    let default = BatchTrigger::default();
    let number = |key| fields.get(key).and_then(|value: Value<'_>| value.number(1));
    let trigger = BatchTrigger {
        schedule: schedule(&fields).unwrap_or(default.schedule),
        min_objects: number("min_objects").unwrap_or(default.min_objects),
        max_objects: number("max_objects").unwrap_or(default.max_objects),
        max_bytes: fields.get("max_bytes").and_then(|bytes| bytes.size()),
        max_wait: fields.get("max_wait").and_then(|wait| wait.positive_duration()),
        quiet: fields.get("quiet").and_then(|quiet| quiet.positive_duration()),
    };
    if trigger.min_objects > trigger.max_objects {
        let message = format!("`min_objects` is {}, more than `max_objects`, {}", trigger.min_objects, trigger.max_objects);
        fields.get("min_objects").inspect(|value| value.wrong(message));
    }
    Some(trigger)
}

fn schedule(fields: &Fields<'_>) -> Option<Schedule> {
    match (fields.get("every"), fields.get("cron")) {
        (Some(_), Some(cron)) => {
            cron.wrong_key("both `every` and `cron`; one of them is to be given", "");
            None
        }
        (Some(every), None) if every.text() == Some("never") => {
            if !["max_objects", "max_bytes", "max_wait", "quiet"].iter().any(|key| fields.get(key).is_some()) {
                every.wrong_with("nothing would ever seal this batch", "give `max_objects`, `max_bytes`, `max_wait` or `quiet`");
            }
            Some(Schedule::Never)
        }
        (Some(every), None) => every.positive_duration().map(Schedule::Every),
        (None, Some(cron)) => cron_expression(cron),
        (None, None) => None,
    }
}

fn cron_expression(value: Value<'_>) -> Option<Schedule> {
    const HINT: &str = "five fields in UTC: minute, hour, day of month, month, day of week, such as \"0 6 * * 1\"";
    let text = value.filled_text()?.trim();
    if text.split_whitespace().count() != 5 {
        value.wrong_with(format!("`{text}` is not a cron expression"), HINT);
        return None;
    }
    if let Err(error) = Cron::from_str(text) {
        let error = error.to_string();
        value.wrong_with(format!("`{text}` is not a cron expression: {}", error.trim_end_matches('.')), HINT);
        return None;
    }
    let schedule = Schedule::Cron(text.to_owned());
    if next_tick(&schedule, Timestamp(0)).is_none() {
        value.wrong(format!("`{text}` never comes"));
        return None;
    }
    Some(schedule)
}
