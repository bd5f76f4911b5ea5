//! Data and pipelines that several tests use.

use std::fmt::Write as _;

/// A file of orders. Ids are unique over all files, so that a row that is lost or doubled shows.
pub fn orders(file: u64, rows: u64) -> String {
    const CATEGORIES: [&str; 4] = ["books", "games", "music", "tools"];
    let mut csv = String::from("id,name,ts,amount,qty,category\n");
    for row in 0..rows {
        let id = file * 1_000_000 + row;
        let category = CATEGORIES[usize::try_from((id * 7 + file) % 4).expect("small")];
        let (day, second) = (1 + id % 28, id % 60);
        writeln!(csv, "{id},item {id},2026-01-{day:02}T10:00:{second:02},{}.{:02},{},{category}", id % 500, id % 100, 1 + id % 9)
            .expect("text can be written");
    }
    csv
}

/// Orders: cleaned one by one, then gathered in small batches into the table `shop.orders`.
pub const ORDERS: &str = "
team: shop
dataset: orders
stages:
  - name: clean
    trigger: object
    steps:
      - transform: { sql: \"SELECT id, name, amount * qty AS total, category FROM input WHERE qty > 0\" }
    output: { zone: stage, format: parquet }
  - name: gather
    trigger: { batch: { max_objects: 7, quiet: 300ms } }
    steps:
      - job: { engine: worker, sql: \"SELECT id, name, total, category FROM input ORDER BY id\" }
      - publish: { database: shop, table: orders, partition_by: [category] }
    output: { zone: analytics, format: parquet }
";

/// Returns: each object straight into the table `shop.returns`.
pub const RETURNS: &str = "
team: shop
dataset: returns
stages:
  - name: load
    trigger: object
    steps:
      - transform: { sql: \"SELECT id, category, amount, qty FROM input\" }
      - publish: { database: shop, table: returns }
    output: { zone: analytics, format: parquet }
";
