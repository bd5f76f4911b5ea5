//! A dataset: files, a frame or a plan.

use std::{
    fmt,
    path::{Path, PathBuf},
    sync::Arc,
};

use polars::prelude::*;

use super::{
    Batches, DataError, Format, blame, files,
    source::{Footer, Kind, Source, Stamp, scan_parquet},
    unify,
};

/// Rows with columns. Cheap to clone; nothing is read but what tells the columns.
#[derive(Clone)]
pub struct Dataset(Arc<Inner>);

struct Inner {
    schema: SchemaRef,
    paths: Vec<PathBuf>,
    /// Sizes of parts, which the file system need not know.
    sizes: Option<Vec<u64>>,
    origin: Origin,
}

/// Where the rows come from.
pub(crate) enum Origin {
    /// Files, each with columns of its own.
    Files(Vec<Source>),
    /// Memory.
    Frame(DataFrame),
    /// A plan that is run each time.
    Plan(Box<LazyFrame>),
}

impl Dataset {
    /// Files, and those in folders, as one dataset: its columns are all that any file has.
    /// Without a format each file's name tells it.
    pub fn of_files(paths: &[PathBuf], format: Option<Format>) -> Result<Dataset, DataError> {
        let found = files::find(paths, format)?;
        let sources = found.iter().map(|(path, format)| Source::open(path, *format)).collect::<Result<Vec<_>, _>>()?;
        let mut schema = Schema::default();
        for source in &sources {
            unify::add(&mut schema, &source.schema, &source.path)?;
        }
        let paths = found.into_iter().map(|(path, _)| path).collect();
        Ok(Dataset::of_sources(Arc::new(schema), paths, None, sources))
    }

    /// Files that are open, with what they are known by.
    pub(super) fn of_sources(schema: SchemaRef, paths: Vec<PathBuf>, sizes: Option<Vec<u64>>, sources: Vec<Source>) -> Dataset {
        Dataset(Arc::new(Inner { schema, paths, sizes, origin: Origin::Files(sources) }))
    }

    /// A frame in memory.
    pub fn of_frame(frame: DataFrame) -> Dataset {
        let schema = Arc::clone(frame.schema());
        Dataset(Arc::new(Inner { schema, paths: Vec::new(), sizes: None, origin: Origin::Frame(frame) }))
    }

    /// A plan, which is run anew for everything that is asked of the dataset.
    pub fn of_lazy(mut plan: LazyFrame) -> Result<Dataset, DataError> {
        let schema = plan.collect_schema()?;
        Ok(Dataset(Arc::new(Inner { schema, paths: Vec::new(), sizes: None, origin: Origin::Plan(Box::new(plan)) })))
    }

    /// Whether both are one: opened or made once, and cloned.
    pub(crate) fn is(&self, other: &Dataset) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    /// The columns.
    pub fn schema(&self) -> &Schema {
        &self.0.schema
    }

    /// The files, in the order in which they are read, or the names of the parts; none if the dataset is not of files.
    pub fn files(&self) -> &[PathBuf] {
        &self.0.paths
    }

    /// All rows as a plan: files in their order, with the dataset's columns.
    pub fn scan(&self) -> Result<LazyFrame, DataError> {
        match &self.0.origin {
            Origin::Frame(frame) => Ok(frame.clone().lazy()),
            Origin::Plan(plan) => Ok(LazyFrame::clone(plan)),
            Origin::Files(sources) => self.scan_files(sources),
        }
    }

    fn scan_files(&self, sources: &[Source]) -> Result<LazyFrame, DataError> {
        let same = sources.iter().all(|source| source.footer().is_some() && *source.schema == *self.0.schema);
        if same && !sources.is_empty() && !self.0.schema.is_empty() {
            return scan_parquet(&sources.iter().map(|source| source.path.as_path()).collect::<Vec<&Path>>());
        }
        let mut plans = sources.iter().map(|source| self.scan_source(source)).collect::<Result<Vec<_>, _>>()?;
        match plans.len() {
            0 => Ok(DataFrame::empty_with_schema(&self.0.schema).lazy()),
            1 => Ok(plans.remove(0)),
            _ => Ok(concat(plans, UnionArgs { rechunk: false, to_supertypes: false, ..UnionArgs::default() })?),
        }
    }

