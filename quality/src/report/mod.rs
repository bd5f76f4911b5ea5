//! An evaluation for those who read it: programs (JSON), build servers (JUnit XML), people (one
//! HTML file), and the rows with what the rules say of each.

pub mod document;
pub mod json;
pub mod junit;
pub mod number;
pub mod profile;
pub mod reason;
pub mod rows;

mod draft;
mod escape;
mod html;

#[cfg(test)]
mod html_tests;
#[cfg(test)]
mod sample;

pub use document::{Bin, Column, Distribution, FailingRow, FailingRows, Reason, Report};
pub use html::Html;
