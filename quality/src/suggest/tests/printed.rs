//! The ruleset that is printed, for any names and values.

use proptest::{collection::vec, prelude::*};

use super::*;
use crate::{evaluate::Outcome, language};

fn held(outcome: Outcome, reason: Option<&str>) -> Held {
    Held { outcome, reason: reason.map(str::to_owned) }
}

fn suggestion(column: &str, rule: &str, own_rows: Held) -> Suggestion {
    Suggestion {
        column: column.to_owned(),
        heuristic: Heuristic::CompleteIfComplete,
        rule: rule.to_owned(),
        why: "All are there.".to_owned(),
        own_rows,
        held_out: None,
    }
}

#[test]
fn a_ruleset_with_reasons() {
    let passed = || held(Outcome::Passed, None);
    let mut failing = suggestion("b", "IsComplete \"b\"", passed());
    failing.held_out = Some(held(Outcome::Failed, Some("One is missing.\nReally.")));
    let suggestions = vec![
        suggestion("a", "IsComplete \"a\"", passed()),
        failing,
        suggestion("b", "IsUnique \"b\"", held(Outcome::Error, Some("No."))),
        suggestion("c", "IsComplete \"c\"", passed()),
    ];
    let printed = Suggestions { rows: 90, held_out: 10, notes: Vec::new(), suggestions }.to_string();
    let expected = r#"# Suggested by the profile of 90 rows.
# All hold for them, and for 10 rows that were held out.
# Look at each before you rely on it: what has held so far need not be meant to.

Rules = [
    # a: All are there. (CompleteIfComplete)
    IsComplete "a",

    # b: All are there. (CompleteIfComplete) Left out, as it does not hold for the rows held out. One is missing.\nReally.
    # IsComplete "b"
    # b: All are there. (CompleteIfComplete) Left out, as it does not hold for all of its own rows. No.
    # IsUnique "b"

    # c: All are there. (CompleteIfComplete)
    IsComplete "c"
]
"#;
    assert_eq!(printed, expected);
    assert_eq!(language::parse(&printed).unwrap().rules.len(), 2);
}

#[test]
fn a_ruleset_without_rules_can_be_used_too() {
    let nothing = Suggestions { rows: 0, held_out: 0, notes: Vec::new(), suggestions: Vec::new() };
    assert_eq!(language::parse(&nothing.to_string()).unwrap().analyzers.len(), 1);
    let suggestions = vec![suggestion("a\nb", "IsComplete \"a\nb\"", held(Outcome::Failed, None))];
    let failed = Suggestions { suggestions, ..nothing };
    assert_eq!(language::parse(&failed.to_string()).unwrap().rules.len(), 0);
}

#[test]
fn what_the_profile_left_out_is_said_in_the_file() {
    let notes = vec!["values of column a\nb are not counted".to_owned()];
    let noted = Suggestions { rows: 9, held_out: 0, notes, suggestions: Vec::new() };
    let printed = noted.to_string();
    assert!(printed.contains("\n# Of the profile: values of column a\\nb are not counted.\n"), "{printed}");
    assert_eq!(language::parse(&printed).unwrap().analyzers.len(), 1);
    assert!(serde_json::to_string(&noted).unwrap().contains("\"notes\":[\"values of"));
}

/// Texts that are hard on quotes, comments and conditions.
fn texts() -> impl Strategy<Value = String> {
    let odd = vec![
        "\"",
        "\\",
        "\n",
        "\r\n",
        "#",
        "'",
        "2024-01-01",
        "2024-13-45",
        "19:30",
        "9:30 AM",
        "NULL",
        "EMPTY",
        "$x",
        "a b",
        "",
        " ",
        "\u{feff}",
        "\0",
    ];
    prop_oneof![
        3 => vec(proptest::sample::select(odd.clone()), 0..4).prop_map(|parts| parts.concat()),
        1 => proptest::sample::select(odd).prop_map(str::to_owned),
        2 => any::<String>(),
    ]
}

fn columns() -> impl Strategy<Value = ColumnProfile> {
    let kinds = proptest::sample::select(vec![Kind::String, Kind::Integral, Kind::Fractional, Kind::Boolean]);
    let numbers = prop_oneof![any::<f64>(), -1e3..1e3, Just(0.0), Just(-0.0), Just(1e-300)];
    let of = (texts(), kinds, any::<bool>(), 0..50_u64, vec((texts(), 1..9_u64), 0..9), numbers.clone(), numbers);
    of.prop_map(|(name, kind, inferred, nulls, values, one, other)| {
        let values: Vec<(&str, u64)> = values.iter().map(|(value, count)| (value.as_str(), *count * 100)).collect();
        let column = with_lengths(1, 5, with_numbers(one.min(other), one.max(other), column(kind)));
        let column = with_values(&values, with_nulls(nulls, 1000, column));
        ColumnProfile { name, inferred, distinct: Some(1000), ..column }
    })
}

proptest! {
    #[test]
    fn what_is_printed_reads_as_what_was_meant(columns in vec(columns(), 1..4)) {
        let sample = Sample { rows: 1000, next: 1000, z: 1.96 };
        let mut suggestions = Vec::new();
        for (column, heuristic) in columns.iter().flat_map(|column| Set::Extended.heuristics().iter().map(move |heuristic| (column, heuristic))) {
            let Some(proposal) = propose(*heuristic, column, sample) else { continue };
            let why = proposal.why + &column.name;
            // Every third is left out, whatever its reason has in it.
            let outcome = if suggestions.len() % 3 == 2 { Outcome::Failed } else { Outcome::Passed };
            let own_rows = held(outcome, Some(&column.name));
            suggestions.push(Suggestion { why, ..suggestion(&column.name, &proposal.rule.to_string(), own_rows) });
        }
        let kept: Vec<String> = suggestions.iter().filter(|one| one.holds()).map(|one| one.rule.clone()).collect();
        let printed = Suggestions { rows: 1000, held_out: 0, notes: Vec::new(), suggestions }.to_string();
        let read = language::parse(&printed);
        prop_assert!(read.is_ok(), "{printed}\n{read:?}");
        let read: Vec<String> = read.unwrap().rules.iter().map(ToString::to_string).collect();
        prop_assert_eq!(read, kept, "{}", printed);
    }
}
