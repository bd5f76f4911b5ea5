//! Suggestions for a dataset, each held against the rows it comes from and against rows that were
//! held out.

use super::{Held, Heuristic, Proposal, Sample, Set, Suggestion, Suggestions, chance::deviations, propose, split};
use crate::{
    data::{DataError, Dataset},
    evaluate::{Context, Outcome, evaluate},
    language::{self, Ruleset, ast::Node},
    profile::{self, Profile, ProfileError, profile},
};
use jiff::Timestamp;
use std::sync::Arc;

/// What is suggested, and how it is checked.
#[derive(Clone, Debug, PartialEq)]
pub struct Options {
    /// Which heuristics are asked.
    pub set: Set,
    /// Only for these columns, if any are named.
    pub columns: Option<Vec<String>>,
    /// Which share of the rows is held out, from 0 (none, and no check) to below 1.
    pub held_out: f64,
    /// Another number holds out other rows; the same number the same ones.
    pub seed: u64,
    /// How sure the lower ends of shares are, between 0 and 1.
    pub confidence: f64,
}

impl Default for Options {
    fn default() -> Options {
        Options { set: Set::Default, columns: None, held_out: 0.1, seed: 0, confidence: 0.95 }
    }
}

/// Why nothing can be suggested.
#[derive(Debug, thiserror::Error)]
pub enum SuggestError {
    /// A share is none.
    #[error("{0}")]
    Options(&'static str),
    /// The dataset can't be read.
    #[error(transparent)]
    Data(#[from] DataError),
    /// The dataset can't be read any more.
    #[error(transparent)]
    Unread(#[from] Arc<DataError>),
    /// It can't be profiled.
    #[error(transparent)]
    Profile(#[from] ProfileError),
}

/// Profiles a dataset and suggests rules for it. Printed, the result is a ruleset.
///
/// # Errors
/// If the options make no sense or the dataset can't be read.
pub fn suggest(data: &Dataset, options: &Options) -> Result<Suggestions, SuggestError> {
    if !(0.0..1.0).contains(&options.held_out) {
        return Err(SuggestError::Options("the share of rows held out must be from 0 to below 1"));
    }
    if !(options.confidence > 0.0 && options.confidence < 1.0) {
        return Err(SuggestError::Options("the confidence must be between 0 and 1"));
    }
    data.check_lines()?;
    suggest_of(data, options).map_err(|error| match error {
        SuggestError::Options(_) | SuggestError::Profile(ProfileError::NoColumn(_)) => error,
        // Some of the rows are a plan, which does not know its files.
        error => data.read_through().err().map_or(error, SuggestError::Data),
    })
}

fn suggest_of(data: &Dataset, options: &Options) -> Result<Suggestions, SuggestError> {
    let (own, others) = split::split(data, options.held_out, options.seed)?;
    let profiled = profile(&own, &profile::Options { columns: options.columns.clone(), ..profile::Options::default() })?;
    let mut drafts = drafts(&profiled, options);

    // A key that is unique among these rows and among those may still be in both.
    let (of_all, of_own): (Vec<usize>, Vec<usize>) =
        (0..drafts.len()).filter(|draft| drafts[*draft].own.is_none()).partition(|draft| drafts[*draft].is_of_all_rows());
    for (asked, rows) in [(of_own, &own), (of_all, data)].into_iter().filter(|(asked, _)| !asked.is_empty()) {
        for (draft, held) in asked.iter().zip(ask(&drafts, &asked, rows)?.1) {
            drafts[*draft].own = Some(held);
        }
    }
    let mut held_out = 0;
    if let Some(others) = others {
        let asked: Vec<usize> = (0..drafts.len()).filter(|draft| drafts[*draft].holds()).collect();
        let (rows, answers) = ask(&drafts, &asked, &others)?;
        held_out = rows;
        // Of no rows every answer is empty.
        for (draft, held) in asked.iter().zip(answers).filter(|_| rows > 0) {
            drafts[*draft].other = Some(held);
        }
    }
    Ok(Suggestions { rows: profiled.rows, held_out, notes: profiled.notes(), suggestions: drafts.into_iter().map(Draft::finish).collect() })
}

/// A suggestion that is not checked yet.
struct Draft {
    column: String,
    heuristic: Heuristic,
    /// As it will stand in the ruleset.
    spelled: String,
    why: String,
    /// As it is read from there; nothing if it can't be.
    read: Option<Node>,
    own: Option<Held>,
    other: Option<Held>,
}

impl Draft {
    fn of(column: &str, heuristic: Heuristic, Proposal { rule, why }: Proposal) -> Draft {
        let spelled = rule.to_string();
        let (read, own) = match read(&spelled) {
            Ok(node) => (Some(node), None),
            Err(reason) => (None, Some(Held { outcome: Outcome::Error, reason: Some(reason) })),
        };
        Draft { column: column.to_owned(), heuristic, spelled, why, read, own, other: None }
    }

    /// Whether it can't be told from rows apart.
    fn is_of_all_rows(&self) -> bool {
        self.heuristic == Heuristic::UniqueIfApproximatelyUnique
    }

    fn holds(&self) -> bool {
        self.own.as_ref().is_some_and(|held| held.outcome == Outcome::Passed)
    }

    fn finish(self) -> Suggestion {
        let unasked = || Held { outcome: Outcome::Error, reason: Some("it was not evaluated".to_owned()) };
        Suggestion {
            column: self.column,
            heuristic: self.heuristic,
            rule: self.spelled,
            why: self.why,
            own_rows: self.own.unwrap_or_else(unasked),
            held_out: self.other,
        }
    }
}

fn drafts(profiled: &Profile, options: &Options) -> Vec<Draft> {
    let rows = profiled.rows;
    let next = if options.held_out > 0.0 { (rows as f64 * options.held_out) as u64 } else { rows };
    let sample = Sample { rows, next: next.max(1), z: deviations(options.confidence) };
    let heuristics = options.set.heuristics();
    let of_column =
        |column| heuristics.iter().filter_map(move |heuristic| Some((column, *heuristic, propose(*heuristic, column, sample)?)));
    let drawn = profiled.columns.iter().flat_map(of_column);
    drawn.map(|(column, heuristic, proposal)| Draft::of(&column.name, heuristic, proposal)).collect()
}

/// What the ruleset will be read as is what is checked, not what it was printed from.
fn read(spelled: &str) -> Result<Node, String> {
    let said = |diagnostics: Vec<language::Diagnostic>| diagnostics.first().map(ToString::to_string).unwrap_or_default();
    let ruleset = language::parse(&format!("Rules = [\n{spelled}\n]")).map_err(said)?;
    let mut rules = ruleset.rules.into_iter();
    match (rules.next(), rules.next()) {
        (Some(node), None) => Ok(node),
        _ => Err("it can't be written as one rule".to_owned()),
    }
}

/// The rows that were asked, and the answers in the order of the drafts.
fn ask(drafts: &[Draft], asked: &[usize], data: &Dataset) -> Result<(u64, Vec<Held>), Arc<DataError>> {
    let rules = asked.iter().filter_map(|draft| drafts[*draft].read.clone()).collect();
    // Nothing that is suggested asks for the time.
    let evaluated = evaluate(&Ruleset { rules, ..Ruleset::default() }, data, &Context::new(Timestamp::UNIX_EPOCH));
    let evaluation = evaluated.evaluation.clone();
    evaluated.into_unread().map_or(Ok(()), Err)?;
    Ok((evaluation.rows, evaluation.rules.into_iter().map(|rule| Held { outcome: rule.outcome, reason: rule.reason }).collect()))
}
