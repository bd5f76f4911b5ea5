//! What the lists of runs, objects and batches have in common.

use std::pin::pin;

use clap::Args;
use futures::{Stream, StreamExt as _};
use lakegate_model::Failure;
use lakegate_sdk::Filter;
use serde::Serialize;

use crate::{
    error::Result,
    output::{Output, table::Rows, text::thousands},
};

/// Rows shown to people who did not say how many.
const SHOWN: usize = 50;

/// What to list, and how much of it.
#[derive(Args, Debug)]
pub(crate) struct ListArgs {
    /// Only what belongs to TEAM/DATASET or TEAM/DATASET/STAGE.
    within: Option<String>,
    /// At most so many; 0 is all. Default: 50 for people, all for programs.
    #[arg(long, value_name = "N")]
    limit: Option<usize>,
}

impl ListArgs {
    /// The filter these arguments ask for.
    pub(crate) fn filter(&self) -> Filter {
        Filter::within(self.within.clone().unwrap_or_default()).page_size(1_000)
    }

    /// Shows a list: all of it as it comes to programs, its beginning to people.
    pub(crate) async fn show<T: Serialize>(
        &self,
        out: &Output,
        items: impl Stream<Item = std::result::Result<T, Failure>>,
        nothing: &str,
        mut rows: Rows,
        mut add: impl FnMut(&mut Rows, &T),
    ) -> Result<()> {
        let limit = self.limit.unwrap_or(if out.is_json() { 0 } else { SHOWN });
        let limit = if limit == 0 { usize::MAX } else { limit };
        if out.is_json() {
            return out.array(items.take(limit)).await;
        }
        let mut items = pin!(items);
        let mut shown = 0;
        while let Some(item) = items.next().await {
            if shown == limit {
                out.say(rows.render())?;
                out.note(format_args!("\nthere are more than {}: --limit 0 shows all", thousands(limit as u64)));
                return Ok(());
            }
            add(&mut rows, &item?);
            shown += 1;
        }
        out.say(if rows.is_empty() { nothing.to_owned() } else { rows.render() })
    }
}
