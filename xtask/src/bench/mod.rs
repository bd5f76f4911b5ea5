//! `bench objects`: small files through land → SQL transform → Parquet with the durable ledger on,
//! against the floor, a plain Polars loop that does the same reads, transforms and writes.

mod build;
mod data;
mod lake;
mod latency;
mod measure;
mod memory;
pub(crate) mod quality;
mod throughput;

use std::{num::NonZeroUsize, path::PathBuf, thread};

use tempfile::TempDir;

use crate::{Result, USAGE};
use build::Programs;

/// What to measure.
pub(crate) struct Options {
    counts: Vec<u64>,
    threads: usize,
    rounds: usize,
    latency: usize,
    pending: u64,
    only: Option<String>,
}

const PARTS: [&str; 5] = ["throughput", "latency", "memory", "start", "pending"];

impl Options {
    /// Reads the command's options.
    pub(crate) fn parse(words: &[&str]) -> Result<Options> {
        let threads = thread::available_parallelism().map_or(1, NonZeroUsize::get);
        let mut options = Options { counts: vec![1_000, 10_000], threads, rounds: 5, latency: 200, pending: 100_000, only: None };
        let (pairs, rest) = words.as_chunks::<2>();
        if !rest.is_empty() {
            return Err(USAGE.into());
        }
        for [name, value] in pairs {
            match *name {
                "--count" => options.counts = value.split(',').map(str::parse).collect::<std::result::Result<_, _>>()?,
                "--threads" => options.threads = value.parse::<NonZeroUsize>()?.get(),
                "--rounds" => options.rounds = value.parse::<NonZeroUsize>()?.get(),
                "--latency" => options.latency = value.parse::<NonZeroUsize>()?.get(),
                "--pending" => options.pending = value.parse()?,
                "--only" if PARTS.contains(value) => options.only = Some((*value).to_owned()),
                _ => return Err(USAGE.into()),
            }
        }
        Ok(options)
    }

    fn wants(&self, part: &str) -> bool {
        self.only.as_deref().is_none_or(|only| only == part)
    }
}

/// Where a measurement works: what is measured, and a scratch folder on the same disk.
pub(crate) struct Bench {
    programs: Programs,
    scratch: TempDir,
    slots: usize,
}

impl Bench {
    /// A new folder in the scratch folder. Nothing in there is deleted before the end: on ext4,
    /// making files where thousands were just deleted is slow for seconds, for lake and floor alike.
    fn folder(&self, name: &str) -> Result<PathBuf> {
        Ok(tempfile::Builder::new().prefix(&format!("{name}-")).tempdir_in(self.scratch.path())?.keep())
    }
}

/// Measures what the options ask for and prints it.
pub(crate) fn run(options: &Options) -> Result<()> {
    let programs = build::programs()?;
    let folder = programs.lakegate.parent().ok_or("the binary lies in no folder")?;
    let scratch = tempfile::Builder::new().prefix("bench-").tempdir_in(folder)?;
    let bench = Bench { scratch, programs, slots: options.threads };
    println!("{} on {} threads, scratch in {}", bench.programs.lakegate.display(), options.threads, bench.scratch.path().display());
    if options.wants("throughput") {
        for count in &options.counts {
            throughput::measure(&bench, *count, options.rounds)?;
        }
    }
    if options.wants("start") {
        latency::start(&bench)?;
    }
    if options.wants("latency") {
        latency::single_files(&bench, options.latency)?;
    }
    if options.wants("memory") {
        memory::apart(&bench, options.counts.iter().copied().max().unwrap_or(1_000))?;
    }
    if options.wants("pending") {
        memory::pending(&bench, options.pending)?;
    }
    Ok(())
}
