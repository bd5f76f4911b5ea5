//! The names of rules and analyzers.

macro_rules! rule_types {
    ($($(#[$doc:meta])* $name:ident,)*) => {
        /// What a rule or an analyzer measures.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum RuleType { $($(#[$doc])* $name,)* }

        impl RuleType {
            /// Every type, DQDL's first.
            pub const ALL: &'static [RuleType] = &[$(RuleType::$name,)*];

            /// The name as a ruleset spells it.
            pub fn name(self) -> &'static str {
                match self { $(RuleType::$name => stringify!($name),)* }
            }
        }
    };
}

rule_types! {
    /// Rows.
    RowCount,
    /// Rows whose key occurs more than once.
    DuplicateRowCount,
    /// Rows over those of a reference.
    RowCountMatch,
    /// Top-level columns.
    ColumnCount,
    /// Share of non-null values.
    Completeness,
    /// No null.
    IsComplete,
    /// Values that can be cast to a type.
    ColumnDataType,
    /// Every column name matches a regular expression.
    ColumnNamesMatchPattern,
    /// A column of this name is there.
    ColumnExists,
    /// Pearson's correlation.
    ColumnCorrelation,
    /// Share of rows whose key occurs once.
    Uniqueness,
    /// Every key occurs once.
    IsUnique,
    /// Unique and complete.
    IsPrimaryKey,
    /// Values that occur once over distinct values.
    UniqueValueRatio,
    /// Distinct values.
    DistinctValuesCount,
    /// Entropy in nats.
    Entropy,
    /// Mean.
    Mean,
    /// Sum.
    Sum,
    /// Population standard deviation.
    StandardDeviation,
    /// Population variance.
    Variance,
    /// Lengths of strings in characters.
    ColumnLength,
    /// Each value holds a condition.
    ColumnValues,
    /// Age of each value.
    DataFreshness,
    /// A query of the user's.
    CustomSql,
    /// Keys that a reference has.
    ReferentialIntegrity,
    /// Rows equal to those of a reference.
    DatasetMatch,
    /// Columns equal to those of a reference.
    SchemaMatch,
    /// An aggregate over that of a reference.
    AggregateMatch,
    /// A statistic is not unlike its history.
    DetectAnomalies,
    /// Analyzer: every statistic that applies.
    AllStatistics,
    /// When files were last modified.
    FileFreshness,
    /// Checksums of files.
    FileMatch,
    /// Sizes of files.
    FileSize,
    /// Distinct checksums over files.
    FileUniqueness,
    /// Analyzer: the values with their counts.
    Distribution,
    /// Values that are zero.
    ZerosCount,
    /// Maximum less minimum.
    Range,
    /// Third quartile less first.
    InterquartileRange,
    /// Population skewness.
    Skewness,
    /// Population excess kurtosis.
    Kurtosis,
    /// A quantile: `Quantile "c" "0.95" < 10`. Linear between neighbours.
    Quantile,
    /// The middle value.
    Median,
    /// Values in the order of rows: `Monotonic "c" ["increasing" | "strictly increasing" | "decreasing" | "strictly decreasing"]`.
    Monotonic,
    /// A row for every interval between the least and the greatest value: `NoGaps "day" "1 day"`, `NoGaps "n" "10"`.
    NoGaps,
    /// How many values lie outside: `Outliers "c" "z-score" "3" = 0`, `Outliers "c" "mad" "3.5" < 10`.
    Outliers,
    /// Distance from a reference's distribution: `DistributionMatch "c" "ref.c" "ks" | "chi-square" | "psi" < 0.1`.
    DistributionMatch,
    /// Each value is of a format: `Format "c" "email"`.
    Format,
    /// Two columns compared row by row: `ColumnPair "a" "<=" "b"`.
    ColumnPair,
    /// The sum over columns of each row: `MulticolumnSum "a" "b" "c" = 100`.
    MulticolumnSum,
    /// Half-open intervals that don't overlap: `NoOverlap "from" "until" ["key" …]`.
    NoOverlap,
    /// At least two values.
    NotConstant,
}
