//! `lakegate table`: what has been published.

use std::collections::BTreeMap;

use clap::{Args, Subcommand};
use comfy_table::{Attribute, Cell, CellAlignment};
use lakegate_sdk::{Client, Failure, FailureCode, Table};
use lakegate_worker::preview::{Preview, preview};
use serde::Serialize;
use serde_json::Value;

use crate::{
    config::LogLevel,
    context::Context,
    error::Result,
    lake::with_lake,
    output::{
        Output,
        table::{Rows, cell, facts, number},
        text::{ago, bytes, counted, now, thousands},
    },
};

/// Partitions shown to people.
const PARTITIONS: usize = 20;

#[derive(Subcommand, Debug)]
pub(crate) enum Verb {
    /// List the published tables.
    List,
    /// Show a table: schema, partitions, and rows if asked for.
    Get(Get),
}

#[derive(Args, Debug)]
pub(crate) struct Get {
    /// The table, as DATABASE.TABLE.
    table: String,
    /// Show so many of its rows.
    #[arg(long, value_name = "N")]
    preview: Option<usize>,
}

/// A table as a program is told of it.
#[derive(Serialize)]
struct Shown<'a> {
    #[serde(flatten)]
    table: &'a Table,
    #[serde(skip_serializing_if = "Option::is_none")]
    preview: Option<PreviewRows<'a>>,
}

#[derive(Serialize)]
struct PreviewRows<'a> {
    columns: &'a [String],
    rows: &'a [Vec<Value>],
}

pub(crate) fn run(context: &Context, verb: &Verb) -> Result<()> {
    context.block_on(LogLevel::Quiet, async {
        match verb {
            Verb::List => with_lake(context, async |lake| list(context, lake).await).await,
            Verb::Get(args) => with_lake(context, async |lake| get(context, lake, args).await).await,
        }
    })
}

async fn list(context: &Context, lake: &Client) -> Result<()> {
    let out = &context.out;
    let tables = lake.tables().await?;
    let now = now();
    out.answer(&tables, |tables| {
        let mut rows = Rows::new(out, &["TABLE", "ROWS", "SIZE", "FILES", "COLUMNS", "PARTITIONED BY", "VERSION", "UPDATED"]);
        for table in tables {
            rows.push([
                cell(&table.table),
                number(table.rows),
                cell(bytes(table.bytes)),
                number(table.file_count),
                number(table.schema.columns.len() as u64),
                cell(table.partition_by.join(", ")),
                number(table.version),
                cell(ago(table.updated_at, now)),
            ]);
        }
        if rows.is_empty() { "no tables".to_owned() } else { rows.render() }
    })
}

async fn get(context: &Context, lake: &Client, args: &Get) -> Result<()> {
    let out = &context.out;
    let table = lake.table(&args.table).await?;
    let shown = match args.preview {
        Some(rows) => Some(rows_of(&table, rows).await?),
        None => None,
    };
    let rows = shown.as_ref().map(|preview| PreviewRows { columns: &preview.columns, rows: &preview.rows });
    out.answer(&Shown { table: &table, preview: rows }, |_| {
        let mut text = description(out, &table);
        if let Some(preview) = &shown {
            text = format!("{text}\n\n{}", preview_text(out, preview));
        }
        text
    })
}

/// The first rows of a table, read from where it lies.
pub(crate) async fn rows_of(table: &Table, rows: usize) -> Result<Preview> {
    let files: Vec<_> = table.files.iter().map(|file| (file.location.clone(), file.partition.clone())).collect();
    let schema = table.schema.clone();
    let read = tokio::task::spawn_blocking(move || preview(&files, &schema, rows)).await;
    Ok(read.map_err(|error| Failure::new(FailureCode::EnginePanic, format!("the rows of {} can't be read: {error}", table.table)))??)
}

/// Rows as a table.
pub(crate) fn preview_text(out: &Output, preview: &Preview) -> String {
    let mut rows = Rows::with_columns(out, preview.columns.iter().cloned());
    for row in &preview.rows {
        rows.push(row.iter().map(value_cell));
    }
    rows.render()
}

/// Numbers to the right; the rest as text.
fn value_cell(value: &Value) -> Cell {
    match value {
        Value::Null => cell("null").add_attribute(Attribute::Dim),
        Value::String(text) => cell(text),
        Value::Number(value) => {
            let text = value.as_f64().filter(|_| value.is_f64()).map_or_else(|| value.to_string(), fraction);
            cell(text).set_alignment(CellAlignment::Right)
        }
        other => cell(other),
    }
}

/// Three places, or three digits of what is too small for them.
fn fraction(value: f64) -> String {
    if value == 0.0 || value.abs() >= 0.001 { format!("{value:.3}") } else { format!("{value:.2e}") }
}

fn description(out: &Output, table: &Table) -> String {
    let text = facts(
        out,
        [
            ("table", format!("{}  version {}", table.table, table.version)),
            ("location", table.location.path().unwrap_or(table.location.as_str()).to_owned()),
            ("rows", thousands(table.rows)),
            ("files", format!("{}, {}", thousands(table.file_count), bytes(table.bytes))),
            ("partitioned by", table.partition_by.join(", ")),
            ("updated", format!("{}  ({})", table.updated_at, ago(table.updated_at, now()))),
        ],
    );
    let mut columns = Rows::new(out, &["COLUMN", "TYPE"]);
    for column in &table.schema.columns {
        columns.push([cell(&column.name), cell(&column.data_type)]);
    }
    let partitions = if table.partition_by.is_empty() { String::new() } else { format!("\n\n{}", partitions(out, table)) };
    format!("{text}\n\n{}{partitions}", columns.render())
}

fn partitions(out: &Output, table: &Table) -> String {
    let mut sums: BTreeMap<String, (u64, u64, u64)> = BTreeMap::new();
    for file in &table.files {
        let name: Vec<String> =
            file.partition.iter().map(|(column, value)| format!("{column}={}", value.as_deref().unwrap_or("null"))).collect();
        let sum = sums.entry(name.join("/")).or_default();
        *sum = (sum.0 + file.rows, sum.1 + file.bytes, sum.2 + 1);
    }
    let mut rows = Rows::new(out, &["PARTITION", "ROWS", "SIZE", "FILES"]);
    for (name, (count, size, files)) in sums.iter().take(PARTITIONS) {
        rows.push([cell(name), number(*count), cell(bytes(*size)), number(*files)]);
    }
    let more = sums.len().saturating_sub(PARTITIONS);
    let more = if more > 0 { format!("\n… and {}", counted(more as u64, "more partition")) } else { String::new() };
    format!("{}{more}", rows.render())
}
