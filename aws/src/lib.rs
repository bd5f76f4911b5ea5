//! The coordinator's ports on AWS: zones that are S3 prefixes, events from SQS, a ledger in DynamoDB,
//! and tables in the Glue Data Catalog. The only crate that names an AWS SDK.

mod account;
mod backoff;
pub mod bootstrap;
mod catalog;
pub mod doctor;
mod events;
mod failure;
mod ledger;
mod messenger;
mod meter;
mod provision;
mod queue;
pub mod sdlf;
mod storage;

pub use account::{Account, AccountOptions};
pub use catalog::GlueCatalog;
pub use ledger::DynamoLedger;
pub use messenger::AwsMessenger;
pub use queue::SqsSource;
pub use sdlf::Projection;
pub use storage::S3Storage;
