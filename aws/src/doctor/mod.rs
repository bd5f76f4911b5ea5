//! Whether a lake's place in an account can be used as it is: each permission and setting that a
//! coordinator needs is tried, by requests that change nothing or whose traces are removed.
//!
//! What is tried never reaches a running coordinator: nothing is received from the queue, nothing is
//! written to the raw zone, which would tell the queue of it, and what is written elsewhere lies below
//! `_lakegate/doctor/`, which nobody reads. A change in the ledger or in Glue is asked for under a
//! condition that can't hold, or of something that is not there.
//!
//! Three permissions can't be tried so, and are not: `sqs:ReceiveMessage`, `glue:StartCrawler` and
//! `lakeformation:AddLFTagsToResource`. `bootstrap::policies` says where they must be given.

mod catalog;
mod ledger;
mod queue;
mod sdlf;
mod zones;

use std::error::Error;

use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use lakegate_model::{
    FailureCode,
    pipeline::Zone,
    project::{CatalogAddress, EventSourceAddress, LedgerAddress, Settings, Uses},
};

use crate::{
    Account,
    failure::{failed, is_denied},
};

/// What was found of one thing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// What was looked at: `zone raw`, `events`, `ledger`, `catalog`, `crawler`, `LF-Tags`.
    pub check: String,
    /// How it is.
    pub verdict: Verdict,
    /// What was found.
    pub found: String,
    /// What to do about it; empty if nothing needs doing.
    pub fix: String,
}

/// How something is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// As it should be.
    Ok,
    /// It will do, and should be otherwise; or it could not be seen, and is not needed to run.
    Warning,
    /// A lake can't run so.
    Problem,
}

/// Looks at everything that these settings and pipelines need. One finding for whatever is well, and
/// one for each permission that is lacking and each setting that is wrong.
pub async fn examine(account: &Account, settings: &Settings, uses: &Uses) -> Vec<Finding> {
    let mut findings = Vec::new();
    for zone in Zone::ALL {
        if settings.zones.location(*zone).s3().is_some() {
            findings.extend(zones::examine(account, &settings.zones, *zone).await);
        }
    }
    for event in &settings.events {
        if let EventSourceAddress::Sqs { queue } = event {
            findings.extend(queue::examine(account, queue, &settings.zones.raw).await);
        }
    }
    if let LedgerAddress::DynamoDb(prefix) = &settings.ledger {
        findings.extend(ledger::examine(account, prefix).await);
    }
    if let Some(kept) = &settings.sdlf {
        findings.extend(sdlf::examine(account, kept).await);
    }
    if let CatalogAddress::Glue(prefix) = &settings.catalog {
        findings.extend(catalog::examine(account, prefix, uses).await);
    }
    findings
}

/// Findings about one thing.
struct Examined {
    check: String,
    place: String,
    findings: Vec<Finding>,
    /// What was tried and is allowed.
    allowed: Vec<&'static str>,
    /// The service could not be reached.
    is_unreachable: bool,
}

/// What a request is for, and so what it means if it is not allowed.
#[derive(Clone, Copy, PartialEq, Eq)]
enum For {
    /// A coordinator sends it.
    Running,
    /// Only this examination does.
    Looking,
}

impl Examined {
    fn new(check: impl Into<String>, place: impl Into<String>) -> Examined {
        Examined { check: check.into(), place: place.into(), findings: Vec::new(), allowed: Vec::new(), is_unreachable: false }
    }

    fn add(&mut self, verdict: Verdict, found: impl Into<String>, fix: impl Into<String>) {
        self.findings.push(Finding { check: self.check.clone(), verdict, found: found.into(), fix: fix.into() });
    }

    /// Takes in the answer to a request that needs the IAM action `action` on `resource`. An error of
    /// one of the names in `expected` is what an allowed request gets. Gives the answer, if there is one.
    fn tried<T, E, R>(
        &mut self,
        purpose: For,
        permission: (&'static str, &str),
        expected: &[&str],
        answer: Result<T, SdkError<E, R>>,
    ) -> Option<T>
    where
        E: ProvideErrorMetadata + Error + 'static,
        R: std::fmt::Debug + Status + 'static,
    {
        let (action, resource) = permission;
        let error = match answer {
            Ok(answer) => {
                self.allowed.push(action);
                return Some(answer);
            }
            Err(error) => error,
        };
        let status = error.raw_response().and_then(Status::code);
        let name = error.as_service_error().and_then(ProvideErrorMetadata::code).unwrap_or_default();
        // An answer to HEAD has no body that could name the error.
        let is_named = |name: &str| expected.contains(&name) || (status == Some(404) && expected.contains(&"404"));
        if is_named(name) {
            self.allowed.push(action);
        } else if is_denied(name) || status == Some(403) {
            let (verdict, found) = match purpose {
                For::Running => (Verdict::Problem, format!("not allowed: {action} on {resource}")),
                For::Looking => (Verdict::Warning, format!("could not be seen: {action} on {resource} is not allowed")),
            };
            let fix = match purpose {
                For::Running => format!(
                    "give the role that lakegate runs with {action} on {resource}; `lakegate bootstrap --policies` prints all of it"
                ),
                For::Looking => format!("nothing needs it to run; give {action} to whoever runs doctor, or look at it otherwise"),
            };
            self.add(verdict, found, fix);
        } else if !self.is_unreachable {
            // Once is enough: the others would say the same.
            self.is_unreachable = matches!(error, SdkError::DispatchFailure(_) | SdkError::TimeoutError(_));
            let failure = failed(FailureCode::Unavailable, &format!("try {action} on {resource}"), &error);
            self.add(Verdict::Problem, failure.message, failure.hint);
        }
        None
    }

    /// The findings; one that says that all is well if there is no other.
    fn done(mut self, what: &str) -> Vec<Finding> {
        if self.findings.iter().all(|finding| finding.verdict == Verdict::Ok) {
            let allowed = if self.allowed.is_empty() { String::new() } else { format!(": {}", self.allowed.join(", ")) };
            let found = format!("{}{what}{allowed}", self.place);
            self.findings.insert(0, Finding { check: self.check, verdict: Verdict::Ok, found, fix: String::new() });
        }
        self.findings
    }
}

/// The HTTP status of a raw answer.
trait Status {
    fn code(&self) -> Option<u16>;
}

impl Status for aws_sdk_s3::config::http::HttpResponse {
    fn code(&self) -> Option<u16> {
        Some(self.status().as_u16())
    }
}
