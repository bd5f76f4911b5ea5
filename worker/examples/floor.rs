//! The floor that `cargo xtask bench objects` measures the lake against: threads that read CSV, run
//! a query and write Parquet with Polars, and nothing else. No ledger, no process boundary, nothing
//! flushed to the disk. Prints the seconds it took.
//!
//! `floor FROM TO THREADS SQL`: every file of one folder into another.
//!
//! It stands here because it needs the worker's Polars, so that both are compiled alike and once.

#![expect(clippy::print_stdout, reason = "its output is what it is run for")]

use std::{
    env,
    error::Error,
    fs::{self, File},
    path::{Path, PathBuf},
    sync::atomic::{AtomicUsize, Ordering},
    thread,
    time::Instant,
};

use polars::{prelude::*, sql::SQLContext};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [from, to, threads, sql] = arguments.as_slice() else { return Err("floor FROM TO THREADS SQL".into()) };
    let (to, threads) = (Path::new(to), threads.parse::<usize>()?);
    let files: Vec<PathBuf> = fs::read_dir(from)?.map(|entry| Ok(entry?.path())).collect::<std::io::Result<_>>()?;
    fs::create_dir_all(to)?;
    let next = AtomicUsize::new(0);
    let begun = Instant::now();
    let results: Vec<PolarsResult<()>> = thread::scope(|scope| {
        let work = || {
            while let Some(file) = files.get(next.fetch_add(1, Ordering::Relaxed)) {
                transform(file, to, sql)?;
            }
            Ok(())
        };
        let running: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        let joined = running.into_iter().map(|thread| thread.join());
        joined.map(|end| end.unwrap_or_else(|_| Err(polars_err!(ComputeError: "a thread of the floor panicked")))).collect()
    });
    let took = begun.elapsed();
    results.into_iter().collect::<PolarsResult<()>>()?;
    println!("{}", took.as_secs_f64());
    Ok(())
}

fn transform(file: &Path, to: &Path, sql: &str) -> PolarsResult<()> {
    let options = CsvReadOptions::default().map_parse_options(|options| options.with_try_parse_dates(true));
    let input = options.try_into_reader_with_file_path(Some(file.to_owned()))?.finish()?;
    let mut context = SQLContext::new();
    context.register("input", input.lazy());
    let mut output = context.execute(sql)?.collect()?;
    let name = file.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let file = File::create(to.join(format!("{name}.parquet")))?;
    ParquetWriter::new(file).with_compression(ParquetCompression::Zstd(None)).set_parallel(false).finish(&mut output)?;
    Ok(())
}
