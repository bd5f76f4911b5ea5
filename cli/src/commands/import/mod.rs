//! `lakegate import`: pipeline files from what another framework keeps in its tables.

mod mapping;

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use clap::{Args as ClapArgs, Subcommand};
use comfy_table::Color;
use serde::Serialize;

use crate::{
    config::LogLevel,
    context::Context,
    error::{Result, at_path},
    output::{
        Output,
        table::{Rows, cell},
    },
    up::cloud::Cloud,
};
use mapping::{Imported, LeftOut};

#[derive(Subcommand, Debug)]
pub(crate) enum Verb {
    /// Write a pipeline file for every dataset in SDLF's tables.
    Sdlf(Sdlf),
}

#[derive(ClapArgs, Debug)]
pub(crate) struct Sdlf {
    /// SDLF's table of datasets, such as octagon-Datasets-dev.
    #[arg(long, value_name = "TABLE")]
    datasets: String,
    /// SDLF's table of pipelines, such as octagon-Pipelines-dev.
    #[arg(long, value_name = "TABLE")]
    pipelines: String,
    /// The project to write into. Default: the one given by --dir, or where you are.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Say what would be written, and write nothing.
    #[arg(long)]
    dry_run: bool,
    /// Write over files that are there.
    #[arg(long)]
    force: bool,
}

/// What a program is told.
#[derive(Serialize)]
struct Answer {
    dir: String,
    files: Vec<Written>,
    datasets: Vec<Imported>,
    /// What lakegate.yaml should say so that history rows have the names that SDLF gave them.
    settings: String,
    left_out: Vec<LeftOut>,
}

#[derive(Serialize)]
struct Written {
    path: String,
    /// `written`, `same`, `kept` because it is there and other, or `missing` in a dry run.
    outcome: &'static str,
}

pub(crate) fn run(context: &Context, verb: &Verb) -> Result<()> {
    let Verb::Sdlf(args) = verb;
    let dir = args.out.as_ref().unwrap_or(&context.global.dir);
    let (datasets, pipelines) = context.block_on(LogLevel::Quiet, async {
        let cloud = Cloud::load().await?;
        Ok((cloud.rows(&args.datasets).await?, cloud.rows(&args.pipelines).await?))
    })?;
    let mapped = mapping::map(&datasets, &pipelines);
    let mut files = Vec::new();
    for (path, text) in mapped.imported.iter().flat_map(|imported| &imported.files) {
        files.push(Written { path: path.clone(), outcome: write(&dir.join(path), text, args)? });
    }
    let settings = settings(&mapped.imported);
    let answer = Answer { dir: dir.display().to_string(), files, datasets: mapped.imported, settings, left_out: mapped.left_out };
    context.out.answer(&answer, |answer| text(&context.out, answer, args))
}

/// Writes a file unless it is there already, and says what became of it.
fn write(path: &Path, text: &str, args: &Sdlf) -> Result<&'static str> {
    let failed = |error: &io::Error| at_path(path, "write", error);
    match fs::read_to_string(path) {
        Ok(there) if there == text => return Ok("same"),
        Ok(_) if !args.force => return Ok("kept"),
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(at_path(path, "read", &error).into()),
        _ => {}
    }
    if args.dry_run {
        return Ok("missing");
    }
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(|error| failed(&error))?;
    }
    fs::write(path, text).map_err(|error| failed(&error))?;
    Ok("written")
}

/// The names of pipelines that are not their datasets'.
fn settings(imported: &[Imported]) -> String {
    let others = imported.iter().filter(|imported| imported.pipeline != imported.dataset);
    let lines: String = others
        .map(|Imported { team, dataset, pipeline, .. }| format!("    {team}/{dataset}: {}\n", serde_json::Value::from(pipeline.as_str())))
        .collect();
    if lines.is_empty() { lines } else { format!("sdlf:\n  pipelines:\n{lines}") }
}

fn text(out: &Output, answer: &Answer, args: &Sdlf) -> String {
    let mut rows = Rows::new(out, &["FILE", ""]);
    for file in &answer.files {
        let (outcome, color) = match file.outcome {
            "written" => ("written", Color::Green),
            "kept" => ("is there and other: kept (--force writes over it)", Color::Yellow),
            "missing" => ("would be written", Color::Yellow),
            other => (other, Color::Reset),
        };
        rows.push([cell(&file.path), cell(outcome).fg(color)]);
    }
    let mut parts = vec![rows.render()];
    let notes: String = answer
        .datasets
        .iter()
        .flat_map(|imported| imported.notes.iter().map(move |note| format!("  {}/{}: {note}\n", imported.team, imported.dataset)))
        .chain(answer.left_out.iter().map(|left| format!("  {}: left out, {}\n", left.row, left.why)))
        .collect();
    if !notes.is_empty() {
        parts.push(format!("Not carried over:\n{notes}"));
    }
    if !answer.settings.is_empty() {
        parts.push(format!("For lakegate.yaml, so that history rows have the names that SDLF gave them:\n\n{}", answer.settings));
    }
    parts.push(match (args.dry_run, answer.datasets.len()) {
        (_, 0) => "no dataset was found".to_owned(),
        (true, _) => "nothing was written; run it without --dry-run".to_owned(),
        (false, _) => format!("next: lakegate check --dir {}", answer.dir),
    });
    parts.join("\n\n")
}
