//! `lakegate quality suggest`: a ruleset that data speaks for.

use clap::builder::PossibleValuesParser;
use lakegate_quality::suggest::{self, Set, SuggestError};

use super::{
    inputs::{self, DataArgs},
    profile,
    run::waiting,
};
use crate::{
    context::Context,
    error::{CliError, Result},
};

#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    #[command(flatten)]
    data: DataArgs,
    /// Which rules are thought of.
    #[arg(long, default_value = "default", value_parser = PossibleValuesParser::new(["default", "string", "numerical", "common", "extended"]))]
    set: String,
    /// Only for these columns.
    #[arg(long, value_name = "COLUMN", num_args = 1..)]
    columns: Vec<String>,
    /// Which share of the rows is held out, to check suggestions on: from 0 to below 1.
    #[arg(long, value_name = "SHARE", default_value_t = suggest::Options::default().held_out)]
    held_out: f64,
    /// Another number holds out other rows; the same number the same ones.
    #[arg(long, value_name = "N", default_value_t = 0)]
    seed: u64,
}

pub(super) fn run(context: &Context, args: &Args) -> Result<()> {
    let out = &context.out;
    let dataset = args.data.dataset()?;
    let options = suggest::Options {
        set: Set::find(&args.set).unwrap_or_default(),
        columns: (!args.columns.is_empty()).then(|| args.columns.clone()),
        held_out: args.held_out,
        seed: args.seed,
        ..suggest::Options::default()
    };
    let bar = waiting(out, "measuring");
    let suggestions = suggest::suggest(&dataset, &options).map_err(wrong)?;
    bar.finish_and_clear();
    out.answer(&suggestions, |suggestions| suggestions.to_string().trim_end().to_owned())
}

fn wrong(error: SuggestError) -> CliError {
    match error {
        SuggestError::Profile(error) => profile::wrong(error),
        SuggestError::Data(error) => inputs::unread(&error),
        SuggestError::Unread(error) => inputs::unread(&error),
        SuggestError::Options(_) => CliError::wrong(error.to_string(), ""),
    }
}
