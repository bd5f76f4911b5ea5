//! What the end-to-end tests share. `kit` runs the real `lakegate` command on scratch projects and
//! reads what it published with DuckDB, so that no test judges Lakegate by Lakegate's own reader.
//! `contract` is what every adapter of a port must do; `place` is where adapters on AWS are tested.

pub mod contract;
pub mod kit;
pub mod place;
