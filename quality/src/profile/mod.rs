//! A dataset's profile: of each column its type, how complete it is, how many different values it
//! has, and how they are spread.
//!
//! Two passes at most, however many columns there are. The first measures everything that the
//! stored types allow. The second, if any column asks for it, counts the values of columns that have
//! few of them, and measures strings that the first pass found to be numbers, as numbers.

mod bins;
mod column;
mod kind;
mod number;
mod passes;
mod times;

pub use bins::Bin;
pub use column::{ColumnProfile, Lengths, Numbers, Quantile, Spread, Times, ValueCount};
pub use kind::{Kind, TypeCounts};
pub use passes::{Options, ProfileError, profile};

use serde::{Deserialize, Serialize};

/// What is known of a dataset.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Profile {
    /// Its rows.
    pub rows: u64,
    /// Its columns, in their order.
    pub columns: Vec<ColumnProfile>,
    /// Columns whose values would have been counted, had there been room for all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub uncounted: Vec<String>,
}

impl Profile {
    /// The profile of a column.
    pub fn column(&self, name: &str) -> Option<&ColumnProfile> {
        self.columns.iter().find(|column| column.name == name)
    }

    /// What of it is less than it would be if there were more room in memory, in sentences.
    pub fn notes(&self) -> Vec<String> {
        let about = self.columns.iter().filter(|column| column.numbers.as_ref().is_some_and(|numbers| !numbers.is_exact)).count();
        let mut notes = Vec::new();
        if about > 0 {
            notes.push(format!(
                "quantiles of {about} {} and their plots are about right: all values would not fit in the memory that a profile may use",
                if about == 1 { "column" } else { "columns" }
            ));
        }
        if let Some(first) = self.uncounted.first() {
            let more = match self.uncounted.len() - 1 {
                0 => String::new(),
                more => format!(" and {more} more"),
            };
            notes.push(format!(
                "values of column {first}{more} are not counted, and how many there are is an estimate: they would not fit in the memory that a profile may use; name fewer columns"
            ));
        }
        notes
    }
}

#[cfg(test)]
mod tests;
