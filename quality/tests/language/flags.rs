//! What the types of DQDL take, as AWS's configuration has it and its documentation adds.

use lakegate_quality::language::RuleType;
use lakegate_quality::language::registry::Spec;

/// DQDL's types come first; those after `FileUniqueness` are others'.
fn with(flag: fn(&Spec) -> bool) -> Vec<&'static str> {
    let last = RuleType::ALL.iter().position(|kind| *kind == RuleType::FileUniqueness).unwrap();
    RuleType::ALL[..=last].iter().filter(|kind| flag(&kind.spec())).map(|kind| kind.name()).collect()
}

#[test]
fn there_are_34() {
    assert_eq!(with(|_| true).len(), 34);
    assert_eq!(with(|spec| !spec.rule), ["AllStatistics"]);
}

#[test]
fn filters() {
    let filtered = [
        "RowCount",
        "DuplicateRowCount",
        "Completeness",
        "IsComplete",
        "ColumnDataType",
        "ColumnNamesMatchPattern",
        "ColumnCorrelation",
        "Uniqueness",
        "IsUnique",
        "IsPrimaryKey",
        "UniqueValueRatio",
        "DistinctValuesCount",
        "Entropy",
        "Mean",
        "Sum",
        "StandardDeviation",
        "Variance",
        "ColumnLength",
        "ColumnValues",
        "DataFreshness",
    ];
    assert_eq!(with(|spec| spec.filter), filtered);
}

#[test]
fn shares_and_rows() {
    assert_eq!(with(|spec| spec.threshold), ["RowCount", "ColumnDataType", "ColumnValues", "CustomSql", "FileFreshness", "FileSize"]);
    let rows = [
        "Completeness",
        "IsComplete",
        "ColumnDataType",
        "Uniqueness",
        "IsUnique",
        "IsPrimaryKey",
        "ColumnLength",
        "ColumnValues",
        "DataFreshness",
        "CustomSql",
        "ReferentialIntegrity",
        "DatasetMatch",
    ];
    assert_eq!(with(|spec| spec.row_level), rows);
    assert_eq!(with(|spec| spec.excluded), ["Completeness", "Uniqueness", "ReferentialIntegrity", "DatasetMatch"]);
}

#[test]
fn analyzers_are_all_that_measure() {
    let hold = ["IsComplete", "ColumnNamesMatchPattern", "ColumnExists", "IsUnique", "IsPrimaryKey", "DetectAnomalies"];
    assert_eq!(with(|spec| !spec.analyzer), hold);
    assert_eq!(with(|spec| spec.conditions.is_empty() && spec.rule), hold);
}
