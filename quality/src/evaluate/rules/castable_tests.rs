//! What is of which type.

use proptest::prelude::*;

use super::{Castable, date_format};

const TYPES: &[&str] = &["BOOLEAN", "DATE", "TIMESTAMP", "INTEGER", "LONG", "FLOAT", "DOUBLE", "DECIMAL(4,2)"];

#[test]
fn types_by_their_names() {
    assert_eq!(Castable::parse("decimal( 4, 2 )"), Some(Castable::Decimal { precision: 4, scale: 2 }));
    for name in ["", "TEXT", "DECIMAL(0,0)", "DECIMAL(2,3)", "DECIMAL(39,1)", "DECIMAL(4,2"] {
        assert_eq!(Castable::parse(name), None, "{name}");
    }
}

#[test]
fn values_are_of_types_if_nothing_is_lost() {
    for (text, wanted) in [
        ("1", "BOOLEAN INTEGER LONG FLOAT DOUBLE DECIMAL(4,2)"),
        ("true", "BOOLEAN"),
        ("1.50", "FLOAT DOUBLE DECIMAL(4,2)"),
        ("1.0", "INTEGER LONG FLOAT DOUBLE DECIMAL(4,2)"),
        ("1.234", "FLOAT DOUBLE"),
        ("-99.99", "FLOAT DOUBLE DECIMAL(4,2)"),
        ("100", "INTEGER LONG FLOAT DOUBLE"),
        ("2147483648", "LONG FLOAT DOUBLE"),
        ("9223372036854775808", "FLOAT DOUBLE"),
        ("1e2", "INTEGER LONG FLOAT DOUBLE"),
        ("1e-2", "FLOAT DOUBLE DECIMAL(4,2)"),
        ("NaN", "FLOAT DOUBLE"),
        ("1e999", ""),
        ("2024-02-29", "DATE TIMESTAMP"),
        ("2024-02-29 10:00", "DATE TIMESTAMP"),
        ("2023-02-29", ""),
        ("", ""),
        ("--1", ""),
    ] {
        let of: Vec<&str> = TYPES.iter().copied().filter(|name| Castable::parse(name).unwrap().accepts(text)).collect();
        assert_eq!(of.join(" "), wanted, "{text}");
    }
}

proptest! {
    #[test]
    fn no_text_makes_it_panic(text in any::<String>(), format in any::<String>(), letters in proptest::collection::vec(proptest::sample::select("yMdHhmsSEa' /:-".chars().collect::<Vec<_>>()), 0..12)) {
        for name in TYPES {
            let _ = Castable::parse(name).unwrap().accepts(&text);
        }
        let _ = Castable::parse(&text);
        for format in [format, letters.into_iter().collect()] {
            if let Some(pieces) = date_format(&format) {
                let of = Castable::DateOf(pieces);
                let _ = (of.accepts(&text), of.accepts("2024-01-31"), of.accepts("January 31, 2024"));
            }
        }
    }
}
