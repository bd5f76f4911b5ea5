//! A Python with pinned packages: made once, below the target folder.

use std::{
    fs::{self, File},
    path::PathBuf,
    process::Command,
};

use super::binary::target_directory;

/// The interpreter of an environment that has these packages (`name==version`).
///
/// # Panics
/// If there is no Python 3 with `venv`, or PyPI is needed and can't be reached.
pub fn python_with(name: &str, packages: &[&str]) -> PathBuf {
    let venv = target_directory().join(format!("test-venv-{name}"));
    let lock = File::create(venv.with_extension("lock")).expect("the target folder can be written");
    lock.lock().expect("the target folder can be locked");
    let (python, whole) = (venv.join("bin/python"), venv.join("whole"));
    let wanted = packages.join("\n");
    if fs::read_to_string(&whole).ok().as_ref() != Some(&wanted) {
        run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&venv));
        run(Command::new(&python).args(["-m", "pip", "install", "--quiet"]).args(packages));
        fs::write(whole, wanted).expect("the target folder can be written");
    }
    python
}

fn run(command: &mut Command) {
    let status = command.status().unwrap_or_else(|error| panic!("{command:?}: {error}; the tests need python3 with venv"));
    assert!(status.success(), "{command:?} failed; the tests need python3 with venv, and PyPI once");
}
