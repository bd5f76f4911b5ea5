//! Lists the files of the example lake, so that the binary carries them and `lakegate demo` works
//! wherever it is run.

use std::{
    env,
    error::Error,
    fmt::Write as _,
    fs, io,
    path::{Path, PathBuf},
};

const EXAMPLE: &str = "../examples/nyc-flights";

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo:rerun-if-changed={EXAMPLE}");
    let root = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").ok_or("cargo sets CARGO_MANIFEST_DIR")?).join(EXAMPLE);
    let root = root.canonicalize().map_err(|error| format!("{}: {error}", root.display()))?;
    let mut files = Vec::new();
    walk(&root, &root, &mut files)?;
    files.sort();

    let mut code = String::from("/// Path below the example's folder, and content.\npub(super) static FILES: &[(&str, &[u8])] = &[\n");
    for key in &files {
        // Not by an absolute path: a build folder may serve several clones.
        let path = format!("/{EXAMPLE}/{key}");
        writeln!(code, "    ({key:?}, include_bytes!(concat!(env!(\"CARGO_MANIFEST_DIR\"), {path:?}))),")?;
    }
    code.push_str("];\n");
    let out = PathBuf::from(env::var_os("OUT_DIR").ok_or("cargo sets OUT_DIR")?);
    fs::write(out.join("example.rs"), code)?;
    Ok(())
}

/// What lies below `folder`, except what running the example leaves behind.
fn walk(root: &Path, folder: &Path, files: &mut Vec<String>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let key = path.strip_prefix(root).map_err(io::Error::other)?.to_string_lossy().into_owned();
        let left_behind = key == "lake" || key.split('/').any(|segment| segment.starts_with('.'));
        if left_behind {
            continue;
        }
        if path.is_dir() {
            walk(root, &path, files)?;
        } else {
            files.push(key);
        }
    }
    Ok(())
}
