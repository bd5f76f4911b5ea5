//! Numbers that doubles round: steps of a tenth, whole numbers beyond 2^53, decimals.

use polars::prelude::*;

use super::*;

/// 2^53: the next whole number is no double.
const LAST: i64 = 9_007_199_254_740_992;

fn decimals(name: &str, values: &[Option<&str>], precision: usize, scale: usize) -> Column {
    Series::new(name.into(), values).cast(&DataType::Decimal(precision, scale)).unwrap().into_column()
}

#[test]
fn steps_of_fractions_have_no_gaps_of_rounding() {
    let texts = |step: f64, places: usize, rows: u32| (0..rows).map(move |row| format!("{:.places$}", f64::from(row) * step));
    let tenths: Vec<f64> = texts(0.1, 1, 11).map(|text| text.parse().unwrap()).collect();
    let frame = df!("x" => &tenths, "f" => tenths.iter().map(|x| *x as f32).collect::<Vec<_>>()).unwrap();
    check(&frame, &[("NoGaps \"x\" \"0.1\"", PASSED), ("NoGaps \"f\" \"0.1\"", PASSED), ("NoGaps \"x\" \"0.05\"", FAILED)]);
    let far: Vec<f64> = texts(0.01, 2, 1001).map(|text| text.parse::<f64>().unwrap() + 1e9).collect();
    let near: Vec<f64> = texts(0.01, 2, 1001).map(|text| text.parse().unwrap()).collect();
    let summed: Vec<f64> = (0..1001).scan(0.0, |sum, _| Some(std::mem::replace(sum, *sum + 0.01))).collect();
    let frame = df!("far" => &far, "near" => &near, "summed" => &summed, "text" => texts(0.01, 2, 1001).collect::<Vec<_>>()).unwrap();
    for column in ["far", "near", "summed", "text"] {
        let rule = format!("NoGaps \"{column}\" \"0.01\"");
        check(&frame, &[(rule.as_str(), PASSED)]);
        for row in [1, 29, 500, 999] {
            let rows: Vec<u32> = (0..1001).filter(|at| *at != row).collect();
            let less = frame.take(&IdxCa::from_vec("rows".into(), rows)).unwrap();
            assert_eq!(metric(&less, &rule, &format!("Column.{column}.NoGaps.Missing")), 1.0, "{rule} without {row}");
        }
    }
    let gap = df!("x" => [0.0, 0.1, 0.3]).unwrap();
    let result = one(&gap, "NoGaps \"x\" \"0.1\"");
    assert_eq!((result.outcome, result.metrics["Column.x.NoGaps.Missing"]), (FAILED, 1.0));
    assert!(result.reason.as_deref().unwrap().ends_with("1 of 4 intervals of 0.1 in \"x\" have no row, the first at 0.2."), "{result:?}");
    // In the middle of a step is in it.
    check(&df!("x" => [0.0, 0.15, 0.25]).unwrap(), &[("NoGaps \"x\" \"0.1\"", PASSED)]);
}

#[test]
fn whole_numbers_and_decimals_have_no_gaps_of_rounding() {
    let ids: Vec<i64> = (-3..5).map(|step| LAST + step).collect();
    let frame = DataFrame::new_infer_height(vec![
        Column::new("id".into(), &ids),
        Column::new("u".into(), ids.iter().map(|id| *id as u64 + (1 << 63)).collect::<Vec<_>>()),
        decimals("d", &["0.1", "0.2", "0.3", "0.4", "0.5", "0.6", "0.7", "0.8"].map(Some), 38, 18),
    ])
    .unwrap();
    for (rule, missing) in
        [("\"id\" \"1\"", 1.0), ("\"id\" \"1.0\"", 1.0), ("\"u\" \"1\"", 1.0), ("\"d\" \"0.1\"", 1.0), ("\"id\" \"0.5\"", 8.0)]
    {
        let column = rule.split('"').nth(1).unwrap();
        let name = format!("Column.{column}.NoGaps.Missing");
        let less = frame.head(Some(3)).vstack(&frame.slice(4, 4)).unwrap();
        assert_eq!(metric(&less, &format!("NoGaps {rule}"), &name), missing, "{rule}");
        if missing == 1.0 {
            assert_eq!(metric(&frame, &format!("NoGaps {rule}"), &name), 0.0, "{rule}");
        }
    }
    let result = one(&df!("id" => [LAST, LAST + 2]).unwrap(), "NoGaps \"id\" \"1\"");
    assert!(result.reason.as_deref().unwrap().ends_with("the first at 9007199254740993."), "{result:?}");
    let ends = df!("id" => [i64::MIN, i64::MAX]).unwrap();
    check(&ends, &[("NoGaps \"id\" \"1\"", FAILED), ("NoGaps \"id\" \"18446744073709551615\"", PASSED)]);
}

