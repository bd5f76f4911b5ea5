//! An evaluation as text on a terminal.

use std::collections::{BTreeMap, BTreeSet};

use lakegate_quality::{
    evaluate::{Evaluation, Outcome, RuleResult},
    report::{
        document::{Tally, Verdict},
        number::{measured, percent},
        reason::plain,
    },
};
use owo_colors::{OwoColorize as _, Style};

use crate::output::text::{counted, thousands};

/// Columns taken for a terminal's where nobody says.
const WIDTH: usize = 120;
/// The longest rule that the measured values stand beside, in characters.
const LONGEST: usize = 72;

/// All rules in the order of the file, each with what was measured, and why it does not hold; then the verdict.
pub(super) fn evaluation(evaluation: &Evaluation, width: Option<usize>) -> String {
    let width = width.unwrap_or(WIDTH);
    let longest = evaluation.rules.iter().map(|rule| rule.rule.chars().count()).filter(|length| *length <= LONGEST).max().unwrap_or(0);
    let mut lines = Vec::new();
    for rule in &evaluation.rules {
        rule_lines(&mut lines, rule, longest, width);
    }
    for analyzer in &evaluation.analyzers {
        let metrics = analyzer.reason.clone().unwrap_or_else(|| metrics(&analyzer.metrics));
        beside(&mut lines, "·".dimmed().to_string(), &analyzer.analyzer, &metrics, longest, width);
    }
    if !lines.is_empty() {
        lines.push(String::new());
    }
    lines.push(verdict(evaluation));
    lines.join("\n")
}

fn rule_lines(lines: &mut Vec<String>, rule: &RuleResult, longest: usize, width: usize) {
    let verdict = Verdict::of(rule);
    let (sign, style) = match verdict {
        Verdict::Passed => ("✓", Style::new().green()),
        Verdict::Failed => ("✗", Style::new().red().bold()),
        Verdict::Warned => ("!", Style::new().yellow().bold()),
        Verdict::Error => ("?", Style::new().magenta().bold()),
    };
    beside(lines, sign.style(style).to_string(), &rule.rule, &metrics(&rule.metrics), longest, width);
    let style = if verdict == Verdict::Passed { Style::new().dimmed() } else { style.remove_effect(owo_colors::Effect::Bold) };
    let kind = match verdict {
        Verdict::Warned => "warning: ",
        Verdict::Error => "error: ",
        Verdict::Passed | Verdict::Failed => "",
    };
    let reason = rule.reason.as_deref().or((verdict != Verdict::Passed).then_some("the rule does not hold"));
    if let Some(reason) = reason {
        lines.extend(
            wrapped(&printable(&format!("{kind}{}", plain(reason))), width.saturating_sub(4))
                .iter()
                .map(|line| format!("    {}", line.style(style))),
        );
    }
}

/// A rule and what was measured: on one line if there is room, else below each other.
fn beside(lines: &mut Vec<String>, sign: String, rule: &str, metrics: &str, longest: usize, width: usize) {
    let rule = printable(rule);
    let length = rule.chars().count();
    if metrics.is_empty() {
        lines.push(format!("{sign} {rule}"));
    } else if length <= longest && 2 + longest + 3 + metrics.chars().count() <= width {
        lines.push(format!("{sign} {rule}{:1$}   {2}", "", longest - length, metrics.dimmed()));
    } else {
        lines.push(format!("{sign} {rule}"));
        lines.push(format!("    {}", metrics.dimmed()));
    }
}

/// What was measured, by the last part of its name, `Completeness 0.9925`, and by more of it where
/// that tells too little: `id.Completeness 1`.
fn metrics(metrics: &BTreeMap<String, f64>) -> String {
    let last = |name: &str| name.rsplit('.').next().unwrap_or_default().to_owned();
    let names: BTreeSet<String> = metrics.keys().map(|name| last(name)).collect();
    let is_told = names.len() == metrics.len();
    let short = |name: &str| if is_told { last(name) } else { name.split_once('.').map_or(name, |(_, rest)| rest).to_owned() };
    let shown: Vec<String> = metrics.iter().map(|(name, value)| format!("{} {}", printable(&short(name)), measured(*value))).collect();
    shown.join("  ")
}

/// Control characters, which a terminal would obey, as a sign that something is there.
fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}

