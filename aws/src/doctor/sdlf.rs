//! SDLF's tables: that those that are kept are there as they should be.

use lakegate_model::project::sdlf::SdlfTables;

use super::{Examined, Finding, Verdict};
use crate::{Account, sdlf};

/// Findings about the tables that tools built on SDLF read.
pub(super) async fn examine(account: &Account, kept: &SdlfTables) -> Vec<Finding> {
    let names: Vec<&str> = [&kept.objects, &kept.history].into_iter().flatten().map(String::as_str).collect();
    let mut examined = Examined::new("SDLF's tables", names.join(", "));
    if let Err(failure) = sdlf::check(account, kept).await {
        examined.add(Verdict::Problem, failure.message, failure.hint);
    }
    examined.done("")
}
