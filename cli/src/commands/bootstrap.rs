//! `lakegate bootstrap`: makes what the project needs in an AWS account and is not there yet.

use clap::Args as ClapArgs;
use comfy_table::Color;

use crate::{
    config::LogLevel,
    context::Context,
    error::Result,
    output::{
        Output,
        table::{Rows, cell},
    },
    up::cloud::{Bootstrapped, Cloud},
};

#[derive(ClapArgs, Debug)]
pub(crate) struct Args {
    /// Say what is missing, and make nothing.
    #[arg(long)]
    dry_run: bool,
    /// Print the IAM policies of coordinator and worker as well.
    #[arg(long)]
    policies: bool,
}

pub(crate) fn run(context: &Context, args: &Args) -> Result<()> {
    let project = context.checked_project()?;
    let uses = project.uses();
    let done =
        context.block_on(LogLevel::Quiet, async { Ok(Cloud::load().await?.bootstrap(&project.settings, &uses, args.dry_run).await?) })?;
    let out = &context.out;
    out.answer(&done, |done| text(out, done, args))
}

fn text(out: &Output, done: &Bootstrapped, args: &Args) -> String {
    let mut rows = Rows::new(out, &["WHAT", "NAME", ""]);
    for step in &done.steps {
        let color = match step.outcome {
            "present" => Color::Reset,
            "made" => Color::Green,
            _ => Color::Yellow,
        };
        rows.push([cell(step.kind), cell(&step.name), cell(step.outcome).fg(color)]);
    }
    let missing = done.steps.iter().any(|step| step.outcome == "missing");
    let next = match (args.dry_run, missing) {
        (true, true) => "nothing was changed; run it without --dry-run to make what is missing",
        (true, false) => "nothing is missing",
        (false, _) => "everything is there; `lakegate doctor` looks whether it can be used",
    };
    let policies = if args.policies {
        let text = |(role, policy): (&&str, &serde_json::Value)| format!("\n\npolicy of the {role}:\n{policy:#}");
        done.policies.iter().map(text).collect()
    } else {
        String::new()
    };
    format!("{}\n\n{next}{policies}", rows.render())
}
