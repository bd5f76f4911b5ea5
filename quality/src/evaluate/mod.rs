//! Rules to outcomes.

pub mod history;

pub use history::{History, Point};
