//! Other tools, from PyPI, each in a virtual environment that is made once.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use crate::Result;

/// What is installed, by environment: their packages don't agree on versions.
const ENVIRONMENTS: &[(&str, &[&str], &[&str])] = &[
    (
        "frames",
        &["duckdb==2.0.1", "pandera[polars]==0.35.0", "great-expectations==1.24.1", "pyarrow==26.0.1"],
        &["duckdb", "pandera", "great_expectations"],
    ),
    ("soda", &["soda-core-duckdb==3.5.6"], &["soda"]),
];

/// One of the other tools.
pub(crate) struct Peer {
    /// Its name.
    pub(crate) name: String,
    python: PathBuf,
    script: PathBuf,
}

impl Peer {
    /// The checks on this table.
    pub(crate) fn command(&self, table: &Path) -> Command {
        let mut command = Command::new(&self.python);
        command.arg(&self.script).arg(&self.name).arg(table);
        command
    }
}

/// Those that can be installed; what can't is named and left out.
pub(crate) fn installed(folder: &Path) -> Result<Vec<Peer>> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/bench/quality/peers.py");
    let mut peers = Vec::new();
    for (name, packages, tools) in ENVIRONMENTS {
        let environment = folder.join(format!("bench-venv-{name}"));
        let (python, whole) = (environment.join("bin/python"), environment.join("whole"));
        if fs::read_to_string(&whole).ok().as_deref() != Some(&packages.join(" ")) {
            let made = Command::new("python3").args(["-m", "venv", "--clear"]).arg(&environment).status()?.success();
            let mut pip = Command::new(&python);
            pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check"]).args(*packages);
            if !(made && pip.status()?.success()) {
                println!("{} can't be installed, and are left out", tools.join(", "));
                continue;
            }
            fs::write(&whole, packages.join(" "))?;
        }
        let tools = tools.iter().map(|tool| Peer { name: (*tool).to_owned(), python: python.clone(), script: script.clone() });
        peers.extend(tools);
    }
    Ok(peers)
}
