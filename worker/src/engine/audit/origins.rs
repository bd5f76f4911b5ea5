//! Which object a row of a task's output came from, as far as that can be known.

use std::collections::HashMap;

use lakegate_model::{Failure, table::OutputFile};
use polars::prelude::*;

use super::super::{
    Assignment, Engine, Target, TaskInput, failure,
    input::Inputs,
    partitions::keys_of,
    released::{ROW, SOURCE},
    transform,
};

/// Keys named for a row of which is known only that it is of one of these.
const NAMED: usize = 3;

/// A source, by its place in a list of them, and the number of a row there.
type Place = (usize, u64);

/// Where the rows of a task's output came from.
pub(in crate::engine) enum Origins {
    /// From what landed, or from what the stage before has made.
    Objects {
        /// Keys with how many rows each gave, in the order of the output's rows; none if the order is lost.
        in_order: Vec<(String, u64)>,
        /// What else can be said of all of them.
        together: String,
    },
    /// From where an audit before has said, of rows that it set aside.
    AsBefore {
        /// Each source once.
        sources: Vec<String>,
        /// Of each row of the output its source, and its number there.
        places: Vec<Place>,
    },
}

impl Origins {
    /// Of what a task has read. Which member of a batch a row came from is known as long as the stage only
    /// passes rows on; a query may do anything with them.
    pub(in crate::engine) fn of(assignment: &Assignment, inputs: &Inputs) -> Origins {
        let members = inputs.origins();
        let keeps_order = match &assignment.target {
            Target::File { .. } => true,
            Target::Table { partition_by, .. } => partition_by.is_empty(),
        };
        let together = match members.as_slice() {
            [(key, _)] => key.clone(),
            few if few.len() <= NAMED => few.iter().map(|(key, _)| key.as_str()).collect::<Vec<_>>().join(", "),
            many => format!("{}: {} objects", inputs.subject.0, many.len()),
        };
        let in_order = transform::is_identity(&assignment.stage) && keeps_order && members.len() > 1;
        Origins::Objects { in_order: if in_order { members } else { Vec::new() }, together }
    }

    /// The same; of rows that come again and are to be set aside again, where they came from the first time. That
    /// their file says, which is read for it once more. Takes 16 bytes of memory for each of its rows.
    pub(super) fn traced(self, engine: &Engine, assignment: &Assignment, files: &[OutputFile]) -> Result<Origins, Failure> {
        let TaskInput::Rows { object, .. } = &assignment.input else { return Ok(self) };
        let unreadable = |error: PolarsError| match failure::io_of(&error) {
            Some(error) => failure::of_io(error, "reading where its rows came from:", &object.key),
            None => failure::unreadable(&object.key, format!("where its rows came from can't be read: {}", failure::clean(&error))),
        };
        let partition_by: &[String] = match &assignment.target {
            Target::File { .. } => &[],
            Target::Table { partition_by, .. } => partition_by,
        };
        let wanted = [SOURCE, ROW].into_iter().chain(partition_by.iter().map(String::as_str)).map(col);
        let plan = Inputs::load(&assignment.input, &assignment.stage.input, engine)?.plan()?;
        let frame = plan.select(wanted.collect::<Vec<_>>()).collect().map_err(unreadable)?;
        let (sources, found) = places(&frame).map_err(unreadable)?;
        let places = if partition_by.is_empty() {
            found
        } else {
            let keys = keys_of(&frame, partition_by).map_err(unreadable)?;
            reordered(&found, &keys, files)
        };
        Ok(Origins::AsBefore { sources, places })
    }

    /// The source of the row of this number in the output, and its number there.
    pub(super) fn of_row(&self, row: u64) -> (&str, u64) {
        match self {
            Origins::Objects { in_order, together } => {
                let mut before = 0;
                for (key, rows) in in_order {
                    if row <= before + rows {
                        return (key, row - before);
                    }
                    before += rows;
                }
                (together, row)
            }
            Origins::AsBefore { sources, places } => {
                let index = usize::try_from(row).unwrap_or_default().checked_sub(1);
                let place = index.and_then(|index| places.get(index));
                place.and_then(|(source, row)| Some((sources.get(*source)?.as_str(), *row))).unwrap_or(("", row))
            }
        }
    }
}

