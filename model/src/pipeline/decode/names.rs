//! Names that become folders, table names or SQL names, and what they may be made of.

use crate::{table::TableId, yaml::Value};

/// A name that becomes a folder: `what` says of what in messages.
pub(super) fn segment(value: Value<'_>, what: &str) -> Option<String> {
    name(value, what, "letters, digits, `_`, `-` and `.`", |c| c.is_ascii_alphanumeric() || "_-.".contains(c))
}

/// The name of a database or table: a folder's without `.`, which stands between the two.
pub(super) fn table_part(value: Value<'_>, what: &str) -> Option<String> {
    name(value, what, "letters, digits, `_` and `-`", |c| c.is_ascii_alphanumeric() || "_-".contains(c))
}

fn name(value: Value<'_>, what: &str, made_of: &str, allowed: fn(char) -> bool) -> Option<String> {
    let text = value.filled_text()?;
    if !text.chars().all(allowed) {
        value.wrong(format!("{what} is made of {made_of}, but is `{text}`"));
        return None;
    }
    if text.starts_with(['.', '_']) {
        value.wrong_with(format!("{what} must not start with `.` or `_`"), "folders that start so are hidden or Lakegate's own");
        return None;
    }
    Some(text.to_owned())
}

/// `database.table`
pub(super) fn table(value: Value<'_>) -> Option<TableId> {
    let text = value.filled_text()?;
    let table = TableId::parse(text);
    if table.is_none() {
        value.wrong_with(format!("a table is named `database.table`, but this is `{text}`"), "such as `nyc.airlines`");
    }
    table
}

/// Whether SQL takes it as a table's name without quotes.
pub(super) fn is_sql_name(text: &str) -> bool {
    !text.starts_with(|c: char| c.is_ascii_digit()) && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}