/// A text in lines of so many characters, broken at spaces where there are some.
fn wrapped(text: &str, width: usize) -> Vec<String> {
    let width = width.max(20);
    let mut lines = vec![String::new()];
    let mut length = 0;
    for word in text.split(' ') {
        let size = word.chars().count();
        if length > 0 && length + 1 + size > width {
            lines.push(String::new());
            length = 0;
        }
        if let Some(line) = lines.last_mut() {
            if length > 0 {
                line.push(' ');
                length += 1;
            }
            line.push_str(word);
            length += size;
        }
    }
    lines
}

/// `failed  5 of 9 rules hold, score 55.6%: 2 failed, 1 warning  (336,776 rows)`
fn verdict(evaluation: &Evaluation) -> String {
    let tally = Tally::of(evaluation);
    let word = match evaluation.outcome {
        Outcome::Passed => "passed".green().bold().to_string(),
        Outcome::Failed => "failed".red().bold().to_string(),
        Outcome::Error => "error".magenta().bold().to_string(),
    };
    let hold = match tally.total() {
        0 => "no rules".to_owned(),
        all if all == tally.passed => format!("{} hold{}", counted(all as u64, "rule"), if all == 1 { "s" } else { "" }),
        all => {
            let mut parts = Vec::new();
            if tally.failed > 0 {
                parts.push(format!("{} failed", thousands(tally.failed as u64)).red().to_string());
            }
            if tally.errors > 0 {
                parts.push(format!("{} in error", thousands(tally.errors as u64)).magenta().to_string());
            }
            if tally.warned > 0 {
                parts.push(counted(tally.warned as u64, "warning").yellow().to_string());
            }
            let (held, all, score) = (thousands(tally.passed as u64), counted(all as u64, "rule"), percent(evaluation.score));
            format!("{held} of {all} hold, score {score}: {}", parts.join(", "))
        }
    };
    format!("{word}  {hold}  {}", format!("({})", counted(evaluation.rows, "row")).dimmed())
}

#[cfg(test)]
mod tests {
    use lakegate_quality::language::ast::Level;

    use super::*;

    fn rule(rule: &str, outcome: Outcome, reason: Option<&str>, metrics: &[(&str, f64)], level: Level) -> RuleResult {
        RuleResult {
            rule: rule.to_owned(),
            outcome,
            reason: reason.map(str::to_owned),
            metrics: metrics.iter().map(|(name, value)| ((*name).to_owned(), *value)).collect(),
            labels: BTreeMap::new(),
            level,
        }
    }

    #[test]
    fn each_rule_is_told_with_what_was_measured_and_why() {
        let rules = vec![
            rule("RowCount > 3", Outcome::Passed, None, &[("Dataset.*.RowCount", 12_345.0)], Level::Error),
            rule("Completeness \"a\" > 0.9", Outcome::Failed, Some("0.5 is not > 0.9"), &[("Column.a.Completeness", 0.5)], Level::Error),
            rule("Mean \"a\" < 2", Outcome::Failed, Some("2.5 is not < 2"), &[("Column.a.Mean", 2.5)], Level::Warn),
            rule("ColumnExists \"b\"", Outcome::Error, Some("there is\u{1b}[31m no column"), &[], Level::Error),
        ];
        let evaluation =
            Evaluation { outcome: Outcome::Error, score: 0.25, rows: 12_345, rules, analyzers: Vec::new(), statistics: BTreeMap::new() };
        let expected = "\
✓ RowCount > 3             RowCount 12,345
✗ Completeness \"a\" > 0.9   Completeness 0.5
    0.5 is not > 0.9
! Mean \"a\" < 2             Mean 2.5
    warning: 2.5 is not < 2
? ColumnExists \"b\"
    error: there is\u{fffd}[31m no column

error  1 of 4 rules hold, score 25%: 1 failed, 1 in error, 1 warning  (12,345 rows)";
        let shown = super::evaluation(&evaluation, Some(80));
        assert_eq!(anstream::adapter::strip_str(&shown).to_string(), expected);
    }

    #[test]
    fn metrics_that_would_look_alike_have_their_columns() {
        let of = |names: &[&str]| metrics(&names.iter().map(|name| ((*name).to_owned(), 1.0)).collect());
        assert_eq!(of(&["Column.a.Completeness", "Column.a.Uniqueness"]), "Completeness 1  Uniqueness 1");
        assert_eq!(of(&["Column.a.Completeness", "Column.b.Completeness"]), "a.Completeness 1  b.Completeness 1");
    }

    #[test]
    fn narrow_terminals_get_more_lines() {
        assert_eq!(wrapped("one two three four five six", 20), ["one two three four", "five six"]);
        assert_eq!(wrapped("a_word_that_is_longer_than_a_line x", 20), ["a_word_that_is_longer_than_a_line", "x"]);
    }
}
