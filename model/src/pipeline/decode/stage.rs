//! Stages: what they are made of, and what one may not do beside another.

use super::Context;
use crate::{
    notify::decode::notify,
    pipeline::{ColumnType, CsvOptions, Format, Input, Output, RetryPolicy, Stage, Step, Trigger, Zone},
    yaml::{Fields, Value},
};

impl Context<'_> {
    pub(super) fn stage(&mut self, index: usize, value: Value<'_>) -> Option<Stage> {
        let Some(fields) = value.fields(&["name", "trigger", "input", "steps", "output", "retry", "queue"], &[]) else {
            self.read.complete = false;
            return None;
        };
        let name = fields.require("name").and_then(|name| super::names::segment(name, "a stage's name"));
        let trigger = fields.require("trigger").and_then(super::trigger::trigger);
        let input = fields.get("input").and_then(|value| input(index, value)).unwrap_or_default();
        let steps = fields.require("steps").and_then(|steps| self.steps(index, trigger.as_ref(), steps));
        let output = fields.require("output").and_then(output);
        let retry = fields.get("retry").and_then(retry).unwrap_or_default();
        let queue = match fields.get("queue") {
            Some(value) => Some(super::queue::queue(index, value)?),
            None => None,
        };
        Some(Stage { name: name?, trigger: trigger?, input, steps: steps?, output: output?, retry, queue })
    }

    fn steps(&mut self, stage: usize, trigger: Option<&Trigger>, value: Value<'_>) -> Option<Vec<Step>> {
        let Some(items) = value.filled_list() else {
            self.read.complete = false;
            return None;
        };
        let steps: Vec<Option<Step>> = items.iter().map(|item| self.step(stage, trigger, *item)).collect();
        super::quality::check_place(&items, &steps);
        super::quality::check_aliases(&items, &steps);
        let publishes: Vec<usize> =
            (0..steps.len()).filter(|at| matches!(steps.get(*at), Some(Some(Step::Publish(_) | Step::Crawl(_))))).collect();
        if let [_, second, ..] = publishes.as_slice() {
            items.get(*second).inspect(|item| item.wrong("a stage publishes at most once"));
        } else if let [at] = publishes.as_slice()
            && steps.iter().skip(at + 1).any(|step| !matches!(step, Some(Step::Notify(_))))
        {
            items.get(*at).inspect(|item| item.wrong_with("`publish` must be the last step but `notify`", "move it below the others"));
        }
        steps.into_iter().collect()
    }

    fn step(&mut self, stage: usize, trigger: Option<&Trigger>, value: Value<'_>) -> Option<Step> {
        const KINDS: &[&str] = &["transform", "job", "quality", "publish", "notify"];
        let Some((kind, step)) = value.fields(KINDS, &[]).and_then(|fields| fields.exactly_one(KINDS)) else {
            self.read.complete = false;
            return None;
        };
        match kind {
            "transform" => self.transform(stage, step).map(Step::Transform),
            "job" => {
                if matches!(trigger, Some(Trigger::Object)) {
                    step.wrong_key("a job runs on a batch, but this stage's trigger is `object`", "use `transform`, or a batch trigger");
                }
                self.job(stage, step).map(Step::Job)
            }
            "quality" => self.quality(stage, step).map(Step::Quality),
            "notify" => notify(step).map(Step::Notify),
            _ => {
                let publish = self.publish(stage, step);
                self.read.complete &= publish.is_some();
                publish
            }
        }
    }
}

fn output(value: Value<'_>) -> Option<Output> {
    let fields = value.fields(&["zone", "format"], &[])?;
    if let Some(format) = fields.get("format") {
        format.one_of(&[("parquet", ())]);
    }
    let zone = fields.require("zone")?;
    match zone.one_of(&[("raw", Zone::Raw), ("stage", Zone::Stage), ("analytics", Zone::Analytics)])? {
        Zone::Raw => {
            zone.wrong_with(
                "a stage can't write to the raw zone: its output would be taken for data that landed",
                "write to `stage` or `analytics`",
            );
            None
        }
        zone => Some(Output { zone }),
    }
}

fn retry(value: Value<'_>) -> Option<RetryPolicy> {
    let fields = value.fields(&["attempts", "backoff"], &[])?;
    let default = RetryPolicy::default();
    let attempts = fields.get("attempts").and_then(|attempts| {
        let number = u32::try_from(attempts.number(1)?).ok();
        if number.is_none() {
            attempts.wrong("`attempts` is too large");
        }
        number
    });
    let backoff = fields.get("backoff").and_then(|backoff| backoff.duration());
    Some(RetryPolicy { attempts: attempts.unwrap_or(default.attempts), backoff: backoff.unwrap_or(default.backoff) })
}

