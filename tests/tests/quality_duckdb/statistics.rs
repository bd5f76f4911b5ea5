//! Everything that is measured of columns.

use super::{
    check::{Statistic, assert_statistics},
    tables::{self, Table},
};

fn quoted(column: &str) -> String {
    format!("\"{column}\"")
}

/// What is measured of a column of any type with single values.
fn of_any(column: &str, rows: &str) -> Vec<Statistic> {
    let c = quoted(column);
    let groups = format!("(SELECT count(*) AS n FROM {rows} WHERE {c} IS NOT NULL GROUP BY {c})");
    let statistic = |kind: &str, query: String| Statistic::of(format!("{kind} {c}"), query);
    vec![
        statistic("Completeness", format!("SELECT count({c})::DOUBLE / nullif(count(*), 0) FROM {rows}")),
        statistic("Uniqueness", format!("SELECT count_if(n = 1)::DOUBLE / nullif(sum(n), 0) FROM {groups}")),
        statistic("UniqueValueRatio", format!("SELECT count_if(n = 1)::DOUBLE / nullif(count(*), 0) FROM {groups}")),
        // NULL is a value here, as it is a bin of Deequ's histogram.
        statistic("DistinctValuesCount", format!("SELECT count(DISTINCT {c}) + max(({c} IS NULL)::INTEGER) FROM {rows}")),
        statistic(
            "Entropy",
            format!(
                "SELECT CASE WHEN count(*) = 0 THEN NULL ELSE -sum(n / all_n * ln(n / all_n)) END FROM (SELECT n, sum(n) OVER () AS all_n FROM {groups})"
            ),
        ),
        statistic("DuplicateRowCount", format!("SELECT coalesce(sum(n) FILTER (n > 1), 0) FROM {groups}")),
    ]
}

/// What is measured of numbers that are all finite.
fn of_numbers(column: &str, rows: &str) -> Vec<Statistic> {
    let c = quoted(column);
    let x = format!("{c}::DOUBLE");
    let statistic = |kind: &str, query: String| Statistic::of(kind.replace('$', &c), query);
    let moments = |select: &str| {
        format!(
            "SELECT {select} FROM (SELECT avg((x - m) ** 2) AS m2, avg((x - m) ** 3) AS m3, avg((x - m) ** 4) AS m4
             FROM (SELECT {x} AS x, avg({x}) OVER () AS m FROM {rows} WHERE {c} IS NOT NULL))"
        )
    };
    let mut all = vec![
        statistic("Mean $", format!("SELECT favg({x}) FROM {rows}")),
        statistic("Sum $", format!("SELECT fsum({x}) FROM {rows}")),
        statistic("StandardDeviation $", format!("SELECT stddev_pop({x}) FROM {rows}")),
        statistic("Variance $", format!("SELECT var_pop({x}) FROM {rows}")),
        statistic("Skewness $", moments("CASE WHEN m2 = 0 THEN 0 ELSE m3 / m2 ** 1.5 END")),
        statistic("ZerosCount $", format!("SELECT count(*) FILTER ({x} = 0) FROM {rows}")),
        statistic("Range $", format!("SELECT max({x}) - min({x}) FROM {rows}")),
        statistic("Median $", format!("SELECT median({x}) FROM {rows}")),
        statistic("InterquartileRange $", format!("SELECT quantile_cont({x}, 0.75) - quantile_cont({x}, 0.25) FROM {rows}")),
        statistic(
            "Outliers $ \"z-score\" \"1.5\"",
            format!(
                "SELECT count(*) FILTER (abs(x - m) > 1.5 * s) FROM (SELECT {x} AS x, avg({x}) OVER () AS m, stddev_pop({x}) OVER () AS s FROM {rows})"
            ),
        ),
        statistic(
            "Outliers $ \"mad\" \"1.2\"",
            format!(
                "WITH middle AS (SELECT median({x}) AS m FROM {rows}), far AS (SELECT median(abs({x} - m)) AS d FROM {rows}, middle)
             SELECT count(*) FILTER (CASE WHEN d = 0 THEN {x} <> m ELSE 0.6745 * abs({x} - m) / d > 1.2 END) FROM {rows}, middle, far"
            ),
        ),
    ];
    for share in ["0.01", "0.1", "0.5", "0.9", "1"] {
        all.push(statistic(&format!("Quantile $ \"{share}\""), format!("SELECT quantile_cont({x}, {share}) FROM {rows}")));
    }
    all.push(statistic("Kurtosis $", moments("CASE WHEN m2 = 0 THEN 0 ELSE m4 / m2 ** 2 - 3 END")));
    all
}

