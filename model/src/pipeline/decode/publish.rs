//! Registration in the table catalog: by Lakegate itself, or by a crawler.

use std::collections::BTreeMap;

use super::{Context, CrawlerMention, TableMention, names};
use crate::{
    pipeline::{Crawl, DEFAULT_CRAWL_TIMEOUT, Publish, Step},
    table::TableId,
    yaml::{Fields, Value},
};

/// What only a table has that Lakegate registers.
const TABLE_KEYS: [&str; 4] = ["database", "table", "partition_by", "lf_tags"];
/// Characters of a crawler's name that Glue takes at most, and of the key and the value of an LF-Tag.
const LONGEST_CRAWLER: usize = 255;
const LONGEST_TAG_KEY: usize = 128;
const LONGEST_TAG_VALUE: usize = 256;

impl Context<'_> {
    pub(super) fn publish(&mut self, stage: usize, value: Value<'_>) -> Option<Step> {
        let fields = value.fields(&["database", "table", "partition_by", "lf_tags", "crawler", "timeout"], &[])?;
        match fields.get("crawler") {
            Some(crawler) => self.crawl(&fields, crawler).map(Step::Crawl),
            None => self.table(stage, &fields).map(Step::Publish),
        }
    }

    fn table(&mut self, stage: usize, fields: &Fields<'_>) -> Option<Publish> {
        let database = fields.require("database").and_then(|database| names::table_part(database, "a database's name"));
        let table_value = fields.require("table");
        let table = table_value.and_then(|table| names::table_part(table, "a table's name"));
        let partition_by = fields.get("partition_by").and_then(super::operations::distinct).unwrap_or_default();
        let lf_tags = fields.get("lf_tags").and_then(lf_tags).unwrap_or_default();
        if let Some(timeout) = fields.get("timeout") {
            timeout.wrong_key("`timeout` says how long a crawler is waited for, and none is named", "leave it out, or name a `crawler`");
        }
        let table = TableId::new(database?, table?);
        let place = table_value.map(|value| value.place()).unwrap_or_default();
        self.read.publishes.push(TableMention { table: table.clone(), stage, place });
        Some(Publish { table, partition_by, lf_tags })
    }

    fn crawl(&mut self, fields: &Fields<'_>, value: Value<'_>) -> Option<Crawl> {
        for key in TABLE_KEYS {
            if let Some(value) = fields.get(key) {
                let hint = "name either a crawler, or a database and a table that Lakegate registers itself";
                value.wrong_key(format!("`{key}` beside `crawler`: what tables there are is for the crawler to find out"), hint);
            }
        }
        let crawler = crawler(value);
        let timeout = fields.get("timeout").map_or(Some(DEFAULT_CRAWL_TIMEOUT), |timeout| timeout.positive_duration());
        let crawler = crawler?;
        self.read.crawlers.push(CrawlerMention { crawler: crawler.clone(), place: value.place() });
        Some(Crawl { crawler, timeout: timeout? })
    }
}

fn crawler(value: Value<'_>) -> Option<String> {
    let name = value.filled_text()?.trim();
    if name.chars().count() > LONGEST_CRAWLER || name.contains(char::is_control) {
        value.wrong(format!("a crawler's name has at most {LONGEST_CRAWLER} characters, all of them on one line"));
        return None;
    }
    Some(name.to_owned())
}

/// LF-Tags: value by key. Lake Formation keeps keys and values in lower case.
pub(crate) fn lf_tags(value: Value<'_>) -> Option<BTreeMap<String, String>> {
    let mut tags = BTreeMap::new();
    for (key, value) in value.entries()? {
        let text = value.filled_text()?.trim();
        if key.trim().is_empty() || key.chars().count() > LONGEST_TAG_KEY || text.chars().count() > LONGEST_TAG_VALUE {
            let message = format!("an LF-Tag's key has 1 to {LONGEST_TAG_KEY} characters, its value 1 to {LONGEST_TAG_VALUE}");
            value.wrong_key(message, "");
            return None;
        }
        if tags.insert(key.trim().to_lowercase(), text.to_lowercase()).is_some() {
            value.wrong_key(format!("the LF-Tag `{}` is given twice: its keys know no case", key.to_lowercase()), "leave one of them out");
            return None;
        }
    }
    Some(tags)
}
