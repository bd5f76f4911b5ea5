//! Statistics: what rules, profile and suggestions are made of, measured together in as few scans
//! as possible and kept as states that merge.
//!
//! The metric of merged states equals the metric of the whole, so a table's statistics are kept
//! per file and partition, and new data costs only its own scan.
//!
//! [`measure`] answers what Parquet footers know (`footers`) and everything else in one pass over
//! the batches of a dataset (`pass`); keys are counted exactly in bounded memory (`keys`).
//! [`measure_with`] reads only what a file of states (`store`) does not know yet.

mod error;
mod footers;
mod keys;
mod measure;
mod pass;
mod state;
mod states;
pub mod statistic;
mod store;

pub(crate) use self::pass::{FEW_THREADS, Key, key_text};

pub use self::{
    error::{MeasureError, StatisticError},
    measure::{Measured, Options, measure, measure_with_options},
    state::{MergeError, State},
    states::{
        Classes, CoMoments, Distinct, Extremes, Frequencies, FrequencySummary, FrequencyTable, Histogram, Lengths, Moments, Quantiles,
        TopValues, Types,
    },
    statistic::{Edges, Measure, Predicate, Statistic},
    store::{DataFile, StoreError, Stored, measure_with},
};
pub(crate) use self::{keys::keys_of_rows, measure::repeated_keys};
