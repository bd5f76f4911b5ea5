//! Child processes that never outlive their test.

use std::{
    fs::{self, File},
    path::PathBuf,
    process::{Child, Command, ExitStatus, Stdio},
    time::Duration,
};

use rustix::process::{Pid, Signal, kill_process};

use super::wait::within;

/// A running process. Dropping it kills it; if the test failed, its last words are printed.
pub struct Process {
    name: String,
    child: Child,
    log: PathBuf,
}

impl Process {
    /// Starts a command with both its outputs going to `log`.
    ///
    /// # Panics
    /// If it can't be started.
    pub fn start(name: &str, command: &mut Command, log: PathBuf) -> Process {
        let file = File::options().create(true).append(true).open(&log).expect("the log can be written");
        let also = file.try_clone().expect("the log can be shared");
        command.stdin(Stdio::null()).stdout(file).stderr(also);
        let child = command.spawn().unwrap_or_else(|error| panic!("{name} can't be started: {error}"));
        Process { name: name.to_owned(), child, log }
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Ends it as a power cut would, and waits until it is gone.
    pub fn kill(&mut self) {
        // It may have ended by itself just now.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Asks it to leave in order, with SIGTERM.
    pub fn terminate(&self) {
        self.signal(Signal::TERM);
    }

    /// Stops it in its tracks, with SIGSTOP, so that it is there and does nothing.
    pub fn freeze(&self) {
        self.signal(Signal::STOP);
    }

    /// Lets it go on after `freeze`.
    pub fn thaw(&self) {
        self.signal(Signal::CONT);
    }

    /// Whether it still runs.
    pub fn is_running(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// How it ended.
    ///
    /// # Panics
    /// If it has not ended when the time is up.
    pub fn wait(&mut self, time: Duration) -> ExitStatus {
        let ended = within(time, || self.child.try_wait().expect("a child can be waited for"));
        ended.unwrap_or_else(|| panic!("{} has not ended after {time:?}; it said:\n{}", self.name, self.said()))
    }

    /// What it has written so far.
    pub fn said(&self) -> String {
        fs::read(&self.log).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default()
    }

    fn signal(&self, signal: Signal) {
        let pid = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw).expect("a child has a process id");
        // It may have ended by itself just now.
        let _ = kill_process(pid, signal);
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
        if std::thread::panicking() {
            let said = self.said();
            let tail: Vec<&str> = said.lines().rev().take(30).collect();
            eprintln!("--- {} said last:", self.name);
            tail.iter().rev().for_each(|line| eprintln!("{line}"));
        }
    }
}
