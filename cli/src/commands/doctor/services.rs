//! Whether what the lake talks to is there: its ledger, its coordinator, the collector of traces.

use std::path::Path;

use lakegate_local::SqliteLedger;
use lakegate_model::{
    FailureCode,
    project::{LedgerAddress, Settings},
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
pub(super) async fn cloud(context: &Context, settings: &Settings) -> Vec<Finding> {
    // Files that are wrong are told of already; then only what the settings need is looked at.
    let uses = context.project().map(|project| project.uses()).unwrap_or_default();
    let places = Places::of(settings).await;
    match places.as_ref().map_err(Clone::clone).and_then(Places::cloud) {
        Ok(cloud) => cloud.examine(settings, &uses).await,
        Err(failure) => vec![Finding::problem("AWS", failure.message, failure.hint)],
    }
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
