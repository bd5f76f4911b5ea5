//! Random rules on random tables: nothing panics, and what is said in one way agrees with what is said in another.
//!
//! A rule on rows holds if and only if every row does; a dataset in a file comes out as one in memory; a rule comes
//! out the same alone and among others; passing and failing rows are all rows.
//!
//! `LAKEGATE_FUZZ_SECONDS` says for how long; `LAKEGATE_TEST_SEED` repeats a run.

use std::env;
use std::fs::File;
use std::time::{Duration, Instant};

use lakegate_quality::language::ast::{Condition, Node};
use polars::prelude::*;

use super::*;

/// Numbers from a seed: splitmix64.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound.max(1) as u64) as usize
    }

    fn of<'a>(&mut self, items: &[&'a str]) -> &'a str {
        items[self.below(items.len())]
    }

    fn chance(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }
}

const NUMBERS: &[&str] = &["0", "1", "-1", "2", "2.5", "5", "100", "0.5", "-3", "9007199254740993"];
const WORDS: &[&str] = &["a", "b", "", "us", "US", "1", "2026-03-10", "x y", "12.50", "a@b.co", "日本", "2024-01-31T10:00:00Z"];
const FILTERS: &[&str] =
    &["i > 0", "s = 'a'", "f is not null", "i > 1000", "b", "day >= '2026-01-01'", "nothing > 1", "i in (1, 2) or s is null"];
const TYPES: &[&str] = &["INTEGER", "DATE", "DOUBLE", "BOOLEAN", "TIMESTAMP", "LONG", "DECIMAL(4,2)", "STRING", "NONE"];

/// A table of every kind of column: `i`, `f`, `s`, `b`, `day`, `at`, `u`, `nil`, `list`, `info`.
fn table(random: &mut Random) -> DataFrame {
    let rows = [0, 1, 2, 3, 7, 20][random.below(6)];
    let nulls = [0, 0, 20, 100][random.below(4)];
    let mut column = |name: &str, make: &mut dyn FnMut(&mut Random) -> AnyValue<'static>, dtype: DataType| {
        let values: Vec<AnyValue<'static>> = (0..rows).map(|_| if random.chance(nulls) { AnyValue::Null } else { make(random) }).collect();
        Series::from_any_values_and_dtype(name.into(), &values, &dtype, false).unwrap().into_column()
    };
    let floats = [0.0, -0.0, 1.0, -1.5, f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 1e300];
    let columns = vec![
        column("i", &mut |random| AnyValue::Int64([0, 1, 2, -3, 100, i64::MAX, i64::MIN][random.below(7)]), DataType::Int64),
        column("f", &mut |random| AnyValue::Float64(floats[random.below(8)]), DataType::Float64),
        column("s", &mut |random| AnyValue::StringOwned(random.of(WORDS).into()), DataType::String),
        column("b", &mut |random| AnyValue::Boolean(random.chance(50)), DataType::Boolean),
        column("day", &mut |random| AnyValue::Date(20_000 + random.below(600) as i32), DataType::Date),
        column(
            "at",
            &mut |random| AnyValue::Datetime(1_773_000_000_000 + random.below(400_000_000) as i64, TimeUnit::Milliseconds, None),
            DataType::Datetime(TimeUnit::Milliseconds, None),
        ),
        column("u", &mut |random| AnyValue::UInt8(random.below(4) as u8), DataType::UInt8),
        column("nil", &mut |_| AnyValue::Null, DataType::Int32),
    ];
    let frame = DataFrame::new(rows, columns).unwrap();
    let info = as_struct(vec![col("i"), col("s")]).alias("info");
    frame.lazy().with_column(info).collect().unwrap()
}

fn column(random: &mut Random) -> &'static str {
    random.of(&["i", "i", "f", "f", "s", "s", "b", "day", "at", "u", "nil", "info", "info.s", "gone"])
}

fn number(random: &mut Random) -> String {
    let plain = random.of(NUMBERS).to_owned();
    match random.below(12) {
        0 => "avg(last(3))".to_owned(),
        1 => format!("{plain} + last()"),
        2 => format!("({plain} / 0)"),
        _ => plain,
    }
}

