//! Tokens to a ruleset, by recursive descent.
//!
//! Every function either returns what it read, or has reported what is wrong and returns [`Stop`]; the list
//! that it is in then goes on at the next comma or closing bracket that is surely its own. Depth is bounded,
//! so that no text overflows the stack, and every token is passed a bounded number of times.

mod clauses;
mod condition;
mod document;
mod number;
mod operand;
mod recovery;
mod rules;

use std::collections::HashMap;

use super::ast::{Ruleset, Span, VariableValue};
use super::lexer::{self, Lexed, Token, TokenKind, shorten};
use super::{Diagnostic, MAX_DIAGNOSTICS, nearest};

/// How deep brackets and calls may be nested, and how many operators may follow each other.
const MAX_DEPTH: usize = 100;

/// What is wrong has been reported; what was being read is given up.
#[derive(Debug)]
struct Stop;

type Parsed<T> = Result<T, Stop>;

/// How many bytes the values of variables may come to where they are used: a list that is named in every rule
/// would otherwise make a small file large.
const MAX_EXPANDED: usize = 16 << 20;

/// Reads a ruleset, with all that can be said of it without knowing the data.
///
/// # Errors
/// What is wrong with it, in the order of the text; not all, if there is much.
pub fn parse(source: &str) -> Result<Ruleset, Vec<Diagnostic>> {
    let Lexed { tokens, diagnostics, unclosed } = lexer::lex(source);
    let mut parser = Parser { source, tokens, at: 0, depth: 0, variables: HashMap::new(), operators: 0, expanded: 0, diagnostics };
    // After a string without end nothing is as it was meant.
    let ruleset = if unclosed { Err(Stop) } else { parser.document() };
    let mut diagnostics = parser.diagnostics;
    match ruleset {
        Ok(ruleset) if diagnostics.is_empty() => Ok(ruleset),
        _ => {
            diagnostics.sort_by_key(|diagnostic| (diagnostic.line, diagnostic.column));
            diagnostics.dedup_by_key(|diagnostic| (diagnostic.line, diagnostic.column));
            Err(diagnostics)
        }
    }
}

struct Parser<'a> {
    source: &'a str,
    tokens: Vec<Token>,
    at: usize,
    depth: usize,
    /// `None` if the value could not be read.
    variables: HashMap<String, Option<VariableValue>>,
    /// How many operators the operand that is being read has.
    operators: usize,
    /// How many bytes variables have been written out to.
    expanded: usize,
    diagnostics: Vec<Diagnostic>,
}

impl<'a> Parser<'a> {
    fn kind(&self) -> &TokenKind {
        self.kind_at(0)
    }

    /// The token so many places ahead; `End` if there is none.
    fn kind_at(&self, ahead: usize) -> &TokenKind {
        self.tokens.get(self.at + ahead).map_or(&TokenKind::End, |token| &token.kind)
    }

    fn span(&self) -> Span {
        let end = Span { start: self.source.len(), end: self.source.len() };
        self.tokens.get(self.at).or(self.tokens.last()).map_or(end, |token| token.span)
    }

    /// Where the token before ends.
    fn end(&self) -> usize {
        self.at.checked_sub(1).and_then(|before| self.tokens.get(before)).map_or(0, |token| token.span.end)
    }

    fn since(&self, start: usize) -> Span {
        Span { start, end: self.end().max(start) }
    }

