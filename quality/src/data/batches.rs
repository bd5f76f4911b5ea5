//! A dataset in batches that many threads take, in no particular order.

use std::{
    hint::black_box,
    num::NonZeroUsize,
    ops::RangeInclusive,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering},
        mpsc::{Receiver, SyncSender, sync_channel},
    },
};

use polars::{
    io::parquet::metadata::{FileMetadata, FileMetadataRef},
    prelude::*,
};

use super::{
    DataError, Dataset,
    blame::{blame, caught, guarded, misshapen},
    dataset::Origin,
    source::{Kind, Source, open},
    unify::named,
};

/// Rows of a batch that Polars or memory hands over, at most.
const ROWS_OF_BATCH: usize = 1 << 17;
/// Bytes that the rows of a batch may have when they are decoded from a file.
const BYTES_OF_BATCH: usize = 96 << 20;
/// Rows of such a batch: the fewest, however wide they are, and the most.
const ROWS_DECODED: RangeInclusive<usize> = 1 << 14..=1 << 19;
/// Files that are somewhere else that are open at once.
const OPENED_AT_ONCE: usize = 16;
/// What a string takes besides its characters.
const BYTES_OF_VIEW: usize = 16;

/// The batches of a dataset, with some of its columns.
pub(crate) struct Batches<'a> {
    schema: &'a Schema,
    columns: Vec<PlSmallStr>,
    units: Vec<Unit<'a>>,
    next: AtomicUsize,
    rest: Mutex<Option<Rest>>,
}

/// What threads of their own hand over.
struct Rest {
    take: Receiver<Result<DataFrame, DataError>>,
    /// There as long as somebody takes it.
    _wanted: Arc<()>,
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
        keep_large_blocks();
        let mut units = Vec::new();
        let mut plans = Vec::new();
        let mut files = Vec::new();
        match dataset.origin() {
            Origin::Frame(frame) => push_rows(frame, &mut units),
            Origin::Plan(plan) => plans.push(LazyFrame::clone(plan)),
            Origin::Files(sources) => {
                for source in sources {
                    match &source.kind {
                        Kind::Parquet(footer) => push_row_groups(source, &footer.metadata, &columns, &mut units),
                        Kind::Memory(frame) => push_rows(frame, &mut units),
                        Kind::Csv | Kind::Lines | Kind::Later(_) => files.push(source.clone()),
                    }
                }
            }
        }
        let schema = dataset.schema();
        let rest = if plans.is_empty() && files.is_empty() { None } else { Some(stream(dataset, plans, files, &columns)) };
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
        let taken = rest.as_ref().and_then(|rest| rest.take.recv().ok());
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
            Unit::RowGroup { source, footer, offset, rows } => self.read_row_group(source, footer, *offset, *rows),
        }
    }

    fn read_row_group(&self, source: &Source, footer: &FileMetadataRef, offset: usize, rows: usize) -> Result<DataFrame, DataError> {
        let here: Vec<String> = self.columns.iter().filter(|name| source.schema.contains(name)).map(ToString::to_string).collect();
        if here.is_empty() {
            return Ok(self.align(&DataFrame::new(rows, Vec::new())?, rows)?);
        }
        let file = open(&source.path)?;
        guarded(&source.path, || {
            let mut reader = ParquetReader::new(file).read_parallel(ParallelStrategy::None).with_slice(Some((offset, rows)));
            reader.set_metadata(Arc::clone(footer));
            let frame = reader.with_columns(Some(here)).finish()?;
            self.align(&frame, rows)
        })
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
    pieces(frame.height(), ROWS_OF_BATCH, |offset, rows| units.push(Unit::Rows { frame, offset, rows }));
}

/// A row group is read with a footer that has no other, so that Polars does not look at the others.
/// It is read in one piece if it may be: of a page that lies in two pieces, both must decompress it.
fn push_row_groups<'a>(source: &'a Source, footer: &FileMetadataRef, columns: &[PlSmallStr], units: &mut Vec<Unit<'a>>) {
    let mut bare = (**footer).clone();
    let groups = std::mem::take(&mut bare.row_groups);
    for group in groups {
        let rows = group.num_rows();
        let mut one = bare.clone();
        one.num_rows = rows;
        one.row_groups = vec![group];
        let most = (BYTES_OF_BATCH / bytes_of_row(&one, columns)).clamp(*ROWS_DECODED.start(), *ROWS_DECODED.end());
        let footer = Arc::new(one);
        pieces(rows, most, |offset, rows| units.push(Unit::RowGroup { source, footer: Arc::clone(&footer), offset, rows }));
    }
}

