//! SDLF's tables.

mod tables;

use aws_sdk_dynamodb::Client;
use lakegate_coordinator::ports::Result;
use lakegate_model::project::sdlf::SdlfTables;

use crate::{account::Account, provision};

/// Makes the tables that are kept, or with `dry_run` only looks; tells of each whether it was as it should be.
pub(crate) async fn ensure(account: &Account, kept: Option<&SdlfTables>, dry_run: bool) -> Result<Vec<(String, bool)>> {
    let (client, mut found) = (Client::new(&account.config), Vec::new());
    for spec in kept.map(tables::specs).unwrap_or_default() {
        let present = provision::ensure(&client, &spec, dry_run).await?;
        found.push((spec.name, present));
    }
    Ok(found)
}

/// That the tables that are kept are there and can be used.
///
/// # Errors
/// `Ledger` if one is not there or lacks an index; `PermissionDenied`.
pub async fn check(account: &Account, kept: &SdlfTables) -> Result<()> {
    let client = Client::new(&account.config);
    for spec in tables::specs(kept) {
        provision::check(&client, &spec).await?;
    }
    Ok(())
}
