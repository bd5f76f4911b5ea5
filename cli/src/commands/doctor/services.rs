//! Whether what the lake talks to is there: its ledger, its coordinator, the collector of traces.

use std::path::Path;

use lakegate_local::SqliteLedger;
use lakegate_model::{
    Failure, FailureCode,
    project::{EventSourceAddress, LedgerAddress, Settings},
};
use lakegate_telemetry::Options;

use super::Finding;
use crate::{config::telemetry_variables, context::Context, lake, up::compose::Places};

/// The ledger and the coordinator: one that runs must answer, and a ledger that nobody holds must open.
pub(super) async fn lake(context: &Context, settings: &Settings) -> Vec<Finding> {
    let (mut findings, mut held) = (Vec::new(), false);
    if let LedgerAddress::Sqlite(path) = &settings.ledger {
        let (finding, is_held) = file_ledger(path).await;
        findings.push(finding);
        held = is_held;
    }
    findings.push(coordinator(context, held).await);
    findings
}

/// What was found, and whether another process holds it.
async fn file_ledger(path: &str) -> (Finding, bool) {
    if !Path::new(path).exists() {
        return (Finding::ok("ledger", format!("{path} is made by `lakegate up`")), false);
    }
    match SqliteLedger::open(path).await {
        Ok(_) => (Finding::ok("ledger", path), false),
        Err(failure) if failure.code == FailureCode::Conflict => (Finding::ok("ledger", failure.message), true),
        Err(failure) => (Finding::problem("ledger", failure.message, failure.hint), false),
    }
}

/// What of the lake is on AWS. Looks only: what a coordinator holds is neither received nor changed.
pub(super) async fn cloud(settings: &Settings) -> Vec<Finding> {
    let places = Places::of(settings).await;
    let cloud = match places.as_ref().map_err(Clone::clone).and_then(Places::cloud) {
        Ok(cloud) => cloud,
        Err(failure) => return vec![Finding::problem("AWS", failure.message, failure.hint)],
    };
    let finding = |check: &str, address: String, found: Result<(), Failure>| match found {
        Ok(()) => Finding::ok(check, address),
        Err(failure) => Finding::problem(check, failure.message, failure.hint),
    };
    let mut findings = Vec::new();
    if settings.zones.raw.s3().is_some() {
        findings.extend(super::places::buckets(settings).await);
    }
    for event in &settings.events {
        if let EventSourceAddress::Sqs { queue } = event {
            findings.push(finding("events", event.to_string(), cloud.check_queue(queue).await));
        }
    }
    if let LedgerAddress::DynamoDb(prefix) = &settings.ledger {
        findings.push(finding("ledger", settings.ledger.to_string(), cloud.check_ledger(prefix).await));
    }
    if let Some(kept) = &settings.sdlf {
        let names: Vec<&str> = [&kept.objects, &kept.history].into_iter().flatten().map(String::as_str).collect();
        findings.push(finding("SDLF's tables", names.join(", "), cloud.check_sdlf(kept).await));
    }
    findings
}

async fn coordinator(context: &Context, held: bool) -> Finding {
    let check = "coordinator";
    match lake::running(context).await {
        Ok(Some(client)) => match client.status().await {
            Ok(status) => Finding::ok(check, format!("answers at {}, {} workers", client.endpoint(), status.workers)),
            Err(failure) => Finding::problem(check, failure.message, failure.hint),
        },
        Ok(None) if held => {
            Finding::problem(check, "the ledger is in use, but no coordinator answers", "see what that process does, or stop it")
        }
        Ok(None) => Finding::ok(check, "none runs; `lakegate up` starts one"),
        Err(crate::error::CliError::Failed(failure)) => Finding::problem(check, failure.message, failure.hint),
        Err(_) => Finding::problem(check, "it can't be reached", "start it with `lakegate up`"),
    }
}

/// Whether traces go where the standard variables say.
pub(super) fn telemetry() -> Finding {
    let check = "traces";
    let variables = telemetry_variables();
    match lakegate_telemetry::start(Options::from_env("lakegate")) {
        Err(error) => {
            let text = error.to_string();
            let (found, fix) = text.split_once(" — ").unwrap_or((&text, "mend the OTEL_* variables"));
            Finding::problem(check, found, fix)
        }
        Ok((tracer, guard)) => {
            let exports = tracer.enabled();
            guard.shutdown();
            let told: Vec<String> = variables.into_iter().map(|(name, value)| format!("{name}={value}")).collect();
            match (exports, told.is_empty()) {
                (true, _) => Finding::ok(check, format!("sent as told by {}", told.join(", "))),
                (false, true) => Finding::ok(check, "not sent; set OTEL_EXPORTER_OTLP_ENDPOINT to send them"),
                (false, false) => Finding::ok(check, format!("not sent, as told by {}", told.join(", "))),
            }
        }
    }
}
