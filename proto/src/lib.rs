//! `lakegate.v1` on the wire: generated messages and services, and what turns them into the
//! types of `lakegate-model` and back. A message that can't be turned says which field is wrong.

mod audit;
pub mod convert;
pub mod error;
pub mod manifest;

/// The generated messages, clients and servers.
#[expect(missing_docs, reason = "generated; the .proto files document them")]
#[expect(clippy::allow_attributes, reason = "generated")]
pub mod v1 {
    tonic::include_proto!("lakegate.v1");
}

/// The compiled descriptors, for gRPC reflection.
pub const DESCRIPTORS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/lakegate_v1.bin"));

/// The largest message either side accepts, in bytes.
pub const MAX_MESSAGE: usize = 64 * 1024 * 1024;

pub use error::{failure_of_status, status_of_failure};
