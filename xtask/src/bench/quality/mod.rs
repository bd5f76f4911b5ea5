//! `bench quality`: sixteen checks on the ten-column table of python-deequ's published benchmark, by
//! `lakegate quality run`, and in the same run by the floor (Polars decodes all columns once), by one
//! query written by hand for Polars, and by other tools.

mod peers;
mod process;

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use tempfile::TempDir;

use super::{build, measure::Spread};
use crate::{Result, USAGE};
use process::{Taken, run};

/// What to measure.
pub(crate) struct Options {
    rows: Vec<u64>,
    rounds: usize,
    peers: bool,
}

impl Options {
    /// Reads the command's options.
    pub(crate) fn parse(words: &[&str]) -> Result<Options> {
        let mut options = Options { rows: vec![1_000_000, 10_000_000], rounds: 5, peers: true };
        let (pairs, rest) = words.as_chunks::<2>();
        if !rest.is_empty() {
            return Err(USAGE.into());
        }
        for [name, value] in pairs {
            match *name {
                "--rows" => options.rows = value.split(',').map(str::parse).collect::<std::result::Result<_, _>>()?,
                "--rounds" => options.rounds = value.parse::<std::num::NonZeroUsize>()?.get(),
                "--peers" => options.peers = value.parse()?,
                _ => return Err(USAGE.into()),
            }
        }
        Ok(options)
    }
}

/// The sixteen checks: size, three of completeness, exact uniqueness, distinctness, minimum, maximum,
/// mean, standard deviation, contained-in, non-negative, positive, regular expression, length, correlation.
const SIXTEEN: &str = r#"Rules = [
    RowCount > 0,
    IsComplete "id",
    IsComplete "category",
    IsComplete "email",
    IsUnique "id",
    DistinctValuesCount "category" < 11,
    ColumnValues "quantity" > 0,
    ColumnValues "quantity" < 101,
    Mean "amount" between 4900 and 5100,
    StandardDeviation "amount" between 2800 and 3000,
    ColumnValues "status" in ["active", "inactive", "pending", "closed"],
    ColumnValues "amount" >= 0,
    ColumnValues "price" > 0,
    ColumnValues "email" matches "[a-z0-9.]+@[a-z0-9.]+\\.com",
    ColumnLength "id" = 19,
    ColumnCorrelation "price" "discount" between -0.1 and 0.1
]
"#;

/// What the footers of Parquet files answer.
const FOOTERS: &str = r#"Rules = [
    RowCount > 0,
    ColumnCount = 10,
    ColumnExists "id",
    IsComplete "id",
    Completeness "email" > 0.9,
    ColumnValues "quantity" > 0,
    ColumnValues "rating" < 6
]
"#;

/// Rows of the table as text.
const TEXT_ROWS: u64 = 500_000;

/// Measures what the options ask for and prints it.
pub(crate) fn measure(options: &Options) -> Result<()> {
    let programs = build::programs()?;
    let folder = programs.lakegate.parent().ok_or("the binary lies in no folder")?;
    let scratch = tempfile::Builder::new().prefix("bench-").tempdir_in(folder)?;
    let others = if options.peers { peers::installed(folder)? } else { Vec::new() };
    let bench = Bench { lakegate: programs.lakegate, yardstick: programs.yardstick, others, scratch };
    for rows in &options.rows {
        bench.sixteen(*rows, options.rounds)?;
    }
    Ok(())
}

struct Bench {
    lakegate: PathBuf,
    yardstick: PathBuf,
    others: Vec<peers::Peer>,
    scratch: TempDir,
}

impl Bench {
    fn sixteen(&self, rows: u64, rounds: usize) -> Result<()> {
        let table = self.table(rows)?;
        let (sixteen, footers) = (self.rules("sixteen", SIXTEEN)?, self.rules("footers", FOOTERS)?);
        let mut programs: Vec<Program> = vec![
            ("floor: Polars decodes all columns once".into(), Box::new(|| self.yardstick("floor", &table))),
            ("the same as one query for Polars".into(), Box::new(|| self.yardstick("query", &table))),
            ("lakegate, sixteen rules".into(), Box::new(|| self.lakegate(&sixteen, &table))),
            ("lakegate, rules that footers answer".into(), Box::new(|| self.lakegate(&footers, &table))),
        ];
        for peer in &self.others {
            programs.push((peer.name.clone(), Box::new(|| peer.command(&table))));
        }
        let taken = in_turn(&programs, rounds)?;
        let sizes = fs::read_dir(&table)?.map(|entry| Ok(entry?.metadata()?.len())).collect::<std::io::Result<Vec<_>>>()?;
        let size = sizes.iter().sum::<u64>() as f64 / 1e6;
        println!("\n{rows} rows, {size:.0} MB of Parquet, {rounds} rounds in turn; medians");
        println!("  {:<42} {:>9} {:>9} {:>9} {:>13}", "", "CPU s", "wall s", "peak MB", "CPU / floor");
        let floor = median(taken.first(), |taken| taken.processor);
        for ((name, _), taken) in programs.iter().zip(&taken) {
            let processor = median(Some(taken), |taken| taken.processor);
            let (wall, memory) = (median(Some(taken), |taken| taken.wall), median(Some(taken), |taken| taken.memory));
            println!("  {name:<42} {processor:>9.2} {wall:>9.3} {memory:>9.0} {:>13.2}", processor / floor);
        }
        self.added(rows, rounds, &sixteen, &table)?;
        self.text(rows.min(TEXT_ROWS), rounds, &sixteen)
    }

