//! Reads YAML with places: values that know where they stand, and a report that collects what is
//! wrong, so that one look at a file tells as much as can be told.
//!
//! A reader takes what it can and goes on after an error; whoever started it looks at the report
//! before using the result.

mod document;
mod fields;
mod report;
mod size;
mod value;

pub(crate) use document::Document;
pub(crate) use fields::Fields;
pub(crate) use report::Report;
pub(crate) use value::Value;
