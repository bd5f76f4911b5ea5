//! The rule language: DQDL's grammar and what Lakegate adds to it.
//!
//! [`parse`] reads a ruleset and says all that can be said without data; [`check`] holds it against the names of
//! columns and references. Everything in [`ast`] prints itself in canonical spelling, which reads as the same again.
//! [`registry`] says what each type of rule takes, [`eval`] works conditions out.
//!
//! Where the reference parser drops something in silence (text behind the last bracket, a second section), this one
//! refuses it; what AWS documents and the reference refuses is read.

pub mod ast;
pub mod eval;
pub mod registry;
pub mod rule_type;

mod check;
mod diagnostic;
mod lexer;
mod parser;
mod print;
mod validate;

pub use ast::Ruleset;
pub(crate) use check::unquoted;
pub use check::{check, check_rules};
pub use diagnostic::Diagnostic;
pub use parser::parse;
pub use rule_type::RuleType;

/// More than a person reads at once; it also bounds the work that is spent on a broken file.
pub(crate) const MAX_DIAGNOSTICS: usize = 20;

/// The known name that is most like another, if any is like it.
pub fn nearest<'n>(name: &str, known: impl IntoIterator<Item = &'n str>) -> Option<&'n str> {
    const LONGEST: usize = 128;
    const LIKE: f64 = 0.7;
    if name.len() > LONGEST {
        return None;
    }
    let lower = name.to_lowercase();
    known
        .into_iter()
        .filter(|candidate| candidate.len() <= LONGEST)
        .map(|candidate| (strsim::normalized_damerau_levenshtein(&lower, &candidate.to_lowercase()), candidate))
        .filter(|(likeness, _)| *likeness >= LIKE)
        .max_by(|(left, _), (right, _)| left.total_cmp(right))
        .map(|(_, candidate)| candidate)
}
