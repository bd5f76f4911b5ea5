//! `lakegate doctor`: what could keep this project from running on this machine, and what to do
//! about it. Changes nothing; what it writes to see whether it can, it removes.

mod machine;
mod places;
mod services;

use comfy_table::{Attribute, Color};
use serde::Serialize;

use crate::{
    config::LogLevel,
    context::{Context, sql_problems},
    error::{CliError, Result},
    output::{
        Output,
        table::{Rows, cell},
        text::counted,
    },
};

/// What one check found.
#[derive(Serialize)]
pub(crate) struct Finding {
    /// What was looked at.
    check: String,
    verdict: Verdict,
    /// What was found.
    found: String,
    /// What to do about it; empty if nothing needs doing.
    #[serde(skip_serializing_if = "String::is_empty")]
    fix: String,
}

#[derive(Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Verdict {
    Ok,
    Warning,
    Problem,
}

impl Finding {
    pub(crate) fn ok(check: impl Into<String>, found: impl Into<String>) -> Finding {
        Finding { check: check.into(), verdict: Verdict::Ok, found: found.into(), fix: String::new() }
    }

    pub(crate) fn warning(check: impl Into<String>, found: impl Into<String>, fix: impl Into<String>) -> Finding {
        Finding { check: check.into(), verdict: Verdict::Warning, found: found.into(), fix: fix.into() }
    }

    pub(crate) fn problem(check: impl Into<String>, found: impl Into<String>, fix: impl Into<String>) -> Finding {
        Finding { check: check.into(), verdict: Verdict::Problem, found: found.into(), fix: fix.into() }
    }
}

pub(crate) fn run(context: &Context) -> Result<()> {
    let out = &context.out;
    let mut findings = vec![project(context)];
    if let Ok(settings) = context.settings() {
        if settings.zones.raw.path().is_some() {
            findings.extend(places::zones(&settings));
            findings.push(machine::watches(&settings));
            findings.extend(machine::disks(&settings));
        }
        let services = async {
            let mut found = if settings.is_on_aws() { services::cloud(context, &settings).await } else { Vec::new() };
            found.extend(services::lake(context, &settings).await);
            Ok(found)
        };
        findings.extend(context.block_on(LogLevel::Quiet, services)?);
    }
    findings.push(machine::memory());
    findings.push(machine::open_files());
    findings.push(services::telemetry());
    out.answer(&findings, |findings| text(out, findings))?;
    if findings.iter().any(|finding| finding.verdict == Verdict::Problem) { Err(CliError::Unmet) } else { Ok(()) }
}

/// Whether the project's files are right.
fn project(context: &Context) -> Finding {
    let check = "project";
    let wrong = |count: usize| {
        Finding::problem(check, counted(count as u64, "error in its files"), "run `lakegate check`, which tells each with its place")
    };
    match context.project() {
        Ok(project) => match sql_problems(&project).len() {
            0 => Finding::ok(check, format!("{}, {}", project.dir.display(), counted(project.pipelines.len() as u64, "pipeline"))),
            count => wrong(count),
        },
        Err(CliError::Diagnostics(diagnostics)) => wrong(diagnostics.len()),
        Err(CliError::Failed(failure)) => Finding::problem(check, failure.message, failure.hint),
        Err(_) => wrong(1),
    }
}

fn text(out: &Output, findings: &[Finding]) -> String {
    let mut rows = Rows::new(out, &["", "CHECK", "FOUND", "TO DO"]);
    for finding in findings {
        let mark = match finding.verdict {
            Verdict::Ok => cell("ok").fg(Color::Green),
            Verdict::Warning => cell("warn").fg(Color::Yellow).add_attribute(Attribute::Bold),
            Verdict::Problem => cell("FAIL").fg(Color::Red).add_attribute(Attribute::Bold),
        };
        rows.push([mark, cell(&finding.check), cell(&finding.found), cell(&finding.fix)]);
    }
    let count = |verdict: Verdict| findings.iter().filter(|finding| finding.verdict == verdict).count() as u64;
    let verdict = match (count(Verdict::Problem), count(Verdict::Warning)) {
        (0, 0) => "all is well".to_owned(),
        (0, warnings) => format!("it will run; {}", counted(warnings, "warning")),
        (problems, _) => format!("{} to mend first", counted(problems, "problem")),
    };
    format!("{}\n\n{verdict}", rows.render())
}
