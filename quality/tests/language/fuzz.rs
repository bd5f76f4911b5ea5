//! Random texts and damaged rulesets: nothing panics, nothing hangs, and what is read prints as itself.
//!
//! `LAKEGATE_FUZZ_SECONDS` says for how long; `LAKEGATE_TEST_SEED` repeats a run.

use std::env;
use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};
use lakegate_quality::language::ast::{Condition, Node};
use lakegate_quality::language::eval::{Clock, NoHistory};
use lakegate_quality::language::{check, parse};

use crate::spans::without_spans;

const SEEDS: &[&str] = &[
    "Metadata = { \"Version\": \"1.0\" } DataSources = { \"Primary\": \"p\", \"AdditionalDataSources\": [\"ref\"] }\nRules = [ RowCount > 1 ]",
    "col = \"a\"\nlist = [\"x\", \"y\"]\nDefaultLabels = [\"k\"=\"v\"]\nRules = [ IsComplete $col, ColumnValues \"b\" not in $list ] # end",
    "Rules = [ (RowCount > 1) and ((IsUnique \"a\" \"b\") or (Mean of c between -1.5 and 0.9 * avg(last(10)))) ]",
    "Rules = [ ColumnValues \"a\" > (now() - 3 days), ColumnValues \"a\" in [\"2024-01-31\", NULL], FileFreshness < \"9:30 PM\" with timeZone = \"UTC\" ]",
    "Rules = [ DataFreshness \"d\" between 2 days and 36 hours, FileSize not in [1, 2 KB, 3 TB] with recentFiles = 5 ]",
    "Rules = [ ColumnValues \"a\" matches \"[a-z]\\\\d+\" where \"b = 'c'\" group by \"d\" labels=[\"k\"=\"v\"] with mostly >= 0.9 with level = \"warn\" ]",
    "Rules = [ ReferentialIntegrity \"a,b\" \"ref.{c,d}\" = 1, DatasetMatch \"ref\" \"a->b\" > 0.5, AggregateMatch \"sum(a)\" \"avg(ref.b)\" > 0 ]",
    "Rules = [ ((RowCount > 1) or (CustomSql \"select 1\")) labels=[\"a\"=\"b\"], DetectAnomalies of Completeness of \"a\" ] Analyzers = [ AllStatistics AllColumns, Distribution \"a\" ]",
    "Rules = [ Quantile \"a\" \"0.5\" > index(last(7), 6), Outliers \"a\" \"mad\" \"3\" = 0, ColumnPair \"a\" \"<=\" \"b\", MulticolumnSum \"a\" \"b\" = 1 ]",
];

const PIECES: &[&str] = &[
    "\"",
    "\\",
    "[",
    "]",
    "(",
    ")",
    "{",
    "}",
    ",",
    "=",
    "!=",
    "$",
    "#",
    "\n",
    "\r\n",
    "-",
    "*",
    "NULL",
    "EMPTY",
    "and",
    "or",
    "of",
    "not",
    "in",
    "between",
    "matches",
    "where",
    "labels",
    "with",
    "group by",
    "now()",
    "last(3)",
    "3 days",
    "5 KB",
    "1.5",
    "Rules",
    "Analyzers",
    "RowCount",
    "IsComplete",
    "\"a\"",
    "$col",
    "threshold",
    "level",
    "é",
    "\u{0}",
    "“",
    "\u{2028}",
    "\u{10FFFF}",
    "99999999999999999999999",
    "\"2024-13-01\"",
];

/// SplitMix64.
struct Random(u64);

