//! CSV: types are inferred from the first rows, and from every row if those turn out to have told
//! too little; ragged lines are refused, never filled up.
//!
//! `memory` reads what is small, `scan` what is read in pieces, `wrong` says what is wrong with a
//! text that can't be read.

mod memory;
mod scan;
mod wrong;

use std::sync::Arc;

use lakegate_model::{
    Failure, FailureCode,
    pipeline::{Compression, CsvOptions, Input},
};
use lakegate_quality::data::shape::Marks;
use polars::prelude::*;

pub(super) use self::{memory::read, scan::CsvScan};
use super::schema::declared;

/// How to read a CSV object.
#[derive(Clone, Debug)]
pub(super) struct Layout {
    marks: Marks,
    header: bool,
    null_values: Vec<PlSmallStr>,
    declared: Vec<(PlSmallStr, DataType)>,
}

impl Layout {
    /// How to read the object of that key.
    pub(super) fn new(input: &Input, key: &str) -> Result<Layout, Failure> {
        let CsvOptions { delimiter, header, null_values, quote } = &input.csv;
        let delimiter = if *delimiter == ',' && is_tab_separated(key) { '\t' } else { *delimiter };
        let byte = |what: &str, mark: char| {
            u8::try_from(mark).ok().filter(u8::is_ascii).ok_or_else(|| {
                Failure::new(FailureCode::InvalidPipeline, format!("csv {what} {mark:?} is more than one byte"))
                    .hint("use an ASCII character")
            })
        };
        Ok(Layout {
            marks: Marks { separator: byte("delimiter", delimiter)?, quote: quote.map(|quote| byte("quote", quote)).transpose()? },
            header: *header,
            null_values: null_values.iter().map(|text| text.as_str().into()).collect(),
            declared: input.columns.iter().map(|(name, kind)| (name.as_str().into(), declared(*kind))).collect(),
        })
    }

    fn declares(&self, column: &str) -> bool {
        self.declared.iter().any(|(name, _)| name == column)
    }

    /// Options with these types for columns; the others are inferred from so many rows, text if 0.
    fn options(&self, types: &[(PlSmallStr, DataType)], rows: usize) -> CsvReadOptions {
        let types: Schema = types.iter().map(|(name, data_type)| Field::new(name.clone(), data_type.clone())).collect();
        CsvReadOptions::default()
            .with_has_header(self.header)
            .with_infer_schema_length(Some(rows))
            .with_schema_overwrite((!types.is_empty()).then(|| Arc::new(types)))
            .map_parse_options(|options| self.parse_options(options))
    }

    fn parse_options(&self, options: CsvParseOptions) -> CsvParseOptions {
        let nulls = (!self.null_values.is_empty()).then(|| NullValues::AllColumns(self.null_values.clone()));
        options.with_separator(self.marks.separator).with_quote_char(self.marks.quote).with_null_values(nulls).with_try_parse_dates(true)
    }
}

fn is_tab_separated(key: &str) -> bool {
    let lower = key.to_ascii_lowercase();
    let plain = Compression::of_key(&lower).and_then(|compression| lower.strip_suffix(compression.suffix())).unwrap_or(&lower);
    plain.ends_with(".tsv")
}

/// CSV knows no `Null` type: columns without values are read as text.
fn as_read(types: &[(PlSmallStr, DataType)]) -> Vec<(PlSmallStr, DataType)> {
    let as_read = |data_type: &DataType| if *data_type == DataType::Null { DataType::String } else { data_type.clone() };
    types.iter().map(|(name, data_type)| (name.clone(), as_read(data_type))).collect()
}
