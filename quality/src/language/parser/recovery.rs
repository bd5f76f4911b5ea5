//! Lists, and how reading goes on after an item that could not be read.

use super::super::RuleType;
use super::super::lexer::TokenKind;
use super::{Parsed, Parser, Stop, document};

impl Parser<'_> {
    /// `, …` until `]`. All is given up with the first item that is.
    pub(super) fn items<T>(&mut self, item: fn(&mut Self) -> Parsed<T>) -> Parsed<Vec<T>> {
        let mut items = vec![item(self)?];
        while self.separator()? {
            items.push(item(self)?);
        }
        Ok(items)
    }

    /// `, …` until `]`. An item that is given up is passed over, as far as it can be told where the next begins.
    pub(super) fn items_apart<T>(&mut self, item: fn(&mut Self) -> Parsed<T>) -> Parsed<Vec<T>> {
        let mut items = Vec::new();
        let mut sound = true;
        loop {
            let start = self.at;
            match item(self).and_then(|item| self.separator().map(|more| (item, more))) {
                Ok((item, more)) => {
                    items.push(item);
                    if !more {
                        break;
                    }
                }
                Err(Stop) => {
                    sound = false;
                    if self.full() || !self.recover(start) {
                        break;
                    }
                }
            }
        }
        if sound { Ok(items) } else { Err(Stop) }
    }

    /// `,` before another item, or the end of the list.
    fn separator(&mut self) -> Parsed<bool> {
        if self.eat("]") {
            return Ok(false);
        }
        if !self.is_symbol(",") {
            let hint = self.separator_hint();
            return self.unexpected("`,` or `]`", hint);
        }
        let comma = self.advance();
        if self.is_symbol("]") {
            self.report(comma, "nothing follows this comma", "leave it out");
            self.advance();
            return Ok(false);
        }
        Ok(true)
    }

    fn separator_hint(&self) -> &'static str {
        match self.word() {
            "" if *self.kind() == TokenKind::End => "the list is not closed",
            word if self.is_symbol_at(1, "=") && document::SECTIONS.contains(&word) => "the list before is not closed",
            // What follows a bracket that closes rules can only be of the rules within.
            "where" | "group" | "with" if self.is_symbol_before(")") => "this belongs into the brackets, to its rule",
            word if RuleType::find(word).is_some() => "a comma is missing between two rules",
            word => keyword_hint(word),
        }
    }

    /// Goes on at the item after one that was given up; false if there is none.
    fn recover(&mut self, start: usize) -> bool {
        let failed = self.at;
        self.at = start;
        let mut depth = 0_usize;
        while *self.kind() != TokenKind::End {
            let passed = self.at >= failed;
            match self.kind() {
                TokenKind::Symbol("(" | "[" | "{") => depth += 1,
                TokenKind::Symbol("]") if passed && (depth == 0 || self.section_ends()) => {
                    self.advance();
                    return false;
                }
                TokenKind::Symbol(")" | "]" | "}") => depth = depth.saturating_sub(1),
                TokenKind::Symbol(",") if passed && depth == 0 && self.is_symbol_at(1, "]") => {}
                TokenKind::Symbol(",") if self.next_item(failed, depth) => {
                    self.advance();
                    return true;
                }
                _ => {}
            }
            self.advance();
        }
        false
    }

    /// Whether an item begins behind the comma here. What is in brackets is never a rule: if one begins there, a
    /// bracket before was not closed.
    fn next_item(&self, failed: usize, depth: usize) -> bool {
        let word = self.word_at(1);
        let begins = self.is_symbol_at(1, "(") || word.starts_with(|first: char| first.is_ascii_alphabetic());
        (self.at >= failed && depth == 0 && begins) || (self.at + 1 >= failed && is_rule_name(word))
    }

    /// Whether the bracket here can be but the last of its section.
    fn section_ends(&self) -> bool {
        *self.kind_at(1) == TokenKind::End || document::SECTIONS.contains(&self.word_at(1)) && self.is_symbol_at(2, "=")
    }
}

/// Whether a word is the name of a rule type as it is spelled.
pub(super) fn is_rule_name(word: &str) -> bool {
    RuleType::ALL.iter().any(|kind| kind.name() == word)
}

/// A hint at a keyword in another case than DQDL has it in.
fn keyword_hint(word: &str) -> &'static str {
    match word.to_ascii_lowercase().as_str() {
        "between" | "in" | "not" | "matches" | "where" | "with" | "labels" | "group" | "by"
            if word.chars().any(|c| c.is_ascii_uppercase()) =>
        {
            "keywords are in lower case"
        }
        "where" | "labels" | "group" => "the order is: condition, `where`, `group by`, `labels`, `with`",
        _ => "",
    }
}
