//! A scratch lake and the real `lakegate` command on it.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use serde_json::Value;

use super::{Bench, data::SQL};
use crate::Result;

/// Longest wait for anything.
const PATIENCE: Duration = Duration::from_secs(900);

/// A lake project with one object stage.
pub(crate) struct Lake {
    dir: PathBuf,
    binary: PathBuf,
}

/// A running process of a lake; dropping it kills it.
pub(crate) struct Process(Child);

impl Process {
    /// Its process id.
    pub(crate) fn id(&self) -> u32 {
        self.0.id()
    }

    /// Whether it has ended, and well.
    pub(crate) fn ended(&mut self) -> Result<bool> {
        match self.0.try_wait()? {
            None => Ok(false),
            Some(status) if status.success() => Ok(true),
            Some(status) => Err(format!("lakegate ended with {status}").into()),
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Lake {
    /// A new project in the scratch folder.
    pub(crate) fn new(bench: &Bench, name: &str) -> Result<Lake> {
        let lake = Lake { dir: bench.folder(name)?, binary: bench.programs.lakegate.clone() };
        fs::create_dir_all(lake.landing())?;
        fs::create_dir_all(lake.dir.join("pipelines"))?;
        fs::write(lake.dir.join("lakegate.yaml"), "events: [watch]\n")?;
        let pipeline = format!(
            "team: bench\ndataset: items\nstages:\n  - name: clean\n    trigger: object\n    steps:\n      - transform: {{ sql: \"{SQL}\" }}\n    output: {{ zone: stage, format: parquet }}\n"
        );
        fs::write(lake.dir.join("pipelines/items.yaml"), pipeline)?;
        Ok(lake)
    }

    /// The folder that files land in.
    pub(crate) fn landing(&self) -> PathBuf {
        self.dir.join("lake/raw/bench/items")
    }

    /// The folder that output appears in.
    pub(crate) fn output(&self) -> PathBuf {
        self.dir.join("lake/stage/bench/items/clean")
    }

    /// Starts the command.
    pub(crate) fn spawn(&self, arguments: &[&str]) -> Result<Process> {
        let log = fs::File::options().create(true).append(true).open(self.dir.join("log"))?;
        let mut command = Command::new(&self.binary);
        command.args(arguments).arg("--dir").arg(&self.dir).stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        Ok(Process(command.spawn()?))
    }

    /// Starts a service and waits until it listens; how long that took.
    pub(crate) fn serve(&self, arguments: &[&str]) -> Result<(Process, Duration)> {
        let endpoint = self.dir.join(".lakegate/endpoint");
        // What a killed service left there says nothing about this one.
        let _ = fs::remove_file(&endpoint);
        let begun = Instant::now();
        let mut process = self.spawn(arguments)?;
        wait(Duration::from_millis(1), || Ok(process.ended()? || endpoint.is_file()))?;
        Ok((process, begun.elapsed()))
    }

    /// Where its service listens.
    pub(crate) fn endpoint(&self) -> Result<String> {
        Ok(fs::read_to_string(self.dir.join(".lakegate/endpoint"))?.trim().to_owned())
    }

    /// The sum of a field over the stages of its status.
    pub(crate) fn total(&self, field: &str) -> Result<u64> {
        let output = Command::new(&self.binary).args(["status", "-o", "json", "--dir"]).arg(&self.dir).output()?;
        let status: Value = serde_json::from_slice(&output.stdout).map_err(|error| format!("status: {error}"))?;
        let stages = status.get("stages").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        Ok(stages.iter().filter_map(|stage| stage.get(field)?.as_u64()).sum())
    }
}

/// Waits until a condition holds, looking so often.
pub(crate) fn wait(every: Duration, mut holds: impl FnMut() -> Result<bool>) -> Result<()> {
    let begun = Instant::now();
    while !holds()? {
        if begun.elapsed() > PATIENCE {
            return Err(format!("gave up after {PATIENCE:?}").into());
        }
        thread::sleep(every);
    }
    Ok(())
}

/// How many files lie in a folder, those under way left out.
pub(crate) fn count(folder: &Path) -> usize {
    let Ok(entries) = fs::read_dir(folder) else { return 0 };
    entries.flatten().filter(|entry| !entry.file_name().as_encoded_bytes().starts_with(b".")).count()
}
