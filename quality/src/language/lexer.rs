//! A ruleset's text in words, strings and symbols.

use super::ast::Span;
use super::{Diagnostic, RuleType};

/// A piece of the source.
#[derive(Clone, Debug)]
pub(super) struct Token {
    pub(super) kind: TokenKind,
    pub(super) span: Span,
}

/// What a piece is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum TokenKind {
    /// A name, a keyword or a number without sign: letters, digits, `_` and `.`.
    Word,
    /// A quoted string, without quotes and escapes.
    Text(String),
    /// `$` and a name.
    Variable,
    /// Brackets, operators and separators.
    Symbol(&'static str),
    /// What follows the last token.
    End,
}

/// Longer ones first. Those that no rule has are read so that they can be told of in one piece.
const SYMBOLS: &[&str] = &[">=", "<=", "!=", "==", "<>", "=", ">", "<", "!", "[", "]", "(", ")", "{", "}", ",", ":", "+", "-", "*", "/"];

/// A text's tokens, with `End` as the last, and what is wrong with its characters.
pub(super) struct Lexed {
    pub(super) tokens: Vec<Token>,
    pub(super) diagnostics: Vec<Diagnostic>,
    /// A string is not closed: what the tokens say is not what was meant.
    pub(super) unclosed: bool,
}

/// Reads all of a text.
pub(super) fn lex(source: &str) -> Lexed {
    let mut lexer = Lexer { source, at: 0, lexed: Lexed { tokens: Vec::new(), diagnostics: Vec::new(), unclosed: false } };
    if source.starts_with('\u{feff}') {
        lexer.at = '\u{feff}'.len_utf8();
    }
    while lexer.at < source.len() && !lexer.lexed.unclosed {
        lexer.token();
    }
    let end = source.trim_end().len();
    lexer.push(TokenKind::End, Span { start: end, end });
    lexer.lexed
}

struct Lexer<'a> {
    source: &'a str,
    at: usize,
    lexed: Lexed,
}

