//! `lakegate config`: the settings in force, and who decided each.

use clap::Subcommand;
use lakegate_model::project::Settings;
use serde::Serialize;

use crate::{
    config::decided_by,
    context::Context,
    error::Result,
    output::table::{Rows, cell},
};

#[derive(Subcommand, Debug)]
pub(crate) enum Verb {
    /// Show the settings in force, and who decided each.
    Show,
}

/// What a program is told.
#[derive(Serialize)]
struct Shown<'a> {
    dir: String,
    environment: Option<String>,
    endpoint: Option<String>,
    #[serde(flatten)]
    settings: &'a Settings,
}

pub(crate) fn run(context: &Context, Verb::Show: &Verb) -> Result<()> {
    let out = &context.out;
    let settings = context.settings()?;
    let dir = context.dir()?.display().to_string();
    let shown = Shown { dir, environment: context.global.environment(), endpoint: context.global.endpoint(), settings: &settings };
    out.answer(&shown, |shown| {
        let mut rows = Rows::new(out, &["SETTING", "VALUE", "FROM"]);
        let from_project = "lakegate.yaml or its default";
        for (name, flag, value) in [
            ("zones.raw", "raw", settings.zones.raw.to_string()),
            ("zones.stage", "stage", settings.zones.stage.to_string()),
            ("zones.analytics", "analytics", settings.zones.analytics.to_string()),
            ("ledger", "ledger", settings.ledger.to_string()),
            ("catalog", "catalog", settings.catalog.to_string()),
        ] {
            let from = decided_by(&context.matches, flag).unwrap_or_else(|| from_project.to_owned());
            rows.push([cell(name), cell(value), cell(from)]);
        }
        let events: Vec<String> = settings.events.iter().map(ToString::to_string).collect();
        rows.push([cell("events"), cell(events.join(", ")), cell(from_project)]);
        for (name, flag, value) in [("environment", "environment", &shown.environment), ("endpoint", "endpoint", &shown.endpoint)] {
            if let Some(value) = value {
                rows.push([cell(name), cell(value), cell(decided_by(&context.matches, flag).unwrap_or_default())]);
            }
        }
        rows.push([cell("dir"), cell(&shown.dir), cell("--dir, LAKEGATE_DIR or where you are")]);
        rows.render()
    })
}
