//! Builds what is measured, optimised: the `lakegate` command and what it is measured against.

use std::{
    env,
    path::{Path, PathBuf},
    process::Command,
};

use crate::Result;

/// The programs that are measured.
pub(crate) struct Programs {
    /// The command.
    pub(crate) lakegate: PathBuf,
    /// The plain Polars loop: `worker/examples/floor.rs`.
    pub(crate) floor: PathBuf,
    /// What rules are measured against: `quality/examples/yardstick.rs`.
    pub(crate) yardstick: PathBuf,
}

/// Builds all at once, so that Polars is compiled once, into the folder this program was built into.
pub(crate) fn programs() -> Result<Programs> {
    let this = env::current_exe()?;
    let target = this.ancestors().nth(2).ok_or("this program lies in no target folder")?;
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["build", "--release", "--package", "lakegate", "--package", "lakegate-worker", "--package", "lakegate-quality"]);
    cargo.args(["--bin", "lakegate", "--example", "floor", "--example", "yardstick", "--target-dir"]).arg(target);
    // Cargo tells this program about its own package. Build scripts that look at the same variables
    // would take that for a change, and half the tree would be compiled again.
    for name in env::vars_os().filter_map(|(name, _)| name.into_string().ok()) {
        if name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_") {
            cargo.env_remove(name);
        }
    }
    if !cargo.current_dir(Path::new(env!("CARGO_MANIFEST_DIR"))).status()?.success() {
        return Err("cargo could not build lakegate".into());
    }
    let release = target.join("release");
    let examples = release.join("examples");
    Ok(Programs { lakegate: release.join("lakegate"), floor: examples.join("floor"), yardstick: examples.join("yardstick") })
}
