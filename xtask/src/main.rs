//! The project's own development commands. `cargo xtask bench …` measures; nothing here asserts a time.

#![expect(clippy::print_stdout, reason = "its output is what a person runs it for")]

mod bench;

use std::{env, error::Error, process::ExitCode};

/// What can go wrong here is for the person who ran it to read.
type Result<T> = std::result::Result<T, Box<dyn Error>>;

const USAGE: &str = "\
cargo xtask bench objects [options]
  --count 1000,10000   how many files of 200 rows, one measurement for each number
  --threads N          threads of the floor, and slots of the lake (default: one for each core)
  --rounds N           rounds of floor and lake in turn (default 5)
  --latency N          files dropped one by one into an idle lake (default 200)
  --pending N          objects that wait while the coordinator's memory is read (default 100000)
  --only PART          only throughput, latency, memory, start or pending

cargo xtask bench quality [options]
  --rows 1000000,10000000   rows of the table, one measurement for each number
  --rounds N                rounds of all programs in turn (default 5)
  --peers true|false        whether to install other tools and measure them too (default true)";

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let done = match words.as_slice() {
        ["bench", "objects", options @ ..] => bench::Options::parse(options).and_then(|options| bench::run(&options)),
        ["bench", "quality", options @ ..] => bench::quality::Options::parse(options).and_then(|options| bench::quality::measure(&options)),
        _ => Err(USAGE.into()),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            println!("{error}");
            ExitCode::from(2)
        }
    }
}
