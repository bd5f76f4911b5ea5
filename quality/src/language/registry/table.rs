//! The table of types.

use super::super::RuleType;
use super::ConditionKind::{Date, Duration, Number, Size, Text};
use super::Meaning::{Column, OneOf};
use super::{DIRECTIONS, DISTANCES, Meaning, OUTLIER_METHODS, PAIR_OPERATORS, Spec};

const FILE_TAGS: &[&str] = &["recentFiles", "uriRegex", "filterOrder", "failFast", "dataFrame"];
const FRESHNESS_TAGS: &[&str] = &["timeZone", "recentFiles", "uriRegex", "filterOrder", "failFast", "dataFrame"];
const MATCH_TAGS: &[&str] = &["hashAlgorithm", "matchFileName", "recentFiles", "uriRegex", "filterOrder", "failFast", "dataFrame"];

/// The strategy that finds anomalies, and its parameters.
const ANOMALY_TAGS: &[&str] = &[
    "strategy",
    "sensitivity",
    "floor",
    "period",
    "lowerBound",
    "upperBound",
    "maxRateDecrease",
    "maxRateIncrease",
    "order",
    "lowerDeviationFactor",
    "upperDeviationFactor",
    "ignoreStartPercentage",
    "ignoreAnomalies",
    "includeInterval",
    "metricsInterval",
    "seasonality",
];

/// A statement about the dataset: no parameter, no condition.
const STATEMENT: Spec = Spec {
    fixed: &[],
    optional: &[],
    rest: None,
    conditions: &[],
    required: false,
    filter: false,
    group_by: false,
    threshold: false,
    row_level: false,
    excluded: false,
    rule: true,
    analyzer: false,
    tags: &[],
};

/// A number that is measured.
const MEASURE: Spec = Spec { conditions: &[Number], required: true, analyzer: true, ..STATEMENT };
/// A number that is measured of rows, which `where` and `group by` choose.
const ROWS: Spec = Spec { filter: true, group_by: true, ..MEASURE };
/// A number that is measured of a column.
const COLUMN: Spec = Spec { fixed: &[Column], ..ROWS };
/// A statement about rows.
const HOLDS: Spec = Spec { filter: true, group_by: true, ..STATEMENT };
/// A statement about each row.
const EACH_ROW: Spec = Spec { row_level: true, ..HOLDS };
/// Something measured of files.
const FILES: Spec = Spec { optional: &[Meaning::Path], tags: FILE_TAGS, ..MEASURE };