    /// The rows of one file with the dataset's columns.
    pub(crate) fn scan_source(&self, source: &Source) -> Result<LazyFrame, DataError> {
        // Polars can't scan a file without columns; rows without columns are still rows.
        if source.schema.is_empty() {
            let rows = match &source.kind {
                Kind::Parquet(footer) => footer.metadata.num_rows,
                Kind::Memory(frame) => frame.height(),
                Kind::Csv | Kind::Lines | Kind::Later(_) => 0,
            };
            let nulls = self.0.schema.iter().map(|(name, data_type)| Column::full_null(name.clone(), rows, data_type));
            return Ok(DataFrame::new(rows, nulls.collect())?.lazy());
        }
        let plan = source.scan()?;
        if let Kind::Later(_) = source.kind {
            return Ok(plan.select(self.0.schema.iter_names().map(|name| unify::named(name)).collect::<Vec<Expr>>()));
        }
        Ok(match unify::align(&self.0.schema, &source.schema) {
            None => plan,
            Some(columns) => plan.select(columns),
        })
    }

    /// Only one of its files, by its place among them, with all columns of the dataset.
    pub(crate) fn one(&self, place: usize) -> Dataset {
        let Origin::Files(sources) = &self.0.origin else { return self.clone() };
        let paths = self.0.paths.get(place).cloned().into_iter().collect();
        let sizes = self.0.sizes.as_ref().map(|sizes| sizes.get(place).copied().into_iter().collect());
        Dataset::of_sources(Arc::clone(&self.0.schema), paths, sizes, sources.get(place).cloned().into_iter().collect())
    }

    /// What the file system said of one of its files, by its place, before anything of it was read.
    pub(crate) fn stamp(&self, place: usize) -> Option<Stamp> {
        let Origin::Files(sources) = &self.0.origin else { return None };
        sources.get(place)?.stamp
    }

    /// Whether one of its files, by its place, is still the one that was opened.
    pub(crate) fn is_as_opened(&self, place: usize) -> bool {
        let Origin::Files(sources) = &self.0.origin else { return true };
        let is_same = |source: &Source| source.stamp.is_none_or(|stamp| Stamp::of(&source.path).is_ok_and(|now| now == stamp));
        sources.get(place).is_none_or(is_same)
    }

    /// The sizes of its parts, if it is of parts.
    pub(crate) fn sizes(&self) -> Option<&[u64]> {
        self.0.sizes.as_deref()
    }

    /// The file of some datasets that an error of the system is about, if it can be told.
    pub(crate) fn culprit<'d>(datasets: &[&'d Dataset], said: &str) -> Option<&'d Path> {
        blame::culprit(said, datasets.iter().flat_map(|data| data.files()).map(PathBuf::as_path))
    }

    /// Reads everything, for nothing but to see whether that can be done.
    pub(crate) fn read_through(&self) -> Result<(), DataError> {
        let batches = Batches::new(self, self.schema().iter_names().cloned().collect())?;
        while batches.next()?.is_some() {}
        Ok(())
    }

    /// Looks at all lines of CSV files, as every measurement of the dataset does and none of a plan of its rows.
    pub(crate) fn check_lines(&self) -> Result<(), DataError> {
        let Origin::Files(sources) = &self.0.origin else { return Ok(()) };
        sources.iter().try_for_each(|file| blame::misshapen(file, &|| true).map_or(Ok(()), Err))
    }

    /// The files with their footers, if all of them are Parquet.
    pub(crate) fn footers(&self) -> Option<Vec<(&Source, &Footer)>> {
        let Origin::Files(sources) = &self.0.origin else { return None };
        sources.iter().map(|source| Some((source, source.footer()?))).collect()
    }

    /// Rows, if they are known without a scan.
    pub(crate) fn known_rows(&self) -> Option<u64> {
        match &self.0.origin {
            Origin::Frame(frame) => Some(frame.height() as u64),
            Origin::Files(_) => Some(self.footers()?.iter().map(|(_, footer)| footer.metadata.num_rows as u64).sum()),
            Origin::Plan(_) => None,
        }
    }

    pub(crate) fn origin(&self) -> &Origin {
        &self.0.origin
    }
}

impl fmt::Debug for Dataset {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Dataset").field("schema", &self.0.schema).field("files", &self.0.paths).finish()
    }
}

#[cfg(test)]
#[path = "dataset_tests.rs"]
mod tests;
