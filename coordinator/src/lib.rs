//! The coordinator: takes events in, routes them, runs stages on the fleet, seals batches and
//! publishes tables. It decides with `lakegate-model`, remembers in the ledger, and never touches
//! data: there is no Polars here, and no cloud SDK.

pub mod ports;
