//! Regular expressions: on the engine whose time is linear, unless they look around or back.

use crate::evaluate::Fault;

/// How far the backtracking engine goes before it gives up on a value.
const STEPS: usize = 1_000_000;

/// A regular expression.
#[derive(Clone, Debug)]
pub(crate) enum Pattern {
    /// On the linear engine.
    Linear(regex::Regex),
    /// With look-around or references back.
    Backtracking(Box<fancy_regex::Regex>),
}

impl Pattern {
    /// Reads one.
    pub(crate) fn new(pattern: &str) -> Result<Pattern, Fault> {
        let linear = match regex::Regex::new(pattern) {
            Ok(regex) => return Ok(Pattern::Linear(regex)),
            Err(error) => error,
        };
        fancy_regex::RegexBuilder::new(pattern)
            .backtrack_limit(STEPS)
            .build()
            .map(|regex| Pattern::Backtracking(Box::new(regex)))
            .map_err(|_| Fault::error(format!("\"{pattern}\" is not a regular expression: {linear}")))
    }

    /// Whether it is somewhere in a text. Of a text on which the engine gives up nothing is known.
    pub(crate) fn is_in(&self, text: &str) -> Result<bool, Fault> {
        match self {
            Pattern::Linear(regex) => Ok(regex.is_match(text)),
            Pattern::Backtracking(regex) => regex.is_match(text).map_err(|_| gave_up()),
        }
    }

    /// Whether it matches, and not nothing, if it is a pattern of an entire text.
    pub(crate) fn is_entire(&self, text: &str) -> Result<bool, Fault> {
        match self {
            // What matches is the text, so its ends need not be found.
            Pattern::Linear(regex) => Ok(!text.is_empty() && regex.is_match(text)),
            // This one knows `\K`, which moves the start of what matches.
            Pattern::Backtracking(regex) => {
                let found = regex.find(text).map_err(|_| gave_up())?;
                Ok(found.is_some_and(|found| found.end() > found.start()))
            }
        }
    }
}

fn gave_up() -> Fault {
    Fault::error("The regular expression takes too many steps on a text; have less repeated within what is repeated.")
}

/// The pattern of `matches`: all of the text, from its start to its end.
pub(crate) fn entire(pattern: &str) -> String {
    format!(r"\A(?:{pattern})\z")
}

/// The pattern of `not matches`, which holds if this isn't in the text: from its start, up to the end of a word.
pub(crate) fn leading(pattern: &str) -> String {
    format!(r"\A(?:(?:{pattern})(?:\b|\z))")
}
