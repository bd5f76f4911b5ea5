//! `lakegate quality check`: everything that is wrong with a ruleset, at once.

use std::path::PathBuf;

use lakegate_model::diagnostics::Diagnostic;
use lakegate_quality::{
    evaluate::{self, Known},
    language::{self, Ruleset},
};
use serde::Serialize;

use super::inputs::{self, DataFormat, Reference, Rules};
use crate::{
    context::Context,
    error::{CliError, Result},
    output::text::counted,
};

#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// The ruleset's file; - is standard input.
    file: PathBuf,
    /// Print the ruleset in canonical spelling.
    #[arg(long)]
    print: bool,
    /// Data to hold the names of columns against: files or folders.
    #[arg(long, value_name = "PATH", num_args = 1..)]
    data: Vec<PathBuf>,
    /// The data's format, where the files' names do not tell.
    #[arg(long, value_name = "FORMAT", requires = "data")]
    format: Option<DataFormat>,
    /// A dataset that rules compare with; as often as there are some.
    #[arg(long, value_name = "ALIAS=PATH", value_parser = inputs::reference, requires = "data")]
    reference: Vec<Reference>,
}

/// What a program is told.
#[derive(Serialize)]
struct Checked<'a> {
    ok: bool,
    file: &'a str,
    rules: usize,
    analyzers: usize,
    diagnostics: &'a [Diagnostic],
    #[serde(skip_serializing_if = "Option::is_none")]
    canonical: Option<String>,
}

pub(crate) fn run(context: &Context, args: &Args) -> Result<()> {
    let out = &context.out;
    let rules = Rules::read(&args.file)?;
    let ruleset = match read(&rules, args)? {
        Ok(ruleset) => ruleset,
        Err(diagnostics) => {
            let told = Checked { ok: false, file: &rules.file, rules: 0, analyzers: 0, diagnostics: &diagnostics, canonical: None };
            out.for_programs(&told)?;
            return Err(if out.is_json() { CliError::Wrong } else { rules.wrong(out, &diagnostics) });
        }
    };
    let canonical = args.print.then(|| ruleset.to_string());
    let (count, analyzers) = (ruleset.rules.len(), ruleset.analyzers.len());
    let told = Checked { ok: true, file: &rules.file, rules: count, analyzers, diagnostics: &[], canonical };
    out.answer(&told, |told| match &told.canonical {
        Some(text) => text.trim_end().to_owned(),
        None if analyzers == 0 => format!("ok: {}", counted(count as u64, "rule")),
        None => format!("ok: {}, {}", counted(count as u64, "rule"), counted(analyzers as u64, "analyzer")),
    })
}

/// The ruleset, or what is wrong with it; held against the data if there is some.
fn read(rules: &Rules, args: &Args) -> Result<std::result::Result<Ruleset, Vec<Diagnostic>>> {
    let ruleset = match rules.parse() {
        Ok(ruleset) => ruleset,
        Err(diagnostics) => return Ok(Err(diagnostics)),
    };
    if args.data.is_empty() {
        // What the rules will be compared with is not said.
        let found = evaluate::check_sql(&ruleset, &rules.source, &Known { open: true, ..Known::default() });
        return Ok(if found.is_empty() { Ok(ruleset) } else { Err(rules.placed(found)) });
    }
    let dataset = inputs::dataset(&args.data, args.format)?;
    let references = inputs::references(&args.reference)?;
    let columns: Vec<&str> = dataset.schema().iter_names().map(|name| name.as_str()).collect();
    let aliases: Vec<&str> = references.keys().map(String::as_str).collect();
    let mut found = language::check(&ruleset, &rules.source, &columns, &aliases);
    let tables = references.iter().map(|(alias, data)| (alias.as_str(), Some(data.schema()))).collect();
    let known = Known { schema: Some(dataset.schema()), references: tables, open: false };
    found.extend(evaluate::check_sql(&ruleset, &rules.source, &known));
    found.sort_by_key(|found| (found.line, found.column));
    Ok(if found.is_empty() { Ok(ruleset) } else { Err(rules.placed(found)) })
}
