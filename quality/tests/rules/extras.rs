//! Rules beyond DQDL.

use polars::prelude::*;

use super::*;

#[test]
fn monotonic() {
    let frame = df!("n" => [Some(1), Some(2), None, Some(2), Some(1)], "g" => ["a", "b", "a", "a", "b"], "k" => [1, 2, 3, 4, 5]).unwrap();
    for (rule, rows) in [
        ("Monotonic \"n\"", "PPPPF"),
        ("Monotonic \"n\" \"strictly increasing\"", "PPPFF"),
        ("Monotonic \"n\" \"decreasing\"", "PFPPP"),
        ("Monotonic \"n\" \"strictly decreasing\"", "PFPFP"),
        ("Monotonic \"n\" where \"k < 5\"", "PPPPP"),
        ("Monotonic \"n\" group by \"g\"", "PPPPF"),
        ("Monotonic \"n\" \"strictly increasing\" group by \"g\"", "PPPPF"),
    ] {
        assert_eq!(letters(&frame, rule), rows, "{rule}");
        let whole = if rows.contains('F') { FAILED } else { PASSED };
        assert_eq!(one(&frame, rule).outcome, whole, "{rule}");
    }
    check(&frame, &[("Monotonic \"n\" with mostly >= 0.8", PASSED)]);
}

#[test]
fn gaps() {
    let days = df!("d" => ["2024-02-27", "2024-02-28 23:00", "2024-03-01 01:00"], "n" => [10, 20, 45], "m" => ["2024-11-05", "2024-12-31", "2025-01-01"], "g" => ["a", "a", "b"]).unwrap();
    check(
        &days,
        &[
            ("NoGaps \"d\" \"1 day\"", FAILED),
            ("NoGaps \"d\" \"2 days\"", PASSED),
            ("NoGaps \"d\" \"1 week\"", PASSED),
            ("NoGaps \"d\" \"1 month\"", PASSED),
            ("NoGaps \"d\" \"1 hour\"", FAILED),
            ("NoGaps \"m\" \"1 month\"", PASSED),
            ("NoGaps \"m\" \"1 year\"", PASSED),
            ("NoGaps \"n\" \"10\"", FAILED),
            ("NoGaps \"n\" \"25\"", PASSED),
            ("NoGaps \"d\" \"1 day\" where \"n < 40\"", PASSED),
            ("NoGaps \"d\" \"1 day\" group by \"g\"", PASSED),
        ],
    );
    let result = one(&days, "NoGaps \"d\" \"1 day\"");
    assert_eq!(result.metrics["Column.d.NoGaps.Missing"], 1.0);
    assert!(result.reason.unwrap().contains("the first at 2024-02-29"));
}

#[test]
fn outliers() {
    let mut values = vec![10.0; 20];
    values.extend([11.0, 9.0, 100.0]);
    let frame = df!("x" => &values).unwrap();
    check(
        &frame,
        &[
            ("Outliers \"x\" \"z-score\" \"3\" = 1", PASSED),
            ("Outliers \"x\" \"z-score\" \"3\" = 0", FAILED),
            ("Outliers \"x\" \"mad\" \"3.5\" = 3", PASSED),
        ],
    );
    assert_eq!(letters(&frame, "Outliers \"x\" \"z-score\" \"3\" = 0"), "P".repeat(22) + "F");
    let flat = df!("x" => [Some(1.0), Some(1.0), None]).unwrap();
    check(&flat, &[("Outliers \"x\" \"z-score\" \"3\" = 0", PASSED), ("Outliers \"x\" \"mad\" \"3\" = 0", PASSED)]);
    let odd = df!("x" => [1.0, 1.0, f64::NAN, f64::INFINITY], "g" => ["a", "a", "b", "b"]).unwrap();
    check(&odd, &[("Outliers \"x\" \"z-score\" \"3\" = 2", PASSED), ("Outliers \"x\" \"z-score\" \"3\" = 0 group by \"g\"", FAILED)]);
}

#[test]
fn pairs_and_sums() {
    let frame =
        df!("a" => [Some(1), Some(2), None, None], "b" => [Some(1.5), Some(2.0), Some(3.0), None], "s" => ["1", "3", "x", "4"]).unwrap();
    for (rule, rows) in [
        ("ColumnPair \"a\" \"<\" \"b\"", "PFFF"),
        ("ColumnPair \"a\" \"<=\" \"b\"", "PPFF"),
        ("ColumnPair \"a\" \"=\" \"b\"", "FPFF"),
        ("ColumnPair \"a\" \"!=\" \"b\"", "PFPF"),
        ("ColumnPair \"b\" \">\" \"a\"", "PFFF"),
        ("ColumnPair \"a\" \"<=\" \"s\"", "PPFF"),
        ("MulticolumnSum \"a\" \"b\" = 4", "FPFF"),
        ("MulticolumnSum \"a\" \"b\" != 4", "PFFF"),
        ("MulticolumnSum \"a\" \"b\" between 2 and 5", "PPFF"),
    ] {
        assert_eq!(letters(&frame, rule), rows, "{rule}");
    }
    check(
        &frame,
        &[("ColumnPair \"a\" \"<=\" \"b\" with mostly >= 0.5", PASSED), ("MulticolumnSum \"a\" \"b\" > 0 where \"a is not null\"", PASSED)],
    );
}

