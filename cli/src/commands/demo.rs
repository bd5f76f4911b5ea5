//! `lakegate demo`: the example lake, from landing files to a table on the screen.

use std::{
    fs,
    net::{Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
    time::Instant,
};

use clap::Args as ClapArgs;
use lakegate_model::table::TableId;
use lakegate_sdk::Table;
use owo_colors::OwoColorize as _;
use serde::Serialize;

use crate::{
    commands::table::{preview_text, rows_of},
    config::LogLevel,
    context::{Context, sql_problems},
    error::{CliError, Result, at_path},
    output::text::{bytes, counted, thousands, took},
    project::{self, Overrides, Project},
    up::{self, Ended, Plan, session::Session, signals::Signals, summary::Summary},
};

/// The example's files, which the build put into the binary.
mod example {
    include!(concat!(env!("OUT_DIR"), "/example.rs"));
}

/// Files below this folder of the example are those that land.
const DATA: &str = "data/";
/// The table it ends with.
const TABLE: (&str, &str) = ("nyc", "flights_monthly");
/// Rows of it that are shown.
const ROWS: usize = 12;

#[derive(ClapArgs, Debug)]
pub(crate) struct Args {
    /// Where to put the lake, in a new or empty folder. Default: a new folder among the system's temporary files.
    #[arg(long, value_name = "DIR")]
    keep: Option<PathBuf>,
}

/// What a program is told.
#[derive(Serialize)]
struct Shown<'a> {
    dir: String,
    summary: &'a Summary,
    table: &'a Table,
}

pub(crate) fn run(context: &Context, args: &Args) -> Result<()> {
    let out = &context.out;
    let dir = scratch(args.keep.as_deref())?;
    out.say(format_args!("{} in {}", "A lake of the flights of New York in 2013".bold(), dir.display()))?;
    let landed = unpack(&dir)?;
    out.say(format_args!("  {} landed, {}\n", counted(landed.files, "file"), bytes(landed.bytes)))?;
    let project = project::load(&dir, None, &Overrides::default()).map_err(CliError::Diagnostics)?;
    if let Some(failure) = sql_problems(&project).into_iter().next() {
        return Err(failure.into());
    }
    context.block_on(LogLevel::Progress, play(context, &dir, &project))
}

/// A folder for the lake, absolute and empty.
fn scratch(keep: Option<&Path>) -> Result<PathBuf> {
    let Some(dir) = keep else { return Ok(tempfile::Builder::new().prefix("lakegate-demo-").tempdir()?.keep()) };
    fs::create_dir_all(dir).map_err(|error| at_path(dir, "make the folder", &error))?;
    if fs::read_dir(dir).map_err(|error| at_path(dir, "read", &error))?.next().is_some() {
        return Err(CliError::wrong(format!("{} is not empty", dir.display()), "name a new folder"));
    }
    Ok(dir.canonicalize()?)
}

/// What lies in the raw zone before the lake starts.
#[derive(Default)]
struct Landed {
    files: u64,
    bytes: u64,
}

/// Writes the project, and its data to where files land.
fn unpack(dir: &Path) -> Result<Landed> {
    let mut landed = Landed::default();
    for (key, content) in example::FILES {
        let path = match key.strip_prefix(DATA) {
            Some(raw) => {
                landed.files += 1;
                landed.bytes += content.len() as u64;
                dir.join("lake/raw").join(raw)
            }
            None => dir.join(key),
        };
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).map_err(|error| at_path(folder, "make the folder", &error))?;
        }
        fs::write(&path, content).map_err(|error| at_path(&path, "write", &error))?;
    }
    Ok(landed)
}

async fn play(context: &Context, dir: &Path, project: &Project) -> Result<()> {
    let out = &context.out;
    let plan = Plan { listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)), insecure: false, workers: 1, slots: None, until_idle: true };
    let begun = Instant::now();
    let mut signals = Signals::listen()?;
    let mut session = Session::start(project, &plan).await?;
    let ended = up::work(out, &mut session, &mut signals, true).await;
    let table = match &ended {
        Ok(Ended::Finished(_)) => Some(session.client.table(&TableId::new(TABLE.0, TABLE.1).to_string()).await),
        Ok(Ended::Interrupted) | Err(_) => None,
    };
    up::stop(out, session, &mut signals).await;
    let (Ended::Finished(summary), Some(table)) = (ended?, table) else { return Err(CliError::Unmet) };
    out.say(format_args!("\n{}", summary.text(out)))?;
    if !summary.ok {
        return Err(CliError::Unmet);
    }
    show(context, dir, &summary, &table?, begun).await
}

async fn show(context: &Context, dir: &Path, summary: &Summary, table: &Table, begun: Instant) -> Result<()> {
    let out = &context.out;
    out.for_programs(&Shown { dir: dir.display().to_string(), summary, table })?;
    if out.is_json() {
        return Ok(());
    }
    let rows = rows_of(table, ROWS).await?;
    let took = took(begun.elapsed());
    out.say(format_args!(
        "\n{}: delays by carrier and month, {} rows, {took} after the first file\n",
        table.table.bold(),
        thousands(table.rows)
    ))?;
    out.say(preview_text(out, &rows))?;
    if table.rows > rows.rows.len() as u64 {
        out.say(format_args!("… and {} more rows", thousands(table.rows - rows.rows.len() as u64)))?;
    }
    let dir = dir.display();
    out.say(format_args!(
        "\n{}\n  lakegate table get {} --preview 50 --dir {dir}\n  lakegate object history nyc/flights/2013/01.csv.gz --dir {dir}\n  lakegate up --dir {dir}          # then drop more files into {dir}/lake/raw/nyc/flights/\n  lakegate init my-lake{:13}# a lake of your own",
        "What to try next".bold(),
        table.table,
        ""
    ))
}
