//! Suggestions as a ruleset file.

use std::fmt::{Display, Formatter, Result, Write as _};

use super::{Suggestion, Suggestions};

impl Display for Suggestions {
    /// A ruleset that can be used as it is: a rule for each suggestion that holds, each with a comment
    /// why; the others as comments.
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        writeln!(f, "# Suggested by the profile of {} rows.", self.rows)?;
        match self.held_out {
            0 => writeln!(f, "# All hold for them; no rows were held out to check them on.")?,
            others => writeln!(f, "# All hold for them, and for {others} rows that were held out.")?,
        }
        for note in &self.notes {
            writeln!(f, "# Of the profile: {}.", Line(note))?;
        }
        writeln!(f, "# Look at each before you rely on it: what has held so far need not be meant to.")?;
        let kept = self.suggestions.iter().filter(|suggestion| suggestion.holds()).count();
        if kept == 0 {
            writeln!(f, "\nRules = []\n\n# A ruleset needs a rule or an analyzer.\nAnalyzers = [\n    RowCount\n]")?;
        }
        let mut written = 0;
        let mut column = None;
        if kept > 0 {
            f.write_str("\nRules = [\n")?;
        }
        for suggestion in &self.suggestions {
            if column.is_some_and(|column| column != &suggestion.column) {
                f.write_char('\n')?;
            }
            column = Some(&suggestion.column);
            if suggestion.holds() {
                written += 1;
                comment(f, &format!("{}: {} ({:?})", suggestion.column, suggestion.why, suggestion.heuristic))?;
                writeln!(f, "    {}{}", suggestion.rule, if written < kept { "," } else { "" })?;
            } else {
                left_out(f, suggestion)?;
            }
        }
        if kept > 0 {
            f.write_str("]\n")?;
        }
        Ok(())
    }
}

fn left_out(f: &mut Formatter<'_>, suggestion: &Suggestion) -> Result {
    let (place, reason) = match suggestion.failure() {
        Some((held_out, held)) => {
            (if held_out { "for the rows held out" } else { "for all of its own rows" }, held.reason.as_deref().unwrap_or_default())
        }
        None => ("", ""),
    };
    let Suggestion { column, why, heuristic, rule, .. } = suggestion;
    comment(f, &format!("{column}: {why} ({heuristic:?}) Left out, as it does not hold {place}. {reason}"))?;
    for line in rule.split('\n') {
        writeln!(f, "    # {line}")?;
    }
    Ok(())
}

fn comment(f: &mut Formatter<'_>, text: &str) -> Result {
    writeln!(f, "    # {}", Line(text.trim_end()))
}

/// One line, whatever characters names and reasons have.
struct Line<'a>(&'a str);

impl Display for Line<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        for character in self.0.chars() {
            if character.is_control() {
                write!(f, "{}", character.escape_default())?;
            } else {
                f.write_char(character)?;
            }
        }
        Ok(())
    }
}
