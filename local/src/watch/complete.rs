//! Whether a file is complete: nobody has it open for writing.

use std::{
    fs::{self, File, Metadata},
    io,
    path::Path,
};

/// What is at a path.
#[derive(Debug)]
pub(super) enum Look {
    /// Nothing, or nothing that can be looked at.
    Gone,
    /// A folder, perhaps by a symbolic link.
    Folder,
    /// A file that somebody has open for writing.
    Open,
    /// A file that nobody has open for writing, as it was at that moment.
    Closed(Metadata),
    /// A file of which the system does not tell.
    Unsure(Metadata),
}

/// Looks at a path, following symbolic links.
pub(super) fn look(path: &Path) -> Look {
    match fs::metadata(path) {
        Ok(metadata) if metadata.is_dir() => Look::Folder,
        Ok(metadata) if metadata.is_file() => look_at_file(path, metadata),
        Ok(_) => Look::Gone,
        Err(error) => {
            if error.kind() != io::ErrorKind::NotFound {
                tracing::debug!(path = %path.display(), %error, "a file can't be looked at");
            }
            Look::Gone
        }
    }
}

#[cfg(target_os = "linux")]
fn look_at_file(path: &Path, metadata: Metadata) -> Look {
    use std::os::unix::fs::OpenOptionsExt as _;
    // Without O_NONBLOCK a pipe that has just taken the file's place would stop us here.
    match File::options().read(true).custom_flags(libc::O_NONBLOCK | libc::O_NOCTTY).open(path) {
        Ok(file) => lease::look(&file).unwrap_or(Look::Unsure(metadata)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Look::Gone,
        // What can't be read is delivered all the same: whoever reads it says why it can't.
        Err(_) => Look::Unsure(metadata),
    }
}

#[cfg(not(target_os = "linux"))]
fn look_at_file(_path: &Path, metadata: Metadata) -> Look {
    Look::Unsure(metadata)
}

/// Leases, see fcntl(2). The system grants a lease for reading only on a file that nobody has open
/// for writing, in this process or any other. It is given back at once: a writer that comes in the
/// few microseconds between waits that long to open the file, and a signal tells us of it, which
/// must not be the one that would end the process.
#[cfg(target_os = "linux")]
mod lease {
    use std::{fs::File, io, os::fd::AsRawFd as _};

    use libc::c_int;

    use super::Look;

    /// Part of Linux's interface, not in every C library's header.
    const F_SETSIG: c_int = 10;

    /// What a lease tells; `None` if none can be had on this file.
    pub(super) fn look(file: &File) -> Option<Look> {
        // SIGIO, which is sent without this, ends a process that does not expect it; SIGURG is ignored.
        control(file, F_SETSIG, libc::SIGURG).ok()?;
        match control(file, libc::F_SETLEASE, libc::F_RDLCK) {
            Ok(()) => {
                let metadata = file.metadata();
                // Closing the file gives the lease back too.
                let _ = control(file, libc::F_SETLEASE, libc::F_UNLCK);
                metadata.ok().map(Look::Closed)
            }
            Err(error) if error.raw_os_error() == Some(libc::EAGAIN) => Some(Look::Open),
            // Somebody else's file, or a file system without leases.
            Err(_) => None,
        }
    }

    #[expect(unsafe_code, reason = "the standard library has no leases")]
    fn control(file: &File, command: c_int, argument: c_int) -> io::Result<()> {
        // SAFETY: the descriptor is open for as long as `file` is borrowed, and these commands take
        // an integer, not a pointer.
        let result = unsafe { libc::fcntl(file.as_raw_fd(), command, argument) };
        if result == -1 { Err(io::Error::last_os_error()) } else { Ok(()) }
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::io::Write as _;

    use super::*;

    #[test]
    fn a_file_is_complete_when_its_last_writer_has_closed_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.csv");
        assert!(matches!(look(&path), Look::Gone));
        let mut writer = File::create(&path).unwrap();
        writer.write_all(b"a\n").unwrap();
        let second = File::options().append(true).open(&path).unwrap();
        // A file system without leases can only be unsure.
        if matches!(look(&path), Look::Unsure(_)) {
            return;
        }
        assert!(matches!(look(&path), Look::Open));
        drop(writer);
        assert!(matches!(look(&path), Look::Open));
        drop(second);
        assert!(matches!(look(&path), Look::Closed(metadata) if metadata.len() == 2));
        assert!(matches!(look(folder.path()), Look::Folder));
    }

    /// The signal that tells of a broken lease would end this process if it were the usual one.
    #[test]
    fn writers_that_come_while_we_look_end_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.csv");
        File::create(&path).unwrap();
        let stop = std::time::Instant::now() + std::time::Duration::from_millis(300);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                while std::time::Instant::now() < stop {
                    File::options().append(true).open(&path).unwrap();
                }
            });
            while std::time::Instant::now() < stop {
                look(&path);
            }
        });
    }
}
