//! Formats of strings, for the rule `Format`.

mod codes;
mod web;

use super::predicate::temporal;

/// The names of all formats.
pub const NAMES: &[&str] = &[
    "email",
    "url",
    "hostname",
    "uuid",
    "ipv4",
    "ipv6",
    "json",
    "iso-date",
    "iso-datetime",
    "iso-time",
    "iso-3166",
    "iso-3166-alpha-2",
    "iso-3166-alpha-3",
    "iso-4217",
    "base64",
    "hex",
    "credit-card",
    "iban",
    "isbn",
    "mac",
];

/// The test of a format.
pub(crate) fn test(name: &str) -> Option<fn(&str) -> bool> {
    Some(match name {
        "email" => web::email,
        "url" => web::url,
        "hostname" => web::hostname,
        "uuid" => uuid,
        "ipv4" => |text| text.parse::<std::net::Ipv4Addr>().is_ok(),
        "ipv6" => |text| text.parse::<std::net::Ipv6Addr>().is_ok(),
        "json" => |text| serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok(),
        "iso-date" => iso_date,
        "iso-datetime" => iso_datetime,
        "iso-time" => iso_time,
        "iso-3166" => |text| codes::is_country(text, 2) || codes::is_country(text, 3),
        "iso-3166-alpha-2" => |text| codes::is_country(text, 2),
        "iso-3166-alpha-3" => |text| codes::is_country(text, 3),
        "iso-4217" => codes::is_currency,
        "base64" => base64,
        "hex" => |text| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_hexdigit()),
        "credit-card" => credit_card,
        "iban" => iban,
        "isbn" => isbn,
        "mac" => mac,
        _ => return None,
    })
}

/// `123e4567-e89b-12d3-a456-426614174000`.
fn uuid(text: &str) -> bool {
    text.len() == 36
        && text.bytes().enumerate().all(|(at, byte)| if matches!(at, 8 | 13 | 18 | 23) { byte == b'-' } else { byte.is_ascii_hexdigit() })
}

/// `2024-01-31`.
fn iso_date(text: &str) -> bool {
    text.len() == 10 && temporal::parse_date(text).is_some()
}

/// `10:00`, `10:00:00`, `10:00:00.5`.
fn iso_time(text: &str) -> bool {
    let digits = |range: std::ops::Range<usize>| text.get(range).is_some_and(|part| part.bytes().all(|byte| byte.is_ascii_digit()));
    digits(0..2)
        && (text.len() == 5 || digits(6..8))
        && temporal::parse(&format!("2000-01-01T{text}")).is_some()
        && !text.contains(['+', '-', 'Z'])
}

/// `2024-01-31T10:00:00`, maybe with a fraction and a zone.
fn iso_datetime(text: &str) -> bool {
    let Some((date, time)) = text.split_once(['T', ' ']) else { return false };
    let time = time.find(['Z', '+', '-']).and_then(|at| time.get(..at)).unwrap_or(time);
    iso_date(date) && iso_time(time) && temporal::parse(text).is_some()
}

/// Groups of four characters, the last filled up with `=`.
fn base64(text: &str) -> bool {
    let body = text.trim_end_matches('=');
    let alphabet = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'+' || byte == b'/';
    !text.is_empty() && text.len().is_multiple_of(4) && text.len() - body.len() <= 2 && body.bytes().all(alphabet)
}

/// 12 to 19 digits whose check digit holds (Luhn); spaces and hyphens are passed over.
fn credit_card(text: &str) -> bool {
    let digits: Option<Vec<u32>> =
        text.chars().filter(|character| !matches!(character, ' ' | '-')).map(|digit| digit.to_digit(10)).collect();
    let Some(digits) = digits.filter(|digits| (12..=19).contains(&digits.len())) else { return false };
    let sum: u32 = digits
        .iter()
        .rev()
        .enumerate()
        .map(|(at, digit)| match (at % 2, digit * 2) {
            (0, _) => *digit,
            (_, double) if double > 9 => double - 9,
            (_, double) => double,
        })
        .sum();
    sum.is_multiple_of(10)
}

/// Country, check digits and account, whose remainder by 97 is 1.
fn iban(text: &str) -> bool {
    let text: String = text.chars().filter(|character| *character != ' ').collect();
    let shape = (15..=34).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_digit() || byte.is_ascii_uppercase())
        && text.bytes().take(2).all(|byte| byte.is_ascii_uppercase())
        && text.bytes().skip(2).take(2).all(|byte| byte.is_ascii_digit());
    if !shape {
        return false;
    }
    let turned = text.chars().skip(4).chain(text.chars().take(4));
    let remainder = turned.filter_map(|character| character.to_digit(36)).fold(0, |remainder: u32, value| {
        let shift = if value < 10 { 10 } else { 100 };
        (remainder * shift + value) % 97
    });
    remainder == 1
}

/// Ten or thirteen digits whose check digit holds; hyphens and spaces are passed over.
fn isbn(text: &str) -> bool {
    let characters: Vec<char> = text.chars().filter(|character| !matches!(character, ' ' | '-')).collect();
    let value = |at: usize, character: char| match character {
        'X' | 'x' if at == 9 && characters.len() == 10 => Some(10),
        character => character.to_digit(10),
    };
    let digits: Option<Vec<u32>> = characters.iter().enumerate().map(|(at, character)| value(at, *character)).collect();
    let Some(digits) = digits else { return false };
    let weighted = |weight: fn(usize) -> u32| digits.iter().enumerate().map(|(at, digit)| digit * weight(at)).sum::<u32>();
    match digits.len() {
        10 => weighted(|at| 10 - u32::try_from(at).unwrap_or(0)) % 11 == 0,
        13 => weighted(|at| if at % 2 == 0 { 1 } else { 3 }) % 10 == 0,
        _ => false,
    }
}

/// Six bytes in hexadecimal, with `:` or `-` between.
fn mac(text: &str) -> bool {
    let separator = if text.contains('-') { '-' } else { ':' };
    let parts: Vec<&str> = text.split(separator).collect();
    parts.len() == 6 && parts.iter().all(|part| part.len() == 2 && part.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

#[cfg(test)]
#[path = "formats_tests.rs"]
mod tests;
