//! What parameters stand for.

/// What a parameter stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Meaning {
    /// A column of the dataset.
    Column,
    /// A column, or the bare word `AllColumns`.
    ColumnOrAll,
    /// A name that a column may have or not.
    ColumnName,
    /// Columns separated by commas: `"zip,city"`.
    Columns,
    /// The alias of a reference dataset.
    Alias,
    /// Columns of a reference: `"ref.zip"`, `"ref.{zip_code,city_name}"`.
    ReferenceColumns,
    /// Columns and what they are called in the reference: `"id->id_ref,key"`.
    Mapping,
    /// `"sum(amount)"`, `"avg(ref.amount)"`.
    Aggregate,
    /// A regular expression.
    Pattern,
    /// A query.
    Sql,
    /// A file or a folder.
    Path,
    /// The name of a rule type, whose own parameters follow.
    Statistic,
    /// A number from 0 to 1.
    Quantile,
    /// A number that is not negative.
    Limit,
    /// One of these words.
    OneOf(&'static [&'static str]),
    /// A number, or a duration: `"10"`, `"1 day"`.
    Interval,
    /// The name of a format.
    Format,
}

impl Meaning {
    /// What stands for such a parameter in a hint.
    pub fn placeholder(self) -> &'static str {
        match self {
            Meaning::Column | Meaning::ColumnName | Meaning::ColumnOrAll => "column",
            Meaning::Columns => "column,column",
            Meaning::Alias => "reference",
            Meaning::ReferenceColumns => "reference.{column,column}",
            Meaning::Mapping => "column->column",
            Meaning::Aggregate => "sum(column)",
            Meaning::Pattern => "regular expression",
            Meaning::Sql => "query",
            Meaning::Path => "path",
            Meaning::Statistic => "rule",
            Meaning::Quantile => "0.95",
            Meaning::Limit => "3",
            Meaning::OneOf(words) => words.first().copied().unwrap_or_default(),
            Meaning::Interval => "1 day",
            Meaning::Format => "email",
        }
    }
}
