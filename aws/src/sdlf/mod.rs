//! The two tables that tools built on SDLF read, kept beside the ledger: what landed (SDLF's
//! ObjectMetadata), and what was executed (its PipelineExecutionHistory). Keys, attributes, statuses and
//! indexes are SDLF's; attributes of ours come beside them. Nothing reads them here: the ledger's own
//! table is the truth, and they follow it a second or two behind.
//!
//! ```text
//!   ledger's writer ──► pending: bounded, each thing once ──► rounds: rows ─► removals ─► a piece of a log ─► marks
//!                          (what does not fit is read again from its stage's log)
//! ```
//!
//! **Objects**, key `id` = `s3://bucket/key` of where the object really is, the newest version of each key.
//! SDLF's: `bucket` `key` `size` `last_modified_date` `timestamp` (ms) `stage` (the zone) `org` `app` `env` `team`
//! `dataset` `pipeline` `pipeline_stage` `peh_id`. Ours: `object_id` `object_version` `sequencer` `execution_id`
//! `pipeline_version` `made_by` (the `peh_id` of who made it) `trace_id`, and for an execution of its own that is over
//! `attempt` and `state`. A removed object has no row, and neither has one that no pipeline takes.
//!
//! **Executions**, key `id`: a UUID made of the execution's id, always the same one. SDLF's: `version` `pipeline`
//! (`{team}-{pipeline}-stage-{x}`; `pipeline` is the dataset's name unless lakegate.yaml says otherwise, `x` the stage's
//! name without `stage-`) `dataset` (`{team}-{dataset}`) `dataset_date` `execution_date` `active` `status` `success`
//! `comment` `issue_comment` `start_timestamp` `end_timestamp` `last_updated_timestamp` `status_last_updated_timestamp`
//! `history` `duration_in_seconds` `ttl`, and seven indexes. Ours: `execution_id` `object_id` or `batch_id`
//! `pipeline_version` `attempt` `trace_id` `objects` `bytes` `rows_in` `rows_out`, and `quality_score` (0 to 1) and
//! `quality_verdict` if its stage audits. Dates and times are UTC.
//!
//! | an execution that is | has the status |
//! |---|---|
//! | new | `STARTED` |
//! | waiting for a table or for its next attempt | `{Stage} Preupdate Processing` |
//! | running | `{Stage} Process Processing` |
//! | being promoted | `{Stage} Postupdate Processing` |
//! | done | `COMPLETED` |
//! | a dead letter, or its object was set aside | `FAILED` |
//! | superseded | `CANCELED` |
//!
//! | write | write units |
//! |---|---|
//! | an object's row | 1; another one when its execution ends or its batch is sealed, unless that is within the lag |
//! | an execution's row | 1, and 1 in each of 7 indexes: 8, or some more if a status changes, which moves it in its indexes |
//! | a removal | 1, and 3 in the ledger |
//!
//! Before a row is written the ledger is read: 3 read units, less than 1 write unit. A short execution is written once. Either table can be switched off (`sdlf: { history: off }`).
//!
//! **Order.** Each write is conditional: an execution's on the revision that the row has, an object's on sequencer, then the
//! ledger's number. So rounds can be repeated and interrupted, and a late event changes nothing that is newer.
//!
//! **After a crash.** A stage's item in the ledger says up to where its log is in the tables: never past what is under
//! way, waits, or was left out. Everything from there on is looked at again at a start. Of statuses that were passed
//! before a crash and not written, only the last one is in the list. The tables of a lake that was there before they
//! were are filled from its logs, but for executions whose rows would have expired. Two coordinators on one ledger are refused by the ledger.
//!
//! **Outages.** While a table can't be written, what is new waits, some hundred bytes each and at most
//! some thousands of them; the ledger never waits for a table.

pub(crate) mod pending;
pub(crate) mod projector;
mod rows;
mod scan;
mod tables;
mod writes;

use aws_sdk_dynamodb::Client;
use lakegate_coordinator::ports::Result;
use lakegate_model::project::{Zones, sdlf::SdlfTables};

pub use self::scan::rows;
use crate::{account::Account, provision};

/// Which tables are kept, and where the zones lie whose objects are in them.
#[derive(Clone, Debug)]
pub struct Projection {
    /// The tables.
    pub tables: SdlfTables,
    /// The zones.
    pub zones: Zones,
}

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