fn all(columns: &[&str], numbers: &[&str]) -> Vec<Statistic> {
    let of_columns = columns.iter().chain(numbers).flat_map(|column| of_any(column, "t"));
    of_columns.chain(numbers.iter().flat_map(|column| of_numbers(column, "t"))).collect()
}

/// The same statistics of some rows.
fn filtered(mut statistics: Vec<Statistic>, sql: &str) -> Vec<Statistic> {
    for statistic in &mut statistics {
        statistic.tail = format!(" where \"{}\"", sql.replace('"', "\\\""));
    }
    statistics
}

#[test]
fn of_the_flights() {
    let flights = tables::flights();
    assert_statistics(
        &flights,
        &all(
            &["carrier", "tailnum", "origin", "dest", "time_hour"],
            &["year", "month", "day", "sched_dep_time", "flight", "distance", "hour", "minute"],
        ),
        &[],
    );
}

#[test]
fn of_the_files_beside_the_flights() {
    let airports = tables::example("airports/airports.csv.gz");
    assert_statistics(&airports, &all(&["faa", "name", "dst", "tzone"], &["lat", "lon", "alt", "tz"]), &[]);
    let weather = tables::example("weather/2013.csv.gz");
    assert_statistics(&weather, &all(&["origin", "wind_gust"], &["month", "hour", "visib"]), &[]);
}

#[test]
fn of_a_table_with_odd_values() {
    let columns = ["text", "flag", "day", "moment", "mixed", "digits", "name", "odd", "nothing", "no_text", "seldom"];
    let numbers = ["id", "num", "small", "key", "tiny", "price", "constant", "zero"];
    assert_statistics(&tables::odd(), &all(&columns, &numbers), &[]);
}

/// At 2^53 a mean is rounded by as much as these numbers differ, so they have none of its moments.
#[test]
fn of_large_numbers() {
    let whole = ["Mean", "Sum", "Range", "Median", "Quantile", "InterquartileRange", "ZerosCount"];
    let of_large = all(&[], &["large"]).into_iter().filter(|one| whole.iter().any(|kind| one.head.starts_with(kind)));
    assert_statistics(&tables::odd(), &of_large.collect::<Vec<_>>(), &[]);
    // DuckDB's own moments of numbers so far from 0 are less exact than those of their distances from one of them.
    let near = |kind: &str, query: &str| Statistic::of(format!("{kind} \"micros\""), query.replace('$', "(micros - 1700000000000000)"));
    let moments = [
        near("Mean", "SELECT favg($) + 1700000000000000 FROM t"),
        near("StandardDeviation", "SELECT stddev_pop($) FROM t"),
        near("Variance", "SELECT var_pop($) FROM t"),
        near("Median", "SELECT median($) + 1700000000000000 FROM t"),
        near(
            "Skewness",
            "SELECT m3 / m2 ** 1.5 FROM (SELECT avg(x ** 2) AS m2, avg(x ** 3) AS m3 FROM (SELECT $ - avg($) OVER () AS x FROM t))",
        ),
        near(
            "Kurtosis",
            "SELECT m4 / m2 ** 2 - 3 FROM (SELECT avg(x ** 2) AS m2, avg(x ** 4) AS m4 FROM (SELECT $ - avg($) OVER () AS x FROM t))",
        ),
    ];
    assert_statistics(&tables::odd(), &moments, &[]);
}