#[test]
fn intervals() {
    let frame = df!(
        "from" => [Some("2024-01-01"), Some("2024-02-01"), Some("2024-01-15"), Some("2024-03-01"), None],
        "until" => [Some("2024-02-01"), None, Some("2024-01-15"), Some("2024-02-15"), Some("2023-01-01")],
        "k" => ["a", "a", "a", "b", "b"],
        "n" => [1, 2, 3, 4, 5],
    )
    .unwrap();
    // Touching is no overlap, an empty interval neither; one that ends before it starts does not hold.
    assert_eq!(letters(&frame, "NoOverlap \"from\" \"until\" \"k\""), "PPPFP");
    assert_eq!(letters(&frame, "NoOverlap \"from\" \"until\" where \"n <> 4\""), "PPPPP");
    check(&frame, &[("NoOverlap \"from\" \"until\" \"k\"", FAILED), ("NoOverlap \"from\" \"until\" \"k\" with mostly >= 0.8", PASSED)]);
    let numbers = df!("from" => [1, 5, 9, 2], "until" => [4, 6, 12, 10]).unwrap();
    assert_eq!(letters(&numbers, "NoOverlap \"from\" \"until\""), "FFFF");
    let nested = df!("from" => [1, 2, 20], "until" => [10, 3, 30]).unwrap();
    assert_eq!(letters(&nested, "NoOverlap \"from\" \"until\""), "FFP");
}

#[test]
fn distributions() {
    let frame = df!("x" => [1, 2, 3, 4], "c" => ["a", "a", "b", "b"]).unwrap();
    let same = df!("x" => [1.0, 2.0, 3.0, 4.0], "c" => ["a", "a", "b", "b"]).unwrap();
    let other = df!("x" => [101, 102, 103, 104], "c" => ["c", "c", "c", "c"]).unwrap();
    let context = context().with_reference("same", Dataset::of_frame(same)).with_reference("other", Dataset::of_frame(other));
    check_in(
        &context,
        &frame,
        &[
            ("DistributionMatch \"x\" \"same.x\" \"ks\" = 0", PASSED),
            ("DistributionMatch \"x\" \"other.x\" \"ks\" = 1", PASSED),
            ("DistributionMatch \"x\" \"other.x\" \"psi\" > 1", PASSED),
            ("DistributionMatch \"c\" \"same.c\" \"chi-square\" = 0", PASSED),
            ("DistributionMatch \"c\" \"other.c\" \"chi-square\" = 1", PASSED),
            ("DistributionMatch \"c\" \"same.c\" \"psi\" < 0.1", PASSED),
            ("DistributionMatch \"c\" \"other.c\" \"psi\" < 0.1", FAILED),
            ("DistributionMatch \"c\" \"same.c\" \"ks\" < 0.1", ERROR),
            ("DistributionMatch \"x\" \"nobody.x\" \"ks\" < 0.1", ERROR),
            ("DistributionMatch \"x\" \"same.y\" \"ks\" < 0.1", ERROR),
        ],
    );
}

#[test]
fn anomalies() {
    let frame = df!("x" => [1.0, 2.0, 3.0]).unwrap();
    let usual = with_history("RowCount", &[3.0, 3.0, 4.0, 3.0, 2.0, 3.0, 3.0, 3.0, 4.0, 3.0]);
    let unusual = with_history("RowCount", &[1000.0, 1001.0, 999.0, 1000.0, 1002.0, 1000.0, 998.0, 1000.0, 1001.0, 1000.0]);
    check_in(&usual, &frame, &[("DetectAnomalies \"RowCount\"", PASSED)]);
    check_in(&unusual, &frame, &[("DetectAnomalies \"RowCount\"", FAILED)]);
    let result = one(&frame, "DetectAnomalies \"RowCount\"");
    assert_eq!(result.outcome, PASSED, "nobody is unlike a history that isn't there");
    assert!(result.reason.is_some());
    assert_eq!(result.metrics["Dataset.*.RowCount"], 3.0);
    let statistics = run(&frame, "DetectAnomalies \"RowCount\"").evaluation.statistics;
    assert_eq!(statistics, [("RowCount".to_owned(), 3.0)].into(), "what is watched is what the history is of");
    check(&frame, &[("DetectAnomalies \"Mean\" \"x\"", PASSED), ("DetectAnomalies \"Mean\" \"gone\"", ERROR)]);
}

