//! What each type of rule takes: parameters, conditions, clauses and tags.

use super::RuleType;
use super::ast::{Condition, Parameter};

mod meaning;
mod table;

pub use meaning::Meaning;

/// The kinds of conditions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ConditionKind {
    /// Numbers.
    Number,
    /// Strings.
    Text,
    /// Dates and times.
    Date,
    /// Durations.
    Duration,
    /// Sizes.
    Size,
}

impl ConditionKind {
    /// Every kind.
    pub const ALL: &'static [ConditionKind] =
        &[ConditionKind::Number, ConditionKind::Text, ConditionKind::Date, ConditionKind::Duration, ConditionKind::Size];

    /// With its article, as messages say it.
    pub fn name(self) -> &'static str {
        match self {
            ConditionKind::Number => "a number",
            ConditionKind::Text => "a string",
            ConditionKind::Date => "a date",
            ConditionKind::Duration => "a duration",
            ConditionKind::Size => "a size",
        }
    }

    /// A condition of the kind, as a hint shows it.
    pub fn example(self) -> &'static str {
        match self {
            ConditionKind::Number => "> 0.9",
            ConditionKind::Text => "in [\"a\",\"b\"]",
            ConditionKind::Date => "> (now() - 3 days)",
            ConditionKind::Duration => "<= 24 hours",
            ConditionKind::Size => "< 2 MB",
        }
    }
}

impl Condition {
    /// The kind of its operands.
    pub fn kind(&self) -> ConditionKind {
        match self {
            Condition::Number(_) => ConditionKind::Number,
            Condition::Text(_) => ConditionKind::Text,
            Condition::Date(_) => ConditionKind::Date,
            Condition::Duration(_) => ConditionKind::Duration,
            Condition::Size(_) => ConditionKind::Size,
        }
    }
}

/// Whether a rule has a condition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// It has one.
    Required,
    /// It may have one.
    Optional,
    /// It has none.
    Never,
}

/// What a type takes.
#[derive(Clone, Copy, Debug)]
pub struct Spec {
    /// Parameters that are always there.
    pub fixed: &'static [Meaning],
    /// Parameters that may follow.
    pub optional: &'static [Meaning],
    /// What any number of further parameters are.
    pub rest: Option<Meaning>,
    /// Conditions it can be held against; none if it has no condition.
    pub conditions: &'static [ConditionKind],
    /// Whether a condition is there; ask [`Spec::need`].
    required: bool,
    /// `where` is allowed.
    pub filter: bool,
    /// `group by` is allowed.
    pub group_by: bool,
    /// `with threshold` is allowed.
    pub threshold: bool,
    /// It has an outcome for each row, and `with mostly` is allowed.
    pub row_level: bool,
    /// Left out where composites are evaluated row by row; `DatasetMatch` only without columns to match.
    pub excluded: bool,
    /// It may stand among `Rules`.
    pub rule: bool,
    /// It may stand among `Analyzers`.
    pub analyzer: bool,
    /// Tags that mean something to it, beside `threshold`, `mostly` and `level`.
    pub tags: &'static [&'static str],
}

/// Directions of `Monotonic`; the first is what is meant if none is said.
pub const DIRECTIONS: &[&str] = &["increasing", "strictly increasing", "decreasing", "strictly decreasing"];
/// Methods of `Outliers`.
pub const OUTLIER_METHODS: &[&str] = &["z-score", "mad"];
/// Distances of `DistributionMatch`.
pub const DISTANCES: &[&str] = &["ks", "chi-square", "psi"];
/// Comparisons of `ColumnPair`.
pub const PAIR_OPERATORS: &[&str] = &["=", "!=", "<", "<=", ">", ">="];
/// Every tag of DQDL that means something to some rule, beside `threshold`.
pub const TAGS: &[&str] = &[
    "timeZone",
    "ignoreCase",
    "format",
    "hashAlgorithm",
    "matchFileName",
    "recentFiles",
    "uriRegex",
    "filterOrder",
    "failFast",
    "dataFrame",
];

impl RuleType {
    /// The type of a name, in whatever case: AWS spells `CustomSQL` and `isComplete` too.
    pub fn find(name: &str) -> Option<RuleType> {
        RuleType::ALL.iter().copied().find(|kind| kind.name().eq_ignore_ascii_case(name))
    }
}

impl RuleType {
    /// What each of some parameters is, as far as they are allowed. Those of `DetectAnomalies` are of the type it names.
    pub fn meanings(self, parameters: &[Parameter]) -> Vec<(Meaning, &Parameter)> {
        let spec = self.spec();
        let place = |(place, parameter)| spec.meaning(place).map(|meaning| (meaning, parameter));
        let named = parameters.first().filter(|_| self == RuleType::DetectAnomalies);
        match named.zip(RuleType::watched(parameters)) {
            Some((first, (kind, rest))) if kind != self => {
                std::iter::once((Meaning::Statistic, first)).chain(kind.meanings(rest)).collect()
            }
            _ => parameters.iter().enumerate().filter_map(place).collect(),
        }
    }

    /// What `DetectAnomalies` with these parameters watches: a type and its own parameters.
    pub fn watched(parameters: &[Parameter]) -> Option<(RuleType, &[Parameter])> {
        let (first, rest) = parameters.split_first()?;
        RuleType::find(&first.value).map(|kind| (kind, rest))
    }

    /// Whether it comes to one number that has a history: what `DetectAnomalies` can watch.
    pub fn has_history(self) -> bool {
        let spec = self.spec();
        spec.rule && spec.analyzer && !spec.conditions.contains(&ConditionKind::Size)
    }
}

impl Spec {
    /// Whether a rule with so many parameters has a condition. Two files are compared with each other
    /// (`FileMatch "a" "b"`), one with checksums.
    pub fn need(&self, parameters: usize) -> Need {
        let paths = self.optional.len() == 2 && self.optional.iter().all(|meaning| *meaning == Meaning::Path);
        match (self.conditions.is_empty() || paths && parameters == 2, self.required) {
            (true, _) => Need::Never,
            (false, true) => Need::Required,
            (false, false) => Need::Optional,
        }
    }

    /// What the parameter at a place (from 0) is.
    pub fn meaning(&self, place: usize) -> Option<Meaning> {
        self.fixed.iter().chain(self.optional).nth(place).copied().or(self.rest)
    }

    /// Whether it may have so many parameters.
    pub fn takes(&self, parameters: usize) -> bool {
        parameters >= self.fixed.len() && (self.rest.is_some() || parameters <= self.fixed.len() + self.optional.len())
    }
}
