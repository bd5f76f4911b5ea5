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

struct Table {
    slots: Vec<(u128, u32)>,
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
        let mut table = Table { slots: vec![(0, 0); 1 << 10], shift: 64 - 10, rows: Vec::new(), counts: Vec::new() };
        let nulls = column.null_count();
        let valid = (nulls > 0).then(|| column.is_not_null());
        let mut valid = valid.as_ref().and_then(|valid| valid.downcast_iter().next()).map(|valid| valid.values_iter());
        let (mut last, mut place) = (0, usize::MAX);
        for (row, view) in array.views().iter().enumerate() {
            if valid.as_mut().is_some_and(|valid| valid.next() == Some(false)) {
                continue;
            }
            let view = view.as_u128();
            if view != last || place == usize::MAX {
                if row % TRIED == 0 && row > 0 && table.counts.len() > row.min(TRIED * 4) / 2 {
                    return None;
                }
                (last, place) = (view, table.find(view, row));
            }
            if let Some(count) = table.counts.get_mut(place) {
                *count += 1;
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
    /// The place of a view, which is new if it was not there.
    fn find(&mut self, view: u128, row: usize) -> usize {
        let mask = self.slots.len() - 1;
        let mut slot = self.slot(view);
        loop {
            match self.slots.get(slot) {
                Some((_, 0)) | None => break,
                Some((known, place)) if *known == view => return *place as usize - 1,
                Some(_) => slot = (slot + 1) & mask,
            }
        }
        self.rows.push(row as IdxSize);
        self.counts.push(0);
        if let Some(free) = self.slots.get_mut(slot) {
            *free = (view, self.counts.len() as u32);
        }
        if self.counts.len() * 2 > self.slots.len() {
            self.grow();
        }
        self.counts.len() - 1
    }

    fn slot(&self, view: u128) -> usize {
        let mixed = (view as u64 ^ ((view >> 64) as u64).rotate_left(29)).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        (mixed >> self.shift) as usize
    }

    fn grow(&mut self) {
        let wider = vec![(0, 0); self.slots.len() * 4];
        let old = std::mem::replace(&mut self.slots, wider);
        self.shift -= 2;
        let mask = self.slots.len() - 1;
        for (view, place) in old.into_iter().filter(|(_, place)| *place != 0) {
            let mut slot = self.slot(view);
            while self.slots.get(slot).is_some_and(|(_, place)| *place != 0) {
                slot = (slot + 1) & mask;
            }
            if let Some(free) = self.slots.get_mut(slot) {
                *free = (view, place);
            }
        }
    }
}
