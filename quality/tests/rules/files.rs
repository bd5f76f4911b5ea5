//! Rules on files.

use std::fs;
use std::io::{self, Read};
use std::path::Path;
use std::time::{Duration, SystemTime};

use lakegate_quality::data::{FileAccess, FileAccessError, FileEntry};
use polars::prelude::*;

use super::*;

fn write(path: &Path, text: &str, age_hours: u64) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
    let now = SystemTime::UNIX_EPOCH + Duration::from_secs(now().as_second().unsigned_abs());
    fs::File::options().write(true).open(path).unwrap().set_modified(now - Duration::from_secs(age_hours * 3600)).unwrap();
}

fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    write(&folder.path().join("a/one.csv"), "n\n1\n", 1);
    write(&folder.path().join("a/two.csv"), "n\n2\n", 30);
    write(&folder.path().join("a/deep/three.csv"), "n\n1\n", 100);
    write(&folder.path().join("b/one.csv"), "n\n1\n", 5);
    folder
}

/// Rules on the files `one.csv` and `two.csv` as a dataset, with `$` for the folder.
fn check_files(folder: &Path, cases: &[(&str, Outcome)]) {
    let files = ["a/one.csv", "a/two.csv"].map(|name| folder.join(name));
    let dataset = Dataset::of_files(&files, None).unwrap();
    for (rule, wanted) in cases {
        let rule = rule.replace('@', folder.to_str().unwrap());
        let result = evaluate(&parse(&format!("Rules = [{rule}]")), &dataset, &context()).evaluation.rules.remove(0);
        assert_eq!(result.outcome, *wanted, "{rule}: {:?}", result.reason);
    }
}

#[test]
fn freshness_sizes_and_uniqueness() {
    let folder = folder();
    check_files(
        folder.path(),
        &[
            ("FileFreshness > (now() - 2 days)", PASSED),
            ("FileFreshness > (now() - 24 hours)", FAILED),
            ("FileFreshness > (now() - 24 hours) with threshold >= 0.5", PASSED),
            ("FileFreshness \"@/a/one.csv\" > (now() - 2 hours)", PASSED),
            ("FileFreshness \"@/a\" > (now() - 50 hours)", FAILED),
            ("FileFreshness \"file://@/a\" > (now() - 5 days)", PASSED),
            ("FileFreshness \"@/a\" > (now() - 2 hours) with recentFiles = 1", PASSED),
            ("FileFreshness \"@/a\" > (now() - 2 days) with uriRegex = \"(?!.*three).*\"", PASSED),
            ("FileFreshness \"@/a\" between \"9:30 AM\" and \"11:30 AM\" with recentFiles = 1", PASSED),
            ("FileFreshness \"@/a/one.csv\" between now() and (now() - 2 hours)", PASSED),
            ("FileFreshness \"@/a\" between now() and (now() - 2 hours)", FAILED),
            ("FileFreshness \"@/a/two.csv\" not between now() and (now() - 2 hours)", PASSED),
            ("FileFreshness \"@/a\" between \"2026-03-05\" and \"2026-03-11\"", PASSED),
            ("FileFreshness \"@/a\" >= \"2026-03-09\" with failFast = \"true\"", FAILED),
            ("FileFreshness \"@/a/one.csv\" = \"2026-03-10\"", PASSED),
            ("FileFreshness \"@/a/one.csv\" in [\"2026-03-09\", \"2026-03-10\"]", PASSED),
            ("FileFreshness \"@/a/one.csv\" between \"6:30 AM\" and \"7:30 AM\" with timeZone = \"America/New_York\"", PASSED),
            ("FileFreshness \"@/a/one.csv\" between \"07:30\" and \"08:30\" with timeZone = \"America/New_York\"", FAILED),
            ("FileFreshness \"@/gone\" > (now() - 2 hours)", ERROR),
            ("FileFreshness \"s3://bucket/key\" > (now() - 2 hours)", ERROR),
            ("FileFreshness \"@/a\" > (now() - 2 hours) with uriRegex = \"nothing\"", FAILED),
            ("FileSize < 1 KB", PASSED),
            ("FileSize > 4 B", FAILED),
            ("FileSize \"@/b\" = 4 B", PASSED),
            ("FileSize \"@/a\" between 3 B and 5 B", PASSED),
            ("FileSize \"@/a\" between 4 B and 5 B", FAILED),
            ("FileSize \"@/a\" not between 4 B and 1 TB", PASSED),
            ("FileSize \"@/a\" in [4 B, 1 KB]", PASSED),
            ("FileSize \"@/a\" not in [4 B]", FAILED),
            ("FileSize \"@/a\" != 5 B", PASSED),
            ("FileSize \"@/a\" = 4", PASSED),
            ("FileSize \"@/a\" > 4 B with threshold >= 0", PASSED),
            ("FileUniqueness = 1", PASSED),
            ("FileUniqueness \"@\" = 1 with matchFileName = \"true\"", FAILED),
            ("FileUniqueness \"@/a\" = 1 with matchFileName = \"true\"", PASSED),
            ("FileUniqueness \"@\" in [0.5]", PASSED),
            ("FileUniqueness \"@/a\" = 1", FAILED),
            ("FileUniqueness \"@/a\" > 0.6", PASSED),
            ("FileUniqueness \"@/a\" = 1 with uriRegex = \"(one|three)\\.csv$\" with recentFiles = 2", PASSED),
            (
                "FileUniqueness \"@/a\" = 1 with uriRegex = \"(one|three)\\.csv$\" with recentFiles = 2 with filterOrder = [\"uriRegex\", \"recentFiles\"]",
                FAILED,
            ),
        ],
    );
}

