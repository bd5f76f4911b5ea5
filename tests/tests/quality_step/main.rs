//! The `quality` step with real processes.

mod audits;
mod killed;
mod orders;
mod release;
mod unread;
