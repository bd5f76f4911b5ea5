//! The names of what suggests rules, and the sets of them.

use serde::{Deserialize, Serialize};

/// What suggests a rule for a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Heuristic {
    /// No value is missing.
    CompleteIfComplete,
    /// Some values are missing.
    RetainCompleteness,
    /// Strings are of a narrower type.
    RetainType,
    /// Few values, seen often.
    CategoricalRange,
    /// Few values for most rows.
    FractionalCategoricalRange,
    /// No negative number.
    NonNegativeNumbers,
    /// About as many values as rows.
    UniqueIfApproximatelyUnique,
    /// The least number.
    HasMin,
    /// The greatest number.
    HasMax,
    /// The mean.
    HasMean,
    /// The standard deviation.
    HasStandardDeviation,
    /// The shortest string.
    HasMinLength,
    /// The longest string.
    HasMaxLength,
}

/// Sets of heuristics, as Deequ has them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Set {
    /// Completeness, types and ranges.
    #[default]
    Default,
    /// Lengths of strings.
    String,
    /// Extremes and moments of numbers.
    Numerical,
    /// Uniqueness.
    Common,
    /// All of them.
    Extended,
}

const ALL: [Heuristic; 13] = [
    Heuristic::CompleteIfComplete,
    Heuristic::RetainCompleteness,
    Heuristic::RetainType,
    Heuristic::CategoricalRange,
    Heuristic::FractionalCategoricalRange,
    Heuristic::NonNegativeNumbers,
    Heuristic::UniqueIfApproximatelyUnique,
    Heuristic::HasMin,
    Heuristic::HasMax,
    Heuristic::HasMean,
    Heuristic::HasStandardDeviation,
    Heuristic::HasMinLength,
    Heuristic::HasMaxLength,
];

impl Set {
    /// Every set.
    pub const ALL: [Set; 5] = [Set::Default, Set::String, Set::Numerical, Set::Common, Set::Extended];

    /// The name, in capitals.
    pub fn name(self) -> &'static str {
        match self {
            Set::Default => "DEFAULT",
            Set::String => "STRING",
            Set::Numerical => "NUMERICAL",
            Set::Common => "COMMON",
            Set::Extended => "EXTENDED",
        }
    }

    /// The set of a name, in whatever case.
    pub fn find(name: &str) -> Option<Set> {
        Set::ALL.into_iter().find(|set| set.name().eq_ignore_ascii_case(name))
    }

    /// What is in it.
    pub fn heuristics(self) -> &'static [Heuristic] {
        match self {
            Set::Default => &ALL[..6],
            Set::Common => &ALL[6..7],
            Set::Numerical => &ALL[7..11],
            Set::String => &ALL[11..],
            Set::Extended => &ALL,
        }
    }
}
