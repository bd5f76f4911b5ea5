//! Registration in the table catalog.

use super::{Context, TableMention, names};
use crate::{pipeline::Publish, table::TableId, yaml::Value};

impl Context<'_> {
    pub(super) fn publish(&mut self, stage: usize, value: Value<'_>) -> Option<Publish> {
        let fields = value.fields(&["database", "table", "partition_by"], &[])?;
        let database = fields.require("database").and_then(|database| names::table_part(database, "a database's name"));
        let table_value = fields.require("table");
        let table = table_value.and_then(|table| names::table_part(table, "a table's name"));
        let partition_by = fields.get("partition_by").and_then(super::operations::distinct).unwrap_or_default();
        let table = TableId::new(database?, table?);
        let place = table_value.map(|value| value.place()).unwrap_or_default();
        self.read.publishes.push(TableMention { table: table.clone(), stage, place });
        Some(Publish { table, partition_by })
    }
}
