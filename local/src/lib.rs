//! The coordinator's ports on one machine: a ledger in SQLite, zones that are directories, a
//! watcher of the raw one, and a table catalog of files. No network, container or credential; but for
//! webhooks, where a pipeline asks for one.
//!
//! Whatever answers `Ok` here has been flushed to the disk.

mod blocking;
pub mod catalog;
mod files;
pub mod ledger;
pub mod storage;
pub mod watch;
mod webhook;

pub use catalog::DirectoryCatalog;
pub use ledger::SqliteLedger;
pub use storage::Directory;
pub use watch::{WatchOptions, Watcher};
pub use webhook::WebhookMessenger;