fn input(stage: usize, value: Value<'_>) -> Option<Input> {
    let fields = value.fields(&["format", "columns", "csv"], &[])?;
    let format_value = fields.get("format");
    let format =
        format_value.and_then(|value| value.one_of(&Format::ALL.iter().map(|format| (format.as_str(), *format)).collect::<Vec<_>>()));
    if let Some(value) = format_value
        && stage > 0
        && format.is_some_and(|format| format != Format::Parquet)
    {
        value.wrong_with(
            "only the first stage reads what landed; this one is given the Parquet of the stage before it",
            "leave `format` out",
        );
    }
    let columns = fields.get("columns").and_then(|columns| columns.entries()).unwrap_or_default();
    let columns = columns.into_iter().filter_map(|(name, value)| Some((name.to_owned(), column_type(value)?))).collect();
    let csv = fields.get("csv").and_then(|csv| csv_options(&csv.fields(&["delimiter", "header", "null_values", "quote"], &[])?));
    if let Some(csv) = fields.get("csv")
        && format.is_some_and(|format| format != Format::Csv)
    {
        csv.wrong_key("`csv` says how to read CSV, but `format` is another", "leave one of them out");
    }
    Some(Input { format, columns, csv: csv.unwrap_or_default() })
}

pub(super) fn column_type(value: Value<'_>) -> Option<ColumnType> {
    value.one_of(&ColumnType::ALL.iter().map(|kind| (kind.as_str(), *kind)).collect::<Vec<_>>())
}

fn csv_options(fields: &Fields<'_>) -> Option<CsvOptions> {
    let default = CsvOptions::default();
    Some(CsvOptions {
        delimiter: fields.get("delimiter").and_then(one_byte).unwrap_or(default.delimiter),
        header: fields.get("header").and_then(|header| header.boolean()).unwrap_or(default.header),
        null_values: fields.get("null_values").and_then(|nulls| nulls.texts()).unwrap_or_default(),
        quote: match fields.get("quote") {
            Some(quote) if quote.text() == Some("none") => None,
            Some(quote) => one_byte(quote),
            None => default.quote,
        },
    })
}

fn one_byte(value: Value<'_>) -> Option<char> {
    let text = value.text()?;
    let mut chars = text.chars();
    match (chars.next(), chars.next()) {
        (Some(c), None) if c.is_ascii() && c != '\n' && c != '\r' => Some(c),
        _ => {
            value.wrong_with(format!("one character is wanted here, but this is `{text}`"), "write a tab as \"\\t\", in double quotes");
            None
        }
    }
}

/// Two stages of one name, and two that write to one folder without meaning the same table.
pub(super) fn check_distinct(items: &[Value<'_>], stages: &[Option<Stage>]) {
    let known: Vec<(&Value<'_>, &Stage)> = items.iter().zip(stages).filter_map(|(item, stage)| Some((item, stage.as_ref()?))).collect();
    for (at, (item, stage)) in known.iter().enumerate() {
        for (_, before) in known.iter().take(at) {
            if before.name == stage.name {
                wrong_entry(item, "name", format!("two stages are called `{}`", stage.name));
            } else if folder(before) == folder(stage) {
                check_folder(item, before, stage);
            }
        }
    }
}

fn check_folder(item: &Value<'_>, before: &Stage, stage: &Stage) {
    match (before.publish(), stage.publish()) {
        (Some(first), Some(_)) if before.audits_table() || stage.audits_table() => {
            let message = format!(
                "stages `{}` and `{}` publish `{}`, and an audit of the whole of it would not see what the other adds meanwhile",
                before.name, stage.name, first.table
            );
            wrong_entry(item, "steps", message);
        }
        (Some(first), Some(second)) if first == second => {}
        (Some(first), Some(second)) if first.table == second.table => {
            let differs = if first.partition_by == second.partition_by { "lf_tags" } else { "partition_by" };
            let message = format!("stages `{}` and `{}` publish `{}` with different `{differs}`", before.name, stage.name, first.table);
            wrong_entry(item, "steps", message);
        }
        _ => {
            let message = format!("stages `{}` and `{}` would both write to the folder `{}`", before.name, stage.name, folder(stage).1);
            wrong_entry(item, "name", message);
        }
    }
}

fn wrong_entry(item: &Value<'_>, key: &str, message: String) {
    item.entry(key).unwrap_or(*item).wrong(message);
}

/// Where a stage's output goes below `<zone>/<team>/<dataset>/`.
fn folder(stage: &Stage) -> (Zone, &str) {
    (stage.output.zone, stage.publish().map_or(stage.name.as_str(), |publish| publish.table.table.as_str()))
}