    fn slice(&self, span: Span) -> &'a str {
        &self.source[span.start..span.end]
    }

    /// The word here, or so many places ahead; empty if there is none.
    fn word(&self) -> &'a str {
        self.word_at(0)
    }

    fn word_at(&self, ahead: usize) -> &'a str {
        match self.tokens.get(self.at + ahead) {
            Some(Token { kind: TokenKind::Word, span }) => self.slice(*span),
            _ => "",
        }
    }

    fn is_symbol(&self, symbol: &str) -> bool {
        self.is_symbol_at(0, symbol)
    }

    fn is_symbol_at(&self, ahead: usize, symbol: &str) -> bool {
        matches!(self.kind_at(ahead), TokenKind::Symbol(found) if *found == symbol)
    }

    fn is_symbol_before(&self, symbol: &str) -> bool {
        let before = self.at.checked_sub(1).and_then(|before| self.tokens.get(before));
        matches!(before, Some(Token { kind: TokenKind::Symbol(found), .. }) if *found == symbol)
    }

    fn advance(&mut self) -> Span {
        let span = self.span();
        if self.at < self.tokens.len() {
            self.at += 1;
        }
        span
    }

    fn eat(&mut self, symbol: &str) -> bool {
        let found = self.is_symbol(symbol);
        if found {
            self.advance();
        }
        found
    }

    fn eat_word(&mut self, word: &str) -> bool {
        let found = self.word() == word;
        if found {
            self.advance();
        }
        found
    }

    fn expect(&mut self, symbol: &str, hint: &str) -> Parsed<Span> {
        match self.is_symbol(symbol) {
            true => Ok(self.advance()),
            false => self.unexpected(&format!("`{symbol}`"), hint),
        }
    }

    /// A string that has to be here.
    fn text(&mut self, wanted: &str, hint: &str) -> Parsed<(String, Span)> {
        match self.kind() {
            TokenKind::Text(value) => {
                let value = value.clone();
                Ok((value, self.advance()))
            }
            _ => self.unexpected(wanted, hint),
        }
    }

    fn report(&mut self, span: Span, message: impl Into<String>, hint: impl Into<String>) {
        if !self.full() {
            self.diagnostics.push(Diagnostic::at(self.source, span, message, hint));
        }
    }

    /// Enough is wrong.
    fn full(&self) -> bool {
        self.diagnostics.len() >= MAX_DIAGNOSTICS
    }

    fn fail<T>(&mut self, span: Span, message: impl Into<String>, hint: impl Into<String>) -> Parsed<T> {
        self.report(span, message, hint);
        Err(Stop)
    }

    /// The token here is not what has to be here.
    fn unexpected<T>(&mut self, wanted: &str, hint: &str) -> Parsed<T> {
        let span = self.span();
        let found = match self.kind() {
            TokenKind::End => "the end of the text".to_owned(),
            TokenKind::Text(_) => format!("the string {}", shorten(self.slice(span)).replace(char::is_control, "·")),
            _ => format!("`{}`", shorten(self.slice(span))),
        };
        let hint = match self.quote_missing() {
            Some(line) => format!("a double quote may be missing: the string before goes on since line {line}"),
            None => hint.to_owned(),
        };
        self.fail(span, format!("expected {wanted}, found {found}"), hint)
    }

    /// The line in which the string before began, if there are rules in it.
    fn quote_missing(&self) -> Option<usize> {
        let before = self.at.checked_sub(1).and_then(|before| self.tokens.get(before))?;
        let swallows = matches!(&before.kind, TokenKind::Text(text) if lexer::swallows(text));
        swallows.then(|| self.source[..before.span.start].matches('\n').count() + 1)
    }

    /// Reads one level deeper, or refuses to.
    fn deeper<T>(&mut self, read: impl FnOnce(&mut Self) -> Parsed<T>) -> Parsed<T> {
        if self.depth == MAX_DEPTH {
            return self.fail(self.span(), format!("this is nested more than {MAX_DEPTH} deep"), "leave out brackets that are not needed");
        }
        self.depth += 1;
        let result = read(self);
        self.depth -= 1;
        result
    }
}

/// Names near to one that is not known, as a hint.
fn did_you_mean<'n>(name: &str, known: impl IntoIterator<Item = &'n str>) -> String {
    nearest(name, known).map(|near| format!("did you mean `{near}`?")).unwrap_or_default()
}
