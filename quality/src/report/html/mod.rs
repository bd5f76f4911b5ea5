//! A report for people: one HTML file that needs nothing else. It is readable without the script,
//! which only filters; a policy in its head keeps it from loading or running anything further.

mod columns;
mod failing;
mod plot;
mod policy;
mod rules;
mod trends;
mod verdict;

use std::fmt;

use super::{document::Report, escape::Text};
use crate::evaluate::Outcome;

const STYLE: &str = include_str!("style.css");
const SCRIPT: &str = include_str!("script.js");

/// A report as an HTML document.
pub struct Html<'a>(pub &'a Report);

impl fmt::Display for Html<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Html(report) = self;
        head(f, report)?;
        f.write_str("<body>\n")?;
        verdict::write(f, report)?;
        f.write_str("<main>\n")?;
        rules::write(f, report)?;
        failing::write(f, report)?;
        trends::write(f, report)?;
        columns::write(f, report)?;
        f.write_str("</main>\n")?;
        let version = env!("CARGO_PKG_VERSION");
        writeln!(f, "<footer>Made by Lakegate {version}. Times are in UTC.</footer>")?;
        writeln!(f, "<script>{SCRIPT}</script>\n</body>\n</html>")
    }
}

fn head(f: &mut fmt::Formatter<'_>, report: &Report) -> fmt::Result {
    let name = Text(&report.name);
    let word = word(report.evaluation.outcome);
    writeln!(f, "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">")?;
    writeln!(f, "<meta http-equiv=\"Content-Security-Policy\" content=\"{}\">", policy::of(SCRIPT))?;
    writeln!(f, "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">")?;
    writeln!(f, "<meta name=\"color-scheme\" content=\"light dark\">")?;
    writeln!(f, "<title>{word}: quality of {name}</title>")?;
    // A tab tells the verdict too.
    let color = match report.evaluation.outcome {
        Outcome::Passed => "%23177245",
        Outcome::Failed => "%23bf2430",
        Outcome::Error => "%237439b5",
    };
    writeln!(
        f,
        "<link rel=\"icon\" href=\"data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'%3E%3Ccircle cx='8' cy='8' r='7' fill='{color}'/%3E%3C/svg%3E\">"
    )?;
    writeln!(f, "<style>\n{STYLE}</style>\n</head>")
}

/// The verdict in a word.
fn word(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Passed => "Passed",
        Outcome::Failed => "Failed",
        Outcome::Error => "Error",
    }
}