#[test]
fn checksums() {
    let folder = folder();
    check_files(
        folder.path(),
        &[
            ("FileMatch \"@/a/one.csv\" \"@/b/one.csv\"", PASSED),
            ("FileMatch \"@/a/one.csv\" \"@/a/deep/three.csv\"", PASSED),
            ("FileMatch \"@/a/one.csv\" \"@/a/deep/three.csv\" with matchFileName = \"true\"", FAILED),
            ("FileMatch \"@/a/one.csv\" \"@/a/two.csv\"", FAILED),
            ("FileMatch \"@/a\" \"@/b\"", FAILED),
            // The digests of `n`, a line's end, `1` and a line's end.
            ("FileMatch \"@/b\" in [\"E4F091C6CDB66907C6FA318D8FA27299\"] with hashAlgorithm = \"MD5\"", PASSED),
            ("FileMatch \"@/b\" = \"305301e9d9981430d79bb94bee1c2a2fac673de4\" with hashAlgorithm = \"SHA-1\"", PASSED),
            ("FileMatch \"@/b\" in [\"6ff2d84956e507dade83da732a88aa6fa02712d03af8c515633f674de9fd42bd\"]", PASSED),
            ("FileMatch \"@/a\" in [\"6ff2d84956e507dade83da732a88aa6fa02712d03af8c515633f674de9fd42bd\"]", FAILED),
            ("FileMatch in [\"6ff2d84956e507dade83da732a88aa6fa02712d03af8c515633f674de9fd42bd\"]", FAILED),
            ("FileMatch not in [\"00\"]", PASSED),
            ("FileMatch \"@/b\" \"@/gone\"", ERROR),
        ],
    );
}

#[test]
fn a_frame_has_no_files() {
    check(
        &df!("n" => [1]).unwrap(),
        &[("FileFreshness > (now() - 2 hours)", ERROR), ("FileSize > 1", ERROR), ("FileUniqueness = 1", ERROR)],
    );
}

/// Files somewhere else, which can be listed or opened, or not.
struct Elsewhere {
    list: Result<Vec<&'static str>, io::ErrorKind>,
    open: Option<io::ErrorKind>,
}

impl FileAccess for Elsewhere {
    fn list(&self, location: &str) -> Result<Vec<FileEntry>, FileAccessError> {
        let entry = |name: &&str| FileEntry { location: format!("{location}{name}"), bytes: 4, modified: 0 };
        let failed = |kind: io::ErrorKind| FileAccessError::Io { location: location.to_owned(), source: kind.into() };
        self.list.as_ref().map(|names| names.iter().map(entry).collect()).map_err(|kind| failed(*kind))
    }

