//! Suggestions for data: what is checked, and what is left of it.

use std::path::PathBuf;

use polars::prelude::*;

use super::*;
use crate::{
    data::Dataset,
    evaluate::{Context, Outcome, evaluate},
    language,
};

fn all(held_out: f64) -> Options {
    Options { set: Set::Extended, held_out, ..Options::default() }
}

fn of(columns: Vec<Column>, options: &Options) -> Suggestions {
    suggest(&Dataset::of_frame(DataFrame::new_infer_height(columns).unwrap()), options).unwrap()
}

fn numbers(values: impl Iterator<Item = i64>) -> Vec<Column> {
    vec![Column::new("c".into(), values.collect::<Vec<_>>())]
}

fn kept(suggestions: &Suggestions) -> Vec<&str> {
    suggestions.suggestions.iter().filter(|one| one.holds()).map(|one| one.rule.as_str()).collect()
}

#[test]
fn everything_that_is_suggested_for_strings() {
    let values = (0..1000).map(|row| (row % 10 != 9).then(|| ["red", "green", "blue"][row % 3].to_owned()));
    let found = of(vec![Column::new("c".into(), values.collect::<Vec<_>>())], &all(0.0));
    assert_eq!((found.rows, found.held_out), (1000, 0));
    assert_eq!(
        kept(&found),
        [
            r#"Completeness "c" >= 0.87"#,
            r#"ColumnValues "c" in ["blue","green","red",NULL]"#,
            r#"ColumnLength "c" >= 3 where "\"c\" IS NOT NULL""#,
            r#"ColumnLength "c" <= 5 where "\"c\" IS NOT NULL""#,
        ]
    );
    assert!(found.suggestions.iter().all(|one| one.held_out.is_none() && one.own_rows.outcome == Outcome::Passed));
}

#[test]
fn everything_that_is_suggested_for_numbers() {
    let found = of(numbers((0..1000).map(|row| row * row % 500)), &all(0.0));
    let kept = kept(&found);
    for expected in [r#"IsComplete "c""#, r#"ColumnValues "c" >= 0"#, r#"ColumnValues "c" <= 496"#] {
        assert!(kept.contains(&expected), "{expected} is not in {kept:#?}");
    }
    let mean = kept.iter().find(|rule| rule.starts_with("Mean")).unwrap();
    assert!(kept.iter().any(|rule| rule.starts_with("StandardDeviation \"c\" between")), "{mean}");
}

#[test]
fn strings_that_are_numbers() {
    let found = of(vec![Column::new("c".into(), (0..1000).map(|row| (row % 7 - 2).to_string()).collect::<Vec<_>>())], &all(0.0));
    let kept = kept(&found);
    for expected in [r#"ColumnDataType "c" = "INTEGER""#, r#"ColumnValues "c" >= -2"#, r#"ColumnValues "c" <= 4"#] {
        assert!(kept.contains(&expected), "{expected} is not in {kept:#?}");
    }
    assert!(found.suggestions.iter().all(Suggestion::holds), "{:#?}", found.suggestions);
}

#[test]
fn what_is_about_unique_is_looked_at() {
    // One value is there twice, which no estimate sees.
    let found = of(numbers((0..20_000).map(|row| row.max(1))), &all(0.0));
    let unique = found.suggestions.iter().find(|one| one.heuristic == Heuristic::UniqueIfApproximatelyUnique).unwrap();
    assert_eq!((unique.rule.as_str(), unique.own_rows.outcome, unique.holds()), ("IsUnique \"c\"", Outcome::Failed, false));
    assert!(unique.own_rows.reason.is_some());
    let printed = found.to_string();
    assert!(printed.contains("\n    # IsUnique \"c\"\n") && !printed.contains("\n    IsUnique"), "{printed}");
    assert_eq!(language::parse(&printed).unwrap().rules.len(), kept(&found).len());
}

#[test]
fn what_fails_for_rows_held_out_is_left_out() {
    let found = of(numbers((0..10_000).map(|row| row * 7919 % 10_007)), &all(0.2));
    assert_eq!(found.rows + found.held_out, 10_000);
    assert!((1_800..2_200).contains(&found.held_out), "{}", found.held_out);
    // Of so many different values, the greatest is among the rows held out, or the least.
    let bounds: Vec<&Suggestion> =
        found.suggestions.iter().filter(|one| matches!(one.heuristic, Heuristic::HasMin | Heuristic::HasMax)).collect();
    let failed = bounds.iter().filter(|one| !one.holds()).count();
    let seeds: usize = (1..6)
        .map(|seed| {
            let found = of(numbers((0..10_000).map(|row| row * 7919 % 10_007)), &Options { seed, ..all(0.2) });
            found.suggestions.iter().filter(|one| one.held_out.as_ref().is_some_and(|held| held.outcome == Outcome::Failed)).count()
        })
        .sum();
    assert!(failed + seeds > 0, "{bounds:?}");
    assert!(kept(&found).iter().any(|rule| rule.starts_with("Mean")), "{:#?}", found.suggestions);
}