fn comparison(random: &mut Random, operand: &mut dyn FnMut(&mut Random) -> String) -> String {
    let (a, b) = (operand(random), operand(random));
    match random.below(8) {
        0 => format!("between {a} and {b}"),
        1 => format!("not between {a} and {b}"),
        2 => format!("in [{a}, {b}]"),
        3 => format!("not in [{a}, {b}]"),
        at => format!("{} {a}", [">", ">=", "<", "<=", "=", "!="][(at + random.below(6)) % 6]),
    }
}

fn numbers(random: &mut Random) -> String {
    comparison(random, &mut number)
}

fn condition(random: &mut Random) -> String {
    match random.below(5) {
        0 => comparison(random, &mut |random| {
            random.of(&["\"2026-03-10\"", "now()", "(now() - 3 days)", "\"9:30 AM\"", "\"2025-01-01\""]).to_owned()
        }),
        1 => random.of(&["= NULL", "!= NULL", "in [1, NULL]", "not in [NULL, 2]"]).to_owned(),
        2 => {
            let word = |random: &mut Random| match random.below(6) {
                0 => "EMPTY".to_owned(),
                1 => "WHITESPACES_ONLY".to_owned(),
                2 => "NULL".to_owned(),
                _ => format!("\"{}\"", random.of(&["a", "us", "x y", "日本", "zz"])),
            };
            let (a, b) = (word(random), word(random));
            let not = random.of(&["", "not "]);
            let ignore = random.of(&["", " with ignoreCase = \"true\""]);
            format!("{not}in [{a}, {b}, \"q\"]{ignore}")
        }
        3 => format!("{}matches \"{}\"", random.of(&["", "not "]), random.of(&["[a-z]+", "^a", "(?=.*a)b*", ".*", "[", "1|us"])),
        _ => numbers(random),
    }
}

