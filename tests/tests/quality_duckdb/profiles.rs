//! Profiles against DuckDB's queries, and suggestions that hold where they come from.

use std::process::Command;

use lakegate_tests::kit::lakegate_binary;
use serde_json::Value;

use super::{
    oracle::{self, number},
    tables::{self, Table, file},
};

fn quality(verb: &str, table: &Table, more: &[&str]) -> Vec<u8> {
    let output = Command::new(lakegate_binary())
        .args(["quality", verb])
        .args(more)
        .arg("--data")
        .args(&table.paths)
        .output()
        .expect("the command can be run");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

/// What a profile says of a column, by JSON pointer, and the query for it; `c` is the column and `x` its number.
const OF_NUMBERS: &[(&str, &str)] = &[
    ("/numbers/min", "SELECT min(x) FROM t"),
    ("/numbers/max", "SELECT max(x) FROM t"),
    ("/numbers/sum", "SELECT fsum(x) FROM t"),
    ("/numbers/mean", "SELECT favg(x) FROM t"),
    ("/numbers/standard_deviation", "SELECT stddev_pop(x) FROM t"),
    ("/numbers/variance", "SELECT var_pop(x) FROM t"),
    ("/numbers/range", "SELECT max(x) - min(x) FROM t"),
    ("/numbers/zeros", "SELECT count(*) FILTER (x = 0) FROM t"),
    ("/numbers/interquartile_range", "SELECT quantile_cont(x, 0.75) - quantile_cont(x, 0.25) FROM t"),
    ("/numbers/quantiles/0/value", "SELECT quantile_cont(x, 0.01) FROM t"),
    ("/numbers/quantiles/3/value", "SELECT median(x) FROM t"),
    ("/numbers/quantiles/6/value", "SELECT quantile_cont(x, 0.99) FROM t"),
    ("/bins/0/count", "SELECT count(*) FILTER (x < lo + (hi - lo) / 20) FROM t, (SELECT min(x) AS lo, max(x) AS hi FROM t)"),
    ("/bins/19/count", "SELECT count(*) FILTER (x >= lo + (hi - lo) / 20 * 19) FROM t, (SELECT min(x) AS lo, max(x) AS hi FROM t)"),
];
const OF_STRINGS: &[(&str, &str)] = &[("/lengths/min", "SELECT min(length(c)) FROM t"), ("/lengths/max", "SELECT max(length(c)) FROM t")];
const OF_ANY: &[(&str, &str)] =
    &[("/nulls", "SELECT count(*) FILTER (c IS NULL) FROM t"), ("/completeness", "SELECT count(c)::DOUBLE / count(*) FROM t")];
const OF_FEW: &[(&str, &str)] = &[
    ("/distinct", "SELECT count(DISTINCT c) FROM t"),
    ("/values/top/0/count", "SELECT max(n) FROM (SELECT count(*) AS n FROM t WHERE c IS NOT NULL GROUP BY c)"),
];

#[track_caller]
fn assert_profile(table: &Table, columns: &[&str], of: &[(&str, &str)]) {
    let profile: Value = serde_json::from_slice(&quality("profile", table, &["-o", "json"])).expect("JSON");
    let found =
        |column: &str| profile["columns"].as_array().and_then(|all| all.iter().find(|one| one["name"] == column)).expect("the column");
    let asked: Vec<(&str, &str, String)> =
        columns.iter().flat_map(|column| of.iter().map(move |(place, query)| (*column, *place, with_column(query, column)))).collect();
    let queries: Vec<String> = asked.iter().map(|(.., query)| query.clone()).collect();
    let expected = oracle::values(std::slice::from_ref(&table.made), &queries);
    let wrong: Vec<String> = asked
        .iter()
        .zip(&expected)
        .filter_map(|((column, place, _), expected)| {
            let told = found(column).pointer(place).and_then(number);
            let fits = match (told, number(expected)) {
                (Some(told), Some(expected)) => (told - expected).abs() <= 1e-9 * expected.abs().max(1.0),
                (told, expected) => told == expected,
            };
            (!fits).then(|| format!("{column}{place} is {told:?} and not {expected}"))
        })
        .collect();
    assert!(wrong.is_empty(), "{} of {} are not as DuckDB says:\n{}", wrong.len(), asked.len(), wrong.join("\n"));
}

/// A query with `c` and `x` in the place of words.
fn with_column(query: &str, column: &str) -> String {
    let words = query.split_inclusive(|character: char| !character.is_alphanumeric() && character != '_');
    words
        .map(|word| match word.trim_end_matches(|character: char| !character.is_alphanumeric() && character != '_') {
            "c" => word.replacen('c', &format!("\"{column}\""), 1),
            "x" => word.replacen('x', &format!("\"{column}\"::DOUBLE"), 1),
            _ => word.to_owned(),
        })
        .collect()
}

#[test]
fn of_a_table_with_odd_values() {
    let odd = tables::odd();
    let numbers = ["id", "num", "small", "key", "tiny", "price", "zero", "digits"];
    assert_profile(&odd, &numbers, OF_NUMBERS);
    assert_profile(&odd, &["text", "mixed", "digits", "name"], OF_STRINGS);
    assert_profile(&odd, &["id", "num", "odd", "text", "flag", "day", "moment", "nothing", "no_text", "constant"], OF_ANY);
    assert_profile(&odd, &["small", "tiny", "text", "flag", "mixed", "digits", "constant"], OF_FEW);
}

#[test]
fn of_tpch() {
    assert_profile(&tables::tpch("lineitem"), &["l_orderkey", "l_quantity", "l_extendedprice", "l_discount"], OF_NUMBERS);
    assert_profile(&tables::tpch("lineitem"), &["l_shipmode", "l_returnflag", "l_quantity", "l_linenumber"], OF_FEW);
    assert_profile(&tables::tpch("orders"), &["o_comment", "o_clerk", "o_orderstatus"], OF_STRINGS);
    assert_profile(&tables::tpch("orders"), &["o_orderdate", "o_clerk", "o_totalprice"], OF_ANY);
}

#[test]
fn of_text_and_of_two_thousand_columns() {
    assert_profile(&tables::odd_csv(), &["id", "num", "small", "price", "digits"], OF_NUMBERS);
    // Not those of a single value, which have a single bin.
    let several = |column: &usize| column % 50 < 48 && !(column + 1).is_multiple_of(101);
    let names: Vec<String> = (0..2000).step_by(37).filter(several).map(|column| format!("c{column}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    assert_profile(&tables::wide(), &names, &[OF_ANY, OF_FEW, OF_NUMBERS].concat());
}

/// What is suggested is a ruleset that the data passes, and DuckDB agrees with some of it.
#[test]
fn what_is_suggested_holds() {
    for (name, table) in [("customer", tables::tpch("customer")), ("odd", tables::odd()), ("part", tables::tpch("part"))] {
        let ruleset = file(&format!("{name}.dqdl"), &quality("suggest", &table, &["--set", "extended"]));
        let text = std::fs::read_to_string(&ruleset).expect("the ruleset");
        assert!(text.matches("\n    IsComplete").count() > 2, "{text}");
        let output = Command::new(lakegate_binary())
            .args(["quality", "run", "-o", "json", "--rules"])
            .arg(&ruleset)
            .arg("--data")
            .args(&table.paths)
            .output()
            .expect("the command can be run");
        assert!(output.status.success(), "{text}\n{}", String::from_utf8_lossy(&output.stdout));
    }
}