impl RuleType {
    /// What the type takes.
    pub fn spec(self) -> Spec {
        match self {
            // AWS documents `RowCount "id"`; the column changes nothing.
            RuleType::RowCount => Spec { optional: &[Column], threshold: true, ..ROWS },
            RuleType::DuplicateRowCount => Spec { rest: Some(Column), ..ROWS },
            RuleType::RowCountMatch | RuleType::SchemaMatch => Spec { fixed: &[Meaning::Alias], ..MEASURE },
            RuleType::ColumnCount => MEASURE,
            RuleType::Completeness => Spec { row_level: true, excluded: true, ..COLUMN },
            RuleType::IsComplete => Spec { fixed: &[Column], ..EACH_ROW },
            RuleType::ColumnLength => Spec { row_level: true, ..COLUMN },
            RuleType::ColumnDataType => Spec { conditions: &[Text], threshold: true, row_level: true, tags: &["format"], ..COLUMN },
            // AWS documents `where` here too; it changes nothing, as names are not of rows.
            RuleType::ColumnNamesMatchPattern => Spec { fixed: &[Meaning::Pattern], filter: true, ..STATEMENT },
            RuleType::ColumnExists => Spec { fixed: &[Meaning::ColumnName], ..STATEMENT },
            RuleType::ColumnCorrelation => Spec { fixed: &[Column, Column], ..ROWS },
            RuleType::Uniqueness => Spec { rest: Some(Column), row_level: true, excluded: true, ..COLUMN },
            RuleType::IsUnique | RuleType::IsPrimaryKey => Spec { fixed: &[Column], rest: Some(Column), ..EACH_ROW },
            RuleType::UniqueValueRatio
            | RuleType::DistinctValuesCount
            | RuleType::Entropy
            | RuleType::Mean
            | RuleType::Sum
            | RuleType::StandardDeviation
            | RuleType::Variance
            | RuleType::ZerosCount
            | RuleType::Range
            | RuleType::InterquartileRange
            | RuleType::Skewness
            | RuleType::Kurtosis
            | RuleType::Median => COLUMN,
            RuleType::ColumnValues => {
                Spec { conditions: &[Number, Text, Date], threshold: true, row_level: true, tags: &["ignoreCase", "timeZone"], ..COLUMN }
            }
            RuleType::DataFreshness => Spec { conditions: &[Duration], row_level: true, ..COLUMN },
            RuleType::CustomSql => Spec { fixed: &[Meaning::Sql], required: false, threshold: true, row_level: true, ..MEASURE },
            RuleType::ReferentialIntegrity => {
                Spec { fixed: &[Meaning::Columns, Meaning::ReferenceColumns], row_level: true, excluded: true, ..MEASURE }
            }
            RuleType::DatasetMatch => Spec {
                fixed: &[Meaning::Alias, Meaning::Mapping],
                optional: &[Meaning::Mapping],
                row_level: true,
                excluded: true,
                ..MEASURE
            },
            RuleType::AggregateMatch => Spec { fixed: &[Meaning::Aggregate, Meaning::Aggregate], ..MEASURE },
            // What follows is of the type that is named; `RuleType::meanings` knows.
            RuleType::DetectAnomalies => {
                Spec { fixed: &[Meaning::Statistic], rest: Some(Column), tags: ANOMALY_TAGS, group_by: true, ..STATEMENT }
            }
            RuleType::AllStatistics | RuleType::Distribution => {
                Spec { fixed: &[Meaning::ColumnOrAll], rule: false, analyzer: true, ..STATEMENT }
            }
            RuleType::FileFreshness => Spec { conditions: &[Date], threshold: true, tags: FRESHNESS_TAGS, ..FILES },
            RuleType::FileMatch => Spec { optional: &[Meaning::Path, Meaning::Path], conditions: &[Text], tags: MATCH_TAGS, ..FILES },
            RuleType::FileSize => Spec { conditions: &[Size], threshold: true, ..FILES },
            RuleType::FileUniqueness => Spec { tags: MATCH_TAGS, ..FILES },
            RuleType::Quantile => Spec { fixed: &[Column, Meaning::Quantile], ..ROWS },
            RuleType::Monotonic => Spec { fixed: &[Column], optional: &[OneOf(DIRECTIONS)], ..EACH_ROW },
            RuleType::NoGaps => Spec { fixed: &[Column, Meaning::Interval], ..HOLDS },
            RuleType::Outliers => Spec { fixed: &[Column, OneOf(OUTLIER_METHODS), Meaning::Limit], row_level: true, ..ROWS },
            RuleType::DistributionMatch => Spec { fixed: &[Column, Meaning::ReferenceColumns, OneOf(DISTANCES)], filter: true, ..MEASURE },
            RuleType::Format => Spec { fixed: &[Column, Meaning::Format], ..EACH_ROW },
            RuleType::ColumnPair => Spec { fixed: &[Column, OneOf(PAIR_OPERATORS), Column], ..EACH_ROW },
            RuleType::MulticolumnSum => Spec { fixed: &[Column, Column], rest: Some(Column), row_level: true, ..ROWS },
            RuleType::NoOverlap => Spec { fixed: &[Column, Column], rest: Some(Column), ..EACH_ROW },
            RuleType::NotConstant => Spec { fixed: &[Column], ..HOLDS },
        }
    }
}
