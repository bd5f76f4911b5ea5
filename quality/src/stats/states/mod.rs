//! What is kept of the values: small, and made so that the states of two halves merge into the
//! state of the whole, in any order.

mod bits;
mod classes;
mod co_moments;
mod distinct;
mod extremes;
mod frequencies;
mod histogram;
mod lengths;
mod moments;
mod quantiles;
mod top;
mod types;

#[cfg(test)]
mod merge_tests;

pub use self::{
    classes::Classes,
    co_moments::CoMoments,
    distinct::Distinct,
    extremes::Extremes,
    frequencies::{Frequencies, FrequencySummary, FrequencyTable},
    histogram::Histogram,
    lengths::Lengths,
    moments::Moments,
    quantiles::Quantiles,
    top::TopValues,
    types::Types,
};
pub(crate) use self::{
    frequencies::{NoKeys, Piece, Summing},
    quantiles::Room,
    top::TopCounter,
    types::{Look, look},
};