#[test]
fn of_a_text_file() {
    assert_statistics(
        &tables::odd_csv(),
        &all(&["flag", "text", "mixed", "name", "day"], &["id", "num", "small", "key", "price", "digits"]),
        &[],
    );
}

#[test]
fn of_a_json_file() {
    assert_statistics(
        &tables::odd_json(),
        &all(&["flag", "mixed", "text", "name", "digits"], &["id", "num", "small", "key", "price"]),
        &[],
    );
}

#[test]
fn of_tpch() {
    let table = |name: &str, columns: &[&str], numbers: &[&str]| assert_statistics(&tables::tpch(name), &all(columns, numbers), &[]);
    table(
        "lineitem",
        &["l_returnflag", "l_shipdate", "l_shipmode", "l_comment"],
        &["l_orderkey", "l_linenumber", "l_quantity", "l_extendedprice", "l_discount"],
    );
    table("orders", &["o_orderstatus", "o_orderdate", "o_clerk"], &["o_orderkey", "o_custkey", "o_totalprice", "o_shippriority"]);
    table("customer", &["c_name", "c_phone", "c_mktsegment"], &["c_custkey", "c_nationkey", "c_acctbal"]);
    table("part", &["p_brand", "p_container"], &["p_size", "p_retailprice"]);
    table("partsupp", &["ps_comment"], &["ps_availqty", "ps_supplycost"]);
    table("supplier", &["s_address"], &["s_nationkey", "s_acctbal"]);
    table("nation", &["n_name"], &["n_regionkey"]);
    table("region", &["r_name"], &["r_regionkey"]);
}

#[test]
fn of_rows_that_are_chosen() {
    let of = |rows: &str| {
        let source = format!("(SELECT * FROM t WHERE {rows})");
        let columns = ["text", "flag", "num", "key", "day"].iter().flat_map(|column| of_any(column, &source));
        let numbers = ["num", "key", "price"].iter().flat_map(|column| of_numbers(column, &source));
        let count = Statistic::of("RowCount", format!("SELECT count(*) FROM {source}"));
        filtered(columns.chain(numbers).chain([count]).collect(), rows)
    };
    let table = tables::odd();
    for rows in ["num > 10 AND small <> 3", "text = 'abc' OR flag", "NOT flag", "key IS NULL", "day >= DATE '2024-06-01'", "abs(num) < 5.5"]
    {
        assert_statistics(&table, &of(rows), &[]);
    }
}

#[test]
fn of_several_columns() {
    let groups = |columns: &str| {
        let any = columns.split(", ").map(|column| format!("{column} IS NOT NULL")).collect::<Vec<_>>().join(" OR ");
        format!("(SELECT count(*) AS n FROM t WHERE {any} GROUP BY {columns})")
    };
    let of = |columns: &[&str]| {
        let (spaced, groups) = (columns.iter().map(|column| quoted(column)).collect::<Vec<_>>().join(" "), groups(&columns.join(", ")));
        vec![
            Statistic::of(format!("Uniqueness {spaced}"), format!("SELECT count_if(n = 1)::DOUBLE / sum(n) FROM {groups}")),
            Statistic::of(format!("DuplicateRowCount {spaced}"), format!("SELECT coalesce(sum(n) FILTER (n > 1), 0) FROM {groups}")),
        ]
    };
    let odd = tables::odd();
    for columns in [["text", "small"].as_slice(), &["odd", "zero"], &["flag", "key", "tiny"], &["nothing", "no_text"], &["id", "num"]] {
        let statistics = of(columns);
        assert_statistics(&odd, if columns == ["nothing", "no_text"] { &statistics[1..] } else { &statistics }, &[]);
    }
    assert_statistics(&tables::flights(), &of(&["carrier", "flight", "time_hour"]), &[]);
    let lineitem = tables::tpch("lineitem");
    assert_statistics(&lineitem, &of(&["l_orderkey", "l_linenumber"]), &[]);
    assert_statistics(&lineitem, &of(&["l_partkey", "l_suppkey", "l_quantity"]), &[]);
}

