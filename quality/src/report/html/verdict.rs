//! The top of a report: what was audited, whether it passed, the score, and where to read on.

use std::fmt;

use super::{rules, word};
use crate::{
    evaluate::Outcome,
    report::{
        document::{Report, Tally},
        escape::Text,
        number::{counted, percent, thousands},
    },
};

/// Circumference of the ring that shows the score.
const RING: f64 = 2.0 * std::f64::consts::PI * 52.0;

pub(super) fn write(f: &mut fmt::Formatter<'_>, report: &Report) -> fmt::Result {
    let tally = Tally::of(&report.evaluation);
    writeln!(f, "<header class=\"top\">\n<p class=\"kind\">Data quality report</p>")?;
    writeln!(f, "<h1>{}</h1>", Text(&report.name))?;
    writeln!(f, "</header>")?;
    let class = class(report.evaluation.outcome);
    writeln!(f, "<section class=\"hero {class}\" aria-label=\"Verdict\">")?;
    ring(f, report)?;
    writeln!(f, "<div class=\"said\">")?;
    writeln!(f, "<p class=\"verdict\">{}</p>", word(report.evaluation.outcome))?;
    writeln!(f, "<p class=\"sentence\">{}</p>", sentence(&tally))?;
    bar(f, &tally)?;
    writeln!(f, "</div>")?;
    facts(f, report)?;
    writeln!(f, "</section>")?;
    ways(f, report)
}

/// The colour of a verdict.
fn class(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Passed => "passed",
        Outcome::Failed => "failed",
        Outcome::Error => "error",
    }
}

fn ring(f: &mut fmt::Formatter<'_>, report: &Report) -> fmt::Result {
    let score = report.evaluation.score.clamp(0.0, 1.0);
    let shown = percent(score);
    let size = if shown.len() > 4 { "long" } else { "short" };
    writeln!(f, "<svg class=\"ring\" viewBox=\"0 0 120 120\" role=\"img\" aria-label=\"Score: {shown} of the rules hold\">")?;
    writeln!(f, "<title>Score: {shown} of the rules hold</title>")?;
    writeln!(f, "<circle class=\"all\" cx=\"60\" cy=\"60\" r=\"52\"/>")?;
    if score > 0.0 {
        let filled = RING * score;
        writeln!(
            f,
            "<circle class=\"held\" cx=\"60\" cy=\"60\" r=\"52\" stroke-dasharray=\"{filled:.2} {RING:.2}\" transform=\"rotate(-90 60 60)\"/>"
        )?;
    }
    writeln!(f, "<text class=\"number {size}\" x=\"60\" y=\"64\">{shown}</text><text class=\"name\" x=\"60\" y=\"82\">score</text>\n</svg>")
}

/// What happened, in a sentence.
fn sentence(tally: &Tally) -> String {
    if tally.total() == 0 {
        return "There are no rules.".to_owned();
    }
    let rules = counted(tally.total() as u64, "rule");
    if tally.passed == tally.total() {
        return if tally.total() == 1 { "The one rule holds.".to_owned() } else { format!("All {rules} hold.") };
    }
    let mut parts = Vec::new();
    if tally.failed > 0 {
        parts.push(format!("{} failed", thousands(tally.failed as u64)));
    }
    if tally.errors > 0 {
        parts.push(format!("{} could not be evaluated", thousands(tally.errors as u64)));
    }
    if tally.warned > 0 {
        parts.push(format!("{} gave a warning", thousands(tally.warned as u64)));
    }
    format!("{} of {rules} hold; {}.", thousands(tally.passed as u64), parts.join(", "))
}

/// The rules as one bar, by how they ended. The legend below says it in words.
fn bar(f: &mut fmt::Formatter<'_>, tally: &Tally) -> fmt::Result {
    let parts = [
        ("error", "not evaluated", tally.errors),
        ("failed", "failed", tally.failed),
        ("warned", if tally.warned == 1 { "warning" } else { "warnings" }, tally.warned),
        ("passed", "passed", tally.passed),
    ];
    let parts = parts.iter().filter(|(_, _, count)| *count > 0);
    writeln!(f, "<div class=\"bar\" aria-hidden=\"true\">")?;
    for (class, _, count) in parts.clone() {
        writeln!(f, "<span class=\"{class}\" style=\"flex-grow:{count}\"></span>")?;
    }
    writeln!(f, "</div>\n<ul class=\"legend\">")?;
    for (class, name, count) in parts {
        writeln!(f, "<li class=\"{class}\"><b>{}</b> {name}</li>", thousands(*count as u64))?;
    }
    writeln!(f, "</ul>")
}

fn facts(f: &mut fmt::Formatter<'_>, report: &Report) -> fmt::Result {
    writeln!(f, "<dl class=\"facts\">")?;
    writeln!(f, "<dt>Rows</dt><dd>{}</dd>", thousands(report.evaluation.rows))?;
    if let Some(failing) = &report.failing {
        writeln!(f, "<dt>Rows that break a rule</dt><dd>{}</dd>", thousands(failing.total))?;
    }
    writeln!(f, "<dt>Ruleset</dt><dd class=\"path\">{}</dd>", Path(&report.ruleset))?;
    if !report.data.is_empty() {
        writeln!(f, "<dt>Data</dt>")?;
        for place in report.data.iter().take(PLACES) {
            writeln!(f, "<dd class=\"path\">{}</dd>", Path(place))?;
        }
        if report.data.len() > PLACES {
            writeln!(f, "<dd>and {} more</dd>", thousands((report.data.len() - PLACES) as u64))?;
        }
    }
    for (key, value) in rules::common_labels(&report.evaluation.rules) {
        writeln!(f, "<dt>{}</dt><dd>{}</dd>", Text(key), Text(value))?;
    }
    let (machine, person) = (report.at.strftime("%Y-%m-%dT%H:%M:%SZ"), report.at.strftime("%-d %B %Y, %H:%M UTC"));
    writeln!(f, "<dt>Evaluated</dt><dd><time datetime=\"{machine}\">{person}</time></dd>\n</dl>")
}

/// A path that may be broken into lines after its folders.
struct Path<'a>(&'a str);

impl fmt::Display for Path<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.split_inclusive('/').try_for_each(|part| write!(f, "{}<wbr>", Text(part)))
    }
}

/// How many places of data are named.
const PLACES: usize = 3;

/// Links to the parts that are there.
fn ways(f: &mut fmt::Formatter<'_>, report: &Report) -> fmt::Result {
    let has_rows = report.failing.as_ref().is_some_and(|failing| !failing.rows.is_empty());
    let parts = [
        ("rules", "Rules", true),
        ("failing", "Failing rows", has_rows),
        ("trends", "Trends", !report.trends.is_empty()),
        ("columns", "Columns", !report.columns.is_empty()),
    ];
    writeln!(f, "<nav aria-label=\"Parts of this report\"><ul>")?;
    for (id, name, _) in parts.iter().filter(|(_, _, is_there)| *is_there) {
        writeln!(f, "<li><a href=\"#{id}\">{name}</a></li>")?;
    }
    writeln!(f, "</ul></nav>")
}
