//! Rows that break rules, as a table.

use std::fmt;

use super::rules;
use crate::report::{
    document::{FailingRow, Report},
    escape::Text,
    number::{counted, thousands},
    reason::plain,
};

/// Longest value that is shown whole, in characters.
const SHOWN: usize = 120;
/// Longest value that is shown on one line.
const NARROW: usize = 20;

pub(super) fn write(f: &mut fmt::Formatter<'_>, report: &Report) -> fmt::Result {
    let Some(failing) = report.failing.as_ref().filter(|failing| !failing.rows.is_empty()) else { return Ok(()) };
    writeln!(f, "<section id=\"failing\">\n<div class=\"heading\"><h2>Failing rows</h2></div>")?;
    let shown = failing.rows.len() as u64;
    let first = failing.first as u64;
    let which = if first < shown {
        format!(
            "The first {} of {} that break a rule, and {} of rules that these seldom break.",
            thousands(first),
            counted(failing.total, "row"),
            thousands(shown - first)
        )
    } else if shown < failing.total {
        format!("The first {} of {} that break a rule.", thousands(shown), counted(failing.total, "row"))
    } else {
        format!("{} that break{} a rule.", counted(failing.total, "row"), if failing.total == 1 { "s" } else { "" })
    };
    let hidden = match failing.hidden_columns {
        0 => String::new(),
        count => format!(" {} not shown.", counted(count as u64, "column")),
    };
    writeln!(f, "<p class=\"about\">{which}{hidden}</p>")?;
    // It can be scrolled, so it must be reachable by keyboard.
    writeln!(
        f,
        "<div class=\"scroll tall\" tabindex=\"0\" role=\"region\" aria-label=\"Failing rows\">\n<table>\n<thead><tr><th scope=\"col\" class=\"row\">Row</th><th scope=\"col\">Why</th>"
    )?;
    for column in &failing.columns {
        write!(f, "<th scope=\"col\">{}</th>", Text(column))?;
    }
    writeln!(f, "</tr></thead>\n<tbody>")?;
    for row in &failing.rows {
        line(f, row)?;
    }
    writeln!(f, "</tbody>\n</table>\n</div>\n</section>")
}

fn line(f: &mut fmt::Formatter<'_>, row: &FailingRow) -> fmt::Result {
    write!(f, "<tr><th scope=\"row\" class=\"row\">{}</th><td class=\"reasons\"><ul>", thousands(row.number))?;
    for reason in &row.reasons {
        f.write_str("<li><code>")?;
        rules::code(f, &reason.rule)?;
        write!(f, "</code><span>{}</span></li>", Text(&plain(&reason.why)))?;
    }
    f.write_str("</ul></td>")?;
    for value in &row.values {
        match value {
            None => f.write_str("<td class=\"null\">null</td>")?,
            Some(text) if text.is_empty() => f.write_str("<td class=\"null\">empty</td>")?,
            Some(text) => {
                let class = if text.chars().count() > NARROW { " class=\"long\"" } else { "" };
                write!(f, "<td{class}><bdi>{}</bdi></td>", Text(&shortened(text, SHOWN)))?;
            }
        }
    }
    writeln!(f, "</tr>")
}

/// The beginning of a text that is too long to be shown.
pub(super) fn shortened(text: &str, longest: usize) -> String {
    if text.chars().count() <= longest {
        return text.to_owned();
    }
    let mut shown: String = text.chars().take(longest.saturating_sub(1)).collect();
    shown.push('…');
    shown
}

#[cfg(test)]
mod tests {
    use super::shortened;

    #[test]
    fn long_values_lose_their_end() {
        assert_eq!((shortened("äöü", 3), shortened("äöüß", 3)), ("äöü".to_owned(), "äö…".to_owned()));
    }
}
