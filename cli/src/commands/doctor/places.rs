//! Whether the zones can be used.

use std::{fs, io, path::Path};

use lakegate_model::{pipeline::Zone, project::Settings};

use super::Finding;
use crate::up::compose::path_of;

/// A finding per zone: there, writable, and on a file system where a rename replaces a file.
pub(super) fn zones(settings: &Settings) -> Vec<Finding> {
    Zone::ALL.iter().map(|zone| self::zone(*zone, settings)).collect()
}

fn zone(zone: Zone, settings: &Settings) -> Finding {
    let check = format!("zone {}", zone.as_str());
    let path = match path_of(settings.zones.location(zone)) {
        Ok(path) => Path::new(path),
        Err(failure) => return Finding::problem(check, failure.message, failure.hint),
    };
    match fs::metadata(path) {
        Ok(found) if !found.is_dir() => {
            Finding::problem(check, format!("{} is a file", path.display()), "move it away, or set the zone to a folder")
        }
        Ok(_) => match try_rename(path) {
            Ok(()) => Finding::ok(check, path.display().to_string()),
            Err(error) => Finding::problem(check, format!("{}: {error}", path.display()), "give this user the right to write there"),
        },
        Err(error) if error.kind() == io::ErrorKind::NotFound => absent(check, path),
        Err(error) => Finding::problem(check, format!("{}: {error}", path.display()), "give this user the right to read it"),
    }
}

/// A zone that is not there is made by `up`, if it can be.
fn absent(check: String, path: &Path) -> Finding {
    let above = path.ancestors().find(|above| above.is_dir()).unwrap_or(Path::new("/"));
    match try_rename(above) {
        Ok(()) => Finding::ok(check, format!("{} is made by `lakegate up`", path.display())),
        Err(error) => {
            let found = format!("{} is not there, and {} can't be written: {error}", path.display(), above.display());
            Finding::problem(check, found, "make the folder, or set the zone to another in lakegate.yaml")
        }
    }
}

/// Writes a file, replaces it by a rename, and removes it again. Its name is one that no watcher takes for data.
fn try_rename(folder: &Path) -> io::Result<()> {
    let scratch = tempfile::Builder::new().prefix(".lakegate-doctor-").tempdir_in(folder)?;
    let (from, to) = (scratch.path().join("from"), scratch.path().join("to"));
    fs::write(&from, "new")?;
    fs::write(&to, "old")?;
    fs::File::open(&from)?.sync_all()?;
    fs::rename(&from, &to)?;
    if fs::read_to_string(&to)? == "new" { scratch.close() } else { Err(io::Error::other("a rename does not replace a file there")) }
}