impl Random {
    fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, end: usize) -> usize {
        (self.bits() % end.max(1) as u64) as usize
    }

    fn of<'a>(&mut self, from: &[&'a str]) -> &'a str {
        from[self.below(from.len())]
    }

    fn text(&mut self) -> String {
        match self.below(8) {
            0 => {
                let bytes: Vec<u8> = (0..self.below(200)).map(|_| self.bits() as u8).collect();
                String::from_utf8_lossy(&bytes).into_owned()
            }
            1 => format!("Rules = [ {} ]", (0..self.below(30)).map(|_| format!("{} ", self.of(PIECES))).collect::<String>()),
            _ => {
                let mut text: Vec<char> = self.of(SEEDS).chars().collect();
                for _ in 0..=self.below(6) {
                    self.damage(&mut text);
                }
                text.into_iter().collect()
            }
        }
    }

    fn damage(&mut self, text: &mut Vec<char>) {
        let at = self.below(text.len());
        let to = at + self.below(12).min(text.len().saturating_sub(at));
        match self.below(5) {
            0 => drop(text.drain(at..to)),
            1 => drop(text.splice(at..at, self.of(PIECES).chars().collect::<Vec<_>>())),
            2 => drop(text.splice(at..to, self.of(PIECES).chars().collect::<Vec<_>>())),
            3 => {
                let copied: Vec<char> = text[at..to].to_vec();
                let there = self.below(text.len());
                text.splice(there..there, copied);
            }
            _ => text.truncate(at.max(1)),
        }
    }
}

#[test]
fn nothing_panics_and_nothing_hangs() {
    let told = |name: &str| env::var_os(name).and_then(|value| value.to_str()?.parse::<u64>().ok());
    let seconds = told("LAKEGATE_FUZZ_SECONDS").unwrap_or(3);
    let seed =
        told("LAKEGATE_TEST_SEED").unwrap_or_else(|| u64::from(std::process::id()) << 32 ^ Instant::now().elapsed().as_nanos() as u64);
    eprintln!("to repeat these choices: LAKEGATE_TEST_SEED={seed}");
    let mut random = Random(seed);
    let end = Instant::now() + Duration::from_secs(seconds);
    let (mut texts, mut read) = (0_u64, 0_u64);
    while Instant::now() < end {
        let text = random.text();
        let begin = Instant::now();
        read += u64::from(assert_sound(&text));
        texts += 1;
        assert!(begin.elapsed() < Duration::from_secs(5), "{text:?} took {:?}", begin.elapsed());
    }
    assert!(read > 0 && read < texts, "{read} of {texts} were read: some are to be, and some not");
}

/// Whether a text is read; what is said of it is about it, and what is printed of it reads as the same.
fn assert_sound(text: &str) -> bool {
    match parse(text) {
        Ok(ruleset) => {
            let printed = ruleset.to_string();
            let again = parse(&printed).unwrap_or_else(|diagnostics| panic!("{text:?}\n{printed}\n{diagnostics:#?}"));
            assert_eq!(again.to_string(), printed, "{text:?}");
            assert_eq!(without_spans(again), without_spans(ruleset.clone()), "{text:?}");
            check(&ruleset, text, &["a", "b"], &["ref"]);
            ruleset.rules.iter().for_each(work_out);
            true
        }
        Err(diagnostics) => {
            assert!(!diagnostics.is_empty(), "{text:?}");
            for diagnostic in diagnostics {
                let line = text.split('\n').nth(diagnostic.line - 1).map(|line| line.trim_end_matches('\r'));
                assert_eq!(line, Some(diagnostic.source.as_str()), "{text:?}");
                assert!(diagnostic.column >= 1 && diagnostic.length >= 1, "{text:?}: {diagnostic:?}");
                assert!(diagnostic.column <= diagnostic.source.chars().count() + 2, "{text:?}: {diagnostic:?}");
                assert!(!diagnostic.message.is_empty() && diagnostic.message.len() < 1_000, "{text:?}: {diagnostic:?}");
            }
            false
        }
    }
}

/// Conditions come to an end too, whatever they come to.
fn work_out(node: &Node) {
    match node {
        Node::Composite(composite) => composite.parts.iter().for_each(work_out),
        Node::Rule(rule) => {
            match &rule.condition {
                Some(Condition::Number(comparison)) => drop(comparison.holds(1.0, &NoHistory)),
                Some(Condition::Date(comparison)) => drop(comparison.holds(None, &Clock::utc(Timestamp::UNIX_EPOCH))),
                Some(Condition::Duration(comparison)) => drop(comparison.holds(SignedDuration::MAX)),
                Some(Condition::Size(comparison)) => drop(comparison.holds(u64::MAX)),
                Some(Condition::Text(_)) | None => {}
            }
            assert!(rule.statistic_name().starts_with(rule.kind.name()));
        }
    }
}
