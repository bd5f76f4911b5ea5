//! The coordinator's gRPC services: the workers' and the users'.

mod cost;
pub(crate) mod fleet;
pub(crate) mod lake;
mod objects;
mod quality;
mod runs;
mod status;
mod tables;

use lakegate_model::{DatasetId, Failure, FailureCode, StageKey};
use tonic::Status;

use crate::{
    actors::system::System,
    ports::{
        Result,
        ledger::{Filter, Page},
    },
    shared::Shared,
};

/// What the services need.
#[derive(Clone)]
pub(crate) struct Api {
    /// The ports.
    pub shared: Shared,
    /// The actors; `None` when this coordinator only answers queries.
    pub system: Option<System>,
}

impl Api {
    /// The actors.
    ///
    /// # Errors
    /// `Unavailable` when there are none, or not just now.
    pub(crate) fn actors(&self) -> Result<crate::actors::Singletons> {
        match &self.system {
            Some(system) => system.actors(),
            None => Err(Failure::new(FailureCode::Unavailable, "no lake is running here").hint("start it with `lakegate up`")),
        }
    }
}

/// A failure as a status that carries it whole.
pub(crate) fn status(failure: Failure) -> Status {
    lakegate_proto::status_of_failure(&failure)
}

const DEFAULT_PAGE: usize = 100;
const MAX_PAGE: usize = 1_000;

fn page(size: u32, token: String) -> Page {
    let size = match usize::try_from(size) {
        Ok(0) => DEFAULT_PAGE,
        Ok(size) => size.min(MAX_PAGE),
        Err(_) => MAX_PAGE,
    };
    Page { size, token }
}

/// Reads `team/dataset` or `team/dataset/stage`.
fn filter(within: &str, state: &str) -> Result<Filter> {
    let mut filter = Filter { state: (!state.is_empty()).then(|| state.to_owned()), ..Filter::default() };
    if within.is_empty() {
        return Ok(filter);
    }
    if let Some(stage) = StageKey::parse(within) {
        filter.dataset = Some(stage.dataset);
        filter.stage = Some(stage.stage);
        return Ok(filter);
    }
    match within.split('/').collect::<Vec<_>>().as_slice() {
        [team, dataset] if !team.is_empty() && !dataset.is_empty() => filter.dataset = Some(DatasetId::new(*team, *dataset)),
        _ => {
            let text = format!("`{within}` is not <team>/<dataset> or <team>/<dataset>/<stage>");
            return Err(Failure::new(FailureCode::InvalidRequest, text));
        }
    }
    Ok(filter)
}

/// The one thing whose id starts so.
fn the_one<T>(kind: &str, prefix: &str, mut found: Vec<T>) -> Result<T> {
    match (found.len(), found.pop()) {
        (1, Some(one)) => Ok(one),
        (0, _) | (_, None) => Err(Failure::new(FailureCode::NotFound, format!("there is no {kind} {prefix}"))),
        _ => Err(Failure::new(FailureCode::InvalidRequest, format!("several {kind}s start with {prefix}")).hint("give more of the id")),
    }
}
