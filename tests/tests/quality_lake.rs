//! Data quality where it is used: the example's rules on the example's data, and the audits of a lake.

use std::{fs, path::Path};

use lakegate_tests::kit::{Lake, duckdb};
use serde_json::{Value, json};

/// People, one of them from nowhere.
const PEOPLE: &str = "id,name,country\n1,Ada,GB\n2,Bo,SE\n3,Cy,XX\n4,Di,SE\n";

/// The example's rules hold for every month of it, and say what DuckDB says.
#[test]
fn the_example_passes_its_rules() {
    let lake = Lake::new();
    let dir = lake.dir().join("flights");
    let text = dir.to_str().unwrap();
    lake.run(&["demo", "--keep", text]).expect_code(0);
    let (rules, data) = (dir.join("quality/flights.dqdl"), dir.join("lake/stage/nyc/flights/clean/2013"));
    let mut months: Vec<_> = fs::read_dir(data).unwrap().map(|entry| entry.unwrap().path()).collect();
    months.sort();
    assert_eq!(months.len(), 12);
    for month in &months {
        let told = example(&lake, &rules, month);
        let failed: Vec<&Value> = told["rules"].as_array().unwrap().iter().filter(|rule| rule["outcome"] != "Passed").collect();
        assert!(failed.iter().all(|rule| rule["level"] == "warn" && rule["outcome"] == "Failed"), "{failed:#?}");
    }
    let told = example(&lake, &rules, &months[0]);
    let expected = &duckdb::query(&format!(
        "SELECT count(*) AS rows, avg(dep_delay) AS mean, count(tailnum) / count(*) AS complete, corr(distance, air_time) AS together,
                count(DISTINCT dest) AS destinations FROM {}",
        duckdb::parquet_files(&months[..1])
    ))[0];
    let all = told["rules"].as_array().unwrap().iter().chain(told["analyzers"].as_array().unwrap());
    let metrics: serde_json::Map<String, Value> = all.flat_map(|rule| rule["metrics"].as_object().unwrap().clone()).collect();
    for (metric, column) in [
        ("Dataset.*.RowCount", "rows"),
        ("Column.dep_delay.Mean", "mean"),
        ("Column.tailnum.Completeness", "complete"),
        ("Multicolumn.distance,air_time.ColumnCorrelation", "together"),
        ("Column.dest.DistinctValuesCount", "destinations"),
    ] {
        let (ours, theirs) = (metrics[metric].as_f64().unwrap(), expected[column].as_f64().unwrap());
        assert!((ours - theirs).abs() <= 1e-9 * theirs.abs(), "{metric}: {ours}, and {theirs} by DuckDB");
    }
}

fn example(lake: &Lake, rules: &Path, data: &Path) -> Value {
    let (rules, data) = (rules.to_str().unwrap(), data.to_str().unwrap());
    lake.json(&["quality", "run", "--rules", rules, "--data", data])
}

#[test]
fn audits_of_a_lake_have_a_history_and_reports() {
    let lake = Lake::new();
    let pipeline = "
team: shop
dataset: people
stages:
  - name: load
    trigger: object
    input: { format: csv }
    steps:
      - transform: { sql: \"SELECT * FROM input\" }
      - quality: { rules: quality/people.dqdl, on_failure: quarantine_rows }
    output: { zone: stage, format: parquet }
";
    lake.pipeline("people", pipeline).file("quality/people.dqdl", "Rules = [ RowCount > 1, ColumnValues \"country\" in [\"GB\",\"SE\"] ]");
    lake.land("shop/people/1.csv", &PEOPLE[..PEOPLE.find("3,Cy").unwrap()]);
    lake.up_until_idle().expect_code(0);
    lake.land("shop/people/2.csv", PEOPLE);
    lake.up_until_idle();

    let history = lake.list(&["quality", "history", "shop/people/load"]);
    let counts: Vec<&Value> = history.iter().map(|point| &point["statistics"]["RowCount"]).collect();
    assert_eq!(counts, [&json!(4.0), &json!(2.0)], "the newest first");
    let table = lake.run(&["quality", "history", "shop/people/load", "--statistic", "RowCount"]).expect_code(0).stdout;
    assert!(table.contains("RowCount") && table.contains("▁█") && table.contains("quality/people.dqdl"), "{table}");
    lake.run(&["quality", "history", "shop/people/nothing"]).expect_code(2);

    let run = history[0]["run"].as_str().unwrap();
    let told = lake.json(&["quality", "report", run]);
    assert_eq!(
        (&told["rules"][0]["outcome"], &told["rules"][1]["outcome"], &told["rows"]),
        (&json!("Passed"), &json!("Failed"), &json!(4))
    );
    let page = lake.run(&["quality", "report", run, "-o", "html"]).expect_code(0);
    assert_eq!(page.stderr, "");
    let page = page.stdout;
    assert!(page.starts_with("<!DOCTYPE html>") && page.contains("shop/people/load"), "{page}");
    assert!(page.contains("id=\"trends\"") && page.contains("id=\"columns\""), "what was measured before, and what was let in");
    assert!(
        page.contains("<th scope=\"row\" class=\"row\">3</th>") && page.contains("<bdi>Cy</bdi>"),
        "the row that was set aside: {page}"
    );
    let xml = lake.run(&["quality", "report", run, "-o", "junit"]).expect_code(0).stdout;
    assert!(xml.contains("tests=\"2\" failures=\"1\" errors=\"0\" skipped=\"0\""), "{xml}");
}
