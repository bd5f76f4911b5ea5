//! What strings look like, by Deequ's regular expressions.

use serde::{Deserialize, Serialize};

/// How many values look like what. A value counts once.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Types {
    /// Nulls.
    pub nulls: u64,
    /// `^(-|\+)? ?\d+((\.\d+)|((?:\.\d+)?[Ee][-+]?\d+))$`
    pub fractional: u64,
    /// `^(-|\+)? ?\d+$`
    pub integral: u64,
    /// `^(true|false)$`
    pub boolean: u64,
    /// All else.
    pub other: u64,
}

/// What a value looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Look {
    Fractional,
    Integral,
    Boolean,
    Other,
}

impl Types {
    /// So many values more that look like this.
    pub(crate) fn add(&mut self, look: Look, count: u64) {
        match look {
            Look::Fractional => self.fractional += count,
            Look::Integral => self.integral += count,
            Look::Boolean => self.boolean += count,
            Look::Other => self.other += count,
        }
    }

    /// Adds the other's values.
    pub fn merge(&mut self, other: &Types) {
        self.nulls += other.nulls;
        self.fractional += other.fractional;
        self.integral += other.integral;
        self.boolean += other.boolean;
        self.other += other.other;
    }

    /// Values, null or not.
    pub fn rows(&self) -> u64 {
        self.nulls + self.fractional + self.integral + self.boolean + self.other
    }
}

/// What a string looks like.
pub(crate) fn look(text: &[u8]) -> Look {
    if text == b"true" || text == b"false" {
        return Look::Boolean;
    }
    let text = text.strip_prefix(b"-").or_else(|| text.strip_prefix(b"+")).unwrap_or(text);
    let text = text.strip_prefix(b" ").unwrap_or(text);
    let Some(rest) = digits(text) else { return Look::Other };
    if rest.is_empty() {
        return Look::Integral;
    }
    let rest = match rest.strip_prefix(b".") {
        None => rest,
        Some(fraction) => match digits(fraction) {
            None => return Look::Other,
            Some([]) => return Look::Fractional,
            Some(rest) => rest,
        },
    };
    let [b'E' | b'e', exponent @ ..] = rest else { return Look::Other };
    let exponent = exponent.strip_prefix(b"-").or_else(|| exponent.strip_prefix(b"+")).unwrap_or(exponent);
    if digits(exponent).is_some_and(<[u8]>::is_empty) { Look::Fractional } else { Look::Other }
}

/// What follows the digits at the start; `None` if there is none.
fn digits(text: &[u8]) -> Option<&[u8]> {
    let count = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    if count == 0 { None } else { text.get(count..) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn looks_as_the_regular_expressions_say(text in "[-+ ]{0,2}[0-9]{0,3}[.]?[0-9]{0,2}[eE]?[-+]?[0-9]{0,2}|true|false|True| ?[a-z]*") {
            let is = |pattern: &str| regex::Regex::new(pattern).unwrap().is_match(&text);
            let expected = if is(r"^(-|\+)? ?[0-9]+((\.[0-9]+)|((?:\.[0-9]+)?[Ee][-+]?[0-9]+))$") {
                Look::Fractional
            } else if is(r"^(-|\+)? ?[0-9]+$") {
                Look::Integral
            } else if is("^(true|false)$") {
                Look::Boolean
            } else {
                Look::Other
            };
            prop_assert_eq!(look(text.as_bytes()), expected);
        }
    }
}
