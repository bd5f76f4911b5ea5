//! What the command is told from outside: flags, then `LAKEGATE_*` variables. The project's file
//! and the defaults come after them, in `project`. Nothing else in the command reads the environment.

use std::{env, ffi::OsStr, path::PathBuf};

use clap::{ArgMatches, Args, ColorChoice, ValueEnum, parser::ValueSource};
use lakegate_model::Failure;
use lakegate_telemetry::logs;

use crate::{
    error::telemetry_failure,
    output::{LogLines, Output},
    project::Overrides,
};

/// The flags every command takes.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Global options")]
pub(crate) struct Global {
    /// The lake project's folder.
    #[arg(long, global = true, value_name = "DIR", env = "LAKEGATE_DIR", hide_env_values = true, default_value = ".")]
    pub(crate) dir: PathBuf,
    /// Which of the project's environments to use.
    #[arg(long = "env", global = true, value_name = "NAME", env = "LAKEGATE_ENV", hide_env_values = true)]
    environment: Option<String>,
    /// The coordinator to talk to, instead of the project's own.
    #[arg(long, global = true, value_name = "URL", env = "LAKEGATE_ENDPOINT", hide_env_values = true)]
    endpoint: Option<String>,
    /// What to print: tables for people, or JSON and nothing else for programs.
    #[arg(short, long, global = true, value_name = "FORMAT", env = "LAKEGATE_OUTPUT", hide_env_values = true, default_value = "table")]
    pub(crate) output: OutputFormat,
    /// When to use colour.
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto")]
    pub(crate) color: ColorChoice,
    /// Log more: -v what happens, -vv why, -vvv everything.
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    verbose: u8,
    /// How log lines on standard error look.
    #[arg(long, global = true, value_name = "FORMAT", env = "LAKEGATE_LOG_FORMAT", hide_env_values = true, default_value = "text")]
    log_format: LogFormat,
    /// Which log lines to write, such as `info` or `lakegate_worker=debug`.
    #[arg(long, global = true, value_name = "FILTER", env = "LAKEGATE_LOG", hide_env_values = true, hide_short_help = true)]
    log: Option<String>,
    /// Where files land, instead of the project's `zones.raw`.
    #[arg(long, global = true, value_name = "PLACE", env = "LAKEGATE_RAW", hide_env_values = true, hide_short_help = true)]
    raw: Option<String>,
    /// The zone between stages, instead of the project's `zones.stage`.
    #[arg(long, global = true, value_name = "PLACE", env = "LAKEGATE_STAGE", hide_env_values = true, hide_short_help = true)]
    stage: Option<String>,
    /// Where tables are read, instead of the project's `zones.analytics`.
    #[arg(long, global = true, value_name = "PLACE", env = "LAKEGATE_ANALYTICS", hide_env_values = true, hide_short_help = true)]
    analytics: Option<String>,
    /// The ledger, instead of the project's `ledger`.
    #[arg(long, global = true, value_name = "ADDRESS", env = "LAKEGATE_LEDGER", hide_env_values = true, hide_short_help = true)]
    ledger: Option<String>,
    /// The table catalog, instead of the project's `catalog`.
    #[arg(long, global = true, value_name = "ADDRESS", env = "LAKEGATE_CATALOG", hide_env_values = true, hide_short_help = true)]
    catalog: Option<String>,
}

/// What standard output carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum OutputFormat {
    /// Tables, colour and progress.
    Table,
    /// One JSON document; JSON lines where there is no end.
    Json,
    /// JUnit XML: of `quality run` and `quality report` alone.
    #[value(hide = true)]
    Junit,
    /// One HTML file: of `quality run` and `quality report` alone.
    #[value(hide = true)]
    Html,
}

/// How log lines look.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum LogFormat {
    Text,
    Json,
}

/// How much a command logs when nobody says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LogLevel {
    /// Only what is wrong: the command itself says what happens.
    Quiet,
    /// What is wrong, and how the work goes on.
    Progress,
    /// What a service tells its operator.
    Service,
}

/// A variable or flag that is there and empty says nothing.
fn said(value: Option<&String>) -> Option<String> {
    value.filter(|text| !text.is_empty()).cloned()
}

impl OutputFormat {
    /// Whether only reports of data quality have this form.
    pub(crate) fn is_of_reports(self) -> bool {
        matches!(self, OutputFormat::Junit | OutputFormat::Html)
    }
}

impl Global {
    /// The chosen environment of the project.
    pub(crate) fn environment(&self) -> Option<String> {
        said(self.environment.as_ref())
    }

    /// The coordinator that flag or variable name.
    pub(crate) fn endpoint(&self) -> Option<String> {
        said(self.endpoint.as_ref())
    }

    /// What flags and variables put in place of the project's settings.
    pub(crate) fn overrides(&self) -> Overrides {
        Overrides {
            raw: said(self.raw.as_ref()),
            stage: said(self.stage.as_ref()),
            analytics: said(self.analytics.as_ref()),
            ledger: said(self.ledger.as_ref()),
            catalog: said(self.catalog.as_ref()),
        }
    }

    /// Starts logging to standard error.
    pub(crate) fn start_logs(&self, level: LogLevel, out: &Output) -> Result<(), Failure> {
        let usual = match (self.verbose, level) {
            (0, LogLevel::Quiet) => "warn",
            // What fails is told by the coordinator, which is in the same process.
            (0, LogLevel::Progress) => "warn,lakegate_worker=error,lakegate::up=info",
            (0, LogLevel::Service) | (1, _) => "info",
            (2, _) => "info,lakegate=debug,lakegate_coordinator=debug,lakegate_worker=debug,lakegate_local=debug,lakegate_aws=debug",
            _ => "trace,h2=info,hyper=info",
        };
        let format = match self.log_format {
            LogFormat::Text => logs::Format::Text,
            LogFormat::Json => logs::Format::Json,
        };
        let screen = out.screen().clone();
        logs::init_to(format, said(self.log.as_ref()).as_deref().unwrap_or(usual), move || LogLines(screen.clone()))
            .map_err(|error| telemetry_failure(&error))
    }
}

/// Whether this is an automated build, where nobody watches a progress bar.
pub(crate) fn is_ci() -> bool {
    env::var_os("CI").is_some_and(|value| !value.is_empty() && value != OsStr::new("false"))
}

/// What webhooks are signed with, if anything.
pub(crate) fn webhook_secret() -> Option<String> {
    env::var_os("LAKEGATE_WEBHOOK_SECRET").and_then(|value| value.into_string().ok()).filter(|secret| !secret.is_empty())
}

/// The standard OpenTelemetry variables that are set, with their values; headers, which may hold
/// credentials, by name only.
pub(crate) fn telemetry_variables() -> Vec<(String, String)> {
    let mut found: Vec<(String, String)> = env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.to_string_lossy().into_owned())))
        .filter(|(name, value)| name.starts_with("OTEL_") && !value.is_empty())
        .map(|(name, value)| if name.ends_with("_HEADERS") { (name, "(set)".to_owned()) } else { (name, value) })
        .collect();
    found.sort();
    found
}

/// Who decided a setting, if a flag or a variable did.
pub(crate) fn decided_by(matches: &ArgMatches, setting: &str) -> Option<String> {
    let given = matches.get_one::<String>(setting).is_some_and(|value| !value.is_empty());
    let name = if setting == "environment" { "env" } else { setting };
    match matches.value_source(setting)? {
        ValueSource::CommandLine if given => Some(format!("--{name}")),
        ValueSource::EnvVariable if given => Some(format!("LAKEGATE_{}", name.to_ascii_uppercase())),
        _ => None,
    }
}
