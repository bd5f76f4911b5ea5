//! Tables for people: aligned columns and a bold header, no lines.

use comfy_table::{Attribute, Cell, CellAlignment, Color, ContentArrangement, Table, presets};

use super::Output;

/// A table that grows row by row.
pub(crate) struct Rows {
    table: Table,
}

impl Rows {
    /// A table with these columns.
    pub(crate) fn new(out: &Output, columns: &[&str]) -> Rows {
        Rows::with_columns(out, columns.iter().map(|name| (*name).to_owned()))
    }

    /// A table with columns that are known only now.
    pub(crate) fn with_columns(out: &Output, columns: impl IntoIterator<Item = String>) -> Rows {
        let mut table = Table::new();
        table.load_preset(presets::NOTHING).set_content_arrangement(ContentArrangement::Dynamic);
        if out.is_colored() {
            table.enforce_styling();
        } else {
            table.force_no_tty();
        }
        table.set_header(columns.into_iter().map(|name| Cell::new(name).add_attribute(Attribute::Bold)));
        Rows { table }
    }

    /// The next row.
    pub(crate) fn push(&mut self, cells: impl IntoIterator<Item = Cell>) {
        self.table.add_row(cells.into_iter().collect::<Vec<Cell>>());
    }

    /// Whether there is no row.
    pub(crate) fn is_empty(&self) -> bool {
        self.table.is_empty()
    }

    /// The table as text, without spaces at the ends of lines.
    pub(crate) fn render(&self) -> String {
        let text = self.table.to_string();
        let lines: Vec<&str> = text.lines().map(|line| line.strip_prefix(' ').unwrap_or(line).trim_end()).collect();
        lines.join("\n")
    }
}

/// Two columns without a header: what, and how it is.
pub(crate) fn facts(out: &Output, facts: impl IntoIterator<Item = (&'static str, String)>) -> String {
    let mut table = Table::new();
    table.load_preset(presets::NOTHING).set_content_arrangement(ContentArrangement::Dynamic);
    if out.is_colored() {
        table.enforce_styling();
    } else {
        table.force_no_tty();
    }
    for (name, value) in facts {
        if !value.is_empty() {
            table.add_row([Cell::new(name).add_attribute(Attribute::Bold), Cell::new(value)]);
        }
    }
    let rows = Rows { table };
    rows.render()
}

/// A cell of text.
pub(crate) fn cell(text: impl ToString) -> Cell {
    Cell::new(text)
}

/// A number, aligned to the right.
pub(crate) fn number(count: u64) -> Cell {
    Cell::new(super::text::thousands(count)).set_alignment(CellAlignment::Right)
}

/// A number that is bad if it is not zero.
pub(crate) fn bad_number(count: u64, color: Color) -> Cell {
    if count == 0 { number(count) } else { number(count).fg(color).add_attribute(Attribute::Bold) }
}

/// What came of a rule in its colour.
pub(crate) fn outcome(name: &str) -> Cell {
    let cell = Cell::new(name);
    match name {
        "Passed" => cell.fg(Color::Green),
        "Failed" | "Error" => cell.fg(Color::Red),
        _ => cell,
    }
}

/// The name of a state in its colour.
pub(crate) fn state(name: &str) -> Cell {
    let cell = Cell::new(name);
    match name {
        "succeeded" | "processed" => cell.fg(Color::Green),
        "failed" => cell.fg(Color::Red),
        "quarantined" | "superseded" | "paused" => cell.fg(Color::Yellow),
        "running" | "promoting" | "executing" => cell.fg(Color::Cyan),
        _ => cell,
    }
}
