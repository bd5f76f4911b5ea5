//! The rules of a report, what needs attention first.

use std::fmt;

use crate::{
    evaluate::RuleResult,
    report::{
        document::{Report, Verdict},
        escape::Text,
        number::{measured, thousands},
        reason::plain,
    },
};

pub(super) fn write(f: &mut fmt::Formatter<'_>, report: &Report) -> fmt::Result {
    let evaluation = &report.evaluation;
    let common = common_labels(&evaluation.rules);
    writeln!(f, "<section id=\"rules\">\n<div class=\"heading\"><h2>Rules</h2>")?;
    // The script shows it: without the script it would do nothing.
    writeln!(
        f,
        "<div class=\"search\" hidden><label for=\"query\">Search rules</label><input id=\"query\" type=\"search\" placeholder=\"Column, rule type, reason, label\" autocomplete=\"off\"><output id=\"found\" for=\"query\"></output></div>"
    )?;
    writeln!(f, "</div>")?;
    for (verdict, title) in [
        (Verdict::Error, "Could not be evaluated"),
        (Verdict::Failed, "Failed"),
        (Verdict::Warned, "Warnings"),
        (Verdict::Passed, "Passed"),
    ] {
        let rules: Vec<&RuleResult> = evaluation.rules.iter().filter(|rule| Verdict::of(rule) == verdict).collect();
        if !rules.is_empty() {
            group(f, (verdict, title), &rules, &common)?;
        }
    }
    if evaluation.rules.is_empty() {
        writeln!(f, "<p class=\"none\">The ruleset has no rules.</p>")?;
    }
    analyzers(f, report)?;
    writeln!(f, "</section>")
}

fn group(
    f: &mut fmt::Formatter<'_>,
    (verdict, title): (Verdict, &str),
    rules: &[&RuleResult],
    common: &[(&String, &String)],
) -> fmt::Result {
    let class = class(verdict);
    writeln!(f, "<details class=\"group {class}\" open>")?;
    writeln!(
        f,
        "<summary><h3>{title}</h3> <span class=\"count\">{}</span></summary>\n<ul class=\"rules\">",
        thousands(rules.len() as u64)
    )?;
    for rule in rules {
        writeln!(f, "<li class=\"rule {class}\">")?;
        icon(f, verdict)?;
        writeln!(f, "<div class=\"body\">")?;
        f.write_str("<code class=\"text\">")?;
        code(f, &rule.rule)?;
        writeln!(f, "</code>")?;
        if let Some(reason) = &rule.reason {
            writeln!(f, "<p class=\"why\">{}</p>", Text(&plain(reason)))?;
        }
        let labels: Vec<_> = rule.labels.iter().filter(|label| !common.contains(label)).collect();
        if !labels.is_empty() {
            f.write_str("<ul class=\"labels\">")?;
            for (key, value) in labels {
                write!(f, "<li>{}: {}</li>", Text(key), Text(value))?;
            }
            writeln!(f, "</ul>")?;
        }
        writeln!(f, "</div>")?;
        metrics(f, &rule.metrics)?;
        writeln!(f, "</li>")?;
    }
    writeln!(f, "</ul>\n</details>")
}

/// The labels that all rules have: they are told once, at the top.
pub(super) fn common_labels(rules: &[RuleResult]) -> Vec<(&String, &String)> {
    let [first, others @ ..] = rules else { return Vec::new() };
    let labels = first.labels.iter();
    if others.is_empty() {
        return Vec::new();
    }
    labels.filter(|(key, value)| others.iter().all(|rule| rule.labels.get(*key) == Some(value))).collect()
}

fn class(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Error => "error",
        Verdict::Failed => "failed",
        Verdict::Warned => "warned",
        Verdict::Passed => "passed",
    }
}

/// The verdict as a sign that can be told without colour.
fn icon(f: &mut fmt::Formatter<'_>, verdict: Verdict) -> fmt::Result {
    let (name, path) = match verdict {
        Verdict::Passed => ("Passed", "M4.5 8.4 7 10.9 11.5 5.6"),
        Verdict::Failed => ("Failed", "M5.2 5.2 10.8 10.8M10.8 5.2 5.2 10.8"),
        Verdict::Warned => ("Warning", "M8 4.4V8.8M8 11.3V11.4"),
        Verdict::Error => ("Not evaluated", "M5.9 6.3C5.9 3.7 10.1 3.7 10.1 6.2 10.1 7.8 8 7.7 8 9.2M8 11.5V11.6"),
    };
    writeln!(
        f,
        "<svg class=\"icon\" viewBox=\"0 0 16 16\" role=\"img\" aria-label=\"{name}\"><title>{name}</title><circle cx=\"8\" cy=\"8\" r=\"7.5\"/><path d=\"{path}\"/></svg>"
    )
}

