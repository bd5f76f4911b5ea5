//! The coordinator's ports on AWS: S3, SQS, DynamoDB and the Glue Data Catalog.
//!
//! Nothing lives here yet. This crate will be the only one that names an AWS SDK; until it does,
//! a project whose zones, ledger, catalog or events name AWS is refused by `lakegate check`.
