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
}

impl Profile {
    /// The profile of a column.
    pub fn column(&self, name: &str) -> Option<&ColumnProfile> {
        self.columns.iter().find(|column| column.name == name)
    }
}

#[cfg(test)]
mod tests;
