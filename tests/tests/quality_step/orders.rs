//! A lake of orders whose rules are broken by some of them, and what is asked of it.

use std::path::Path;

use lakegate_tests::kit::{Lake, duckdb, lake::parquet_files_below};
use serde_json::Value;

pub(crate) const RULES: &str = "Rules = [\n  IsComplete \"id\",\n  ColumnValues \"qty\" > 0,\n  RowCount > 0\n]\n";
pub(crate) const GOOD: &str = "id,qty\n1,5\n2,6\n3,7\n";
/// The second row breaks a rule.
pub(crate) const BAD: &str = "id,qty\n4,5\n5,-1\n6,7\n";

/// Each file audited and straight into `shop.orders`.
pub(crate) fn orders(on_failure: &str) -> String {
    format!(
        "team: shop\ndataset: orders\nstages:\n  - name: load\n    trigger: object\n    steps:\n      - transform: {{ sql: \"SELECT id, qty \
         FROM input\" }}\n      - quality: {{ rules: quality/orders.dqdl, on_failure: {on_failure} }}\n      - publish: {{ database: shop, \
         table: orders }}\n    output: {{ zone: analytics }}\n"
    )
}

/// Files cleaned and audited one by one, then gathered by three and audited again.
pub(crate) fn two_stages(on_failure: &str) -> String {
    format!(
        "team: shop\ndataset: orders\nstages:\n  - name: clean\n    trigger: object\n    steps:\n      - quality: {{ rules: \
         quality/orders.dqdl, on_failure: {on_failure} }}\n    output: {{ zone: stage }}\n  - name: gather\n    trigger: {{ batch: {{ \
         max_objects: 3, quiet: 300ms }} }}\n    steps:\n      - job: {{ engine: worker, sql: \"SELECT id, qty, qty % 2 AS part FROM input\" \
         }}\n      - quality: {{ rules: quality/gathered.dqdl, on_failure: {on_failure} }}\n      - publish: {{ database: shop, table: \
         orders, partition_by: [part] }}\n    output: {{ zone: analytics }}\n"
    )
}

pub(crate) fn lake(pipeline: &str) -> Lake {
    let lake = Lake::new();
    lake.pipeline("orders", pipeline).file("quality/orders.dqdl", RULES);
    lake.file("quality/gathered.dqdl", "Rules = [ IsUnique \"id\", RowCount > 0 ]\n");
    lake
}

pub(crate) fn ids(lake: &Lake, table: &str) -> Vec<u64> {
    let rows = lake.query_table(table, "SELECT id FROM t ORDER BY id");
    rows.iter().map(|row| row["id"].as_u64().expect("a number")).collect()
}

pub(crate) fn run_of(lake: &Lake, key: &str) -> Value {
    let runs = lake.list(&["run", "list"]);
    let mut found = runs.iter().filter(|run| run["subject_text"].as_str().is_some_and(|text| text.ends_with(key)));
    let run = found.next().unwrap_or_else(|| panic!("no run of {key} in {runs:?}"));
    assert!(found.next().is_none(), "two runs of {key} in {runs:?}");
    lake.json(&["run", "get", run["id"].as_str().unwrap()])
}

/// Nothing is left in any zone's staging.
pub(crate) fn assert_staging_is_empty(lake: &Lake) {
    for zone in [lake.stage(), lake.analytics()] {
        assert_eq!(parquet_files_below(&zone.join("_lakegate/staging")), [] as [std::path::PathBuf; 0]);
    }
}

/// The rows set aside in a zone, as DuckDB reads them.
pub(crate) fn rows_aside(zone: &Path, columns: &str) -> Vec<Value> {
    let folder = zone.join("_lakegate/quarantine");
    duckdb::query(&format!("SELECT {columns} FROM {} ORDER BY id", duckdb::parquet_below(&folder)))
}
