//! The distinct values of a batch's strings with their counts, if they are few: what is asked of
//! each value is then asked once for each distinct one.
//!
//! Strings are told apart by their views: 12 bytes or less are in the view itself, and of longer ones
//! from one dictionary page the views of equal strings are equal. Views that differ though their
//! strings are equal make an entry more, and no error.

use polars::prelude::*;

/// Distinct values, each by the first row that has it.
pub(super) struct Dictionary {
    /// The values.
    pub(super) values: StringChunked,
    /// How often each occurs.
    pub(super) counts: Vec<u32>,
    /// Nulls, which are not among the values.
    pub(super) nulls: u64,
}

/// Rows after which it is decided whether values are few.
const TRIED: usize = 4_096;

/// Open addressing with linear probing. What is looked at for each row is kept small.
struct Table {
    views: Vec<u128>,
    /// The places among the values, plus one; 0 where there is none.
    places: Vec<u32>,
    shift: u32,
    rows: Vec<IdxSize>,
    counts: Vec<u32>,
}

impl Dictionary {
    /// Of a column in one piece; `None` if it has many distinct values, or too few rows to be worth it.
    pub(super) fn of(column: &StringChunked) -> Option<Dictionary> {
        if column.len() < 64 {
            return None;
        }
        let array = column.downcast_iter().next()?;
        let mut table = Table::new(8);
        let nulls = column.null_count();
        let valid = (nulls > 0).then(|| column.is_not_null());
        let mut valid = valid.as_ref().and_then(|valid| valid.downcast_iter().next()).map(|valid| valid.values_iter());
        for (piece, views) in array.views().chunks(TRIED).enumerate() {
            let before = piece * TRIED;
            if piece > 0 && table.counts.len() > before.min(TRIED * 4) / 2 {
                return None;
            }
            for (row, view) in views.iter().enumerate() {
                if valid.as_mut().is_some_and(|valid| valid.next() == Some(false)) {
                    continue;
                }
                let place = table.find(view.as_u128(), before + row);
                if let Some(count) = table.counts.get_mut(place) {
                    *count += 1;
                }
            }
        }
        if table.counts.len() > column.len() / 4 {
            return None;
        }
        let rows = IdxCa::from_vec(PlSmallStr::EMPTY, table.rows);
        let values = column.take(&rows).ok()?;
        Some(Dictionary { values, counts: table.counts, nulls: nulls as u64 })
    }

    /// Values with their counts.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, u64)> + '_ {
        let values = self.values.downcast_iter().flat_map(|array| array.values_iter());
        values.zip(self.counts.iter().map(|count| u64::from(*count)))
    }

    /// How many rows hold a condition that is given for each value, and after those for null.
    pub(super) fn weigh(&self, conditions: &BooleanChunked) -> u64 {
        let counts = self.counts.iter().map(|count| u64::from(*count)).chain([self.nulls]);
        conditions.iter().zip(counts).filter(|(holds, _)| *holds == Some(true)).map(|(_, count)| count).sum()
    }

    /// The values, and null after them, as a column of that name.
    pub(super) fn with_null(&self, name: &PlSmallStr) -> PolarsResult<Column> {
        let mut values = self.values.clone();
        values.append(&StringChunked::full_null(PlSmallStr::EMPTY, 1))?;
        Ok(values.with_name(name.clone()).into_series().rechunk().into_column())
    }
}

impl Table {
    fn new(bits: u32) -> Table {
        Table { views: vec![0; 1 << bits], places: vec![0; 1 << bits], shift: 64 - bits, rows: Vec::new(), counts: Vec::new() }
    }

    /// The place of a view, which is new if it was not there.
    #[inline]
    fn find(&mut self, view: u128, row: usize) -> usize {
        let mask = self.places.len() - 1;
        let mut slot = self.slot(view);
        while let (Some(known), Some(place @ 1..)) = (self.views.get(slot), self.places.get(slot)) {
            if *known == view {
                return *place as usize - 1;
            }
            slot = (slot + 1) & mask;
        }
        self.insert(slot, view, row)
    }

    /// A view that was not there, into the slot where it was looked for.
    #[cold]
    fn insert(&mut self, slot: usize, view: u128, row: usize) -> usize {
        self.rows.push(row as IdxSize);
        self.counts.push(0);
        self.fill(slot, view, self.counts.len() as u32);
        if self.counts.len() * 2 > self.places.len() {
            self.grow();
        }
        self.counts.len() - 1
    }

    fn fill(&mut self, slot: usize, view: u128, place: u32) {
        if let (Some(free), Some(none)) = (self.views.get_mut(slot), self.places.get_mut(slot)) {
            (*free, *none) = (view, place);
        }
    }

    #[inline]
    fn slot(&self, view: u128) -> usize {
        let mixed = (view as u64 ^ ((view >> 64) as u64).rotate_left(29)).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        (mixed >> self.shift) as usize
    }

    fn grow(&mut self) {
        let wider = Table::new(64 - self.shift + 2);
        let (views, places) = (std::mem::replace(&mut self.views, wider.views), std::mem::replace(&mut self.places, wider.places));
        self.shift = wider.shift;
        let mask = self.places.len() - 1;
        for (view, place) in views.into_iter().zip(places).filter(|(_, place)| *place != 0) {
            let mut slot = self.slot(view);
            while self.places.get(slot).is_some_and(|place| *place != 0) {
                slot = (slot + 1) & mask;
            }
            self.fill(slot, view, place);
        }
    }
}
