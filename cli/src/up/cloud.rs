//! The adapters on AWS, where this command was built with them: `--features aws`. The first command
//! of a newcomer compiles no cloud SDK.

use std::{collections::BTreeMap, sync::Arc};

use lakegate_coordinator::ports::{EventSource, Ledger, Messenger, Meter, Storage, TableCatalog};
use lakegate_model::{
    Failure, Pipeline, StageKey,
    project::{Settings, Uses, Zones},
};
use serde::Serialize;

#[cfg(feature = "aws")]
use lakegate_aws::{
    Account, AccountOptions, AwsMessenger, DynamoLedger, GlueCatalog, Projection, S3Storage, SqsSource,
    bootstrap::{
        Outcome, bootstrap,
        policies::{Role, policy},
    },
    doctor::{self, examine},
};

use crate::commands::doctor::Finding;

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
        Cloud::counted(Meter::default()).await
    }

    /// Finds the account, whose requests are counted on this meter.
    pub(crate) async fn counted(meter: Meter) -> Result<Cloud, Failure> {
        Ok(Cloud(Account::counted(AccountOptions::default(), meter).await))
    }

    /// A ledger in tables whose names begin so, with the tables that the settings say are kept beside it.
    pub(crate) async fn ledger(&self, prefix: &str, settings: &Settings) -> Result<Arc<dyn Ledger>, Failure> {
        let kept = settings.sdlf.clone().map(|tables| Projection { tables, zones: settings.zones.clone() });
        Ok(Arc::new(DynamoLedger::open_with(&self.0, prefix, kept).await?))
    }

    /// A table catalog in databases whose names begin so.
    pub(crate) async fn catalog(&self, prefix: &str, settings: &Settings) -> Result<Arc<dyn TableCatalog>, Failure> {
        Ok(Arc::new(GlueCatalog::open(&self.0, prefix, settings.zones.clone()).await?.tagging(settings.lf_tags.clone())))
    }

    /// The lake's files on S3.
    pub(crate) fn storage(&self, zones: &Zones) -> Result<Arc<dyn Storage>, Failure> {
        Ok(Arc::new(S3Storage::new(&self.0, zones.clone())))
    }

    /// The objects that others, and the stage before, hand to these stages at their queue.
    pub(crate) async fn stage_source(&self, queue: &str, zones: &Zones, stages: Vec<StageKey>) -> Result<Arc<dyn EventSource>, Failure> {
        Ok(Arc::new(SqsSource::open_for(&self.0, zones.clone(), queue, stages).await?))
    }

    /// Who takes messages to others.
    pub(crate) fn messenger(&self) -> Arc<dyn Messenger> {
        Arc::new(AwsMessenger::new(&self.0))
    }

    /// Makes what the settings need, or only says what is missing.
    pub(crate) async fn bootstrap(&self, settings: &Settings, pipelines: &[Pipeline], dry_run: bool) -> Result<Bootstrapped, Failure> {
        let steps = bootstrap(&self.0, settings, pipelines, dry_run).await?.into_iter().map(|step| Step {
            kind: step.kind,
            name: step.name,
            outcome: match step.outcome {
                Outcome::Present => "present",
                Outcome::Made => "made",
                Outcome::Missing => "missing",
            },
        });
        let policies = [("coordinator", Role::Coordinator), ("worker", Role::Worker)];
        Ok(Bootstrapped { steps: steps.collect(), policies: policies.map(|(name, role)| (name, policy(settings, pipelines, role))).into() })
    }

    /// What of the lake can't be used as it is. Changes nothing and receives nothing.
    pub(crate) async fn examine(&self, settings: &Settings, uses: &Uses) -> Vec<Finding> {
        examine(&self.0, settings, uses).await.into_iter().map(finding).collect()
    }

    /// All rows of a table, as JSON objects.
    pub(crate) async fn rows(&self, table: &str) -> Result<Vec<serde_json::Value>, Failure> {
        lakegate_aws::sdlf::rows(&self.0, table).await
    }

    /// The events of a queue.
    pub(crate) async fn source(&self, queue: &str, zones: &Zones) -> Result<Arc<dyn EventSource>, Failure> {
        Ok(Arc::new(SqsSource::open(&self.0, zones.clone(), queue).await?))
    }
}

#[cfg(feature = "aws")]
fn finding(found: doctor::Finding) -> Finding {
    match found.verdict {
        doctor::Verdict::Ok => Finding::ok(found.check, found.found),
        doctor::Verdict::Warning => Finding::warning(found.check, found.found, found.fix),
        doctor::Verdict::Problem => Finding::problem(found.check, found.found, found.fix),
    }
}

/// What says that there is no AWS here.
#[cfg(not(feature = "aws"))]
pub(crate) struct Cloud(std::convert::Infallible);

#[cfg(not(feature = "aws"))]
impl Cloud {
    /// Says that this command was built without.
    pub(crate) async fn load() -> Result<Cloud, Failure> {
        Cloud::counted(Meter::default()).await
    }

    pub(crate) async fn counted(_: Meter) -> Result<Cloud, Failure> {
        Err(Failure::new(lakegate_model::FailureCode::InvalidPipeline, "this needs AWS, and this lakegate was built without it")
            .hint("install it with `cargo install --path cli --features aws`"))
    }

    pub(crate) async fn ledger(&self, _: &str, _: &Settings) -> Result<Arc<dyn Ledger>, Failure> {
        match self.0 {}
    }

    pub(crate) async fn catalog(&self, _: &str, _: &Settings) -> Result<Arc<dyn TableCatalog>, Failure> {
        match self.0 {}
    }

    pub(crate) fn storage(&self, _: &Zones) -> Result<Arc<dyn Storage>, Failure> {
        match self.0 {}
    }

    pub(crate) async fn bootstrap(&self, _: &Settings, _: &[Pipeline], _: bool) -> Result<Bootstrapped, Failure> {
        match self.0 {}
    }

    pub(crate) async fn examine(&self, _: &Settings, _: &Uses) -> Vec<Finding> {
        match self.0 {}
    }

    pub(crate) async fn rows(&self, _: &str) -> Result<Vec<serde_json::Value>, Failure> {
        match self.0 {}
    }

    pub(crate) async fn stage_source(&self, _: &str, _: &Zones, _: Vec<StageKey>) -> Result<Arc<dyn EventSource>, Failure> {
        match self.0 {}
    }

    pub(crate) fn messenger(&self) -> Arc<dyn Messenger> {
        match self.0 {}
    }

    pub(crate) async fn source(&self, _: &str, _: &Zones) -> Result<Arc<dyn EventSource>, Failure> {
        match self.0 {}
    }
}
