//! The adapters on AWS, where this command was built with them: `--features aws`. The first command
//! of a newcomer compiles no cloud SDK.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use lakegate_coordinator::ports::{EventSource, Ledger, Storage, TableCatalog};
use lakegate_model::{
    Failure,
    project::{Settings, Zones, sdlf::SdlfTables},
};
use serde::Serialize;

#[cfg(feature = "aws")]
use lakegate_aws::{
    Account, AccountOptions, DynamoLedger, GlueCatalog, Projection, S3Storage, SqsSource,
    bootstrap::{
        Outcome, bootstrap,
        policies::{Role, policy},
    },
};

/// What an account has now.
#[derive(Serialize)]
pub(crate) struct Bootstrapped {
    /// What the lake needs.
    pub(crate) steps: Vec<Step>,
    /// The policy of each role.
    pub(crate) policies: BTreeMap<&'static str, serde_json::Value>,
}

/// One thing that the lake needs.
#[derive(Serialize)]
pub(crate) struct Step {
    /// What kind of thing.
    pub(crate) kind: &'static str,
    /// Its name.
    pub(crate) name: String,
    /// `present`, `made` or `missing`.
    pub(crate) outcome: &'static str,
}

/// The AWS account of the standard chain.
#[cfg(feature = "aws")]
pub(crate) struct Cloud(Account);

#[cfg(feature = "aws")]
impl Cloud {
    /// Finds the account. Asks for no credentials yet.
    pub(crate) async fn load() -> Result<Cloud, Failure> {
        Ok(Cloud(Account::load(AccountOptions::default()).await))
    }

    /// A ledger in tables whose names begin so, with the tables that the settings say are kept beside it.
    pub(crate) async fn ledger(&self, prefix: &str, settings: &Settings) -> Result<Arc<dyn Ledger>, Failure> {
        let kept = settings.sdlf.clone().map(|tables| Projection { tables, zones: settings.zones.clone() });
        Ok(Arc::new(DynamoLedger::open_with(&self.0, prefix, kept).await?))
    }

    /// A table catalog in databases whose names begin so.
    pub(crate) async fn catalog(&self, prefix: &str, zones: &Zones) -> Result<Arc<dyn TableCatalog>, Failure> {
        Ok(Arc::new(GlueCatalog::open(&self.0, prefix, zones.clone()).await?))
    }

    /// The lake's files on S3.
    pub(crate) fn storage(&self, zones: &Zones) -> Result<Arc<dyn Storage>, Failure> {
        Ok(Arc::new(S3Storage::new(&self.0, zones.clone())))
    }

    /// Makes what the settings need, or only says what is missing.
    pub(crate) async fn bootstrap(
        &self,
        settings: &Settings,
        databases: &BTreeSet<String>,
        dry_run: bool,
    ) -> Result<Bootstrapped, Failure> {
        let steps = bootstrap(&self.0, settings, databases, dry_run).await?.into_iter().map(|step| Step {
            kind: step.kind,
            name: step.name,
            outcome: match step.outcome {
                Outcome::Present => "present",
                Outcome::Made => "made",
                Outcome::Missing => "missing",
            },
        });
        let policies = [("coordinator", Role::Coordinator), ("worker", Role::Worker)];
        Ok(Bootstrapped { steps: steps.collect(), policies: policies.map(|(name, role)| (name, policy(settings, role))).into() })
    }

    /// That the ledger is there and can be used, without changing anything in it.
    pub(crate) async fn check_ledger(&self, prefix: &str) -> Result<(), Failure> {
        DynamoLedger::check(&self.0, prefix).await
    }

    /// That the tables of SDLF that are kept can be used.
    pub(crate) async fn check_sdlf(&self, kept: &SdlfTables) -> Result<(), Failure> {
        lakegate_aws::sdlf::check(&self.0, kept).await
    }

    /// All rows of a table, as JSON objects.
    pub(crate) async fn rows(&self, table: &str) -> Result<Vec<serde_json::Value>, Failure> {
        lakegate_aws::sdlf::rows(&self.0, table).await
    }

    /// That the queue is there, without receiving from it.
    pub(crate) async fn check_queue(&self, queue: &str) -> Result<(), Failure> {
        SqsSource::check(&self.0, queue).await
    }

    /// The events of a queue.
    pub(crate) async fn source(&self, queue: &str, zones: &Zones) -> Result<Arc<dyn EventSource>, Failure> {
        Ok(Arc::new(SqsSource::open(&self.0, zones.clone(), queue).await?))
    }
}

/// What says that there is no AWS here.
#[cfg(not(feature = "aws"))]
pub(crate) struct Cloud(std::convert::Infallible);

#[cfg(not(feature = "aws"))]
impl Cloud {
    /// Says that this command was built without.
    pub(crate) async fn load() -> Result<Cloud, Failure> {
        Err(Failure::new(lakegate_model::FailureCode::InvalidPipeline, "this needs AWS, and this lakegate was built without it")
            .hint("install it with `cargo install --path cli --features aws`"))
    }

    pub(crate) async fn ledger(&self, _: &str, _: &Settings) -> Result<Arc<dyn Ledger>, Failure> {
        match self.0 {}
    }

    pub(crate) async fn catalog(&self, _: &str, _: &Zones) -> Result<Arc<dyn TableCatalog>, Failure> {
        match self.0 {}
    }

    pub(crate) fn storage(&self, _: &Zones) -> Result<Arc<dyn Storage>, Failure> {
        match self.0 {}
    }

    pub(crate) async fn bootstrap(&self, _: &Settings, _: &BTreeSet<String>, _: bool) -> Result<Bootstrapped, Failure> {
        match self.0 {}
    }

    pub(crate) async fn check_ledger(&self, _: &str) -> Result<(), Failure> {
        match self.0 {}
    }

    pub(crate) async fn rows(&self, _: &str) -> Result<Vec<serde_json::Value>, Failure> {
        match self.0 {}
    }

    pub(crate) async fn check_sdlf(&self, _: &SdlfTables) -> Result<(), Failure> {
        match self.0 {}
    }

    pub(crate) async fn check_queue(&self, _: &str) -> Result<(), Failure> {
        match self.0 {}
    }

    pub(crate) async fn source(&self, _: &str, _: &Zones) -> Result<Arc<dyn EventSource>, Failure> {
        match self.0 {}
    }
}
