//! `lakegate quality run`, and what it answers.

use std::{
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use lakegate_tests::kit::lakegate_binary;
use serde_json::Value;

use super::tables::Table;

/// What came of a ruleset.
pub(crate) struct Evaluation {
    document: Value,
    rows: PathBuf,
    _folder: tempfile::TempDir,
}

/// What came of one rule.
pub(crate) struct RuleResult<'a>(&'a Value);

/// Runs rules on a table, with references by their aliases, for what comes of them.
pub(crate) fn run(table: &Table, rules: &[String], references: &[(&str, &Table)]) -> Evaluation {
    evaluate(table, rules, references, false)
}

/// The same, and has all rows written with what the rules say of each.
pub(crate) fn run_with_rows(table: &Table, rules: &[String], references: &[(&str, &Table)]) -> Evaluation {
    evaluate(table, rules, references, true)
}

fn evaluate(table: &Table, rules: &[String], references: &[(&str, &Table)], with_rows: bool) -> Evaluation {
    let aliases: Vec<String> = references.iter().map(|(alias, _)| format!("\"{alias}\"")).collect();
    let mut text = String::new();
    if !aliases.is_empty() {
        write!(text, "DataSources = {{ \"Primary\": \"t\", \"AdditionalDataSources\": [{}] }}\n\n", aliases.join(", "))
            .expect("a string grows");
    }
    write!(text, "Rules = [\n    {}\n]\n", rules.join(",\n    ")).expect("a string grows");
    let folder = tempfile::tempdir().expect("a scratch folder");
    let (ruleset, rows) = (folder.path().join("rules.dqdl"), folder.path().join("rows.parquet"));
    fs::write(&ruleset, &text).expect("the scratch folder can be written");

    let mut command = Command::new(lakegate_binary());
    command.args(["quality", "run", "-o", "json", "--rules"]).arg(&ruleset).arg("--data").args(&table.paths);
    if with_rows {
        command.arg("--rows").arg(&rows);
    }
    for (alias, reference) in references {
        for path in &reference.paths {
            command.arg("--reference").arg(format!("{alias}={}", path.display()));
        }
    }
    let output = command.current_dir(folder.path()).output().expect("the command can be run");
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(matches!(output.status.code(), Some(0 | 1)), "{:?}\n{told}\n{text}", output.status);
    let document: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {told}"));
    assert_eq!(document["rules"].as_array().map(Vec::len), Some(rules.len()), "{document:#}");
    Evaluation { document, rows, _folder: folder }
}

impl Evaluation {
    /// What came of a rule, by its place.
    pub(crate) fn rule(&self, place: usize) -> RuleResult<'_> {
        RuleResult(&self.document["rules"][place])
    }

    /// The outcome of a rule, by its place.
    pub(crate) fn outcome(&self, place: usize) -> &str {
        self.document["rules"][place]["outcome"].as_str().expect("an outcome")
    }

    /// Rows of the dataset.
    pub(crate) fn row_count(&self) -> u64 {
        self.document["rows"].as_u64().expect("a number of rows")
    }

    /// Rows with their outcomes, as a file.
    pub(crate) fn rows(&self) -> &Path {
        &self.rows
    }
}

impl RuleResult<'_> {
    /// `Passed`, `Failed` or `Error`.
    pub(crate) fn outcome(&self) -> &str {
        self.0["outcome"].as_str().expect("an outcome")
    }

    /// The rule in canonical spelling.
    pub(crate) fn text(&self) -> &str {
        self.0["rule"].as_str().expect("a rule")
    }

    /// Whether one of its metrics is this number, but for rounding.
    pub(crate) fn has_metric(&self, expected: f64) -> bool {
        let close = |value: f64| (value - expected).abs() <= 1e-9 * expected.abs().max(1.0);
        let metrics = self.0["metrics"].as_object().expect("metrics");
        metrics.values().filter_map(Value::as_f64).any(close)
    }

    /// All of it, for messages.
    pub(crate) fn told(&self) -> String {
        format!("{:#}", self.0)
    }
}