#[test]
fn of_whole_rows() {
    let duplicates = |table: &Table| {
        let query = "SELECT coalesce(sum(n) FILTER (n > 1), 0) FROM (SELECT COLUMNS(*), count(*) AS n FROM t GROUP BY ALL)";
        assert_statistics(table, &[Statistic::of("DuplicateRowCount", query)], &[]);
    };
    duplicates(&tables::odd());
    duplicates(&tables::tpch("nation"));
    let rows = [Statistic::of("RowCount", "SELECT count(*) FROM t"), Statistic::of("ColumnCount", "SELECT count(*) FROM (DESCRIBE t)")];
    for table in [tables::odd(), tables::flights(), tables::wide(), tables::nested(), tables::tpch("orders")] {
        assert_statistics(&table, &rows, &[]);
    }
}

#[test]
fn of_pairs() {
    let pair = |one: &str, other: &str| {
        Statistic::of(format!("ColumnCorrelation \"{one}\" \"{other}\""), format!("SELECT corr({one}::DOUBLE, {other}::DOUBLE) FROM t"))
    };
    assert_statistics(
        &tables::odd(),
        &[pair("num", "key"), pair("id", "num"), pair("price", "tiny"), pair("constant", "num"), pair("nothing", "num"), pair("id", "id")],
        &[],
    );
    assert_statistics(&tables::flights(), &[pair("distance", "hour"), pair("sched_dep_time", "hour"), pair("flight", "distance")], &[]);
    assert_statistics(&tables::tpch("lineitem"), &[pair("l_quantity", "l_extendedprice"), pair("l_discount", "l_tax")], &[]);
}

/// A fact about every group.
#[test]
fn of_groups() {
    let rules = |condition: &str, query: &str| (condition.to_owned(), query.to_owned());
    let table = tables::flights();
    let cases = [
        rules("RowCount > # group by \"carrier\"", "SELECT min(n) FROM (SELECT count(*) AS n FROM t GROUP BY carrier)"),
        rules("RowCount > # group by \"origin\" \"month\"", "SELECT min(n) FROM (SELECT count(*) AS n FROM t GROUP BY origin, month)"),
        rules("Mean \"distance\" > # group by \"origin\"", "SELECT min(n) FROM (SELECT avg(distance) AS n FROM t GROUP BY origin)"),
        rules(
            "StandardDeviation \"distance\" > # group by \"carrier\"",
            "SELECT min(n) FROM (SELECT stddev_pop(distance) AS n FROM t GROUP BY carrier)",
        ),
        rules("Median \"distance\" > # group by \"month\"", "SELECT min(n) FROM (SELECT median(distance) AS n FROM t GROUP BY month)"),
        rules(
            "DistinctValuesCount \"dest\" > # group by \"origin\"",
            "SELECT min(n) FROM (SELECT count(DISTINCT dest) AS n FROM t GROUP BY origin)",
        ),
        rules(
            "Uniqueness \"tailnum\" > # group by \"carrier\"",
            "SELECT min(u) FROM (SELECT carrier, count_if(n = 1)::DOUBLE / sum(n) AS u FROM (SELECT carrier, tailnum, count(*) AS n FROM t WHERE tailnum IS NOT NULL GROUP BY ALL) GROUP BY carrier)",
        ),
    ];
    let queries: Vec<String> = cases.iter().map(|(_, query)| query.clone()).collect();
    let least: Vec<f64> =
        super::oracle::values(std::slice::from_ref(&table.made), &queries).iter().filter_map(super::oracle::number).collect();
    let mut expected = Vec::new();
    for ((rule, _), least) in cases.iter().zip(least) {
        let little = (least.abs() * 1e-7).max(1e-9);
        expected.push((rule.replace('#', &(least - little).to_string()), "Passed"));
        expected.push((rule.replace('#', &(least + little).to_string()), "Failed"));
    }
    super::check::assert_outcomes(&table, &expected, &[]);
}
