//! What is printed reads as the same ruleset.

use lakegate_quality::language::{check, check_rules, parse};
use proptest::prelude::*;

use crate::generate;
use crate::spans::without_spans;

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn printing_and_reading_gives_the_same(ruleset in generate::ruleset()) {
        let printed = ruleset.to_string();
        let read = parse(&printed).map_err(|diagnostics| TestCaseError::fail(format!("{printed}\n{diagnostics:#?}")))?;
        prop_assert_eq!(&read.to_string(), &printed);
        // Checks come to an end on anything that is read.
        check_rules(&read, &printed);
        check(&read, &printed, &["email"], &["ref"]);
        prop_assert_eq!(without_spans(read), ruleset);
    }

    #[test]
    fn every_place_is_where_it_says(ruleset in generate::ruleset()) {
        let printed = ruleset.to_string();
        let read = parse(&printed).unwrap();
        for analyzer in &read.analyzers {
            prop_assert_eq!(&printed[analyzer.span.start..analyzer.span.end], analyzer.to_string());
        }
        for node in &read.rules {
            if let lakegate_quality::language::ast::Node::Rule(rule) = node {
                prop_assert_eq!(&printed[rule.span.start..rule.span.end], rule.to_string());
            }
        }
    }
}