    fn open(&self, file: &FileEntry) -> Result<Box<dyn Read>, FileAccessError> {
        match self.open {
            None => Ok(Box::new(Broken)),
            Some(kind) => Err(FileAccessError::Io { location: file.location.clone(), source: kind.into() }),
        }
    }
}

/// A connection that ends in the middle.
struct Broken;

impl Read for Broken {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        Err(io::ErrorKind::ConnectionReset.into())
    }
}

fn ask(files: Elsewhere, rule: &str) -> Evaluated {
    let context = context().with_files(Arc::new(files)).with_own_files(vec!["s3://bucket/own".to_owned()]);
    evaluate(&parse(&format!("Rules = [{rule}]")), &Dataset::of_frame(df!("n" => [1]).unwrap()), &context)
}

#[test]
fn a_store_that_fails_is_no_verdict_on_its_files() {
    let down = || Elsewhere { list: Err(io::ErrorKind::TimedOut), open: None };
    let closed = || Elsewhere { list: Ok(vec!["/a"]), open: Some(io::ErrorKind::PermissionDenied) };
    let cut = || Elsewhere { list: Ok(vec!["/a"]), open: None };
    for (files, rule, kind) in [
        (down(), "FileSize \"s3://b/p\" > 1 B", io::ErrorKind::TimedOut),
        (down(), "FileFreshness > (now() - 2 hours)", io::ErrorKind::TimedOut),
        (down(), "FileUniqueness = 1", io::ErrorKind::TimedOut),
        (closed(), "FileUniqueness = 1", io::ErrorKind::PermissionDenied),
        (closed(), "FileMatch \"s3://b/p\" in [\"00\"]", io::ErrorKind::PermissionDenied),
        (cut(), "FileMatch in [\"00\"]", io::ErrorKind::ConnectionReset),
        (cut(), "FileMatch \"s3://b/p\" \"s3://b/q\"", io::ErrorKind::ConnectionReset),
    ] {
        let evaluated = ask(files, rule);
        let error = evaluated.unread().unwrap_or_else(|| panic!("{rule}: {:?}", evaluated.evaluation.rules));
        assert_eq!(error.io().map(io::Error::kind), Some(kind), "{rule}: {error}");
        assert!(error.path().is_some_and(|path| path.starts_with("s3://")), "{rule}: {error}");
    }
}

#[test]
fn a_file_of_the_dataset_that_has_gone_is_data_that_can_not_be_read() {
    for list in [Ok(vec![]), Err(io::ErrorKind::NotFound)] {
        let evaluated = ask(Elsewhere { list: list.clone(), open: None }, "FileSize > 1 B");
        let error = evaluated.unread().unwrap();
        assert_eq!((error.path(), error.io().map(io::Error::kind)), (Some(Path::new("s3://bucket/own")), Some(io::ErrorKind::NotFound)));
        // Whoever names a place where nothing is asks for what can't be measured.
        let evaluated = ask(Elsewhere { list: list.clone(), open: None }, "FileSize \"s3://b/p\" > 1 B");
        assert!(evaluated.unread().is_none());
        assert_eq!(evaluated.evaluation.rules[0].outcome, if list.is_ok() { FAILED } else { ERROR });
    }
}

#[test]
fn a_pattern_that_gives_up_on_a_path_drops_no_file() {
    let folder = tempfile::tempdir().unwrap();
    write(&folder.path().join(format!("a/{}!.csv", "a".repeat(40))), "n\n1\n", 100);
    write(&folder.path().join("a/b.csv"), "n\n1\n", 1);
    write(&folder.path().join("a/one.csv"), "n\n1\n", 1);
    write(&folder.path().join("a/two.csv"), "n\n1\n", 1);
    let rule = "FileFreshness \"@/a\" > (now() - 2 days) with uriRegex = \"/(?:b|one|two|(?:a|aa)+(?=c)c|a+!)\\.csv\"";
    check_files(folder.path(), &[(rule, ERROR)]);
}
