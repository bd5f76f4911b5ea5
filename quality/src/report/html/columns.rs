//! The columns of the data: how complete they are, and how their values are spread.

use std::fmt;

use super::{failing::shortened, plot};
use crate::report::{
    document::{Column, Distribution, Report},
    escape::Text,
    number::{percent, thousands},
};

/// Most columns that are shown.
const COLUMNS: usize = 300;
/// Most values of one column, and the longest of them, in characters.
const VALUES: usize = 8;
const LONGEST: usize = 80;

pub(super) fn write(f: &mut fmt::Formatter<'_>, report: &Report) -> fmt::Result {
    if report.columns.is_empty() {
        return Ok(());
    }
    writeln!(f, "<section id=\"columns\">\n<div class=\"heading\"><h2>Columns</h2></div>\n<div class=\"cards\">")?;
    for column in report.columns.iter().take(COLUMNS) {
        card(f, column)?;
    }
    writeln!(f, "</div>")?;
    if report.columns.len() > COLUMNS {
        writeln!(f, "<p class=\"about\">{} more columns are not shown.</p>", thousands((report.columns.len() - COLUMNS) as u64))?;
    }
    writeln!(f, "</section>")
}

fn card(f: &mut fmt::Formatter<'_>, column: &Column) -> fmt::Result {
    writeln!(
        f,
        "<article class=\"card\">\n<h3><span class=\"name\">{}</span> <span class=\"type\">{}</span></h3>",
        Text(&column.name),
        Text(&column.data_type)
    )?;
    completeness(f, column)?;
    match &column.distribution {
        Distribution::Unknown => {}
        Distribution::Histogram(bins) => plot::histogram(f, &column.name, bins)?,
        Distribution::Values { top, other } => values(f, column, top, *other)?,
    }
    let distinct = column.distinct.map(|count| {
        let about = if column.is_approximate { "about " } else { "" };
        ("distinct".to_owned(), format!("{about}{}", thousands(count)))
    });
    let facts: Vec<(String, String)> = distinct.into_iter().chain(column.facts.iter().cloned()).collect();
    if !facts.is_empty() {
        f.write_str("<dl class=\"numbers\">")?;
        for (name, value) in &facts {
            write!(f, "<div><dt>{}</dt><dd>{}</dd></div>", Text(name), Text(value))?;
        }
        writeln!(f, "</dl>")?;
    }
    writeln!(f, "</article>")
}

#[expect(clippy::cast_precision_loss, reason = "a share is shown with three digits")]
fn share(part: u64, all: u64) -> f64 {
    if all == 0 { 0.0 } else { part as f64 / all as f64 }
}

fn completeness(f: &mut fmt::Formatter<'_>, column: &Column) -> fmt::Result {
    if column.rows == 0 {
        return writeln!(f, "<p class=\"complete\">no rows</p>");
    }
    let complete = share(column.rows.saturating_sub(column.nulls), column.rows);
    let nulls = if column.nulls == 0 { "no nulls".to_owned() } else { format!("{} null", thousands(column.nulls)) };
    writeln!(
        f,
        "<p class=\"complete\"><span class=\"meter\" aria-hidden=\"true\"><span style=\"width:{:.2}%\"></span></span> <span>{} complete, {nulls}</span></p>",
        complete * 100.0,
        percent(complete)
    )
}

/// The most frequent values as bars.
fn values(f: &mut fmt::Formatter<'_>, column: &Column, top: &[(String, u64)], other: u64) -> fmt::Result {
    let hidden: u64 = top.iter().skip(VALUES).map(|(_, count)| count).sum::<u64>() + other;
    let most = top.iter().map(|(_, count)| *count).max().unwrap_or(0);
    f.write_str("<ul class=\"values\">")?;
    for (value, count) in top.iter().take(VALUES) {
        let (shown, class) = if value.is_empty() { ("empty".to_owned(), "value none") } else { (shortened(value, LONGEST), "value") };
        value_line(f, class, &shown, *count, most, column.rows)?;
    }
    if hidden > 0 {
        // Without a bar: beside all others together a single value would be nothing.
        value_line(f, "value none", "other values", hidden, 0, column.rows)?;
    }
    writeln!(f, "</ul>")
}

fn value_line(f: &mut fmt::Formatter<'_>, class: &str, value: &str, count: u64, most: u64, rows: u64) -> fmt::Result {
    writeln!(
        f,
        "<li><span class=\"{class}\" title=\"{0}\"><bdi>{0}</bdi></span><span class=\"track\" aria-hidden=\"true\"><span style=\"width:{1:.2}%\"></span></span><span class=\"count\">{2}</span><span class=\"share\">{3}</span></li>",
        Text(value),
        share(count, most) * 100.0,
        thousands(count),
        percent(share(count, rows))
    )
}
