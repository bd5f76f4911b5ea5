//! A file that Polars writes to, which keeps what went wrong with it: a full disk is no fault of the rows.

use std::{
    fs::File,
    io::{self, Write},
    sync::{Arc, Mutex, PoisonError},
};

use polars::{
    io::utils::file::{Writable, WritableTrait},
    prelude::{SinkTarget, SpecialEq},
};

/// What went wrong with a file while it was written.
pub(super) struct Wrong(Arc<Mutex<Option<io::Error>>>);

impl Wrong {
    /// What it was, once.
    pub(super) fn take(&self) -> Option<io::Error> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

/// A file as what a plan is written to.
///
/// It has no path there: Polars may open one late, when the file was given up and removed, and make it again.
pub(super) fn target(file: File) -> (SinkTarget, Wrong) {
    let (draft, wrong) = Draft::new(file);
    (SinkTarget::Dyn(SpecialEq::new(Arc::new(Mutex::new(Some(Writable::Dyn(Box::new(draft))))))), wrong)
}

struct Draft {
    file: File,
    wrong: Wrong,
}

impl Draft {
    fn new(file: File) -> (Draft, Wrong) {
        let wrong = Arc::default();
        (Draft { file, wrong: Wrong(Arc::clone(&wrong)) }, Wrong(wrong))
    }

    fn noted<T>(&self, done: io::Result<T>) -> io::Result<T> {
        done.inspect_err(|error| {
            let error = io::Error::new(error.kind(), error.to_string());
            *self.wrong.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
        })
    }
}

impl Write for Draft {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.file.write(bytes);
        self.noted(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        let flushed = self.file.flush();
        self.noted(flushed)
    }
}

impl WritableTrait for Draft {
    fn close(&mut self) -> io::Result<()> {
        Ok(())
    }

    fn sync_all(&self) -> io::Result<()> {
        self.noted(self.file.sync_all())
    }

    fn sync_data(&self) -> io::Result<()> {
        self.noted(self.file.sync_data())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_goes_wrong_is_kept() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let (mut draft, wrong) = Draft::new(File::open(file.path()).unwrap());
        assert!(wrong.take().is_none());
        assert!(draft.write_all(b"PAR1").is_err(), "it is open for reading only");
        assert!(wrong.take().is_some() && wrong.take().is_none());
        let (mut draft, wrong) = Draft::new(file.reopen().unwrap());
        assert!(draft.write_all(b"PAR1").is_ok() && draft.sync_all().is_ok() && wrong.take().is_none());
    }
}
