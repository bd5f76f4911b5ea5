//! What a stage does: transforms, jobs, the audit, and what comes after them.

use std::{collections::BTreeMap, time::Duration};

use serde::{Deserialize, Serialize};

use super::ColumnType;
use crate::{notify::Notify, table::TableId};

/// One thing a stage does.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// Light work on a worker.
    Transform(Transform),
    /// Work on an engine.
    Job(Job),
    /// The audit of what the steps before it made, before anybody sees it. At most once.
    Quality(Quality),
    /// Registration in the table catalog. The last step that works on data, at most once.
    Publish(Publish),
    /// Registration by a crawler of the table catalog: `publish` in a pipeline file, and in its place.
    Crawl(Crawl),
    /// Telling others how the run ended, wherever it stands among the steps.
    Notify(Notify),
}

impl Step {
    /// The name of the step's kind in a pipeline file.
    pub fn kind(&self) -> &'static str {
        match self {
            Step::Transform(_) => "transform",
            Step::Job(_) => "job",
            Step::Quality(_) => "quality",
            Step::Publish(_) | Step::Crawl(_) => "publish",
            Step::Notify(_) => "notify",
        }
    }

    pub(in crate::pipeline) fn references(&self) -> Option<&BTreeMap<String, TableId>> {
        match self {
            Step::Transform(transform) => Some(&transform.references),
            Step::Job(job) => Some(&job.references),
            Step::Quality(quality) => Some(&quality.references),
            Step::Publish(_) | Step::Crawl(_) | Step::Notify(_) => None,
        }
    }

    pub(super) fn timeout(&self) -> Duration {
        match self {
            Step::Transform(transform) => transform.timeout,
            Step::Job(job) => job.timeout,
            Step::Quality(quality) => quality.timeout,
            Step::Publish(_) | Step::Crawl(_) | Step::Notify(_) => Duration::ZERO,
        }
    }
}

/// What an attempt of a transform may take when the pipeline file says nothing.
pub const DEFAULT_TRANSFORM_TIMEOUT: Duration = Duration::from_secs(30 * 60);
/// What an attempt of a job may take when the pipeline file says nothing.
pub const DEFAULT_JOB_TIMEOUT: Duration = Duration::from_secs(2 * 60 * 60);
/// What an audit may take when the pipeline file says nothing.
pub const DEFAULT_QUALITY_TIMEOUT: Duration = Duration::from_secs(30 * 60);
/// How long a crawl is waited for when the pipeline file says nothing.
pub const DEFAULT_CRAWL_TIMEOUT: Duration = Duration::from_secs(60 * 60);

/// A light transform: SQL, or declarative operations.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Transform {
    /// What it does to table `input`.
    pub work: TransformWork,
    /// Published tables the SQL may read besides `input`, by the name it knows them by.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub references: BTreeMap<String, TableId>,
    /// The longest an attempt may take.
    pub timeout: Duration,
}

/// What a transform does.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TransformWork {
    /// One SQL query over `input` and the references.
    Sql(Sql),
    /// Operations one after another.
    Operations(Vec<Operation>),
}

/// A SQL text and where it came from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sql {
    /// The query.
    pub text: String,
    /// The file it was read from, relative to the project; absent for SQL written inline.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
}

/// A declarative operation on the rows so far. Expressions and predicates are SQL.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Operation {
    /// Keep these columns, in this order.
    Select(Vec<String>),
    /// New name by old name.
    Rename(BTreeMap<String, String>),
    /// New type by column; a value that can't be cast fails the task.
    Cast(BTreeMap<String, ColumnType>),
    /// Keep the rows for which the predicate is true.
    Filter(String),
    /// Add or replace columns: expression by column name, in order; later ones see earlier ones.
    Derive(Vec<(String, String)>),
    /// Keep one row of each group of rows equal in these columns (all columns if empty).
    Deduplicate(Vec<String>),
    /// Drop the rows with a null in one of these columns (any column if empty).
    DropNulls(Vec<String>),
}

/// Heavy work on an engine.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Job {
    /// Which engine.
    pub engine: Engine,
    /// The query over the whole batch as table `input`.
    pub sql: Sql,
    /// Published tables the SQL may read besides `input`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub references: BTreeMap<String, TableId>,
    /// The longest an attempt may take.
    pub timeout: Duration,
}

/// What runs a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Engine {
    /// A Lakegate worker.
    Worker,
}

/// The audit of what a stage wrote.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Quality {
    /// The rules.
    pub rules: Ruleset,
    /// What happens if they don't hold.
    #[serde(default)]
    pub on_failure: OnFailure,
    /// What they are about.
    #[serde(default, skip_serializing_if = "Scope::is_output")]
    pub scope: Scope,
    /// How rules put together by `and` and `or` are evaluated.
    #[serde(default, skip_serializing_if = "Composites::is_default")]
    pub composites: Composites,
    /// Published tables that the rules compare with, by the name they know them by.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub references: BTreeMap<String, TableId>,
    /// The longest an attempt may take.
    pub timeout: Duration,
}

/// What an audit's rules are about.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// What the execution wrote.
    #[default]
    Output,
    /// The table that the stage publishes to, as it would be with what the execution wrote.
    Table,
}

impl Scope {
    fn is_output(&self) -> bool {
        *self == Scope::Output
    }
}

