//! What a rule needs measured, and what it makes of it.

use std::collections::BTreeMap;
use std::sync::Arc;

use polars::prelude::{Expr, LazyFrame};

use super::{Fault, Found};
use crate::stats::{Key, Statistic};

/// A statistic, and of which dataset.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Want {
    /// The alias of a reference; `None` is the dataset itself.
    pub(crate) source: Option<String>,
    /// What is measured.
    pub(crate) statistic: Statistic,
}

/// Judges the whole, or one group.
pub(crate) type Judgement = Box<dyn Fn(&Found<'_>) -> Result<Verdict, Fault> + Send + Sync>;

/// Judges each group; without `group by` there is one, whose key is empty.
pub(crate) type Judgements = Box<dyn Fn(&Found<'_>) -> Result<Vec<(Key, Verdict)>, Fault> + Send + Sync>;

/// How a rule is judged once everything is measured.
pub(crate) enum Check {
    /// By what is among the wants, for each group of them.
    Measured(Judgement),
    /// By what is told of the whole.
    Whole(Judgement),
    /// By a query that groups by itself.
    Queried(Judgements),
}

/// What a rule needs measured, and what it makes of it.
pub(crate) struct Plan {
    /// What is measured in the pass that all rules share.
    pub(crate) wants: Vec<Want>,
    /// Judges it.
    pub(crate) check: Check,
    /// The rule on each row, if it can be told there.
    pub(crate) rows: Option<RowTest>,
}

impl Plan {
    /// Of what the shared pass measures.
    pub(crate) fn shared<F>(wants: Vec<Want>, check: F) -> Plan
    where
        F: Fn(&Found<'_>) -> Result<Verdict, Fault> + Send + Sync + 'static,
    {
        Plan { wants, check: Check::Measured(Box::new(check)), rows: None }
    }

    /// Of the whole, by a look or a query of its own.
    pub(crate) fn direct<F>(check: F) -> Plan
    where
        F: Fn(&Found<'_>) -> Result<Verdict, Fault> + Send + Sync + 'static,
    {
        Plan { wants: Vec::new(), check: Check::Whole(Box::new(check)), rows: None }
    }

    /// Of groups, by a query of its own.
    pub(crate) fn queried<F>(check: F) -> Plan
    where
        F: Fn(&Found<'_>) -> Result<Vec<(Key, Verdict)>, Fault> + Send + Sync + 'static,
    {
        Plan { wants: Vec::new(), check: Check::Queried(Box::new(check)), rows: None }
    }

    /// With a test of each row.
    pub(crate) fn with_rows(mut self, rows: RowTest) -> Plan {
        self.rows = Some(rows);
        self
    }
}

/// What comes of a rule.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Verdict {
    /// Whether it holds.
    pub(crate) holds: bool,
    /// Why it doesn't.
    pub(crate) reason: Option<String>,
    /// What was measured.
    pub(crate) metrics: BTreeMap<String, f64>,
    /// What its history is kept of.
    pub(crate) value: Option<f64>,
}

impl Verdict {
    /// With nothing measured yet.
    pub(crate) fn new(holds: bool) -> Verdict {
        Verdict { holds, reason: None, metrics: BTreeMap::new(), value: None }
    }

    /// With a metric. The first is what the history is kept of.
    pub(crate) fn metric(mut self, name: impl Into<String>, value: f64) -> Verdict {
        self.value = self.value.or(Some(value));
        self.metrics.insert(name.into(), value);
        self
    }

    /// With the reason, if it doesn't hold.
    pub(crate) fn because(mut self, reason: impl FnOnce() -> String) -> Verdict {
        if !self.holds {
            self.reason = Some(reason());
        }
        self
    }
}

/// Adds columns that a row test needs.
pub(crate) type Prepare = Arc<dyn Fn(LazyFrame) -> LazyFrame + Send + Sync>;

/// A rule on each row.
#[derive(Clone)]
pub(crate) struct RowTest {
    /// Adds columns whose names begin with [`super::rows::MARK`]; the rows stay as they are, in their order.
    pub(crate) prepare: Option<Prepare>,
    /// Whether the row holds; null is no.
    pub(crate) pass: Expr,
    /// What the reason shows of the row, as a string.
    pub(crate) shown: Expr,
    /// What the reason says before and after it.
    pub(crate) words: (String, String),
    /// Whether it can be part of a composite that is evaluated on rows.
    pub(crate) in_composites: bool,
}

impl RowTest {
    /// Of the value of an expression.
    pub(crate) fn of_value(pass: Expr, shown: Expr) -> RowTest {
        RowTest {
            prepare: None,
            pass,
            shown,
            words: ("Value: ".into(), " does not meet the constraint requirement!".into()),
            in_composites: true,
        }
    }

    /// The reason put otherwise.
    pub(crate) fn words(mut self, before: impl Into<String>, after: impl Into<String>) -> RowTest {
        self.words = (before.into(), after.into());
        self
    }

    /// With columns made before.
    pub(crate) fn prepared(mut self, prepare: impl Fn(LazyFrame) -> LazyFrame + Send + Sync + 'static) -> RowTest {
        self.prepare = Some(Arc::new(prepare));
        self
    }

    /// Not in composites: a ratio of rows, rather than a condition on each.
    pub(crate) fn apart(mut self) -> RowTest {
        self.in_composites = false;
        self
    }
}