/// One value is there twice, about every second time once in each part if half of the rows is held out.
#[test]
fn what_is_unique_in_each_part_need_not_be_in_all() {
    let values = || (0..400).map(|row| row % 399);
    let parts = (0..50).filter(|seed| {
        let found = of(numbers(values()), &Options { seed: *seed, set: Set::Common, ..all(0.5) });
        assert!(found.suggestions.iter().all(|one| !one.holds()), "{found:?}");
        !found.suggestions.is_empty()
    });
    assert!(parts.count() > 10);
}

#[test]
fn the_same_rows_are_held_out_each_time() {
    let columns = || numbers((0..3000).map(|row| row * row % 1013));
    let told = |seed| format!("{:?}", of(columns(), &Options { seed, ..all(0.3) }));
    assert_eq!(told(1), told(1));
    assert_ne!(told(1), told(2));
}

#[test]
fn nothing_is_suggested_for_nothing() {
    for held_out in [0.0, 0.1] {
        let nothing = of(numbers(std::iter::empty()), &all(held_out));
        assert_eq!((nothing.rows, nothing.held_out, nothing.suggestions.len()), (0, 0, 0));
        let single = of(numbers(std::iter::once(1)), &all(held_out));
        assert!(single.suggestions.iter().all(Suggestion::holds), "{single:?}");
    }
}

#[test]
fn shares_that_are_none_are_errors() {
    let data = Dataset::of_frame(DataFrame::empty());
    for options in [all(1.0), all(-0.1), all(f64::NAN), Options { confidence: 1.0, ..all(0.1) }, Options { confidence: 0.0, ..all(0.1) }] {
        assert!(matches!(suggest(&data, &options), Err(SuggestError::Options(_))), "{options:?}");
    }
    let unknown = Options { columns: Some(vec!["none".to_owned()]), ..all(0.1) };
    assert!(matches!(suggest(&data, &unknown), Err(SuggestError::Profile(_))));
}

/// A month of the example's flights: the ruleset that is printed passes on the month it is from.
#[test]
fn the_flights_of_a_month() {
    let file = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../examples/nyc-flights/data/nyc/flights/2013/02.csv.gz");
    let data = Dataset::of_files(&[file], None).unwrap();
    let found = suggest(&data, &Options { set: Set::Default, ..Options::default() }).unwrap();
    let printed = found.to_string();
    let ruleset = language::parse(&printed).unwrap();
    assert_eq!(ruleset.rules.len(), kept(&found).len());
    for expected in [r#"IsComplete "flight""#, r#"ColumnValues "origin" in ["EWR","JFK","LGA"]"#, r#"ColumnValues "distance" >= 0"#] {
        assert!(kept(&found).contains(&expected), "{expected} is not in\n{printed}");
    }
    let failed: Vec<String> = evaluate(&ruleset, &data, &Context::new(jiff::Timestamp::UNIX_EPOCH))
        .evaluation
        .rules
        .into_iter()
        .filter(|rule| rule.outcome != Outcome::Passed)
        .map(|rule| format!("{rule:?}"))
        .collect();
    assert!(failed.is_empty(), "{failed:#?}");
}

#[test]
fn lines_with_too_many_fields_are_told_and_nothing_is_suggested() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("wide.csv");
    std::fs::write(&path, "id,name\n1,x\n2,y,z\n").unwrap();
    for held_out in [0.0, 0.5] {
        let data = Dataset::of_files(std::slice::from_ref(&path), None).unwrap();
        let error = suggest(&data, &all(held_out)).map(|_| ()).unwrap_err();
        assert!(matches!(&error, SuggestError::Data(_) | SuggestError::Profile(_)), "{error:?}");
        assert!(error.to_string().contains("line 3 has 3 fields where the header has 2"), "{error}");
    }
}

#[test]
fn a_file_that_has_gone_is_named_though_some_rows_are_held_out() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("gone.ndjson");
    std::fs::write(&path, "{\"id\": 1}\n{\"id\": 2}\n").unwrap();
    let data = Dataset::of_files(std::slice::from_ref(&path), None).unwrap();
    std::fs::remove_file(&path).unwrap();
    let error = suggest(&data, &all(0.5)).map(|_| ()).unwrap_err();
    assert!(matches!(&error, SuggestError::Data(error) if error.path() == Some(&path) && error.io().is_some()), "{error:?}");
}
