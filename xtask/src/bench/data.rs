//! The files and the transform that are measured.

use std::{fmt::Write as _, fs, path::Path};

use crate::Result;

const ROWS: u64 = 200;

/// What the stage does to each file; the floor does the same.
pub(crate) const SQL: &str = "SELECT id, name, ts, category, amount * qty AS total, \
    CASE WHEN amount > 250 THEN 'large' ELSE 'small' END AS size FROM input WHERE qty > 1";

/// A file of 200 rows, about 7 KB.
pub(crate) fn file(number: u64) -> Result<String> {
    const CATEGORIES: [&str; 4] = ["books", "games", "music", "tools"];
    let mut csv = String::from("id,name,ts,amount,qty,category\n");
    for row in 0..ROWS {
        let id = number * ROWS + row;
        let category = CATEGORIES.get(usize::try_from(id % 4)?).copied().unwrap_or_default();
        let (day, minute, second) = (1 + id % 28, row % 60, id % 60);
        let (amount, cents, quantity) = (id * 7 % 500, id % 100, id % 9);
        writeln!(csv, "{id},item {row},2026-01-{day:02}T10:{minute:02}:{second:02},{amount}.{cents:02},{quantity},{category}")?;
    }
    Ok(csv)
}

/// Writes so many files into a folder.
pub(crate) fn files(folder: &Path, count: u64) -> Result<()> {
    fs::create_dir_all(folder)?;
    (0..count).try_for_each(|number| Ok(fs::write(folder.join(format!("{number:06}.csv")), file(number)?)?))
}

/// Puts the same files into another folder, without copying what is in them.
pub(crate) fn link(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        fs::hard_link(entry.path(), to.join(entry.file_name()))?;
    }
    Ok(())
}
