//! A dataset in batches that many threads take, in no particular order.

use std::{
    num::NonZeroUsize,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
        mpsc::{Receiver, sync_channel},
    },
};

use polars::{io::parquet::metadata::FileMetadataRef, prelude::*};

use super::{
    DataError, Dataset,
    dataset::Origin,
    source::{Kind, Source, open},
};

/// Rows of a batch, at most.
const ROWS_OF_BATCH: usize = 1 << 17;

/// The batches of a dataset, with some of its columns.
pub(crate) struct Batches<'a> {
    schema: &'a Schema,
    columns: Vec<PlSmallStr>,
    units: Vec<Unit<'a>>,
    next: AtomicUsize,
    rest: Mutex<Option<Receiver<PolarsResult<DataFrame>>>>,
}

/// A batch that can be read apart from all others.
enum Unit<'a> {
    /// Rows of a row group.
    RowGroup { source: &'a Source, footer: FileMetadataRef, offset: usize, rows: usize },
    /// Rows of a frame.
    Rows { frame: &'a DataFrame, offset: usize, rows: usize },
}

impl<'a> Batches<'a> {
    /// Batches with these columns, in this order.
    pub(crate) fn new(dataset: &'a Dataset, columns: Vec<PlSmallStr>) -> Result<Batches<'a>, DataError> {
        let mut units = Vec::new();
        let mut plans = Vec::new();
        match dataset.origin() {
            Origin::Frame(frame) => push_rows(frame, &mut units),
            Origin::Plan(plan) => plans.push(LazyFrame::clone(plan)),
            Origin::Files(sources) => {
                for source in sources {
                    match &source.kind {
                        Kind::Parquet(footer) => push_row_groups(source, &footer.metadata, &mut units),
                        Kind::Memory(frame) => push_rows(frame, &mut units),
                        Kind::Csv | Kind::Lines => plans.push(dataset.scan_source(source)?),
                    }
                }
            }
        }
        let schema = dataset.schema();
        let rest = if plans.is_empty() { None } else { Some(stream(plans, schema, &columns)?) };
        Ok(Batches { schema, columns, units, next: AtomicUsize::new(0), rest: Mutex::new(rest) })
    }

    /// How many batches there are at least.
    pub(crate) fn parallel(&self) -> usize {
        self.units.len().max(usize::from(self.rest.lock().unwrap_or_else(PoisonError::into_inner).is_some()) * 16)
    }

    /// The next one, for whoever asks first.
    pub(crate) fn next(&self) -> Result<Option<DataFrame>, DataError> {
        let index = self.next.fetch_add(1, Ordering::Relaxed);
        if let Some(unit) = self.units.get(index) {
            return self.read(unit).map(Some);
        }
        let rest = self.rest.lock().unwrap_or_else(PoisonError::into_inner);
        let taken = rest.as_ref().and_then(|rest| rest.recv().ok());
        drop(rest);
        match taken.transpose()? {
            Some(frame) => Ok(Some(self.align(&frame, frame.height())?)),
            None => Ok(None),
        }
    }

    fn read(&self, unit: &Unit<'_>) -> Result<DataFrame, DataError> {
        match unit {
            Unit::Rows { frame, offset, rows } => {
                let offset = i64::try_from(*offset).unwrap_or(i64::MAX);
                self.align(&frame.slice(offset, *rows), *rows).map_err(DataError::from)
            }
            Unit::RowGroup { source, footer, offset, rows } => {
                let frame = self.read_row_group(source, footer, *offset, *rows);
                frame.map_err(|error| DataError::unreadable(&source.path, &error))
            }
        }
    }

    fn read_row_group(&self, source: &Source, footer: &FileMetadataRef, offset: usize, rows: usize) -> PolarsResult<DataFrame> {
        let here: Vec<String> = self.columns.iter().filter(|name| source.schema.contains(name)).map(ToString::to_string).collect();
        if here.is_empty() {
            return self.align(&DataFrame::new(rows, Vec::new())?, rows);
        }
        let file = open(&source.path).map_err(|error| polars_err!(ComputeError: "{error}"))?;
        let mut reader = ParquetReader::new(file).read_parallel(ParallelStrategy::None).with_slice(Some((offset, rows)));
        reader.set_metadata(Arc::clone(footer));
        let frame = reader.with_columns(Some(here)).finish()?;
        self.align(&frame, rows)
    }

    /// The batch's columns, with nulls for those the file lacks, each in one piece.
    fn align(&self, frame: &DataFrame, rows: usize) -> PolarsResult<DataFrame> {
        let columns = self.columns.iter().map(|name| {
            let data_type = self.schema.try_get(name)?;
            match frame.column(name) {
                Ok(column) if column.dtype() == data_type => Ok(column.rechunk()),
                Ok(column) => Ok(column.strict_cast(data_type)?.rechunk()),
                Err(_) => Ok(Column::full_null(name.clone(), rows, data_type)),
            }
        });
        let columns = columns.collect::<PolarsResult<Vec<_>>>()?;
        DataFrame::new(rows, columns)
    }
}

fn push_rows<'a>(frame: &'a DataFrame, units: &mut Vec<Unit<'a>>) {
    pieces(frame.height(), |offset, rows| units.push(Unit::Rows { frame, offset, rows }));
}

/// A row group is read with a footer that has no other, so that Polars does not look at the others.
fn push_row_groups<'a>(source: &'a Source, footer: &FileMetadataRef, units: &mut Vec<Unit<'a>>) {
    let mut bare = (**footer).clone();
    let groups = std::mem::take(&mut bare.row_groups);
    for group in groups {
        let rows = group.num_rows();
        let mut one = bare.clone();
        one.num_rows = rows;
        one.row_groups = vec![group];
        let footer = Arc::new(one);
        pieces(rows, |offset, rows| units.push(Unit::RowGroup { source, footer: Arc::clone(&footer), offset, rows }));
    }
}

/// Rows in pieces of about equal size.
fn pieces(rows: usize, mut push: impl FnMut(usize, usize)) {
    let count = rows.div_ceil(ROWS_OF_BATCH).max(1);
    let size = rows.div_ceil(count);
    let mut offset = 0;
    while offset < rows {
        let piece = size.min(rows - offset);
        push(offset, piece);
        offset += piece;
    }
}

/// Polars reads what it can't be asked to read in parts, and hands it over in pieces. It waits
/// when nobody takes them, and stops when the receiver is gone.
fn stream(plans: Vec<LazyFrame>, schema: &Schema, columns: &[PlSmallStr]) -> Result<Receiver<PolarsResult<DataFrame>>, DataError> {
    // A plan without columns has no rows; any column tells how many there are.
    let first = schema.iter_names().next().filter(|_| columns.is_empty());
    let wanted: Vec<Expr> = first.into_iter().chain(columns).map(|name| col(name.clone())).collect();
    let plans: Vec<LazyFrame> = plans.into_iter().map(|plan| plan.select(wanted.clone())).collect();
    let all = concat(plans, UnionArgs { maintain_order: false, rechunk: false, ..UnionArgs::default() })?;
    let (give, take) = sync_channel(2);
    let handed = give.clone();
    let hand_over = PlanCallback::new(move |frame: DataFrame| Ok(handed.send(Ok(frame)).is_err()));
    let plan = all.sink_batches(hand_over, false, NonZeroUsize::new(ROWS_OF_BATCH))?;
    std::thread::spawn(move || {
        if let Err(error) = plan.collect_with_engine(Engine::Streaming) {
            // Nobody waits for it if the receiver is gone.
            let _ = give.send(Err(error));
        }
    });
    Ok(take)
}