impl Lexer<'_> {
    fn token(&mut self) {
        let rest = &self.source[self.at..];
        let Some(first) = rest.chars().next() else { return };
        match first {
            '#' => self.at += rest.find('\n').unwrap_or(rest.len()),
            '"' => self.text(),
            '$' => self.variable(),
            _ if first.is_whitespace() => self.at += first.len_utf8(),
            _ if is_word(first) || first.is_alphanumeric() => {
                let span = self.take(|character| is_word(character) || character.is_alphanumeric());
                self.word(span);
            }
            _ => match SYMBOLS.iter().find(|symbol| rest.starts_with(**symbol)) {
                Some(symbol) => {
                    let span = Span { start: self.at, end: self.at + symbol.len() };
                    self.at = span.end;
                    self.push(TokenKind::Symbol(symbol), span);
                }
                None => self.stranger(first),
            },
        }
    }

    fn word(&mut self, span: Span) {
        let word = &self.source[span.start..span.end];
        if !word.chars().all(is_word) {
            self.report(span, format!("`{}` has letters that a name without quotes can't have", shorten(word)), "put it in double quotes");
        }
        self.push(TokenKind::Word, span);
    }

    fn variable(&mut self) {
        let start = self.at;
        self.at += 1;
        let end = self.take(is_word).end;
        let span = Span { start, end };
        if end == start + 1 {
            self.report(span, "there is no name after `$`", "a variable is written `$name`");
        }
        self.push(TokenKind::Variable, span);
    }

    fn text(&mut self) {
        let start = self.at;
        let mut value = String::new();
        let mut characters = self.source[start + 1..].char_indices().peekable();
        while let Some((offset, character)) = characters.next() {
            match character {
                '"' => {
                    self.at = start + 1 + offset + 1;
                    self.push(TokenKind::Text(value), Span { start, end: self.at });
                    return;
                }
                // Other escapes are none: `"\\d"` is a backslash and a `d`.
                '\\' => value.push(characters.next_if(|(_, next)| matches!(next, '"' | '\\')).map_or('\\', |(_, escaped)| escaped)),
                _ => value.push(character),
            }
        }
        self.unclosed(start);
    }

    /// The last string has no end. If a string before has rules in it, it is the one that misses a quote: all that
    /// follow begin where they should end.
    fn unclosed(&mut self, last: usize) {
        let swallowing = self.lexed.tokens.iter().find(|token| matches!(&token.kind, TokenKind::Text(text) if swallows(text)));
        let start = swallowing.map_or(last, |token| token.span.start);
        let end = self.source[start..].find('\n').map_or(self.source.len(), |newline| start + newline);
        self.report(Span { start, end }, "this string is not closed", "a double quote `\"` is missing");
        self.lexed.unclosed = true;
        self.at = self.source.len();
    }

    fn stranger(&mut self, first: char) {
        let start = self.at;
        match first {
            '\'' | '“' | '”' | '„' | '‘' | '’' | '`' => self.other_quotes(start, first),
            _ => {
                let span = self.take(|character| !is_word(character) && !character.is_whitespace() && !character.is_ascii());
                let span = if span.end > span.start { span } else { Span { start, end: start + first.len_utf8() } };
                self.at = span.end;
                let hint = match first {
                    ';' => "rules are separated by commas",
                    '%' | '&' | '|' | '^' => "numbers are reckoned with by + - * /; rules are put together by `and` and `or`",
                    _ => "",
                };
                let found = shorten(&self.source[span.start..span.end]).into_owned();
                self.report(span, format!("`{}` has no meaning here", found.escape_debug()), hint);
            }
        }
    }

    /// A string in quotes that are none of DQDL: told of, and read as what it was meant to be.
    fn other_quotes(&mut self, start: usize, first: char) {
        let inner = start + first.len_utf8();
        let line = &self.source[inner..];
        let ends = |character| matches!(character, '\n' | '\'' | '“' | '”' | '‘' | '’' | '`');
        let close = line.char_indices().find(|(_, character)| ends(*character)).filter(|(_, character)| *character != '\n');
        let (length, closing) = close.map_or((0, 0), |(offset, character)| (offset, character.len_utf8()));
        let span = Span { start, end: inner + length + closing };
        self.at = span.end;
        self.report(span, "strings are in double quotes", "write `\"` around it");
        if closing > 0 {
            self.push(TokenKind::Text(line[..length].to_owned()), span);
        }
    }

    fn take(&mut self, wanted: impl Fn(char) -> bool) -> Span {
        let start = self.at;
        let rest = &self.source[start..];
        self.at = start + rest.find(|character| !wanted(character)).unwrap_or(rest.len());
        Span { start, end: self.at }
    }

    fn push(&mut self, kind: TokenKind, span: Span) {
        self.lexed.tokens.push(Token { kind, span });
    }

    fn report(&mut self, span: Span, message: impl Into<String>, hint: &str) {
        if self.lexed.diagnostics.len() < super::MAX_DIAGNOSTICS {
            self.lexed.diagnostics.push(Diagnostic::at(self.source, span, message, hint));
        }
    }
}

fn is_word(character: char) -> bool {
    character.is_ascii_alphanumeric() || matches!(character, '_' | '.')
}

/// Whether a string goes over lines that look like a ruleset's own: the quote that ends it is one that begins another.
pub(super) fn swallows(text: &str) -> bool {
    let begins = |line: &str| {
        let line = line.trim_start();
        let word = &line[..line.find(|character| !is_word(character)).unwrap_or(line.len())];
        line.starts_with(']') || (!word.is_empty() && RuleType::ALL.iter().any(|kind| kind.name() == word))
    };
    text.lines().skip(1).any(begins)
}

/// As much of a text as a message has room for.
pub(super) fn shorten(text: &str) -> std::borrow::Cow<'_, str> {
    const ROOM: usize = 40;
    match text.char_indices().nth(ROOM) {
        Some((end, _)) => format!("{}…", &text[..end]).into(),
        None => text.into(),
    }
}
