//! What page was asked for, and what was found for it.

use lakegate_coordinator::ports::{
    Result,
    ledger::{Execution, Filter, Page, Paged},
};
use lakegate_model::{DatasetId, Failure, FailureCode, StageKey};

const LARGEST_PAGE: usize = 1_000;
/// Records looked at for one page; when few of them match the page is short, and another one follows.
const SCAN_MOST: usize = 5_000;

/// A page that was asked for, checked.
pub(super) struct Asked<'a> {
    filter: &'a Filter,
    pub(super) state: Option<&'a str>,
    pub(super) before: u64,
    pub(super) size: usize,
}

impl<'a> Asked<'a> {
    pub(super) fn new(filter: &'a Filter, page: &Page, states: &[&str]) -> Result<Asked<'a>> {
        let before = match page.token.as_str() {
            "" => u64::MAX,
            token => token.parse().map_err(|_| {
                Failure::new(FailureCode::InvalidRequest, format!("\"{token}\" is no page token"))
                    .hint("pass `next` of the page before, or nothing for the first")
            })?,
        };
        match filter.state.as_deref() {
            Some(state) if !states.contains(&state) => {
                Err(Failure::new(FailureCode::InvalidRequest, format!("there is no state \"{state}\""))
                    .hint(format!("the states are {}", states.join(", "))))
            }
            state => Ok(Asked { filter, state, before, size: page.size.clamp(1, LARGEST_PAGE) }),
        }
    }

    pub(super) fn takes(&self, stage: &StageKey) -> bool {
        let Filter { dataset, stage: name, .. } = self.filter;
        dataset.as_ref().is_none_or(|dataset: &DatasetId| *dataset == stage.dataset)
            && name.as_ref().is_none_or(|name| *name == stage.stage)
    }
}

impl Asked<'_> {
    /// Whether a run is to be on the page.
    pub(super) fn fits(&self, run: &Execution) -> bool {
        let state = &run.state;
        let is_audited = state.phase.is_terminal() && state.audit.is_some();
        self.state.is_none_or(|name| state.phase.as_str() == name) && (is_audited || !self.filter.with_audit)
    }
}

/// What was found for a page.
pub(super) struct Collected<T> {
    size: usize,
    items: Vec<(u64, T)>,
    looked_at: usize,
    last: u64,
}

impl<T> Collected<T> {
    pub(super) fn new(asked: &Asked<'_>) -> Collected<T> {
        Collected { size: asked.size, items: Vec::new(), looked_at: 0, last: 0 }
    }

    /// One more than the page has tells whether another page follows.
    pub(super) fn wants_more(&self) -> bool {
        self.items.len() <= self.size && self.looked_at < SCAN_MOST
    }

    /// How many to look at next.
    pub(super) fn room(&self) -> usize {
        (self.size + 1).saturating_sub(self.items.len()).max(25)
    }

    pub(super) fn extend(&mut self, found: impl IntoIterator<Item = (u64, T)>, looked_at: usize, last: u64) {
        self.items.extend(found);
        self.looked_at += looked_at;
        self.last = last;
    }

    /// The page when there is nothing after what was looked at.
    pub(super) fn all(self) -> Paged<T> {
        self.page_or_all(true)
    }

    /// The page when there may be more.
    pub(super) fn page(self) -> Paged<T> {
        self.page_or_all(false)
    }

    pub(super) fn page_or_all(mut self, is_all: bool) -> Paged<T> {
        let is_full = self.items.len() > self.size;
        self.items.truncate(self.size);
        let next = match self.items.last() {
            Some((seq, _)) if is_full => seq.to_string(),
            _ if is_all => String::new(),
            _ => self.last.to_string(),
        };
        Paged { items: self.items.into_iter().map(|(_, item)| item).collect(), next }
    }
}