/// Numbers next to 2^53 in each type that has all their digits.
fn wide() -> DataFrame {
    let text = |number: i64| Some(number.to_string());
    let texts: Vec<Option<String>> = vec![text(LAST + 1), text(LAST), Some("5".into()), None];
    let texts: Vec<Option<&str>> = texts.iter().map(Option::as_deref).collect();
    DataFrame::new_infer_height(vec![
        Column::new("i".into(), [Some(LAST), Some(LAST), Some(5), None]),
        Column::new("u".into(), [Some(LAST as u64 + 1), Some(LAST as u64), Some(5), None]),
        decimals("d", &texts, 20, 0),
        decimals("d2", &texts, 20, 2),
        decimals("d18", &texts, 38, 18),
        decimals("d38", &texts, 38, 0),
        Column::new("f".into(), [Some(LAST as f64), Some(LAST as f64), Some(5.0), None]),
        Column::new("b".into(), [Some(true), Some(false), None, None]),
    ])
    .unwrap()
}

#[test]
fn columns_of_different_types_are_compared_digit_by_digit() {
    let frame = wide();
    for other in ["u", "d", "d2", "d18", "d38"] {
        for (operator, rows) in [("=", "FPPF"), ("!=", "PFFF"), ("<", "PFFF"), ("<=", "PPPF"), (">", "FFFF"), (">=", "FPPF")] {
            assert_eq!(letters(&frame, &format!("ColumnPair \"i\" \"{operator}\" \"{other}\"")), rows, "i {operator} {other}");
        }
        for another in ["u", "d", "d2", "d18", "d38"] {
            assert_eq!(letters(&frame, &format!("ColumnPair \"{another}\" \"=\" \"{other}\"")), "PPPF", "{another} {other}");
        }
    }
    // A double is as near as it comes, and truth is 1.
    assert_eq!(letters(&frame, "ColumnPair \"u\" \"=\" \"f\""), "PPPF");
    assert_eq!(letters(&frame, "ColumnPair \"b\" \"<\" \"u\""), "PPFF");
    let ends = df!("i" => [-1_i64, i64::MAX, 0], "u" => [u64::MAX, i64::MAX as u64 + 1, 0]).unwrap();
    assert_eq!(letters(&ends, "ColumnPair \"i\" \"<\" \"u\""), "PPF");
    // Too many digits for one type, and still told apart.
    let far = DataFrame::new_infer_height(vec![
        decimals("a", &[Some("12345678901234567890123456789012345678"), Some("2"), None], 38, 0),
        decimals("b", &[Some("0.000000000000000001"), Some("2.000000000000000001"), Some("1")], 38, 18),
    ])
    .unwrap();
    for (operator, rows) in [("<", "FPF"), ("=", "FFF"), ("!=", "PPP"), (">", "PFF")] {
        assert_eq!(letters(&far, &format!("ColumnPair \"a\" \"{operator}\" \"b\"")), rows, "{operator}");
    }
}

#[test]
fn keys_of_different_types_are_compared_digit_by_digit() {
    let wide = wide();
    let context = context().with_reference("ref", Dataset::of_frame(wide.slice(1, 2)));
    let data = |values: &[i64], of: &str| {
        let dtype = wide.column(of).unwrap().dtype().clone();
        DataFrame::new_infer_height(vec![Column::new("key".into(), values).cast(&dtype).unwrap(), Column::new("n".into(), values)]).unwrap()
    };
    for ours in ["i", "u", "d", "d2", "d18", "d38"] {
        for theirs in ["i", "u", "d", "d2", "d18", "d38"] {
            let rules = [
                format!("ReferentialIntegrity \"key\" \"ref.{theirs}\" = 1"),
                format!("DatasetMatch \"ref\" \"key->{theirs}\" \"key->{theirs}\" = 1"),
                format!("DatasetMatch \"ref\" \"n->i\" \"key->{theirs}\" = 1"),
            ];
            for (values, outcome) in [([LAST, 5], PASSED), ([LAST + 1, 5], FAILED)] {
                let frame = data(&values, ours);
                let cases: Vec<(&str, Outcome)> = rules.iter().map(|rule| (rule.as_str(), outcome)).collect();
                check_in(&context, &frame, &cases);
            }
        }
    }
}

