//! The rules of `quality` steps: read in their own language, with what is wrong said in their file.

use std::collections::BTreeSet;

use lakegate_model::{
    diagnostics::{Diagnostic, Place},
    pipeline::{Pipeline, Quality, Step, decode::PipelineFile},
};
use lakegate_quality::{
    evaluate::{Known, check_sql, looks_back},
    language::{self, Ruleset, ast},
};

/// What is wrong with the rules that pipelines name; a file that several stages name is complained of once,
/// as far as what is wrong is the same.
pub(super) fn check(files: &[PipelineFile]) -> Vec<Diagnostic> {
    let stages = files.iter().filter_map(|file| file.pipeline.as_ref()).flat_map(|pipeline| &pipeline.stages);
    let mut found: Vec<Diagnostic> = Vec::new();
    for quality in stages.filter_map(|stage| stage.quality()) {
        for wrong in wrong_with(quality) {
            if !found.contains(&wrong) {
                found.push(wrong);
            }
        }
    }
    found
}

/// Notes in a pipeline which statistics its rules ask the past of, so that no others are sent with its tasks.
pub(super) fn note_what_is_asked(pipeline: &mut Pipeline) {
    for step in pipeline.stages.iter_mut().flat_map(|stage| &mut stage.steps) {
        if let Step::Quality(quality) = step {
            // Rules that can't be read have been complained of.
            quality.rules.looks_back = language::parse(&quality.rules.text).ok().map(|rules| looks_back(&rules));
        }
    }
}

fn wrong_with(quality: &Quality) -> Vec<Diagnostic> {
    let text = &quality.rules.text;
    let wrong = match language::parse(text) {
        Err(wrong) => wrong,
        Ok(rules) => {
            // What columns there are shows only when there is data: every name may be one of them.
            let columns: Vec<&str> = names(&rules).into_iter().collect();
            let aliases: Vec<&str> = quality.references.keys().map(String::as_str).collect();
            let mut wrong = language::check(&rules, text, &columns, &aliases);
            let references = aliases.into_iter().map(|alias| (alias, None)).collect();
            wrong.extend(check_sql(&rules, text, &Known { references, ..Known::default() }));
            wrong.sort_by_key(|wrong| (wrong.line, wrong.column));
            wrong
        }
    };
    wrong.into_iter().map(|wrong| diagnostic(&quality.rules.file, wrong)).collect()
}

fn diagnostic(file: &str, wrong: language::Diagnostic) -> Diagnostic {
    let language::Diagnostic { line, column, length, source, message, hint } = wrong;
    Diagnostic { place: Place { file: file.to_owned(), line, column, length, source }, message, hint }
}

/// Everything in rules that may be the name of a column.
fn names(rules: &Ruleset) -> BTreeSet<&str> {
    let mut names = BTreeSet::new();
    rules.rules.iter().for_each(|node| names_of(node, &mut names));
    rules.analyzers.iter().for_each(|analyzer| analyzer.parameters.iter().for_each(|parameter| add(&parameter.value, &mut names)));
    names
}

fn names_of<'r>(node: &'r ast::Node, names: &mut BTreeSet<&'r str>) {
    match node {
        ast::Node::Composite(composite) => composite.parts.iter().for_each(|part| names_of(part, names)),
        ast::Node::Rule(rule) => {
            rule.parameters.iter().for_each(|parameter| add(&parameter.value, names));
            rule.group_by.iter().for_each(|column| add(&column.value, names));
        }
    }
}

/// A text may be one name, several with commas between them, pairs of them (`a->b`), or hold one (`sum(a)`).
fn add<'r>(text: &'r str, names: &mut BTreeSet<&'r str>) {
    names.insert(text);
    names.extend(text.split([',', '(', ')']).map(|part| part.split_once("->").map_or(part, |(from, _)| from).trim()));
}
