//! Rules of every type on real tables: the flights of the example, TPC-H, and files with all that is
//! odd. What `lakegate quality run` says is held against what DuckDB finds by queries of its own.

mod check;
mod command;
mod oracle;
mod profiles;
mod references;
mod rows;
mod shapes;
mod statistics;
mod tables;