#[test]
fn conditions_are_compared_digit_by_digit() {
    let frame = wide();
    for column in ["u", "d", "d2", "d18", "d38"] {
        for (condition, rows) in [
            ("in [9007199254740992]", "FPFF"),
            ("= 9007199254740993", "PFFF"),
            ("!= 9007199254740993", "FPPP"),
            ("> 9007199254740992", "PFFF"),
            (">= 9007199254740993.0", "PFFF"),
            ("< 9007199254740992.5", "FPPF"),
            ("> 9007199254740992.5", "PFFF"),
            ("= 9007199254740992.5", "FFFF"),
            ("not in [9007199254740992.5, 5, NULL]", "PPFF"),
            ("not in [9007199254740992.5, 5]", "PPFP"),
            ("between 4.99 and 9007199254740993", "FPPF"),
            ("in [1, 2, 3, 4, 5.5, 6, 7, 8, 9, 9007199254740993]", "PFFF"),
            ("not in [1, 2, 3, 4, 5, 6, 7, 8, 9, 9007199254740993, NULL]", "FPFF"),
            ("< 100000000000000000000000000000000000000000", "PPPF"),
            ("> -100000000000000000000000000000000000000000", "PPPF"),
        ] {
            assert_eq!(letters(&frame, &format!("ColumnValues \"{column}\" {condition}")), rows, "{column} {condition}");
        }
    }
    let cents = DataFrame::new_infer_height(vec![decimals("d", &[Some("0.30"), Some("-0.30"), Some("0.31"), None], 10, 2)]).unwrap();
    for (condition, rows) in [
        ("= 0.3", "PFFF"),
        ("= 0.1 + 0.2", "FFFF"),
        ("> 0.305", "FFPF"),
        ("<= 0.305", "PPFF"),
        ("< -0.295", "FPFF"),
        (">= -0.305", "PPPF"),
        ("in [0.30, 0.310]", "PFPF"),
        ("= 0.00000000000000000000000000000000000000000001", "FFFF"),
        ("> -0.00000000000000000000000000000000000000000001", "PFPF"),
    ] {
        assert_eq!(letters(&cents, &format!("ColumnValues \"d\" {condition}")), rows, "{condition}");
    }
    let ends = df!("i" => [i64::MAX, i64::MIN], "u" => [u64::MAX, 0]).unwrap();
    for (rule, rows) in [
        ("\"i\" = 9223372036854775808", "FF"),
        ("\"i\" < 9223372036854775808", "PP"),
        ("\"u\" = 18446744073709551615", "PF"),
        ("\"u\" < 18446744073709551616", "PP"),
        ("\"u\" >= -1", "PP"),
    ] {
        assert_eq!(letters(&ends, &format!("ColumnValues {rule}")), rows, "{rule}");
    }
}

#[test]
fn sums_of_a_row_have_all_digits() {
    let money = DataFrame::new_infer_height(vec![
        decimals("net", &[Some("0.10"), Some("0.10"), None], 10, 2),
        decimals("tax", &[Some("0.20"), Some("0.21"), Some("0.20")], 10, 2),
        decimals("fine", &[Some("0.2"), Some("0.2000000000000000001"), Some("0.2")], 38, 19),
        decimals("huge", &[Some("99999999999999999999"), Some("-1"), Some("1")], 38, 18),
        Column::new("one".into(), [1_i64, 1, 1]),
        Column::new("f".into(), [0.2, 0.2, 0.2]),
    ])
    .unwrap();
    for (rule, rows) in [
        ("\"net\" \"tax\" = 0.3", "PFF"),
        ("\"net\" \"tax\" != 0.3", "FPF"),
        ("\"net\" \"tax\" in [0.3, 0.31]", "PPF"),
        ("\"net\" \"tax\" in [1, 2, 3, 4, 5, 6, 7, 8, 0.30]", "PFF"),
        ("\"net\" \"tax\" <= 0.3", "PFF"),
        ("\"net\" \"tax\" = NULL", "FFF"),
        ("\"net\" \"fine\" = 0.3", "PFF"),
        ("\"net\" \"fine\" > 0.3", "FPF"),
        ("\"net\" \"tax\" \"one\" = 1.3", "PFF"),
        // Doubles are what they are.
        ("\"net\" \"f\" = 0.3", "FFF"),
        // Without room for all digits they are doubles.
        ("\"huge\" \"huge\" = 200000000000000000000", "PFF"),
        ("\"huge\" \"one\" = 0", "FPF"),
    ] {
        assert_eq!(letters(&money, &format!("MulticolumnSum {rule}")), rows, "{rule}");
    }
    let whole = df!("a" => [LAST, i64::MAX, 1], "b" => [1_i64, i64::MAX, 2], "u" => [0_u64, u64::MAX, 3]).unwrap();
    for (rule, rows) in [
        ("\"a\" \"b\" = 9007199254740993", "PFF"),
        ("\"a\" \"b\" = 9007199254740992", "FFF"),
        ("\"a\" \"b\" = 18446744073709551614", "FPF"),
        ("\"a\" \"b\" \"u\" in [36893488147419103229, 6]", "FPP"),
        ("\"a\" \"b\" > 3.5", "PPF"),
    ] {
        assert_eq!(letters(&whole, &format!("MulticolumnSum {rule}")), rows, "{rule}");
    }
    for (rule, reason) in [
        ("MulticolumnSum \"net\" \"tax\" = 0", "Sum: 0.30 does not"),
        ("MulticolumnSum \"one\" \"one\" = 0", "Sum: 2 does not"),
        ("MulticolumnSum \"huge\" \"huge\" = 0", "Sum: 2e+20 does not"),
        ("MulticolumnSum \"huge\" \"one\" = -7 where \"net > 0 and huge < 0\"", "Sum: 0.000000000000000000 does not"),
    ] {
        let failing = run(&money, rule).failing_rows().unwrap().collect().unwrap();
        let first = failing.column("reason").unwrap().get(0).unwrap().to_string();
        assert!(first.contains(reason), "{rule}: {first}");
    }
}

