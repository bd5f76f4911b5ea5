//! Whether the machine has what a lake needs.

use std::{
    fs,
    path::{Path, PathBuf},
};

use lakegate_model::{pipeline::Zone, project::Settings};
use lakegate_worker::WorkerOptions;
use rustix::process::{Resource, getrlimit};

use super::Finding;
use crate::{
    output::text::{bytes, thousands},
    up::compose::path_of,
};

/// Free space below which a lake is likely to run out.
const LITTLE_SPACE: u64 = 1 << 30;
/// Memory for tasks below which everyday files may not fit.
const LITTLE_MEMORY: u64 = 512 << 20;
/// Open files below which many small files at once may fail.
const FEW_FILES: u64 = 1_024;
/// Folders that are counted; more need more watches than any default grants.
const COUNTED_FOLDERS: u64 = 200_000;

/// Whether every folder of the raw zone can be watched.
pub(super) fn watches(settings: &Settings) -> Finding {
    let check = "watching";
    let Some(limit) = read_number("/proc/sys/fs/inotify/max_user_watches") else {
        return Finding::ok(check, "this system tells no limit on watched folders");
    };
    let folders = path_of(&settings.zones.raw).map_or(0, |raw| folders_below(Path::new(raw)));
    let found = format!("{} folders in the raw zone, {} may be watched", thousands(folders), thousands(limit));
    if folders >= limit {
        return Finding::problem(check, found, format!("sysctl fs.inotify.max_user_watches={}", (folders * 2).max(524_288)));
    }
    if folders * 2 > limit {
        return Finding::warning(check, found, "raise fs.inotify.max_user_watches before the folders outgrow it");
    }
    Finding::ok(check, found)
}

fn folders_below(root: &Path) -> u64 {
    let mut count = 0;
    let mut open = vec![root.to_owned()];
    while let Some(folder) = open.pop() {
        count += 1;
        if count >= COUNTED_FOLDERS {
            break;
        }
        // A folder that can't be read can't be watched either; the zone's own check tells.
        let Ok(entries) = fs::read_dir(&folder) else { continue };
        open.extend(entries.flatten().filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir())).map(|entry| entry.path()));
    }
    count
}

/// The space left for each zone; zones on one disk are told once.
pub(super) fn disks(settings: &Settings) -> Vec<Finding> {
    let mut seen = Vec::new();
    let mut findings = Vec::new();
    for zone in Zone::ALL {
        let Some(there) = path_of(settings.zones.location(*zone)).ok().and_then(existing) else { continue };
        let (Ok(disk), Ok(about)) = (rustix::fs::statvfs(&there), rustix::fs::stat(&there)) else { continue };
        if seen.contains(&about.st_dev) {
            continue;
        }
        seen.push(about.st_dev);
        let free = disk.f_bavail.saturating_mul(disk.f_frsize);
        let found = format!("{} free at {}", bytes(free), there.display());
        findings.push(match free {
            0 => Finding::problem("disk", found, "make room, or set the zones to another disk"),
            free if free < LITTLE_SPACE => Finding::warning("disk", found, "make room, or set the zones to another disk"),
            _ => Finding::ok("disk", found),
        });
    }
    findings
}

/// The path, or what there is of it.
fn existing(path: &str) -> Option<PathBuf> {
    Path::new(path).ancestors().find(|above| above.exists()).map(Path::to_owned)
}

/// The memory that tasks may use.
pub(super) fn memory() -> Finding {
    let options = WorkerOptions::new(String::new());
    let found = format!("{} for tasks in {} slots", bytes(options.memory), options.slots);
    if options.memory < LITTLE_MEMORY {
        return Finding::warning("memory", found, "use fewer slots (`--slots 1`), or give the process more memory");
    }
    Finding::ok("memory", found)
}

/// How many files this process may have open.
pub(super) fn open_files() -> Finding {
    match getrlimit(Resource::Nofile).current {
        None => Finding::ok("open files", "no limit"),
        Some(limit) if limit < FEW_FILES => {
            Finding::warning("open files", format!("at most {}", thousands(limit)), "raise it: ulimit -n 4096")
        }
        Some(limit) => Finding::ok("open files", format!("at most {}", thousands(limit))),
    }
}

fn read_number(path: &str) -> Option<u64> {
    fs::read_to_string(path).ok()?.trim().parse().ok()
}
