//! Suggestions: rules that a dataset's profile speaks for, as a ruleset ready to use.
//!
//! What is suggested is what Deequ suggests, written in the rule language:
//!
//! | [`Heuristic`] | when | rule |
//! |---|---|---|
//! | `CompleteIfComplete` | no value is missing | `IsComplete "c"` |
//! | `RetainCompleteness` | more than a fifth of the values are there, and not all | `Completeness "c" >= 0.87`: the lower end of Wilson's interval |
//! | `RetainType` | all strings are whole numbers, numbers, or true and false | `ColumnDataType "c" = "INTEGER"` |
//! | `CategoricalRange` | few strings or whole numbers, at most a tenth of them once | `ColumnValues "c" in [ … ]` |
//! | `FractionalCategoricalRange` | the same with at most 40 % once, and some needed for nine tenths of the rows | `ColumnValues "c" in [ … ] with threshold >= 0.88`: the lower end |
//! | `NonNegativeNumbers` | no number is negative | `ColumnValues "c" >= 0` |
//! | `UniqueIfApproximatelyUnique` | no value is missing, and about as many differ as there are rows | `IsUnique "c"` |
//! | `HasMin`, `HasMax` | numbers | `ColumnValues "c" >= 1`, `ColumnValues "c" <= 9` |
//! | `HasMean`, `HasStandardDeviation` | numbers that are stored as such | `Mean "c" between 4.9 and 5.1`: as far as as many rows of the same kind may differ by chance |
//! | `HasMinLength`, `HasMaxLength` | strings | `ColumnLength "c" >= 2`, `ColumnLength "c" <= 5` |
//!
//! Where a rule would fail for a missing value and Deequ's does not, the rule lets missing values
//! pass, by `where` or by `NULL` in the list.
//!
//! Where this differs from Deequ, it is on purpose: `HasMean` looks at the mean and not at the
//! maximum; means and deviations get an interval, because no two sets of rows have exactly the same;
//! missing values are no category of their own; bounds are exact for every share of rows.
//!
//! Every suggestion is evaluated before it is made: on the rows it comes from, and on rows that
//! were held out; that a column is unique, on all rows together. One that fails is left out, and in
//! the ruleset as a comment with the reason.

mod chance;
mod check;
mod file;
mod heuristic;
mod propose;
mod split;
mod suggestion;
mod write;

pub use chance::{Interval, wilson};
pub use check::{Options, SuggestError, suggest};
pub use heuristic::{Heuristic, Set};
pub use propose::{Proposal, Sample, propose};
pub use suggestion::{Held, Suggestion, Suggestions};

#[cfg(test)]
mod tests;