#[test]
fn sums_of_decimals_are_decimals() {
    let amounts: Vec<Option<&str>> = std::iter::repeat_n([Some("0.10"), Some("0.20"), None], 1000).flatten().collect();
    let frame = DataFrame::new_infer_height(vec![
        decimals("amount", &amounts, 10, 2),
        Column::new("g".into(), (0..3000).map(|row| row % 2).collect::<Vec<i32>>()),
    ])
    .unwrap();
    let two = frame.head(Some(3));
    let context = context().with_reference("ref", Dataset::of_frame(frame.clone()));
    for data in [&frame, &two] {
        let sum = if data.height() == 3 { "0.3" } else { "300" };
        check_in(
            &context,
            data,
            &[
                (&format!("Sum \"amount\" = {sum}"), PASSED),
                ("Mean \"amount\" = 0.15", PASSED),
                ("Range \"amount\" = 0.1", PASSED),
                ("AggregateMatch \"avg(amount)\" \"avg(ref.amount)\" = 1", PASSED),
                ("Sum \"amount\" = 150 group by \"g\"", if data.height() == 3 { FAILED } else { PASSED }),
            ],
        );
    }
    let statistics = evaluate(&parse("Rules = [] Analyzers = [AllStatistics \"amount\"]"), &Dataset::of_frame(two), &context);
    let metrics = &statistics.evaluation.analyzers[0].metrics;
    assert_eq!((metrics["Column.amount.Sum"], metrics["Column.amount.Mean"], metrics["Column.amount.Range"]), (0.3, 0.15, 0.1));
    // More digits than a double has are as near as it comes.
    let large = DataFrame::new_infer_height(vec![decimals("d", &[Some("9007199254740993.00"), Some("0.02")], 38, 2)]).unwrap();
    assert!((metric(&large, "Sum \"d\" > 0", "Column.d.Sum") - LAST as f64).abs() <= 2.0);
}

#[test]
fn files_keep_all_digits() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("wide.parquet");
    ParquetWriter::new(std::fs::File::create(&path).unwrap()).finish(&mut wide()).unwrap();
    let file = Dataset::of_files(&[path], None).unwrap();
    let context = context().with_reference("ref", file.clone());
    let rules = [
        "ReferentialIntegrity \"i\" \"ref.u\" = 0.75",
        "ReferentialIntegrity \"u\" \"ref.d18\" = 0.75",
        "ReferentialIntegrity \"d2\" \"ref.i\" = 0.5",
        "ColumnPair \"i\" \"=\" \"d2\" with mostly = 0.5",
        "ColumnValues \"u\" in [9007199254740993, 5] with threshold = 0.5",
        "ColumnValues \"d18\" > 9007199254740992 with threshold = 0.25",
        "MulticolumnSum \"u\" \"d2\" = 18014398509481986 with mostly = 0.25",
        "NoGaps \"u\" \"1\" where \"u > 5\"",
        "NoGaps \"d2\" \"0.5\" where \"u = 5\"",
    ];
    let evaluation = evaluate(&parse(&format!("Rules = [{}]", rules.join(","))), &file, &context).evaluation;
    for rule in evaluation.rules {
        assert_eq!(rule.outcome, PASSED, "{}: {:?}", rule.rule, rule.reason);
    }
}