/// About how many bytes these columns have in each row once they are decoded.
fn bytes_of_row(footer: &FileMetadata, columns: &[PlSmallStr]) -> usize {
    let groups = footer.row_groups.iter();
    let chunks = groups.flat_map(|group| columns.iter().filter_map(|name| group.columns_under_root_iter(name)).flatten());
    let bytes = chunks.map(|chunk| usize::try_from(chunk.uncompressed_size()).unwrap_or_default() / footer.num_rows.max(1) + BYTES_OF_VIEW);
    bytes.sum::<usize>().max(1)
}

/// glibc gets large blocks from the system one by one and gives each back, and to touch new memory takes longer than
/// to fill it. Once it was given back a block of this size it keeps those up to it. Nothing is lost with other allocators.
fn keep_large_blocks() {
    drop(black_box(Vec::<u8>::with_capacity((32 << 20) - (64 << 10))));
}

/// Rows in pieces of about equal size.
fn pieces(rows: usize, most: usize, mut push: impl FnMut(usize, usize)) {
    let count = rows.div_ceil(most).max(1);
    let size = rows.div_ceil(count);
    let mut offset = 0;
    while offset < rows {
        let piece = size.min(rows - offset);
        push(offset, piece);
        offset += piece;
    }
}

/// Polars reads what it can't be asked to read in parts, and hands it over in pieces. It waits
/// when nobody takes them, and stops when the receiver is gone. Lines of text are looked at meanwhile.
/// What is somewhere else is opened when its turn comes: of thousands all at once would be too many.
fn stream(dataset: &Dataset, plans: Vec<LazyFrame>, files: Vec<Source>, columns: &[PlSmallStr]) -> Rest {
    // A plan without columns has no rows; any column tells how many there are.
    let first = dataset.schema().iter_names().next().filter(|_| columns.is_empty());
    let wanted: Vec<Expr> = first.into_iter().chain(columns).map(|name| named(name)).collect();
    let (later, files): (Vec<Source>, Vec<Source>) = files.into_iter().partition(|file| matches!(file.kind, Kind::Later(_)));
    let (give, take) = sync_channel(2);
    let wanted_still = Arc::new(());
    let lines = (give.clone(), files.clone(), Arc::downgrade(&wanted_still));
    // Nobody waits for what is sent if the receiver is gone.
    std::thread::spawn(move || {
        let (give, files, wanted) = lines;
        if let Some(misshapen) = files.iter().find_map(|file| misshapen(file, &|| wanted.strong_count() > 0)) {
            let _ = give.send(Err(misshapen));
        }
    });
    let dataset = dataset.clone();
    // A thread that is gone without a word would look like the end of the rows.
    std::thread::spawn(move || {
        let at_once =
            |plans: Vec<LazyFrame>, files: &[Source]| caught(|| hand_over(&dataset, plans, files, &wanted, &give), &[]).unwrap_or_else(Err);
        let mut is_wanted = plans.is_empty() && files.is_empty() || read_on(at_once(plans, &files), &give);
        for files in later.chunks(OPENED_AT_ONCE) {
            is_wanted = is_wanted && read_on(at_once(Vec::new(), files), &give);
        }
    });
    Rest { take, _wanted: wanted_still }
}

/// Whether there is somebody who takes what comes next. What failed is told.
fn read_on(handed: Result<bool, DataError>, give: &SyncSender<Result<DataFrame, DataError>>) -> bool {
    handed.unwrap_or_else(|error| {
        let _ = give.send(Err(error));
        false
    })
}

/// Hands over the rows of plans and files; `false` if nobody takes them any more.
fn hand_over(
    dataset: &Dataset,
    plans: Vec<LazyFrame>,
    files: &[Source],
    wanted: &[Expr],
    give: &SyncSender<Result<DataFrame, DataError>>,
) -> Result<bool, DataError> {
    let file = |file: &Source| Ok((file.clone(), dataset.scan_source(file)?.select(wanted)));
    let files = files.iter().map(file).collect::<Result<Vec<(Source, LazyFrame)>, DataError>>()?;
    let plans = plans.into_iter().map(|plan| plan.select(wanted)).chain(files.iter().map(|(_, plan)| plan.clone()));
    let all = concat(plans.collect::<Vec<_>>(), UnionArgs { maintain_order: false, rechunk: false, ..UnionArgs::default() })?;
    let (gone, handed) = (Arc::new(AtomicBool::new(false)), give.clone());
    let nobody = Arc::clone(&gone);
    let hand_over = PlanCallback::new(move |frame: DataFrame| {
        let failed = handed.send(Ok(frame)).is_err();
        nobody.fetch_or(failed, Ordering::Relaxed);
        Ok(failed)
    });
    let plan = all.sink_batches(hand_over, false, NonZeroUsize::new(ROWS_OF_BATCH))?;
    match caught(|| plan.collect_with_engine(Engine::Streaming), &files)? {
        Ok(_) => Ok(!gone.load(Ordering::Relaxed)),
        Err(error) => Err(blame(&error, &files)),
    }
}