#[test]
fn analyzers() {
    let frame = df!("x" => [Some(1.0), Some(2.0), None], "s" => ["a", "b", "b"]).unwrap();
    let source = "Rules = [RowCount > 0] Analyzers = [RowCount, Completeness \"x\", AllStatistics AllColumns, AllStatistics \"gone\", Distribution \"s\", Distribution \"x\", ColumnValues \"x\", ColumnLength \"s\", Mean \"x\"]";
    let evaluation = evaluate(&parse(source), &Dataset::of_frame(frame), &context()).evaluation;
    assert_eq!(evaluation.outcome, PASSED, "an analyzer never fails a dataset");
    let metrics = |at: usize| &evaluation.analyzers[at].metrics;
    assert_eq!(metrics(0)["Dataset.*.RowCount"], 3.0);
    assert_eq!(metrics(1)["Column.x.Completeness"], 2.0 / 3.0);
    for name in
        ["Dataset.*.RowCount", "Column.x.Mean", "Column.x.Minimum", "Column.x.Uniqueness", "Column.s.MaximumLength", "Column.s.Entropy"]
    {
        assert!(metrics(2).contains_key(name), "{name}: {:?}", metrics(2));
    }
    assert!(evaluation.analyzers[3].reason.as_ref().unwrap().contains("does not exist"));
    assert_eq!(metrics(4)["Column.s.Distribution.b"], 2.0);
    assert_eq!(metrics(5).len(), 17);
    assert_eq!((metrics(5)["Column.x.Distribution.[1, 1.0625)"], metrics(5)["Column.x.Distribution.[2, 2.0625)"]), (1.0, 1.0));
    assert_eq!(metrics(5).values().sum::<f64>(), 2.0);
    assert_eq!(metrics(6)["Column.x.Minimum"], 1.0);
    assert_eq!(metrics(7)["Column.s.MaximumLength"], 1.0);
    assert_eq!(evaluation.statistics["Mean \"x\""], 1.5);
    assert_eq!(evaluation.statistics["RowCount"], 3.0);
}

/// What is measured of two days compares: the ranges of a distribution have the same edges, and classes are those of
/// the reference, whatever the dataset's own numbers are.
#[test]
fn distributions_of_two_days_compare() {
    let metrics = |values: Vec<f64>| {
        let source = "Rules = [] Analyzers = [Distribution \"x\"]";
        evaluate(&parse(source), &Dataset::of_frame(df!("x" => values).unwrap()), &context()).evaluation.analyzers.remove(0).metrics
    };
    let day = |shift: f64| (0..300).map(|value| 3.0 + shift + f64::from(value) / 6.0).collect::<Vec<f64>>();
    let (first, second, both) = (metrics(day(0.0)), metrics(day(0.4)), metrics([day(0.0), day(0.4)].concat()));
    assert!(first.keys().eq(second.keys()) && first != second, "{first:?} {second:?}");
    assert!(both.iter().all(|(range, rows)| *rows == first[range] + second[range]), "{both:?}");

    let reference = df!("x" => (1..=100).map(f64::from).collect::<Vec<f64>>()).unwrap();
    let context = context().with_reference("ref", Dataset::of_frame(reference));
    let distance = |values: Vec<f64>, method: &str| {
        let rule = format!("DistributionMatch \"x\" \"ref.x\" \"{method}\" < 9");
        let found = run_in(&context, &df!("x" => values).unwrap(), &rule).evaluation.rules.remove(0);
        found.metrics[&format!("Column.x.DistributionMatch.{method}")]
    };
    // Half of the numbers in the first of ten classes, half in the last: whatever their own least and greatest are.
    let expected = (2.0 * (0.4_f64.powi(2) / 0.6) + 0.8) / 2.0;
    for far in [95.0, 1e9] {
        let found = distance([vec![3.0; 50], vec![far; 50]].concat(), "chi-square");
        assert!((found - expected).abs() < 1e-12, "{found} {expected}");
    }
    let twelfth = distance([vec![10.0; 10], (11..=100).map(f64::from).collect()].concat(), "psi");
    assert_eq!(twelfth, 0.0, "an edge is in the class below it");
    let grouped = df!("x" => [5.0, 15.0, 25.0], "g" => ["a", "a", "b"]).unwrap();
    check_in(&context, &grouped, &[("DistributionMatch \"x\" \"ref.x\" \"chi-square\" between 0.66 and 0.67 where \"x < 20\"", PASSED)]);
}

