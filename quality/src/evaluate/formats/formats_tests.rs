//! What each format takes and refuses.

use super::{NAMES, test};

const CASES: &[(&str, &[&str], &[&str])] = &[
    (
        "email",
        &["a@b.co", "first.last+tag@sub.example.com"],
        &["", "a", "@b.co", "a@b", "a@@b.co", "a b@c.de", ".a@b.co", "a..b@c.de", "a@-b.co", "a@b.c1.2"],
    ),
    (
        "url",
        &["http://example.com", "https://u:p@example.com:8080/a?b=c#d", "http://[::1]:80/", "ftp://10.0.0.1/x"],
        &["", "example.com", "http://", "http://a b", "javascript://x", "http://a:99999", "http://-a.de"],
    ),
    ("hostname", &["localhost", "a.b-c.de."], &["", "-a", "a..b", "a_b"]),
    ("uuid", &["123e4567-e89b-12d3-a456-426614174000"], &["", "123e4567e89b12d3a456426614174000", "123e4567-e89b-12d3-a456-42661417400g"]),
    ("ipv4", &["127.0.0.1"], &["256.0.0.1", "1.2.3", "01.2.3.4"]),
    ("ipv6", &["::1", "2001:db8::8a2e:370:7334"], &["1.2.3.4", ":::"]),
    ("json", &["{}", "[1,2]", "null", "\"a\""], &["", "{", "{a:1}", "[1,]"]),
    ("iso-date", &["2024-02-29"], &["2023-02-29", "2024-2-9", "20240229", ""]),
    (
        "iso-datetime",
        &["2024-02-29T10:00:00Z", "2024-02-29 10:00:00.5+02:00", "2024-02-29T10:00"],
        &["2024-02-29", "2024-02-29T25:00:00", "T10:00:00", "2024-02-29T1:00"],
    ),
    ("iso-time", &["10:00", "10:00:59.25"], &["24:00", "1:00", "10:00Z", ""]),
    ("iso-3166", &["DE", "DEU", "US"], &["de", "XX", "", "D"]),
    ("iso-3166-alpha-2", &["DE"], &["DEU"]),
    ("iso-3166-alpha-3", &["DEU"], &["DE"]),
    ("iso-4217", &["EUR", "USD", "XTS"], &["eur", "DEM", "EU"]),
    ("base64", &["YQ==", "YWJj"], &["", "YQ=", "Y=Q=", "===="]),
    ("hex", &["00ff", "F"], &["", "g"]),
    ("credit-card", &["4111 1111 1111 1111", "5500-0000-0000-0004"], &["4111111111111112", "", "0"]),
    ("iban", &["DE89 3704 0044 0532 0130 00", "GB82WEST12345698765432"], &["DE89370400440532013001", "", "de89370400440532013000"]),
    ("isbn", &["978-3-16-148410-0", "0-306-40615-2", "080442957X"], &["978-3-16-148410-1", "", "123"]),
    ("mac", &["00:1A:2B:3C:4D:5E", "00-1a-2b-3c-4d-5e"], &["", "00:1A:2B:3C:4D", "00:1A:2B:3C:4D:5G"]),
];

#[test]
fn each_format_takes_what_is_of_it_and_nothing_else() {
    for (name, good, bad) in CASES {
        let test = test(name).unwrap_or_else(|| panic!("{name} is unknown"));
        for text in *good {
            assert!(test(text), "{name} refuses {text:?}");
        }
        for text in *bad {
            assert!(!test(text), "{name} takes {text:?}");
        }
    }
    assert_eq!(CASES.iter().map(|(name, ..)| *name).collect::<Vec<_>>(), NAMES);
}

#[test]
fn every_country_has_two_codes_and_none_is_there_twice() {
    let codes: Vec<&str> = super::codes::all_countries().collect();
    assert_eq!(codes.len(), 2 * 249);
    assert!(codes.chunks(2).all(|pair| pair[0].len() == 2 && pair[1].len() == 3));
    assert_eq!(codes.iter().collect::<std::collections::BTreeSet<_>>().len(), codes.len());
}
