//! Numbers, and what is reckoned with them.

use super::super::ast::Number;
use super::super::lexer::TokenKind;
use super::{MAX_DEPTH, Parsed, Parser};

impl Parser<'_> {
    /// `a op b op c`: all operators bind equally, from the left.
    pub(super) fn number(&mut self) -> Parsed<Number> {
        let mut number = self.factor()?;
        while let Some(operator) = self.operator() {
            // The tree is as deep as there are operators.
            self.operators += 1;
            if self.operators > MAX_DEPTH {
                return self.fail(self.span(), format!("there are more than {MAX_DEPTH} operators"), "");
            }
            self.advance();
            number = Number::Arithmetic(Box::new(number), operator, Box::new(self.factor()?));
        }
        Ok(number)
    }

    fn operator(&self) -> Option<char> {
        match self.kind() {
            TokenKind::Symbol(symbol @ ("+" | "-" | "*" | "/")) => symbol.chars().next(),
            _ => None,
        }
    }

    fn factor(&mut self) -> Parsed<Number> {
        if let Some((spelled, value)) = self.literal()? {
            return Ok(Number::Literal(spelled, value));
        }
        let word = self.word();
        if !word.is_empty() && self.is_symbol_at(1, "(") {
            return self.deeper(Parser::call);
        }
        if self.is_symbol("(") {
            return self.deeper(|parser| {
                parser.advance();
                let inner = parser.number()?;
                parser.expect(")", "a bracket is not closed")?;
                Ok(Number::Bracketed(Box::new(inner)))
            });
        }
        if is_null(word) {
            return self.fail(self.span(), "NULL is no number to reckon with", "");
        }
        self.unexpected("a number", number_hint(word))
    }

    /// `avg(last(10))`.
    fn call(&mut self) -> Parsed<Number> {
        let name = self.word().to_owned();
        self.advance();
        self.advance();
        let mut arguments = Vec::new();
        if self.eat(")") {
            return Ok(Number::Call(name, arguments));
        }
        loop {
            arguments.push(self.number()?);
            if self.eat(")") {
                return Ok(Number::Call(name, arguments));
            }
            self.expect(",", "arguments are separated by commas, and `)` ends them")?;
        }
    }

    /// Digits, with a sign and decimals if there are some; `None` if no number is here.
    pub(super) fn literal(&mut self) -> Parsed<Option<(String, f64)>> {
        let negative = self.is_symbol("-");
        let word = self.word_at(usize::from(negative));
        if !is_number(word) {
            return Ok(None);
        }
        let spelled = format!("{}{word}", if negative { "-" } else { "" });
        match spelled.parse::<f64>() {
            Ok(value) if value.is_finite() => {
                if negative {
                    self.advance();
                }
                self.advance();
                Ok(Some((spelled, value)))
            }
            _ => self.fail(self.span(), "this number is too large", ""),
        }
    }
}

pub(super) fn is_null(word: &str) -> bool {
    matches!(word, "null" | "NULL")
}

/// Digits, and decimals behind a point if there is one.
pub(super) fn is_number(word: &str) -> bool {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    match word.split_once('.') {
        Some((whole, decimals)) => digits(whole) && digits(decimals),
        None => digits(word),
    }
}

/// What may be meant by something that is no number.
pub(super) fn number_hint(word: &str) -> &'static str {
    let digits = word.bytes().take_while(u8::is_ascii_digit).count();
    match word.get(digits..).unwrap_or_default() {
        rest if digits > 0 && super::operand::UNITS.contains(&rest) => "there is a space between a number and its unit: `24 hours`",
        rest if digits > 0 && (rest.starts_with(['e', 'E'])) => "numbers have no exponent: write the digits out",
        "." if digits > 0 => "write `5` or `5.0`",
        rest if digits == 0 && rest.starts_with('.') && is_number(rest.trim_start_matches('.')) => "write `0.5`",
        _ => "",
    }
}
