//! A table's partitions, as its files make them.

use std::collections::{HashMap, HashSet};

use aws_sdk_glue::types::{PartitionInput, StorageDescriptor};
use lakegate_model::{
    Location,
    table::{TableFile, TableVersion},
};

/// The value of a partition column that is null, as Hive writes it.
const NULL: &str = "__HIVE_DEFAULT_PARTITION__";

/// What some files hold together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Totals {
    pub(super) files: u64,
    pub(super) rows: u64,
    pub(super) bytes: u64,
}

impl Totals {
    /// Of all files of a table.
    pub(super) fn of(table: &TableVersion) -> Totals {
        let mut totals = Totals::default();
        table.files.iter().for_each(|file| totals.add(file));
        totals
    }

    fn add(&mut self, file: &TableFile) {
        self.files += 1;
        self.rows += file.rows;
        self.bytes += file.bytes;
    }

    /// As parameters: as Glue's crawlers name them, and as Hive and Spark do.
    pub(super) fn parameters(self) -> HashMap<String, String> {
        let numbers = [
            ("recordCount", self.rows),
            ("averageRecordSize", self.bytes.checked_div(self.rows).unwrap_or_default()),
            ("objectCount", self.files),
            ("sizeKey", self.bytes),
            ("numRows", self.rows),
            ("numFiles", self.files),
            ("totalSize", self.bytes),
        ];
        numbers.into_iter().map(|(name, number)| (name.to_owned(), number.to_string())).collect()
    }
}

/// A partition of a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Partition {
    /// In the order of the partition columns.
    pub(super) values: Vec<String>,
    /// Its folder.
    pub(super) location: Location,
    pub(super) totals: Totals,
}

/// Which partitions of a table must be told to Glue.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Touched {
    /// Those Glue can't know yet.
    pub(super) new: Vec<Partition>,
    /// Those it was told of before.
    pub(super) known: Vec<Partition>,
}

/// The partitions that files after the first `told` ones have touched, each with all that is in it
/// now; every partition if `all`. None if the table has no partition columns.
pub(super) fn touched(table: &TableVersion, told: usize, all: bool) -> Touched {
    let mut touched = Touched::default();
    if table.partition_by.is_empty() {
        return touched;
    }
    let (told_files, new_files) = table.files.split_at(told.min(table.files.len()));
    let known: HashSet<Vec<String>> = told_files.iter().map(|file| values(table, file)).collect();
    let wanted: HashSet<Vec<String>> = new_files.iter().map(|file| values(table, file)).collect();
    for partition in partitions(table) {
        match known.contains(&partition.values) {
            true if all || wanted.contains(&partition.values) => touched.known.push(partition),
            true => {}
            false => touched.new.push(partition),
        }
    }
    touched
}

/// Every partition, in the order in which their first files came.
fn partitions(table: &TableVersion) -> Vec<Partition> {
    let mut partitions: Vec<Partition> = Vec::new();
    let mut by_values: HashMap<Vec<String>, usize> = HashMap::new();
    for file in &table.files {
        let values = values(table, file);
        let index = *by_values.entry(values.clone()).or_insert_with(|| {
            partitions.push(Partition { values, location: folder(&file.location), totals: Totals::default() });
            partitions.len() - 1
        });
        if let Some(partition) = partitions.get_mut(index) {
            partition.totals.add(file);
        }
    }
    partitions
}

fn values(table: &TableVersion, file: &TableFile) -> Vec<String> {
    let value = |column: &String| file.partition.iter().find(|(name, _)| name == column)?.1.clone();
    table.partition_by.iter().map(|column| value(column).unwrap_or_else(|| NULL.to_owned())).collect()
}

fn folder(file: &Location) -> Location {
    file.as_str().rsplit_once('/').map_or_else(|| file.clone(), |(folder, _)| Location::new(folder))
}

impl Partition {
    /// For Glue: as its table is stored, in its own folder.
    pub(super) fn to_glue(&self, stored: &StorageDescriptor) -> PartitionInput {
        let mut stored = stored.clone();
        stored.location = Some(self.location.to_string());
        let mut parameters = self.totals.parameters();
        parameters.insert("classification".to_owned(), "parquet".to_owned());
        PartitionInput::builder().set_values(Some(self.values.clone())).storage_descriptor(stored).set_parameters(Some(parameters)).build()
    }
}

#[cfg(test)]
mod tests {
    use lakegate_model::{
        ExecutionId, Timestamp,
        table::{Schema, TableId},
    };

    use super::*;

    /// A table by `year` and `carrier` of these files, of which each has as many rows as its place.
    fn table(files: &[(&str, Option<&str>)]) -> TableVersion {
        let file = |(n, (year, carrier)): (usize, &(&str, Option<&str>))| TableFile {
            location: Location::new(format!("s3://lake/t/year={year}/{}/{n}.parquet", carrier.unwrap_or("none"))),
            // Not in the order of the table's partition columns.
            partition: vec![("carrier".into(), carrier.map(Into::into)), ("year".into(), Some((*year).into()))],
            rows: n as u64,
            bytes: 100,
            execution: ExecutionId::from_text("ex-1"),
        };
        TableVersion {
            id: TableId::new("nyc", "t"),
            version: 1,
            location: Location::new("s3://lake/t"),
            schema: Schema::default(),
            partition_by: vec!["year".into(), "carrier".into()],
            files: files.iter().enumerate().map(file).collect(),
            at: Timestamp(0),
        }
    }

    #[test]
    fn only_what_new_files_touch_is_told_with_all_that_is_in_it() {
        let table = table(&[("2013", Some("UA")), ("2013", Some("AA")), ("2013", Some("UA")), ("2014", None)]);
        let told = |told, all| {
            let touched = touched(&table, told, all);
            [touched.new, touched.known].map(|partitions| {
                let text = |p: Partition| format!("{} {} rows {} in {}", p.values.join("/"), p.totals.files, p.totals.rows, p.location);
                partitions.into_iter().map(text).collect::<Vec<_>>()
            })
        };
        let ua = "2013/UA 2 rows 2 in s3://lake/t/year=2013/UA".to_owned();
        let aa = "2013/AA 1 rows 1 in s3://lake/t/year=2013/AA".to_owned();
        let null = "2014/__HIVE_DEFAULT_PARTITION__ 1 rows 3 in s3://lake/t/year=2014/none".to_owned();
        assert_eq!(told(0, false), [vec![ua.clone(), aa.clone(), null.clone()], vec![]]);
        assert_eq!(told(2, false), [vec![null.clone()], vec![ua.clone()]]);
        assert_eq!(told(2, true), [vec![null], vec![ua, aa]]);
        assert_eq!(told(9, false), [vec![], vec![]] as [Vec<String>; 2]);
    }

    #[test]
    fn totals_are_told_in_every_readers_words() {
        let parameters = Totals { files: 2, rows: 10, bytes: 105 }.parameters();
        for (name, value) in [("recordCount", "10"), ("numRows", "10"), ("sizeKey", "105"), ("averageRecordSize", "10"), ("numFiles", "2")]
        {
            assert_eq!(parameters[name], value, "{name}");
        }
        assert_eq!(Totals::default().parameters()["averageRecordSize"], "0");
    }
}
