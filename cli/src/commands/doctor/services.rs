//! Whether what the lake talks to is there: its ledger, its coordinator, the collector of traces.

use std::path::Path;

use lakegate_local::SqliteLedger;
use lakegate_model::{
    FailureCode,
    project::{LedgerAddress, Settings},
};
use lakegate_telemetry::Options;

use super::Finding;
use crate::{config::telemetry_variables, context::Context, lake};

/// The ledger and the coordinator: one that runs must answer, and a ledger that nobody holds must open.
pub(super) async fn lake(context: &Context, settings: &Settings) -> Vec<Finding> {
    let LedgerAddress::Sqlite(path) = &settings.ledger;
    let mut findings = Vec::new();
    let held = if Path::new(path).exists() {
        match SqliteLedger::open(path).await {
            Ok(_) => {
                findings.push(Finding::ok("ledger", path));
                false
            }
            Err(failure) if failure.code == FailureCode::Conflict => {
                findings.push(Finding::ok("ledger", failure.message));
                true
            }
            Err(failure) => {
                findings.push(Finding::problem("ledger", failure.message, failure.hint));
                false
            }
        }
    } else {
        findings.push(Finding::ok("ledger", format!("{path} is made by `lakegate up`")));
        false
    };
    findings.push(coordinator(context, held).await);
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