/// The text of a ruleset, in DQDL, and where it came from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ruleset {
    /// The rules.
    pub text: String,
    /// The file they were read from, relative to the project.
    pub file: String,
    /// The statistics whose earlier values the rules ask for, and how many of each: said by whoever knows
    /// the language of the rules. `None` if nobody has said it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub looks_back: Option<BTreeMap<String, usize>>,
}

/// The most earlier values of a statistic that rules are given.
pub const LONGEST_HISTORY: usize = 1_000;

/// What rules may call the statistic that has this name: its name, or, of one group's, that of all of them,
/// which the group's values follow: `RowCount group by "country" ["DE"]`.
pub fn asked_as(statistic: &str) -> impl Iterator<Item = &str> {
    let groups = statistic.match_indices(" [").filter_map(|(at, _)| statistic.get(..at));
    std::iter::once(statistic).chain(groups)
}

impl Ruleset {
    /// How many earlier values of each statistic the rules may ask for, where nobody has said which they do:
    /// all that are kept if an anomaly is looked for, else the largest `k` of any `last(k)`, and all again if
    /// some `k` is more than a plain number. Read from the text, so it may be more than is needed (a comment
    /// counts too) and is never less.
    pub fn history(&self) -> usize {
        if self.text.contains("DetectAnomalies") {
            return LONGEST_HISTORY;
        }
        let mut most = 0;
        for (at, word) in self.text.match_indices("last") {
            let before = self.text[..at].chars().next_back();
            let after = &self.text[at + word.len()..];
            let is_part = |next: Option<char>| next.is_some_and(|next| next.is_alphanumeric() || next == '_');
            if !is_part(before) && !is_part(after.chars().next()) {
                most = most.max(asked(after));
            }
        }
        most.min(LONGEST_HISTORY)
    }
}

/// What a `last` asks for that this follows.
fn asked(after: &str) -> usize {
    let after = after.trim_start();
    let Some(argument) = after.strip_prefix('(').map(str::trim_start) else {
        // A comment may stand before the parenthesis.
        return if after.starts_with('#') || after.starts_with("//") || after.starts_with("/*") { LONGEST_HISTORY } else { 0 };
    };
    let rest = argument.trim_start_matches(|next: char| next.is_ascii_digit());
    let digits = argument.strip_suffix(rest).unwrap_or_default();
    match rest.trim_start().starts_with(')') {
        true if digits.is_empty() => 1,
        true => digits.parse().unwrap_or(LONGEST_HISTORY),
        false => LONGEST_HISTORY,
    }
}

/// What happens to output that breaks rules. Rules that can't be evaluated always block.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnFailure {
    /// The run fails, and nobody sees any of it.
    #[default]
    Block,
    /// It is published, and the run says so.
    Warn,
    /// The rows that broke rules are set aside, each with its reasons; the others are published. As
    /// `Block` if a rule is broken that is not about single rows.
    QuarantineRows,
}

/// How rules put together by `and` and `or` are evaluated: the method of Glue's `compositeRuleEvaluation`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Composites {
    /// Each part on all rows, then the operators.
    #[default]
    Dataset,
    /// The operators on each row, and all rows have to hold; so rows can be set aside for such a rule.
    Row,
}

impl Composites {
    fn is_default(&self) -> bool {
        *self == Composites::default()
    }
}

/// Registration in the table catalog.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Publish {
    /// Which table.
    pub table: TableId,
    /// Columns whose values become folders, outermost first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub partition_by: Vec<String>,
    /// LF-Tags that the table has in Lake Formation, value by key. A catalog that has none keeps none.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub lf_tags: BTreeMap<String, String>,
}

/// Registration by a crawler, which finds out by itself what tables there are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Crawl {
    /// Its name in the table catalog.
    pub crawler: String,
    /// How long it is waited for, from the moment that the output is in its zone.
    pub timeout: Duration,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_are_given_as_much_of_the_past_as_they_may_ask_for() {
        let history = |text: &str| Ruleset { text: text.into(), file: "a.dqdl".into(), looks_back: None }.history();
        for (text, expected) in [
            ("Rules = [ RowCount > 0, IsComplete \"last\" ]", 0),
            ("Rules = [ IsComplete \"lasting (4)\", IsComplete \"blast(4)\" ]", 0),
            ("Rules = [ RowCount > avg(last(3)), Mean \"a\" > max(last ( 12 )) ]", 12),
            ("Rules = [ RowCount = last() ]", 1),
            ("Rules = [ RowCount = last( ) ]", 1),
            ("Rules = [ RowCount > avg(last\n(\n2)) ]", 2),
            ("Rules = [ RowCount > min(last(99999999999999999999999)) ]", LONGEST_HISTORY),
            ("Rules = [ RowCount > avg(last(2 * 4)) ]", LONGEST_HISTORY),
            ("Rules = [ RowCount > avg(last((10))) ]", LONGEST_HISTORY),
            ("Rules = [ RowCount > avg(last(1e2)) ]", LONGEST_HISTORY),
            ("Rules = [ RowCount > avg(last # comment\n(10)) ]", LONGEST_HISTORY),
            ("Rules = [ RowCount > avg(last( # comment\n10)) ]", LONGEST_HISTORY),
            ("Rules = [ RowCount > avg(last(10 # comment\n)) ]", LONGEST_HISTORY),
            ("Rules = [ RowCount > avg(last(2)), Mean \"a\" > avg(last(1 + 1)) ]", LONGEST_HISTORY),
            ("Rules = [ DetectAnomalies \"RowCount\" ]", LONGEST_HISTORY),
        ] {
            assert_eq!(history(text), expected, "{text}");
        }
    }
}
