//! What `cargo xtask bench quality` measures the rules against, and the table that it measures on.
//!
//! * `yardstick make FOLDER FROM UNTIL`: writes rows of the ten-column table of python-deequ's published benchmark, a file for each million.
//! * `yardstick csv FOLDER FILE`, `yardstick json FOLDER FILE`: writes the rows of such a table as text.
//! * `yardstick floor FOLDER`: decodes all columns once, with Polars' streaming engine, and drops them.
//! * `yardstick query FOLDER`: the sixteen checks as one query written by hand for Polars.
//!
//! It stands here because it needs the Polars that the rules are evaluated with.

#![expect(clippy::print_stdout, reason = "its output is what it is run for")]

use std::{
    env,
    error::Error,
    fs::{self, File},
    path::Path,
};

use polars::prelude::*;

/// Rows of a row group, and of a file.
const GROUP: u64 = 250_000;
const FILE: u64 = 1_000_000;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["make", folder, from, until] => make(Path::new(folder), from.parse()?, until.parse()?)?,
        ["csv", folder, to] => CsvWriter::new(File::create(to)?).finish(&mut scan(folder)?.collect()?)?,
        ["json", folder, to] => {
            JsonWriter::new(File::create(to)?).with_json_format(JsonFormat::JsonLines).finish(&mut scan(folder)?.collect()?)?;
        }
        ["floor", folder] => floor(folder)?,
        ["query", folder] => query(folder)?,
        _ => return Err("yardstick make FOLDER FROM UNTIL | csv FOLDER FILE | json FOLDER FILE | floor FOLDER | query FOLDER".into()),
    }
    Ok(())
}

/// Bits that look random and depend on nothing but the row and the column (the finaliser of SplitMix64).
fn bits(row: u64, column: u64) -> u64 {
    let mut mixed = row.wrapping_mul(16).wrapping_add(column).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

/// A number from 0 to below 1.
fn share(row: u64, column: u64) -> f64 {
    (bits(row, column) >> 11) as f64 / (1_u64 << 53) as f64
}

fn make(folder: &Path, from: u64, until: u64) -> Result<(), Box<dyn Error>> {
    fs::create_dir_all(folder)?;
    let (mut start, step) = (from, usize::try_from(GROUP)?);
    while start < until {
        let end = until.min(start + FILE);
        let file = File::create(folder.join(format!("{start:012}.parquet")))?;
        let mut writer = ParquetWriter::new(file).with_compression(ParquetCompression::Snappy).batched(block(start, start)?.schema())?;
        for row in (start..end).step_by(step) {
            writer.write_batch(&block(row, end.min(row + GROUP))?)?;
        }
        writer.finish()?;
        start = end;
    }
    Ok(())
}

fn block(from: u64, until: u64) -> PolarsResult<DataFrame> {
    const CATEGORIES: [&str; 10] = ["books", "music", "garden", "kitchen", "sports", "toys", "clothes", "health", "office", "electronics"];
    const STATUSES: [&str; 4] = ["active", "inactive", "pending", "closed"];
    let pick = |row: u64, column: u64, count: usize| (bits(row, column) % count as u64) as usize;
    let texts = |name: &str, of: &dyn Fn(u64) -> String| Column::new(name.into(), (from..until).map(of).collect::<Vec<_>>());
    let floats = |name: &str, of: &dyn Fn(u64) -> f64| Column::new(name.into(), (from..until).map(of).collect::<Vec<_>>());
    let whole = |name: &str, of: &dyn Fn(u64) -> i64| Column::new(name.into(), (from..until).map(of).collect::<Vec<_>>());
    let height = usize::try_from(until - from).unwrap_or_default();
    DataFrame::new(
        height,
        vec![
            texts("id", &|row| format!("id-{:016x}", bits(row, 0))),
            texts("category", &|row| CATEGORIES[pick(row, 1, 10)].to_owned()),
            texts("status", &|row| STATUSES[pick(row, 2, 4)].to_owned()),
            texts("email", &|row| format!("user{}@example{}.com", bits(row, 3) % 1_000_000, bits(row, 11) % 50)),
            floats("amount", &|row| (share(row, 4) * 1_000_000.0).round() / 100.0),
            whole("quantity", &|row| pick(row, 5, 100) as i64 + 1),
            floats("score", &|row| share(row, 6) * 100.0),
            whole("rating", &|row| pick(row, 7, 5) as i64 + 1),
            floats("price", &|row| (share(row, 8) * 99_900.0).round() / 100.0 + 1.0),
            floats("discount", &|row| (share(row, 9) * 50.0).round() / 100.0),
        ],
    )
}

fn scan(folder: &str) -> PolarsResult<LazyFrame> {
    LazyFrame::scan_parquet(PlRefPath::new(folder), ScanArgsParquet::default())
}

fn floor(folder: &str) -> Result<(), Box<dyn Error>> {
    let scan = scan(folder)?;
    let dropped = PlanCallback::new(|_: DataFrame| Ok(false));
    scan.sink_batches(dropped, false, None)?.collect_with_engine(Engine::Streaming)?;
    Ok(())
}

fn query(folder: &str) -> Result<(), Box<dyn Error>> {
    let scan = scan(folder)?;
    let email = lit(r"^[a-z0-9.]+@[a-z0-9.]+\.com$");
    let statuses = lit(Series::new("".into(), ["active", "inactive", "pending", "closed"])).implode(false);
    let all = scan.select([
        len().alias("size"),
        col("id").null_count().alias("id nulls"),
        col("category").null_count().alias("category nulls"),
        col("email").null_count().alias("email nulls"),
        col("id").n_unique().alias("ids"),
        col("category").n_unique().alias("categories"),
        col("quantity").min().alias("least quantity"),
        col("quantity").max().alias("greatest quantity"),
        col("amount").mean().alias("mean amount"),
        col("amount").std(0).alias("deviation of amount"),
        col("status").is_in(statuses, false).sum().alias("known statuses"),
        col("amount").gt_eq(lit(0.0)).sum().alias("amounts not negative"),
        col("price").gt(lit(0.0)).sum().alias("positive prices"),
        col("email").str().contains(email, true).sum().alias("emails"),
        col("id").str().len_chars().min().alias("shortest id"),
        col("id").str().len_chars().max().alias("longest id"),
        (col("price") * col("discount")).sum().alias("products"),
        col("price").sum().alias("prices"),
        col("discount").sum().alias("discounts"),
        (col("price") * col("price")).sum().alias("squares of prices"),
        (col("discount") * col("discount")).sum().alias("squares of discounts"),
    ]);
    println!("{}", all.collect_with_engine(Engine::Streaming)?.unwrap_single());
    Ok(())
}
