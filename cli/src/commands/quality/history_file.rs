//! Earlier measurements in a file: what `quality run --history` reads and adds to.

use std::{
    collections::BTreeMap,
    fs,
    io::{self, Write as _},
    path::{Path, PathBuf},
    sync::Arc,
};

use jiff::Timestamp;
use lakegate_quality::evaluate::Point;
use serde::{Deserialize, Serialize};

use crate::error::{CliError, Result, at_path};

/// Most measurements of one statistic that are kept: the latest.
const KEPT: usize = 1_000;
/// Most statistics: those not measured for the longest time go first. Groups of rows have one each.
const STATISTICS: usize = 10_000;

/// The file, as it was read.
pub(super) struct HistoryFile {
    path: PathBuf,
    points: Arc<BTreeMap<String, Vec<Point>>>,
}

/// What is in it.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Content {
    /// By statistic, the oldest first.
    statistics: BTreeMap<String, Vec<Point>>,
}

impl HistoryFile {
    /// Reads the file; one that is not there is empty.
    pub(super) fn read(path: &Path) -> Result<HistoryFile> {
        let points = match fs::read(path) {
            Ok(bytes) => {
                let content: Content = serde_json::from_slice(&bytes).map_err(|error| {
                    CliError::wrong(
                        format!("{} is no history of measurements: {error}", path.display()),
                        "name a file that `quality run --history` made",
                    )
                })?;
                content.statistics
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => BTreeMap::new(),
            Err(error) => return Err(CliError::wrong(format!("can't read {}: {error}", path.display()), "")),
        };
        Ok(HistoryFile { path: path.to_owned(), points: Arc::new(points) })
    }

    /// What was measured earlier.
    pub(super) fn points(&self) -> Arc<BTreeMap<String, Vec<Point>>> {
        self.points.clone()
    }

    /// Writes what was measured now behind it. The file is whole at any time.
    pub(super) fn add(self, measured: &BTreeMap<String, f64>, at: Timestamp) -> Result<()> {
        let mut statistics = Arc::unwrap_or_clone(self.points);
        for (name, value) in measured.iter().filter(|(_, value)| value.is_finite()) {
            let points = statistics.entry(name.clone()).or_default();
            points.push(Point { at, value: *value });
            points.drain(..points.len().saturating_sub(KEPT));
        }
        forget(&mut statistics, STATISTICS);
        let failed = |error: io::Error| at_path(&self.path, "write", &error);
        let folder = self.path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let text = serde_json::to_string_pretty(&Content { statistics }).map_err(|error| failed(error.into()))?;
        let mut draft = tempfile::Builder::new().prefix(".lakegate-history-").tempfile_in(folder).map_err(failed)?;
        draft.write_all(text.as_bytes()).and_then(|()| draft.as_file().sync_all()).map_err(failed)?;
        draft.persist(&self.path).map_err(|error| failed(error.error))?;
        Ok(())
    }
}

/// Keeps so many statistics, those that were measured last.
fn forget(statistics: &mut BTreeMap<String, Vec<Point>>, most: usize) {
    if statistics.len() > most {
        let mut ages: Vec<Option<Timestamp>> = statistics.values().map(|points| points.last().map(|point| point.at)).collect();
        ages.sort_unstable_by(|left, right| right.cmp(left));
        let oldest = ages[most - 1];
        let mut left = most;
        statistics.retain(|_, points| {
            let stays = left > 0 && points.last().map(|point| point.at) >= oldest;
            left -= usize::from(stays);
            stays
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_measured_is_found_the_next_time() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("history.json");
        let at = |second| Timestamp::from_second(second).unwrap();
        for (second, value) in [(1, 10.0), (2, f64::NAN), (3, 30.0)] {
            HistoryFile::read(&path).unwrap().add(&BTreeMap::from([("RowCount".to_owned(), value)]), at(second)).unwrap();
        }
        let points = HistoryFile::read(&path).unwrap().points();
        assert_eq!(points["RowCount"], [Point { at: at(1), value: 10.0 }, Point { at: at(3), value: 30.0 }]);
        let mut many: BTreeMap<String, Vec<Point>> =
            (0..6).map(|second| (format!("{}", 9 - second), vec![Point { at: at(second), value: 1.0 }])).collect();
        forget(&mut many, 6);
        assert_eq!(many.len(), 6);
        forget(&mut many, 2);
        assert_eq!(many.into_keys().collect::<Vec<_>>(), ["4", "5"], "what was not measured for long is forgotten");
        fs::write(&path, "[]").unwrap();
        assert!(matches!(HistoryFile::read(&path), Err(CliError::Failed(failure)) if failure.message.contains("no history")));
    }
}
