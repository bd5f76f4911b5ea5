//! What work costs on AWS: the requests that were made, named alike whoever makes them, and their
//! prices from a dated table.
//!
//! What is counted is a *meter*: an API such as `s3:GetObject`, whose requests are counted as they
//! go over the wire, each retry among them; or a unit that a request consumes, such as
//! `dynamodb:write-units`.

mod prices;
mod requests;
mod wire;

pub use prices::{Line, Price, PriceTable, Priced, Unit};
pub use requests::{Requests, WHOLE};
pub use wire::{READ_UNITS, WRITE_UNITS, WireRequest, api};
