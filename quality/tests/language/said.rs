//! Texts with the place that is meant marked, and what is said about it.

use lakegate_quality::language::{Diagnostic, parse};

/// What is wrong with a text.
pub(crate) fn diagnostics(source: &str) -> Vec<Diagnostic> {
    match parse(source) {
        Ok(ruleset) => panic!("read: {source}\n{ruleset}"),
        Err(diagnostics) => diagnostics,
    }
}

/// A text with what is meant marked by `«…»`, and what is said about it.
pub(crate) fn assert_said(marked: &str, message: &str, hint: &str) {
    let source = marked.replace(['«', '»'], "");
    let (before, rest) = marked.split_once('«').unwrap();
    let meant = rest.split_once('»').unwrap().0;
    let said = diagnostics(&source);
    let line = before.matches('\n').count();
    let column = before.rsplit('\n').next().unwrap().chars().count() + 1;
    let expected = Diagnostic {
        line: line + 1,
        column,
        length: meant.chars().count().max(1),
        source: source.lines().nth(line).unwrap_or_default().to_owned(),
        message: message.to_owned(),
        hint: hint.to_owned(),
    };
    assert_eq!(said, [expected], "{source}");
}

/// The same within `Rules = [ … ]`.
pub(crate) fn rule_said(marked: &str, message: &str, hint: &str) {
    assert_said(&format!("Rules = [ {marked} ]"), message, hint);
}