    /// The same rules on text, whose types are told by its values, beside DuckDB.
    fn text(&self, rows: u64, rounds: usize, rules: &Path) -> Result<()> {
        let table = self.scratch.path().join("text");
        self.make(&table, 0, rows)?;
        for format in ["csv", "json"] {
            let file = self.scratch.path().join(format!("text.{format}"));
            if !self.yardstick(format, &table).arg(&file).status()?.success() {
                return Err(format!("the table could not be written as {format}").into());
            }
            let mut programs: Vec<Program> = vec![("lakegate".into(), Box::new(|| self.lakegate(rules, &file)))];
            for peer in self.others.iter().filter(|peer| peer.name == "duckdb") {
                programs.push((peer.name.clone(), Box::new(|| peer.command(&file))));
            }
            for ((name, _), taken) in programs.iter().zip(in_turn(&programs, rounds)?) {
                let name = format!("{name}, {rows} rows, {:.0} MB of {format}", fs::metadata(&file)?.len() as f64 / 1e6);
                let of = |figure: fn(&Taken) -> f64| median(Some(&taken), figure);
                println!("  {name:<42} {:>9.2} {:>9.3} {:>9.0}", of(|t| t.processor), of(|t| t.wall), of(|t| t.memory));
            }
        }
        Ok(())
    }

    /// What a hundredth more rows costs, once the states of those before are kept.
    fn added(&self, rows: u64, rounds: usize, rules: &Path, table: &Path) -> Result<()> {
        let states = self.scratch.path().join("states");
        let (mut whole, mut more) = (Vec::new(), Vec::new());
        for _ in 0..rounds {
            let command = || {
                let mut command = self.lakegate(rules, table);
                command.arg("--states").arg(&states);
                run(&mut command)
            };
            whole.push(command()?);
            self.make(table, rows, rows + rows / 100)?;
            more.push(command()?);
            fs::remove_file(table.join(format!("{rows:012}.parquet")))?;
            fs::remove_file(&states)?;
        }
        for (name, taken) in [("lakegate, states of all files kept", &whole), ("lakegate, 1 % more rows after that", &more)] {
            let of = |figure: fn(&Taken) -> f64| median(Some(taken), figure);
            let (processor, share) =
                (of(|taken| taken.processor), of(|taken| taken.processor) / median(Some(&whole), |taken| taken.processor));
            let (wall, memory) = (of(|taken| taken.wall), of(|taken| taken.memory));
            println!("  {name:<42} {processor:>9.2} {wall:>9.3} {memory:>9.0} {:>11.1} % of all", share * 100.0);
        }
        Ok(())
    }

    /// A folder with the table, made once for each number of rows.
    fn table(&self, rows: u64) -> Result<PathBuf> {
        let table = self.scratch.path().join(format!("{rows}-rows"));
        self.make(&table, 0, rows)?;
        Ok(table)
    }

    /// More rows into a folder.
    fn make(&self, table: &Path, from: u64, until: u64) -> Result<()> {
        let made = Command::new(&self.yardstick).arg("make").arg(table).args([from.to_string(), until.to_string()]).status()?;
        if made.success() { Ok(()) } else { Err("the table could not be made".into()) }
    }

    fn rules(&self, name: &str, rules: &str) -> Result<PathBuf> {
        let file = self.scratch.path().join(format!("{name}.dqdl"));
        fs::write(&file, rules)?;
        Ok(file)
    }

    fn yardstick(&self, what: &str, table: &Path) -> Command {
        let mut command = Command::new(&self.yardstick);
        command.arg(what).arg(table);
        command
    }

    fn lakegate(&self, rules: &Path, table: &Path) -> Command {
        let mut command = Command::new(&self.lakegate);
        command.args(["quality", "run", "-o", "json", "--rules"]).arg(rules).arg("--data").arg(table);
        command
    }
}

/// A name, and what runs it.
type Program<'a> = (String, Box<dyn Fn() -> Command + 'a>);

/// What each program took in each round.
fn in_turn(programs: &[Program], rounds: usize) -> Result<Vec<Vec<Taken>>> {
    let mut taken: Vec<Vec<Taken>> = vec![Vec::new(); programs.len()];
    for round in 0..rounds {
        // Each round begins with another, so that none is always the first to read the file.
        for turn in 0..programs.len() {
            let index = (round + turn) % programs.len();
            if let (Some((name, command)), Some(taken)) = (programs.get(index), taken.get_mut(index)) {
                taken.push(run(&mut command()).map_err(|error| format!("{name}: {error}"))?);
            }
        }
    }
    Ok(taken)
}

fn median(taken: Option<&Vec<Taken>>, figure: impl Fn(&Taken) -> f64) -> f64 {
    Spread::of(&taken.into_iter().flatten().map(figure).collect::<Vec<_>>()).median
}
