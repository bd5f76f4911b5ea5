//! Other tools, from PyPI, each in a virtual environment that is made once.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use crate::Result;

/// Tools that are installed together: the packages of others don't agree with theirs on versions.
struct Environment {
    name: &'static str,
    packages: &'static [&'static str],
    tools: &'static [&'static str],
    /// What runs in Java and comes from Maven, as Maven names it.
    jar: Option<&'static str>,
}

const ENVIRONMENTS: &[Environment] = &[
    Environment {
        name: "frames",
        packages: &["duckdb==2.0.1", "pandera[polars]==0.35.0", "great-expectations==1.24.1", "pyarrow==26.0.1"],
        tools: &["duckdb", "pandera", "great_expectations"],
        jar: None,
    },
    Environment { name: "soda", packages: &["soda-core-duckdb==3.5.6"], tools: &["soda"], jar: None },
    Environment {
        name: "spark",
        packages: &["pydeequ==1.7.0", "pyspark==3.5.8", "setuptools==65.5.0"],
        tools: &["pydeequ"],
        jar: Some("com.amazon.deequ:deequ:2.0.21-spark-3.5"),
    },
];

/// The plugin that copies a jar out of Maven.
const COPY: &str = "org.apache.maven.plugins:maven-dependency-plugin:2.8:copy";

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
    for environment in ENVIRONMENTS {
        let place = folder.join(format!("bench-venv-{}", environment.name));
        match environment.install(&place) {
            Ok(()) => {
                let python = place.join("bin/python");
                let tool = |tool: &&str| Peer { name: (*tool).to_owned(), python: python.clone(), script: script.clone() };
                peers.extend(environment.tools.iter().map(tool));
            }
            Err(why) => println!("left out: {} ({why})", environment.tools.join(", ")),
        }
    }
    Ok(peers)
}

impl Environment {
    /// Installs what is not there yet.
    fn install(&self, place: &Path) -> Result<()> {
        let whole = place.join("whole");
        let parts: Vec<&str> = self.packages.iter().copied().chain(self.jar).collect();
        if fs::read_to_string(&whole).ok().as_deref() == Some(&parts.join(" ")) {
            return Ok(());
        }
        // The jar first: it is small, and the rest is of no use without it.
        let jar = self.jar.map(jar).transpose()?;
        let made = Command::new("python3").args(["-m", "venv", "--clear"]).arg(place).status();
        done(made, "python3 makes no virtual environment")?;
        let mut pip = Command::new(place.join("bin/python"));
        pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check"]).args(self.packages);
        done(pip.status(), &format!("pip can't install {}", self.packages.join(" ")))?;
        if let Some(jar) = jar {
            fs::create_dir_all(place.join("jars"))?;
            for file in fs::read_dir(jar.path())? {
                let file = file?;
                fs::copy(file.path(), place.join("jars").join(file.file_name()))?;
            }
        }
        Ok(fs::write(&whole, parts.join(" "))?)
    }
}

/// A folder with a jar from Maven.
fn jar(name: &str) -> Result<tempfile::TempDir> {
    let folder = tempfile::tempdir()?;
    let java = Command::new("java").arg("-version").stdout(Stdio::null()).stderr(Stdio::null()).status();
    done(java, "there is no Java")?;
    let mut maven = Command::new("mvn");
    maven.args(["--quiet", "--batch-mode", COPY]).arg(format!("-Dartifact={name}"));
    maven.arg(format!("-DoutputDirectory={}", folder.path().display())).stdout(Stdio::null()).stderr(Stdio::null());
    done(maven.status(), &format!("Maven has no {name} here"))?;
    Ok(folder)
}

/// An error that says what went wrong, unless a command was found and succeeded.
fn done(status: std::io::Result<std::process::ExitStatus>, wrong: &str) -> Result<()> {
    match status {
        Ok(status) if status.success() => Ok(()),
        Ok(_) => Err(wrong.into()),
        Err(error) => Err(format!("{wrong}: {error}").into()),
    }
}
