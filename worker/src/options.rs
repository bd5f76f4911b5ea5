//! What a worker is told when it starts, and what it assumes when it isn't.

use std::{num::NonZero, path::PathBuf, thread};

/// The share of the memory there is that tasks may use, in percent: the rest is for what estimates
/// miss, for the page cache, and for whatever else runs here.
const MEMORY_SHARE: u64 = 60;
/// The memory assumed where the system doesn't say how much there is.
const MEMORY_UNKNOWN: u64 = 4 << 30;

/// How a worker runs. [`WorkerOptions::new`] has the defaults.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorkerOptions {
    /// The coordinator's address: `http://127.0.0.1:4700`.
    pub coordinator: String,
    /// A name for people. Default: host name and process id.
    pub name: String,
    /// Tasks run at once. Default: one per core this process may use.
    pub slots: usize,
    /// Bytes that tasks may use in all. An admission limit: a task starts when its estimated need
    /// fits beside those that run, and one that needs more than there is runs alone. Nothing stops
    /// a task that turns out to need more than was estimated. Default: 60 % of the machine's
    /// memory, or of the control group's limit if that is lower.
    pub memory: u64,
    /// A folder for decompressing files that are larger than memory. Default: `lakegate` in the
    /// system's folder for temporary files.
    pub scratch: PathBuf,
    /// Whether to dial again when the coordinator can't be reached or is lost. Default: yes.
    pub reconnect: bool,
}

impl WorkerOptions {
    /// A worker of this coordinator, with defaults for everything else.
    pub fn new(coordinator: impl Into<String>) -> WorkerOptions {
        WorkerOptions {
            coordinator: coordinator.into(),
            name: format!("{}-{}", host(), std::process::id()),
            slots: thread::available_parallelism().map_or(1, NonZero::get),
            memory: default_memory(),
            scratch: std::env::temp_dir().join("lakegate"),
            reconnect: true,
        }
    }
}

fn host() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}

fn default_memory() -> u64 {
    let groups = read("/proc/self/cgroup");
    let limits = group_files(&groups).into_iter().filter_map(|file| read(&file).trim().parse().ok());
    share(machine_memory(&read("/proc/meminfo")), limits)
}

fn share(machine: Option<u64>, limits: impl Iterator<Item = u64>) -> u64 {
    let there_is = machine.into_iter().chain(limits).min().unwrap_or(MEMORY_UNKNOWN);
    there_is / 100 * MEMORY_SHARE
}

/// A file that isn't there reads as empty: not every system has these.
fn read(path: &str) -> String {
    std::fs::read_to_string(path).unwrap_or_default()
}

/// Bytes from `/proc/meminfo`.
fn machine_memory(meminfo: &str) -> Option<u64> {
    let total = meminfo.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    let kibibytes: u64 = total.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes * 1024)
}

/// The files that hold the memory limits of this process's control group and those around it, in
/// both versions of control groups, as `/proc/self/cgroup` tells. Inside a container the paths it
/// tells may be the host's, so the root's files are among them.
fn group_files(groups: &str) -> Vec<String> {
    let mut files = vec!["/sys/fs/cgroup/memory.max".to_owned(), "/sys/fs/cgroup/memory/memory.limit_in_bytes".to_owned()];
    for line in groups.lines() {
        let mut parts = line.splitn(3, ':').skip(1);
        let (Some(controllers), Some(mut path)) = (parts.next(), parts.next()) else { continue };
        let (root, file) = match controllers {
            "" => ("/sys/fs/cgroup", "memory.max"),
            "memory" => ("/sys/fs/cgroup/memory", "memory.limit_in_bytes"),
            _ => continue,
        };
        while let Some((parent, name)) = path.rsplit_once('/') {
            if !name.is_empty() {
                files.push(format!("{root}{path}/{file}"));
            }
            path = parent;
        }
    }
    files
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lowest_limit_counts() {
        let machine = machine_memory("MemTotal:       16000000 kB\nMemFree:  1 kB\n");
        assert_eq!(machine, Some(16_384_000_000));
        assert_eq!(share(machine, [].into_iter()), 9_830_400_000);
        assert_eq!(share(machine, [u64::MAX, 1_000_000].into_iter()), 600_000);
        assert_eq!(share(None, [].into_iter()), MEMORY_UNKNOWN / 100 * 60);
    }

    #[test]
    fn limits_are_looked_for_in_the_group_and_around_it() {
        let files = group_files("0::/system.slice/lakegate.service\n5:cpu:/x\n4:memory:/docker/1\n");
        for file in [
            "/sys/fs/cgroup/memory.max",
            "/sys/fs/cgroup/system.slice/memory.max",
            "/sys/fs/cgroup/system.slice/lakegate.service/memory.max",
            "/sys/fs/cgroup/memory/docker/1/memory.limit_in_bytes",
        ] {
            assert!(files.iter().any(|found| found == file), "{file} in {files:?}");
        }
        assert!(!files.iter().any(|file| file.contains("/x")), "{files:?}");
    }

    #[test]
    fn defaults_are_usable() {
        let options = WorkerOptions::new("http://127.0.0.1:1");
        assert!(options.slots >= 1 && options.memory > 0 && options.reconnect);
        assert!(options.name.ends_with(&std::process::id().to_string()), "{}", options.name);
    }
}
