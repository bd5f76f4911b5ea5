//! The audit: its rules, what a failure does, and where among the steps it stands. What the rules say is
//! for whoever knows their language.

use super::Context;
use crate::{
    pipeline::{Composites, DEFAULT_QUALITY_TIMEOUT, OnFailure, Quality, Ruleset, Scope, Step},
    yaml::Value,
};

/// The name by which rules know the data that they are about.
const PRIMARY: &str = "primary";

impl Context<'_> {
    pub(super) fn quality(&mut self, stage: usize, value: Value<'_>) -> Option<Quality> {
        let fields = value.fields(&["rules", "on_failure", "scope", "composites", "references", "timeout"], &[])?;
        let rules = fields.require("rules").and_then(|rules| self.file(rules, "rules", ".dqdl"));
        let on_failure = match fields.get("on_failure") {
            Some(value) => Some(value.one_of(&[
                ("block", OnFailure::Block),
                ("warn", OnFailure::Warn),
                ("quarantine_rows", OnFailure::QuarantineRows),
            ])?),
            None => None,
        };
        let scope = match fields.get("scope") {
            Some(value) => Some(value.one_of(&[("output", Scope::Output), ("table", Scope::Table)])?),
            None => None,
        };
        if let (Some(Scope::Table), Some(OnFailure::QuarantineRows), Some(value)) = (scope, on_failure, fields.get("on_failure")) {
            value.wrong_with(
                "rules about the whole table can't set rows aside: some of them have been published",
                "write `on_failure: block` or `warn`, or leave out `scope`",
            );
        }
        let composites = match fields.get("composites") {
            Some(value) => value.one_of(&[("dataset", Composites::Dataset), ("row", Composites::Row)])?,
            None => Composites::default(),
        };
        let references = fields.get("references").map(|references| {
            for (alias, value) in references.entries().unwrap_or_default() {
                if alias.eq_ignore_ascii_case(PRIMARY) {
                    value.wrong_key("a reference can't be called `primary`: that is the data the rules are about", "choose another name");
                }
            }
            self.references(stage, references)
        });
        let timeout = fields.get("timeout").map_or(Some(DEFAULT_QUALITY_TIMEOUT), |timeout| timeout.positive_duration());
        let (file, text) = rules?;
        let (on_failure, scope) = (on_failure.unwrap_or_default(), scope.unwrap_or_default());
        let (rules, references) = (Ruleset { text, file, looks_back: None }, references.unwrap_or_default());
        Some(Quality { rules, on_failure, scope, composites, references, timeout: timeout? })
    }
}

/// A stage audits once, and what is audited is not changed any more.
pub(super) fn check_place(items: &[Value<'_>], steps: &[Option<Step>]) {
    let is_quality = |at: &usize| matches!(steps.get(*at), Some(Some(Step::Quality(_))));
    let audits: Vec<usize> = (0..steps.len()).filter(is_quality).collect();
    let Some(first) = audits.first() else { return };
    if let Some(second) = audits.get(1) {
        let hint = "put all rules into the ruleset of the first one; those that only warn end with `with level = \"warn\"`";
        items.get(*second).inspect(|item| item.wrong_with("a stage has one `quality` step, and this is a second one", hint));
    }
    let is_of_table = |step: &Option<Step>| matches!(step, Some(Step::Quality(Quality { scope: Scope::Table, .. })));
    if steps.iter().any(is_of_table) && !steps.iter().any(|step| matches!(step, Some(Step::Publish(_)))) {
        let message = "`scope: table` is about the table that the stage publishes to, and it has no `publish` step";
        items.get(*first).inspect(|item| item.wrong_with(message, "add a `publish` step, or leave out `scope`"));
    }
    if steps.iter().skip(first + 1).any(|step| matches!(step, Some(Step::Transform(_) | Step::Job(_)))) {
        let message = "`quality` audits what the stage wrote, so nothing may change it afterwards";
        items.get(*first).inspect(|item| item.wrong_with(message, "move it below the transforms and jobs"));
    }
}

/// In one stage a name stands for one table, whichever step says it.
pub(super) fn check_aliases(items: &[Value<'_>], steps: &[Option<Step>]) {
    for (at, step) in steps.iter().enumerate() {
        for (alias, table) in step.iter().filter_map(Step::references).flatten() {
            let before = steps.iter().take(at).flatten().filter_map(Step::references).find_map(|known| known.get(alias));
            if let Some(other) = before.filter(|other| *other != table) {
                let message = format!("`{alias}` is table {other} in a step before, and {table} here");
                items.get(at).inspect(|item| item.wrong_with(message, "give one of them another name"));
            }
        }
    }
}