fn rule(random: &mut Random) -> String {
    let (c, d) = (column(random), column(random));
    let kind = random.of(&[
        "RowCount",
        "Mean",
        "Sum",
        "StandardDeviation",
        "Variance",
        "Completeness",
        "Uniqueness",
        "UniqueValueRatio",
        "DistinctValuesCount",
        "Entropy",
        "ColumnLength",
        "ZerosCount",
        "Range",
        "InterquartileRange",
        "Skewness",
        "Kurtosis",
        "Median",
    ]);
    let rule = match random.below(26) {
        0 => format!("{kind} {}", numbers(random)),
        1..=3 if kind == "RowCount" => format!("RowCount {}", numbers(random)),
        1..=3 => format!("{kind} \"{c}\" {}", numbers(random)),
        4..=9 => format!("ColumnValues \"{c}\" {}", condition(random)),
        10 => format!("IsComplete \"{c}\""),
        11 => format!("IsUnique \"{c}\" \"{d}\""),
        12 => format!("IsPrimaryKey \"{c}\" \"{d}\""),
        13 => format!("DuplicateRowCount \"{c}\" {}", numbers(random)),
        14 => format!("ColumnDataType \"{c}\" = \"{}\"", random.of(TYPES)),
        15 => format!(
            "DataFreshness \"{c}\" {}",
            comparison(random, &mut |random| random.of(&["3 days", "24 hours", "90 minutes", "0 days"]).to_owned())
        ),
        16 => format!("Format \"{c}\" \"{}\"", random.of(&["email", "json", "iso-date", "uuid"])),
        17 => format!("Monotonic \"{c}\" \"{}\"", random.of(&["increasing", "strictly decreasing"])),
        18 => format!("NoGaps \"{c}\" \"{}\"", random.of(&["1 day", "10", "1 month", "0.5"])),
        19 => format!("Outliers \"{c}\" \"{}\" \"3\" {}", random.of(&["z-score", "mad"]), numbers(random)),
        20 => format!("ColumnPair \"{c}\" \"{}\" \"{d}\"", random.of(&["<", "<=", "=", "!="])),
        21 => format!("MulticolumnSum \"{c}\" \"{d}\" {}", numbers(random)),
        22 => format!("NoOverlap \"{c}\" \"{d}\""),
        23 => format!("NotConstant \"{c}\""),
        24 => random
            .of(&[
                "ReferentialIntegrity \"i\" \"ref.i\" > 0.5",
                "DatasetMatch \"ref\" \"i\" \"s\" > 0.1",
                "SchemaMatch \"ref\" = 1",
                "RowCountMatch \"ref\" = 1",
                "AggregateMatch \"sum(i)\" \"sum(ref.f)\" > 0",
                "DistributionMatch \"f\" \"ref.f\" \"ks\" < 0.5",
                "DistributionMatch \"s\" \"ref.s\" \"psi\" < 0.5",
                "ReferentialIntegrity \"s,day\" \"ref.{at,i}\" >= 0",
            ])
            .to_owned(),
        _ => random
            .of(&[
                "CustomSql \"select count(*) from primary\" > 1",
                "CustomSql \"select i, s from primary where f > 0\"",
                "CustomSql \"select s from primary\" with threshold > 0.2",
                "CustomSql \"select max(f) from primary join ref on primary.i = ref.i\" > 1",
                "ColumnCorrelation \"i\" \"f\" > 0.5",
                "ColumnCount > 3",
                "DetectAnomalies \"RowCount\"",
                "DetectAnomalies \"ColumnValues\" \"f\"",
            ])
            .to_owned(),
    };
    let filter = if random.chance(25) { format!(" where \"{}\"", random.of(FILTERS)) } else { String::new() };
    let group = if random.chance(12) { format!(" group by \"{}\"", random.of(&["b", "u", "s", "day", "info"])) } else { String::new() };
    let mostly = if random.chance(8) { " with mostly >= 0.5" } else { "" };
    let tags = rule.find(" with ").map_or("", |at| &rule[at..]).to_owned();
    format!("{}{filter}{group}{tags}{mostly}", &rule[..rule.len() - tags.len()])
}

/// A rule that reads, alone or put together.
fn readable(random: &mut Random) -> String {
    loop {
        let text =
            if random.chance(10) { format!("({}) {} ({})", rule(random), random.of(&["and", "or"]), rule(random)) } else { rule(random) };
        if language::parse(&format!("Rules = [{text}]")).is_ok() {
            return text;
        }
    }
}

/// Whether a rule is of each row, so that it holds if every row does.
fn is_of_each_row(node: &Node) -> bool {
    let Node::Rule(rule) = node else { return false };
    let ratio = ["Completeness", "Uniqueness", "Outliers", "ReferentialIntegrity", "DatasetMatch"].contains(&rule.kind.name());
    let scalar = rule.kind.name() == "CustomSql" && matches!(rule.condition, Some(Condition::Number(_)));
    rule.kind.spec().row_level && !ratio && !scalar && rule.mostly.is_none() && rule.threshold.is_none()
}