/// A class in which neither side has a row, as the last is when the reference's greatest number ends a tenth, is no distance.
#[test]
fn equal_numbers_have_no_distance() {
    let ratings: Vec<i64> = (0..20).map(|row| row % 5 + 1).collect();
    let frame = df!("r" => &ratings, "flat" => [7_i64; 20], "nan" => [f64::NAN; 20]).unwrap();
    let context = context().with_reference("ref", Dataset::of_frame(frame.clone()));
    for column in ["r", "flat", "nan"] {
        for method in ["ks", "chi-square", "psi"] {
            let rule = format!("DistributionMatch \"{column}\" \"ref.{column}\" \"{method}\" = 0");
            check_in(&context, &frame, &[(rule.as_str(), PASSED)]);
        }
    }
    let other = df!("r" => [9_i64; 20]).unwrap();
    check_in(&context, &other, &[("DistributionMatch \"r\" \"ref.r\" \"chi-square\" = 1", PASSED)]);
}

/// Nothing that can be written about shares is passed over: a share that no rows reach fails every rule that takes one.
#[test]
fn every_rule_that_takes_a_share_is_held_to_it() {
    let frame =
        df!("id" => [1, 2, 3], "s" => ["a", "b", "c"], "d" => ["2024-01-01", "2024-01-02", "2024-01-03"], "n" => [1, 2, 3]).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("a file");
    std::fs::write(&file, "of some bytes").unwrap();
    let rules = [
        "Completeness \"s\" >= 0",
        "IsComplete \"s\"",
        "ColumnDataType \"d\" = \"DATE\"",
        "Uniqueness \"id\" >= 0",
        "IsUnique \"id\"",
        "IsPrimaryKey \"id\"",
        "ColumnLength \"s\" = 1",
        "ColumnValues \"id\" > 0",
        "DataFreshness \"d\" > 1 hours",
        "CustomSql \"select id from primary\"",
        "ReferentialIntegrity \"id\" \"ref.id\" >= 0",
        "DatasetMatch \"ref\" \"id\" >= 0",
        "Monotonic \"id\"",
        "Outliers \"n\" \"mad\" \"3\" >= 0",
        "ColumnPair \"id\" \"<=\" \"n\"",
        "MulticolumnSum \"id\" \"n\" > 0",
        "NoOverlap \"id\" \"n\"",
        "Format \"d\" \"iso-date\"",
        "RowCount = 3",
        &format!("FileSize {file:?} > 0 B"),
        &format!("FileFreshness {file:?} > \"2020-01-01\""),
    ];
    let context = context().with_reference("ref", Dataset::of_frame(frame.clone()));
    let mut asked = std::collections::BTreeSet::new();
    for rule in rules {
        let kind = RuleType::find(rule.split(' ').next().unwrap()).unwrap();
        asked.insert(kind.name());
        let tag = if kind.spec().threshold { "threshold" } else { "mostly" };
        let [all, more] = ["= 1", "> 1"].map(|share| format!("{rule} with {tag} {share}"));
        check_in(&context, &frame, &[(&all, PASSED), (&more, FAILED)]);
    }
    let taking = RuleType::ALL.iter().filter(|kind| kind.spec().threshold || kind.spec().row_level).map(|kind| kind.name());
    assert_eq!(asked, taking.collect());
}

/// One rule's columns are not worked out anew for each of the others: with so many that would never end.
#[test]
fn many_rules_on_intervals_are_as_many_and_no_more() {
    let evaluate = || {
        let frame = df!("from" => [1, 2, 5, 7], "until" => [3, 4, 6, 6], "g" => ["a", "a", "b", "b"]).unwrap();
        let rules: Vec<String> = (0..24).map(|at| format!("NoOverlap \"from\" \"until\" where \"{at} = {at}\"")).collect();
        let folder = tempfile::tempdir().unwrap();
        ParquetWriter::new(std::fs::File::create(folder.path().join("a.parquet")).unwrap()).finish(&mut frame.clone()).unwrap();
        let file = Dataset::of_files(&[folder.path().to_owned()], None).unwrap();
        let ruleset = parse(&format!("Rules = [Monotonic \"from\", {}]", rules.join(", ")));
        for data in [Dataset::of_frame(frame), file] {
            let evaluated = lakegate_quality::evaluate::evaluate(&ruleset, &data, &context());
            assert!(evaluated.evaluation.rules.iter().skip(1).all(|rule| rule.outcome == FAILED), "{:?}", evaluated.evaluation);
            assert_eq!(rows_of(&evaluated).concat(), "FFPF");
            assert_eq!(evaluated.failing_rows().unwrap().collect().unwrap().height(), 3);
        }
    };
    // Joins are in each other; without optimisation Polars takes more stack for them than threads of tests have.
    std::thread::Builder::new().stack_size(64 << 20).spawn(evaluate).unwrap().join().unwrap();
}
