//! `lakegate submit`: hand objects that lie in the raw zone to their pipelines.

use std::path::Path;

use clap::Args as ClapArgs;

use crate::{
    config::LogLevel,
    context::Context,
    error::{CliError, Result},
    lake::{nobody_runs, running},
    output::table::{Rows, cell},
};

#[derive(ClapArgs, Debug)]
pub(crate) struct Args {
    /// Keys in the raw zone, such as shop/orders/today.csv, or paths of files in its folder.
    #[arg(required = true, value_name = "KEY")]
    keys: Vec<String>,
}

pub(crate) fn run(context: &Context, args: &Args) -> Result<()> {
    let out = &context.out;
    context.block_on(LogLevel::Quiet, async {
        let lake = running(context).await?.ok_or_else(|| nobody_runs(context))?;
        let keys = args.keys.iter().map(|key| key_of(context, key));
        let submitted = lake.submit(keys).await?;
        out.answer(&submitted, |submitted| {
            let mut rows = Rows::new(out, &["KEY", "OBJECT", ""]);
            for one in submitted {
                let note = match &one.refused {
                    Some(failure) => format!("refused: {failure}"),
                    None if one.new => "taken".to_owned(),
                    None => "known already".to_owned(),
                };
                rows.push([cell(&one.key), cell(one.object.as_deref().unwrap_or_default()), cell(note)]);
            }
            rows.render()
        })?;
        if submitted.iter().any(|one| one.refused.is_some()) { Err(CliError::Unmet) } else { Ok(()) }
    })
}

/// The key that a path below the raw zone's folder names; anything else is a key already.
fn key_of(context: &Context, text: &str) -> String {
    let below = || {
        let path = Path::new(text).canonicalize().ok()?;
        let settings = context.settings().ok()?;
        let raw = Path::new(settings.zones.raw.path()?).canonicalize().ok()?;
        Some(path.strip_prefix(raw).ok()?.to_str()?.to_owned())
    };
    below().unwrap_or_else(|| text.to_owned())
}
