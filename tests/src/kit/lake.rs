//! A scratch lake project, and the `lakegate` command run on it.

use std::{
    env, fs,
    net::{SocketAddr, TcpListener},
    path::{Path, PathBuf},
    process::{Command, Output},
    time::Duration,
};

use serde_json::Value;
use tempfile::TempDir;

use super::{
    binary::lakegate_binary,
    duckdb,
    process::Process,
    wait::{eventually, within},
};

/// Longest wait for a service to answer, and for work to be done, on a busy machine.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// A lake project in a scratch folder, with the zones where `init` puts them.
pub struct Lake {
    dir: TempDir,
    env: Vec<(String, String)>,
}

/// A command that has ended.
#[derive(Debug)]
pub struct Finished {
    /// The exit code.
    pub code: i32,
    /// What it wrote to standard output.
    pub stdout: String,
    /// What it wrote to standard error.
    pub stderr: String,
}

impl Finished {
    fn of(output: &Output) -> Finished {
        Finished {
            code: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    /// Itself, if it ended with this code.
    ///
    /// # Panics
    /// If it ended with another.
    pub fn expect_code(self, code: i32) -> Finished {
        assert_eq!(self.code, code, "exit code; stdout:\n{}\nstderr:\n{}", self.stdout, self.stderr);
        self
    }
}

impl Lake {
    /// An empty project with the default settings.
    pub fn new() -> Lake {
        let dir = tempfile::Builder::new().prefix("lakegate-test-").tempdir().expect("a scratch folder");
        let lake = Lake { dir, env: Vec::new() };
        lake.file("lakegate.yaml", "zones: { raw: ./lake/raw, stage: ./lake/stage, analytics: ./lake/analytics }\n");
        fs::create_dir_all(lake.raw()).expect("a raw zone");
        lake
    }

    /// Sets a variable for every command that is run on it.
    pub fn set_env(&mut self, name: impl Into<String>, value: impl Into<String>) -> &mut Lake {
        self.env.push((name.into(), value.into()));
        self
    }

    /// The project's folder.
    pub fn dir(&self) -> &Path {
        self.dir.path()
    }

    /// Where files land.
    pub fn raw(&self) -> PathBuf {
        self.dir().join("lake/raw")
    }

    /// The zone between stages.
    pub fn stage(&self) -> PathBuf {
        self.dir().join("lake/stage")
    }

    /// Where tables are.
    pub fn analytics(&self) -> PathBuf {
        self.dir().join("lake/analytics")
    }

    /// Writes a file of the project.
    pub fn file(&self, path: &str, text: &str) -> &Lake {
        let path = self.dir().join(path);
        fs::create_dir_all(path.parent().expect("a file is in a folder")).expect("the project can be written");
        fs::write(path, text).expect("the project can be written");
        self
    }

    /// Writes `pipelines/<name>.yaml`.
    pub fn pipeline(&self, name: &str, yaml: &str) -> &Lake {
        self.file(&format!("pipelines/{name}.yaml"), yaml)
    }

    /// Writes an object straight into the raw zone, as a copy would.
    pub fn land(&self, key: &str, bytes: impl AsRef<[u8]>) -> &Lake {
        let path = self.raw().join(key);
        fs::create_dir_all(path.parent().expect("a key has a folder")).expect("the raw zone can be written");
        fs::write(path, bytes).expect("the raw zone can be written");
        self
    }

    /// The command, aimed at this project and at nothing from the outside.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(lakegate_binary());
        command.args(arguments).arg("--dir").arg(self.dir());
        let told = env::vars_os().map(|(name, _)| name);
        let prefixes = ["LAKEGATE_", "OTEL_", "AWS_"];
        let foreign = told.filter(|name| name.to_str().is_some_and(|name| prefixes.iter().any(|prefix| name.starts_with(prefix))));
        foreign.for_each(|name| {
            command.env_remove(name);
        });
        command.envs(self.env.iter().map(|(name, value)| (name, value)));
        command
    }

    /// Runs the command to its end.
    pub fn run(&self, arguments: &[&str]) -> Finished {
        Finished::of(&self.command(arguments).output().expect("lakegate can be run"))
    }

    /// What the command answers with `-o json`.
    ///
    /// # Panics
    /// If it fails, or answers anything but JSON.
    pub fn json(&self, arguments: &[&str]) -> Value {
        let finished = self.run(&[arguments, &["-o", "json"]].concat()).expect_code(0);
        serde_json::from_str(&finished.stdout).unwrap_or_else(|error| panic!("{arguments:?}: {error} in:\n{}", finished.stdout))
    }

    /// What a list command answers with `-o json`.
    ///
    /// # Panics
    /// If that is no array.
    pub fn list(&self, arguments: &[&str]) -> Vec<Value> {
        match self.json(arguments) {
            Value::Array(items) => items,
            other => panic!("{arguments:?} answers no array: {other}"),
        }
    }

    /// Runs everything that is there to its end.
    pub fn up_until_idle(&self) -> Finished {
        self.run(&["up", "--until-idle"])
    }

    /// Starts `up` and waits until it answers.
    pub fn start_up(&self) -> Process {
        self.start("up", &["up"])
    }

    /// Starts a coordinator without workers and waits until it answers.
    pub fn start_coordinator(&self, listen: SocketAddr) -> Process {
        self.start("coordinator", &["coordinator", "--listen", &listen.to_string()])
    }

    /// Starts a worker process that dials the coordinator at `address`.
    pub fn start_worker(&self, name: &str, address: SocketAddr, slots: usize) -> Process {
        let (coordinator, slots) = (format!("http://{address}"), slots.to_string());
        let mut command = self.command(&["worker", "--coordinator", &coordinator, "--name", name, "--slots", &slots]);
        Process::start(name, &mut command, self.dir().join(format!("{name}.log")))
    }

    /// Starts a service of this project without waiting for it.
    pub fn spawn(&self, name: &str, arguments: &[&str]) -> Process {
        Process::start(name, &mut self.command(arguments), self.dir().join(format!("{name}.log")))
    }

    fn start(&self, name: &str, arguments: &[&str]) -> Process {
        let endpoint = self.dir().join(".lakegate/endpoint");
        // What a killed service left there says nothing about this one.
        let _ = fs::remove_file(&endpoint);
        let mut process = self.spawn(name, arguments);
        let ready = within(PATIENCE, || {
            assert!(process.is_running(), "{name} ended at once; it said:\n{}", process.said());
            endpoint.is_file().then_some(())
        });
        assert!(ready.is_some(), "{name} wrote no endpoint; it said:\n{}", process.said());
        process
    }

    /// The lake's status.
    pub fn status(&self) -> Value {
        self.json(&["status"])
    }

    /// Waits until the lake has nothing to do and `done` agrees.
    ///
    /// # Panics
    /// If that takes too long.
    pub fn wait_until(&self, what: &str, mut done: impl FnMut(&Value) -> bool) -> Value {
        eventually(PATIENCE, what, || Some(self.status()).filter(|status| done(status)))
    }

    /// The rows of a DuckDB query over a published table, named `t` in it. DuckDB reads the table's
    /// folder as any other tool would; that it holds what the catalog lists, and nothing else, is
    /// checked first.
    ///
    /// # Panics
    /// If folder and catalog differ.
    pub fn query_table(&self, table: &str, sql: &str) -> Vec<Value> {
        let listed = self.table_files(table);
        let folder = self.table_folder(table);
        let lying = parquet_files_below(&folder);
        assert_eq!(lying, listed, "{table}: the files in its folder, and those the catalog lists");
        duckdb::query(&format!("WITH t AS (FROM {}) {sql}", duckdb::parquet_below(&folder)))
    }

    /// The files of a table as the catalog lists them, in order.
    pub fn table_files(&self, table: &str) -> Vec<PathBuf> {
        let answer = self.json(&["table", "get", table]);
        let files = answer["files"].as_array().unwrap_or_else(|| panic!("no files in {answer}"));
        let mut files: Vec<PathBuf> = files.iter().map(|file| path_of(file["location"].as_str().expect("a file has a location"))).collect();
        files.sort();
        files
    }

    /// Where a table lies, as the catalog says.
    pub fn table_folder(&self, table: &str) -> PathBuf {
        path_of(self.json(&["table", "get", table])["location"].as_str().expect("a table has a location"))
    }

    /// Runs in this state, by the key or text of what they are of.
    pub fn runs_in(&self, state: &str) -> Vec<Value> {
        self.list(&["run", "list"]).into_iter().filter(|run| run["state"] == state).collect()
    }
}

impl Default for Lake {
    fn default() -> Lake {
        Lake::new()
    }
}

/// An address on loopback that was free a moment ago.
pub fn free_address() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
    listener.local_addr().expect("a listener has an address")
}

/// The sum of a field over all stages of a status.
pub fn total(status: &Value, field: &str) -> u64 {
    let stages = status["stages"].as_array().expect("a status has stages");
    stages.iter().map(|stage| stage[field].as_u64().unwrap_or_else(|| panic!("no {field} in {stage}"))).sum()
}

/// All `.parquet` files below a folder, in order; hidden and internal ones too.
pub fn parquet_files_below(folder: &Path) -> Vec<PathBuf> {
    files_below(folder, "parquet")
}

/// Files with a suffix below a folder, in the order of their names.
pub fn files_below(folder: &Path, suffix: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        let Ok(entries) = fs::read_dir(&folder) else { continue };
        for entry in entries {
            let path = entry.expect("the folder can be read").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|found| found == suffix) {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

fn path_of(location: &str) -> PathBuf {
    PathBuf::from(location.strip_prefix("file://").unwrap_or(location))
}
