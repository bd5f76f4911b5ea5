//! The rule types, by family: what each needs measured, and how it is judged.

pub(crate) mod anomalies;
mod castable;
mod completeness;
mod correlation;
mod counts;
mod dataset_match;
mod datatype;
pub(super) mod distribution;
mod files;
mod format;
mod freshness;
mod gaps;
mod integrity;
mod intervals;
mod lengths;
mod moments;
mod outliers;
mod pairs;
mod primary_key;
mod quantiles;
mod references;
mod sequence;
pub(super) mod share;
mod sql;
mod steps;
mod summary;
mod uniqueness;
mod values;

use super::{Fault, Plan, Scope};
use crate::language::RuleType;

/// The name of the dataset beside those of its references.
pub(super) const PRIMARY: &str = "primary";

/// The plan of a rule or an analyzer.
pub(crate) fn plan(scope: &Scope<'_>) -> Result<Plan, Fault> {
    match scope.rule.kind {
        RuleType::RowCount => counts::row_count(scope),
        RuleType::ColumnCount => counts::column_count(scope),
        RuleType::ColumnExists => counts::column_exists(scope),
        RuleType::ColumnNamesMatchPattern => counts::column_names(scope),
        RuleType::Completeness | RuleType::IsComplete => completeness::plan(scope),
        RuleType::Uniqueness | RuleType::IsUnique => uniqueness::uniqueness(scope),
        RuleType::IsPrimaryKey => primary_key::plan(scope),
        RuleType::DuplicateRowCount => uniqueness::duplicates(scope),
        RuleType::UniqueValueRatio | RuleType::DistinctValuesCount | RuleType::Entropy => uniqueness::of_values(scope),
        RuleType::NotConstant => uniqueness::not_constant(scope),
        RuleType::Mean
        | RuleType::Sum
        | RuleType::StandardDeviation
        | RuleType::Variance
        | RuleType::Skewness
        | RuleType::Kurtosis
        | RuleType::ZerosCount => moments::plan(scope),
        RuleType::Range => moments::range(scope),
        RuleType::ColumnCorrelation => correlation::plan(scope),
        RuleType::Quantile | RuleType::Median | RuleType::InterquartileRange => quantiles::plan(scope),
        RuleType::ColumnLength => lengths::plan(scope),
        RuleType::ColumnValues => values::plan(scope),
        RuleType::ColumnDataType => datatype::plan(scope),
        RuleType::DataFreshness => freshness::plan(scope),
        RuleType::Format => format::plan(scope),
        RuleType::ColumnPair => pairs::column_pair(scope),
        RuleType::MulticolumnSum => pairs::multicolumn_sum(scope),
        RuleType::Monotonic => sequence::monotonic(scope),
        RuleType::NoGaps => gaps::plan(scope),
        RuleType::NoOverlap => intervals::plan(scope),
        RuleType::Outliers => outliers::plan(scope),
        RuleType::DistributionMatch => distribution::plan(scope),
        RuleType::CustomSql => sql::plan(scope),
        RuleType::RowCountMatch => references::row_count(scope),
        RuleType::SchemaMatch => references::schema(scope),
        RuleType::AggregateMatch => references::aggregate(scope),
        RuleType::ReferentialIntegrity => integrity::plan(scope),
        RuleType::DatasetMatch => dataset_match::plan(scope),
        RuleType::FileFreshness => files::freshness(scope),
        RuleType::FileMatch => files::checksums(scope),
        RuleType::FileSize => files::sizes(scope),
        RuleType::FileUniqueness => files::uniqueness(scope),
        RuleType::DetectAnomalies => anomalies::plan(scope),
        RuleType::AllStatistics => summary::all_statistics(scope),
        RuleType::Distribution => summary::distribution(scope),
    }
}