/// Of each row its source, as a place in a list of them, and its number there.
fn places(frame: &DataFrame) -> PolarsResult<(Vec<String>, Vec<Place>)> {
    let rows = frame.column(ROW)?.cast(&DataType::UInt64)?;
    let (mut sources, mut by_name): (Vec<String>, HashMap<&str, usize>) = (Vec::new(), HashMap::new());
    let mut places = Vec::with_capacity(frame.height());
    for (name, row) in frame.column(SOURCE)?.str()?.iter().zip(rows.u64()?.iter()) {
        let name = name.unwrap_or_default();
        let source = *by_name.entry(name).or_insert_with(|| {
            sources.push(name.to_owned());
            sources.len() - 1
        });
        places.push((source, row.unwrap_or_default()));
    }
    Ok((sources, places))
}

/// Places of rows as they are in a partitioned table's files: file after file, and in those of one partition in
/// the order in which the rows were read.
fn reordered(found: &[Place], keys: &[Vec<Option<String>>], files: &[OutputFile]) -> Vec<Place> {
    let mut of_key: HashMap<&[Option<String>], Vec<Place>> = HashMap::new();
    // From the end, so that the first is taken first.
    keys.iter().zip(found).rev().for_each(|(key, place)| of_key.entry(key.as_slice()).or_default().push(*place));
    let mut places = Vec::with_capacity(found.len());
    for file in files {
        let key: Vec<Option<String>> = file.partition.iter().map(|(_, value)| value.clone()).collect();
        let Some(left) = of_key.get_mut(key.as_slice()) else { continue };
        (0..file.rows).map_while(|_| left.pop()).for_each(|place| places.push(place));
    }
    places
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_is_found_in_the_object_it_came_from() {
        let members = [("a.csv", 2), ("b.csv", 0), ("c.csv", 3)].map(|(key, rows)| (key.to_owned(), rows));
        let origins = Origins::Objects { in_order: members.to_vec(), together: "a.csv, b.csv, c.csv".into() };
        let found: Vec<(&str, u64)> = (1..=6).map(|row| origins.of_row(row)).collect();
        let expected = [("a.csv", 1), ("a.csv", 2), ("c.csv", 1), ("c.csv", 2), ("c.csv", 3), ("a.csv, b.csv, c.csv", 6)];
        assert_eq!(found, expected);
        let lost = Origins::Objects { in_order: Vec::new(), together: "batch ba-1: 9 objects".into() };
        assert_eq!(lost.of_row(4), ("batch ba-1: 9 objects", 4));
    }

    #[test]
    fn rows_of_a_partitioned_table_are_found_in_the_order_of_its_files() {
        let frame = df!(SOURCE => ["a", "b", "a", "b", "b"], ROW => [10_u64, 20, 11, 21, 22]).unwrap();
        let (sources, found) = places(&frame).unwrap();
        let file = |key: Option<&str>, rows: u64| {
            let location = lakegate_model::Location::of_path("/f.parquet");
            let partition = vec![("part".to_owned(), key.map(str::to_owned))];
            OutputFile { location, key: "f".into(), partition, rows, bytes: 1, version: "1".into() }
        };
        let keys = [Some("x"), None, Some("x"), None, Some("x")].map(|key| vec![key.map(str::to_owned)]);
        // The first partition has two files.
        let files = [file(Some("x"), 2), file(None, 2), file(Some("x"), 1)];
        let origins = Origins::AsBefore { sources, places: reordered(&found, &keys, &files) };
        let told: Vec<(&str, u64)> = (1..=5).map(|row| origins.of_row(row)).collect();
        assert_eq!(told, [("a", 10), ("a", 11), ("b", 20), ("b", 21), ("b", 22)]);
    }
}
