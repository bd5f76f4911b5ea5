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
