//! `lakegate quality profile`: what the columns of data are like.

use lakegate_quality::{
    profile::{self, Profile, ProfileError},
    report::{
        document::{Column, Distribution},
        number::percent,
        profile::columns,
    },
    stats::MeasureError,
};

use super::{
    inputs::{self, DataArgs},
    run::waiting,
};
use crate::{
    context::Context,
    error::{CliError, Result},
    output::{
        Output,
        table::{Rows, cell, number},
        text::counted,
    },
};

#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    #[command(flatten)]
    data: DataArgs,
    /// Only these columns.
    #[arg(long, value_name = "COLUMN", num_args = 1..)]
    columns: Vec<String>,
}

pub(super) fn run(context: &Context, args: &Args) -> Result<()> {
    let out = &context.out;
    let dataset = args.data.dataset()?;
    let wanted = (!args.columns.is_empty()).then(|| args.columns.clone());
    let bar = waiting(out, "measuring");
    let profile = profile::profile(&dataset, &profile::Options { columns: wanted, ..profile::Options::default() }).map_err(wrong)?;
    bar.finish_and_clear();
    profile.notes().iter().for_each(|note| out.note(note));
    out.answer(&profile, |profile| text(out, profile))
}

/// What can't be profiled is no data, or has no such column.
pub(super) fn wrong(error: ProfileError) -> CliError {
    match &error {
        ProfileError::Data(data) | ProfileError::Measure(MeasureError::Data(data)) => inputs::unread(data),
        _ => CliError::wrong(error.to_string(), ""),
    }
}

fn text(out: &Output, profile: &Profile) -> String {
    let mut rows = Rows::new(out, &["COLUMN", "TYPE", "COMPLETE", "DISTINCT", "VALUES", ""]);
    for column in columns(profile) {
        let complete =
            if column.rows == 0 { String::new() } else { percent(share(column.rows - column.nulls.min(column.rows), column.rows)) };
        let (spread, values) = values(&column);
        let distinct = column.distinct.map_or_else(|| cell(""), number);
        rows.push([
            cell(&column.name),
            cell(&column.data_type),
            cell(complete).set_alignment(comfy_table::CellAlignment::Right),
            distinct,
            cell(spread),
            cell(values),
        ]);
    }
    let count = format!("{}, {}", counted(profile.rows, "row"), counted(profile.columns.len() as u64, "column"));
    if rows.is_empty() { count } else { format!("{}\n\n{count}", rows.render()) }
}

#[expect(clippy::cast_precision_loss, reason = "a share is shown with three digits")]
fn share(part: u64, all: u64) -> f64 {
    if all == 0 { 0.0 } else { part as f64 / all as f64 }
}

/// The spread as a small plot, and in words.
fn values(column: &Column) -> (String, String) {
    let facts: Vec<String> = column.facts.iter().map(|(name, value)| format!("{name} {value}")).collect();
    match &column.distribution {
        Distribution::Unknown => (String::new(), facts.join(", ")),
        Distribution::Histogram(bins) => (plot(&bins.iter().map(|bin| bin.count).collect::<Vec<_>>()), facts.join(", ")),
        Distribution::Values { top, other } => {
            let shown = top.iter().take(SHOWN).map(|(value, count)| format!("{} {}", quoted(value), percent(share(*count, column.rows))));
            let mut shown: Vec<String> = shown.collect();
            if top.len() > SHOWN || *other > 0 {
                shown.push("…".to_owned());
            }
            (plot(&top.iter().map(|(_, count)| *count).collect::<Vec<_>>()), shown.join(", "))
        }
    }
}

/// Most frequent values that are named.
const SHOWN: usize = 4;
/// The longest value that is shown whole.
const LONGEST: usize = 24;

/// A value on one line.
fn quoted(value: &str) -> String {
    let plain: String = value.chars().map(|c| if c.is_control() { ' ' } else { c }).take(LONGEST).collect();
    let end = if value.chars().count() > LONGEST { "…" } else { "" };
    if plain.trim() == plain && !plain.is_empty() { format!("{plain}{end}") } else { format!("{plain:?}{end}") }
}

/// `▁▃█▂`: counts in order, one of `most` as a whole block; none as a space.
pub(super) fn blocks(counts: impl Iterator<Item = u64>, most: u64) -> String {
    const BLOCKS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    let block = |count: u64| match u128::from(count) * 8 / u128::from(most.max(1)) {
        _ if count == 0 => ' ',
        eighths => BLOCKS[usize::try_from(eighths).unwrap_or(8).clamp(1, 8) - 1],
    };
    counts.take(BARS).map(block).collect()
}

/// Counts in order, the greatest as a whole block.
fn plot(counts: &[u64]) -> String {
    blocks(counts.iter().copied(), counts.iter().copied().max().unwrap_or(0))
}

/// Most bars of a plot.
const BARS: usize = 20;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plots_are_as_high_as_counts_say() {
        assert_eq!(plot(&[8, 4, 1, 0, 80]), "▁▁▁ █");
        assert_eq!(plot(&[1, 2, 3, 4, 5, 6, 7, 8]), "▁▂▃▄▅▆▇█");
        assert_eq!(plot(&[0, 0]), "  ");
    }

    #[test]
    fn values_stay_on_their_line() {
        assert_eq!((quoted("a"), quoted(""), quoted(" a\n")), ("a".into(), "\"\"".into(), "\" a \"".into()));
        assert_eq!(quoted(&"x".repeat(30)), format!("{}…", "x".repeat(24)));
    }
}