/// Evaluates rules on a table in every way, and holds the ways against each other.
fn assert_sound(frame: &DataFrame, reference: &DataFrame, rules: &[String], random: &mut Random) {
    let source = format!("Rules = [{}]", rules.join(",\n"));
    let ruleset = parse(&source);
    let context = with_history("RowCount", &[1.0, 2.0, 3.0]).with_reference("ref", Dataset::of_frame(reference.clone()));
    let evaluated = evaluate(&ruleset, &Dataset::of_frame(frame.clone()), &context);
    let evaluation = &evaluated.evaluation;
    assert_eq!(evaluation.rules.len(), rules.len());
    let about = || format!("{frame}\n{source}\n{:#?}", evaluation.rules);
    for result in &evaluation.rules {
        assert!(result.outcome == PASSED || result.reason.as_ref().is_some_and(|reason| !reason.is_empty()), "{}", about());
    }
    let rows = evaluated.rows().unwrap().collect().unwrap_or_else(|error| panic!("{error}\n{}", about()));
    assert_eq!(rows.height(), frame.height());
    let fails = rows.column("DataQualityRulesFail").unwrap().list().unwrap().clone();
    for (node, result) in ruleset.rules.iter().zip(&evaluation.rules) {
        if !is_of_each_row(node) || result.outcome == ERROR || frame.height() == 0 {
            continue;
        }
        let failed = |row: usize| fails.get_as_series(row).unwrap().str().unwrap().iter().flatten().any(|text| text == node.to_string());
        let failing = (0..frame.height()).any(failed);
        let nothing = result.reason.as_ref().is_some_and(|reason| reason.contains("values are null.") || reason.contains("There is no"));
        assert!(nothing || failing == (result.outcome == FAILED), "rows of {node} disagree: {failing}\n{}", about());
    }
    let failing = evaluated.failing_rows().unwrap().collect().unwrap_or_else(|error| panic!("{error}\n{}", about()));
    let passing = evaluated.passing_rows().unwrap().collect().unwrap_or_else(|error| panic!("{error}\n{}", about()));
    assert_eq!(failing.height() + passing.height(), frame.height(), "{}", about());
    let at = random.below(rules.len());
    let alone = evaluate(&parse(&format!("Rules = [{}]", rules[at])), &Dataset::of_frame(frame.clone()), &context).evaluation;
    let told = |result: &RuleResult| (result.outcome, result.reason.clone(), result.metrics.keys().cloned().collect::<Vec<_>>());
    assert_eq!(told(&alone.rules[0]), told(&evaluation.rules[at]), "alone it is otherwise\n{}", about());
    if random.chance(30) {
        let file = tempfile::Builder::new().suffix(".parquet").tempfile().unwrap();
        ParquetWriter::new(File::create(file.path()).unwrap()).with_row_group_size(Some(3)).finish(&mut frame.clone()).unwrap();
        let stored = evaluate(&ruleset, &Dataset::of_files(&[file.path().to_owned()], None).unwrap(), &context).evaluation;
        for (stored, kept) in stored.rules.iter().zip(&evaluation.rules) {
            // Sums of the same numbers in other blocks are rounded otherwise.
            let near = |(name, value): (&String, &f64)| {
                let other = stored.metrics.get(name).copied().unwrap_or(f64::NEG_INFINITY);
                value.to_bits() == other.to_bits()
                    || (value - other).abs() <= 1e-6 * value.abs().max(1e-6)
                    || (value.is_nan() && other.is_nan())
            };
            assert!(kept.metrics.iter().all(near), "in a file metrics are otherwise: {stored:?}\n{}", about());
            let same = stored.outcome == kept.outcome || format!("{:?}", stored.metrics) != format!("{:?}", kept.metrics);
            assert!(same, "in a file it is otherwise: {stored:?}\n{}", about());
        }
    }
}

#[test]
fn random_rules_on_random_tables() {
    let told = |name: &str| env::var_os(name).and_then(|value| value.to_str()?.parse::<u64>().ok());
    let seconds = told("LAKEGATE_FUZZ_SECONDS").unwrap_or(4);
    let seed =
        told("LAKEGATE_TEST_SEED").unwrap_or_else(|| u64::from(std::process::id()) << 32 ^ Instant::now().elapsed().as_nanos() as u64);
    eprintln!("to repeat these choices: LAKEGATE_TEST_SEED={seed}");
    let mut random = Random(seed);
    let end = Instant::now() + Duration::from_secs(seconds);
    let mut evaluated = 0_u64;
    while Instant::now() < end {
        let (frame, reference) = (table(&mut random), table(&mut random));
        let rules: Vec<String> = (0..=random.below(6)).map(|_| readable(&mut random)).collect();
        let begin = Instant::now();
        assert_sound(&frame, &reference, &rules, &mut random);
        assert!(begin.elapsed() < Duration::from_secs(20), "{rules:?} took {:?}", begin.elapsed());
        evaluated += 1;
    }
    eprintln!("{evaluated} rulesets");
    assert!(evaluated > 0);
}
