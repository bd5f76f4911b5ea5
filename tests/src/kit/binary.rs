//! The command under test, built once.

use std::{
    env,
    path::{Path, PathBuf},
    process::Command,
    sync::OnceLock,
};

/// The `lakegate` command of this profile. It is built first, so that a test never runs an old one.
pub fn lakegate_binary() -> &'static Path {
    static BINARY: OnceLock<PathBuf> = OnceLock::new();
    BINARY.get_or_init(build)
}

/// The folder Cargo builds into, as told by where this test itself lies.
pub fn target_directory() -> PathBuf {
    profile_directory().parent().expect("a profile's folder is in the target folder").to_owned()
}

/// The workspace's own folder.
pub fn workspace() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the tests are in a folder of the workspace")
}

fn build() -> PathBuf {
    let binary = profile_directory().join("lakegate");
    let mut cargo = Command::new(env!("CARGO"));
    // With the whole workspace's features, as `cargo test --workspace` has built it: nothing is compiled
    // twice but the command itself, which the tests need with AWS.
    cargo
        .args(["build", "--quiet", "--workspace", "--bin", "lakegate", "--features", "lakegate/aws", "--target-dir"])
        .arg(target_directory());
    if profile_directory().ends_with("release") {
        cargo.arg("--release");
    }
    // Cargo tells a test about the test's own package. Build scripts that look at the same variables
    // would take that for a change, and half the tree would be compiled again.
    for name in env::vars_os().filter_map(|(name, _)| name.into_string().ok()) {
        if name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_") {
            cargo.env_remove(name);
        }
    }
    let status = cargo.current_dir(workspace()).status().expect("cargo can be run");
    assert!(status.success(), "cargo could not build the lakegate command");
    assert!(binary.is_file(), "cargo built no {}", binary.display());
    binary
}

/// `target/debug` for a test at `target/debug/deps/local-0123`.
fn profile_directory() -> PathBuf {
    let test = env::current_exe().expect("a test knows where it lies");
    test.ancestors().nth(2).expect("a test lies in target/<profile>/deps").to_owned()
}
