//! What a report tells, whoever found it out: all of it is plain data.

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::{
    evaluate::{Evaluation, Outcome, Point, RuleResult},
    language::ast::Level,
};

/// What a report tells.
#[derive(Clone, Debug)]
pub struct Report {
    /// What was audited, as its owners call it: `nyc.flights`, `orders.parquet`.
    pub name: String,
    /// Where the data is, for people: paths, addresses.
    pub data: Vec<String>,
    /// The ruleset's file.
    pub ruleset: String,
    /// When it was evaluated.
    pub at: Timestamp,
    /// What came of it.
    pub evaluation: Evaluation,
    /// Earlier values of statistics, by name, the oldest first; without those of this evaluation.
    pub trends: BTreeMap<String, Vec<Point>>,
    /// The columns of the data; empty if there is no profile.
    pub columns: Vec<Column>,
    /// Rows that break rules; none if no rule says something of single rows.
    pub failing: Option<FailingRows>,
}

/// A column's profile, as far as a report shows it.
#[derive(Clone, Debug, PartialEq)]
pub struct Column {
    /// Its name.
    pub name: String,
    /// The type of its values.
    pub data_type: String,
    /// Rows of the dataset.
    pub rows: u64,
    /// Rows without a value.
    pub nulls: u64,
    /// Different values, null left out; about so many if `is_approximate`.
    pub distinct: Option<u64>,
    /// Whether `distinct` is an estimate.
    pub is_approximate: bool,
    /// What else is known, name and value: `("mean", "12.6")`.
    pub facts: Vec<(String, String)>,
    /// How the values are spread.
    pub distribution: Distribution,
}

/// How the values of a column are spread.
#[derive(Clone, Debug, PartialEq)]
pub enum Distribution {
    /// Nothing is known of it.
    Unknown,
    /// Values in order, counted in bins.
    Histogram(Vec<Bin>),
    /// The most frequent values, and how many rows have none of them.
    Values {
        /// Values with their rows, the most frequent first.
        top: Vec<(String, u64)>,
        /// Rows with another value.
        other: u64,
    },
}

/// A bin of a histogram.
#[derive(Clone, Debug, PartialEq)]
pub struct Bin {
    /// Where it begins.
    pub low: f64,
    /// Where it ends.
    pub high: f64,
    /// How its ends are shown, if not as numbers: dates.
    pub shown: Option<(String, String)>,
    /// Rows in it.
    pub count: u64,
}

/// Rows that break rules: a few of them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct FailingRows {
    /// How many rows break a rule; not only those that are shown.
    pub total: u64,
    /// The columns that are shown.
    pub columns: Vec<String>,
    /// How many columns are not.
    pub hidden_columns: usize,
    /// Some of them, in the order of their numbers.
    pub rows: Vec<FailingRow>,
    /// How many of these are the very first; the others break rules that these seldom do.
    pub first: usize,
}

/// A row that breaks rules.
#[derive(Clone, Debug, PartialEq)]
pub struct FailingRow {
    /// Its number in the dataset, counted from 1.
    pub number: u64,
    /// Which rules it breaks, and why.
    pub reasons: Vec<Reason>,
    /// Its values, by the columns that are shown; nothing for null.
    pub values: Vec<Option<String>>,
}

/// Why a row breaks a rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reason {
    /// The rule.
    pub rule: String,
    /// What is wrong with the row.
    pub why: String,
}

/// How many rules ended in which way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// They hold.
    pub passed: usize,
    /// They don't, and that fails the audit.
    pub failed: usize,
    /// They don't, and are of level `warn`.
    pub warned: usize,
    /// They could not be evaluated.
    pub errors: usize,
}

impl Tally {
    /// Of an evaluation.
    pub fn of(evaluation: &Evaluation) -> Tally {
        let mut tally = Tally::default();
        for rule in &evaluation.rules {
            match Verdict::of(rule) {
                Verdict::Passed => tally.passed += 1,
                Verdict::Failed => tally.failed += 1,
                Verdict::Warned => tally.warned += 1,
                Verdict::Error => tally.errors += 1,
            }
        }
        tally
    }

    /// All rules.
    pub fn total(&self) -> usize {
        self.passed + self.failed + self.warned + self.errors
    }
}

/// What a rule's outcome means for the audit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It could not be evaluated, which fails the audit.
    Error,
    /// It fails the audit.
    Failed,
    /// It does not hold and is only told of.
    Warned,
    /// It holds.
    Passed,
}

impl Verdict {
    /// Of a rule.
    pub fn of(rule: &RuleResult) -> Verdict {
        match (rule.outcome, rule.level) {
            (Outcome::Passed, _) => Verdict::Passed,
            (Outcome::Failed, Level::Error) => Verdict::Failed,
            (Outcome::Failed, Level::Warn) => Verdict::Warned,
            (Outcome::Error, _) => Verdict::Error,
        }
    }
}
