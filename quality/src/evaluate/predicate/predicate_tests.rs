//! Reading of moments and patterns; and that no text makes anything that reads texts panic.

use jiff::Timestamp;
use proptest::prelude::*;

use super::pattern::{Pattern, entire, leading};
use super::temporal::{DAY, parse, parse_date};
use crate::evaluate::formats;

#[test]
fn moments_are_read_in_utc_or_with_their_offset() {
    let at = |text: &str| text.parse::<Timestamp>().unwrap().as_microsecond();
    for (text, wanted) in [
        ("1970-01-02", DAY),
        ("1969-12-31", -DAY),
        (" 2024-2-9 ", at("2024-02-09T00:00:00Z")),
        ("2024-02-29T10:00", at("2024-02-29T10:00:00Z")),
        ("2024-02-29 10:00:01.5", at("2024-02-29T10:00:01.5Z")),
        ("2024-02-29T10:00:00+02:00", at("2024-02-29T08:00:00Z")),
        ("2024-02-29T10:00:00-0130", at("2024-02-29T11:30:00Z")),
        ("2024-02-29T10:00:00 +02", at("2024-02-29T08:00:00Z")),
        ("2024-02-29T10:00:00Z", at("2024-02-29T10:00:00Z")),
    ] {
        assert_eq!(parse(text), Some(wanted), "{text}");
    }
    for text in ["", "2024", "2024-13-01", "2024-02-30", "24-02-03", "2024-02-29T", "2024-02-29T25:00", "2024-02-29T10:00X", "+024-01-01"] {
        // A `T` with nothing behind it is midnight, as Spark has it.
        assert_eq!(parse(text).is_some(), text.ends_with('T'), "{text}");
    }
}

#[test]
fn patterns_match_as_in_dqdl() {
    let matches = |pattern: &str, text: &str| Pattern::new(&entire(pattern)).unwrap().is_entire(text).unwrap();
    assert!(matches("[a-z]*", "abc"));
    assert!(!matches("[a-z]*", "abc1"), "all of it");
    assert!(!matches("[a-z]*", ""), "nothing is no match");
    assert!(!matches("b", "abc"));
    assert!(matches("a|abc", "abc"), "the second alternative is the whole");
    assert!(matches("^abc$", "abc"));
    assert!(!matches("abc", "abc\n"), "a line's end is a part, too");
    let begins = |pattern: &str, text: &str| Pattern::new(&leading(pattern)).unwrap().is_in(text).unwrap();
    assert!(begins("abc", "abc"));
    assert!(begins("a|abc", "abc def"));
    assert!(!begins("abc", "abcd"), "a word is taken whole");
    assert!(!begins("abc", "x abc"), "from the start");
}

proptest! {
    #[test]
    fn no_text_makes_a_reader_panic(text in any::<String>(), short in proptest::collection::vec(proptest::sample::select("0129-:+TZ. aXé/{\"@".chars().collect::<Vec<_>>()), 0..24)) {
        let short: String = short.into_iter().collect();
        for text in [text.as_str(), short.as_str()] {
            let _ = (parse(text), parse_date(text));
            for name in formats::NAMES {
                let _ = formats::test(name).unwrap()(text);
            }
            if let Ok(pattern) = Pattern::new(text) {
                let _ = pattern.is_entire("abc 123");
            }
        }
    }
}