/// A rule with its words told apart: types, strings, the rest.
pub(super) fn code(f: &mut fmt::Formatter<'_>, rule: &str) -> fmt::Result {
    let mut rest = rule;
    while let Some(c) = rest.chars().next() {
        let (length, class) = if c == '"' {
            (string_length(rest), Some("string"))
        } else if c.is_ascii_alphanumeric() {
            let length = rest.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_' || c == '.')).unwrap_or(rest.len());
            (length, word_class(&rest[..length]))
        } else {
            (c.len_utf8(), None)
        };
        let (piece, after) = rest.split_at(length);
        match class {
            Some(class) => write!(f, "<span class=\"{class}\">{}</span>", Text(piece))?,
            None => write!(f, "{}", Text(piece))?,
        }
        rest = after;
    }
    Ok(())
}

/// Types begin with a capital, values in capitals are words like NULL.
fn word_class(word: &str) -> Option<&'static str> {
    let first = word.chars().next()?;
    if first.is_ascii_digit() {
        Some("value")
    } else if first.is_ascii_uppercase() {
        Some(if word.len() > 1 && word.chars().all(|c| c.is_ascii_uppercase() || c == '_') { "value" } else { "type" })
    } else {
        None
    }
}

/// How long a string is with its quotes.
fn string_length(text: &str) -> usize {
    let mut is_escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        if c == '"' && !is_escaped {
            return at + 1;
        }
        is_escaped = c == '\\' && !is_escaped;
    }
    text.len()
}

fn metrics(f: &mut fmt::Formatter<'_>, metrics: &std::collections::BTreeMap<String, f64>) -> fmt::Result {
    if metrics.is_empty() {
        return Ok(());
    }
    writeln!(f, "<dl class=\"metrics\">")?;
    for (name, value) in metrics {
        writeln!(f, "<div><dt>{}</dt><dd>{}</dd></div>", Text(name), measured(*value))?;
    }
    writeln!(f, "</dl>")
}

/// What was measured without a rule.
fn analyzers(f: &mut fmt::Formatter<'_>, report: &Report) -> fmt::Result {
    let analyzers = &report.evaluation.analyzers;
    if analyzers.is_empty() {
        return Ok(());
    }
    writeln!(
        f,
        "<details class=\"group measured\" open>\n<summary><h3>Only measured</h3> <span class=\"count\">{}</span></summary>\n<ul class=\"rules\">",
        analyzers.len()
    )?;
    for analyzer in analyzers {
        f.write_str("<li class=\"rule measured\"><div class=\"body\"><code class=\"text\">")?;
        code(f, &analyzer.analyzer)?;
        f.write_str("</code>")?;
        if let Some(reason) = &analyzer.reason {
            write!(f, "<p class=\"why\">{}</p>", Text(&plain(reason)))?;
        }
        writeln!(f, "</div>")?;
        metrics(f, &analyzer.metrics)?;
        writeln!(f, "</li>")?;
    }
    writeln!(f, "</ul>\n</details>")
}

#[cfg(test)]
mod tests {
    use std::fmt;

    struct Code(&'static str);

    impl fmt::Display for Code {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            super::code(f, self.0)
        }
    }

    #[test]
    fn words_are_told_apart_and_nothing_is_lost() {
        let shown = Code(r#"IsIn "a \" <b>" > 0.5 NULL é"#).to_string();
        let expected = "<span class=\"type\">IsIn</span> <span class=\"string\">&quot;a \\&quot; &lt;b&gt;&quot;</span> &gt; \
                        <span class=\"value\">0.5</span> <span class=\"value\">NULL</span> é";
        assert_eq!(shown, expected);
        assert_eq!(Code("\"open").to_string(), "<span class=\"string\">&quot;open</span>");
    }
}
