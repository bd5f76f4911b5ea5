use polars::prelude::*;

use super::{predicate, query};

fn frame() -> DataFrame {
    df!("a" => [1, 2, 3], "b" => [Some("x"), None, Some("y")], "Building Code" => ["p", "q", "r"]).unwrap()
}

fn holds(text: &str) -> Vec<Option<bool>> {
    let expr = predicate(text, frame().schema()).unwrap();
    let out = frame().lazy().select([expr.alias("p")]).collect().unwrap();
    out.column("p").unwrap().bool().unwrap().iter().collect()
}

#[test]
fn predicates_read_columns() {
    assert_eq!(holds("a >= 2 and b is not null"), [Some(false), Some(false), Some(true)]);
    assert_eq!(holds("b = 'x'"), [Some(true), None, Some(false)]);
    assert_eq!(holds("`Building Code` in ('p', 'r') or length(b) > 3"), [Some(true), None, Some(true)]);
    assert_eq!(holds("case when a = 1 then true else false end"), [Some(true), Some(false), Some(false)]);
}

#[test]
fn what_is_no_condition_on_a_row_is_refused_before_anything_runs() {
    for (text, why) in [
        ("c > 1", "c"),
        ("a", "not true or false"),
        ("a > ", "Expected"),
        ("a > 1; drop table x", "unexpected ;"),
        ("max(a) > 1", "many rows"),
        ("a > avg(a) over ()", "many rows"),
        ("a in (select 1)", "query"),
        ("exists (select 1)", "query"),
        ("a > (select max(a) from read_csv('/etc/passwd'))", "query"),
        ("*", "no condition"),
        ("a = 1 as x", "no condition"),
        ("b > 1", "str"),
        ("nosuch(a) > 1", "nosuch"),
    ] {
        let error = predicate(text, frame().schema()).unwrap_err();
        assert!(error.to_string().contains(why), "{text}: {error}");
    }
}

#[test]
fn errors_have_places() {
    let error = predicate("a > 1 and\n  max(a) > 1", frame().schema()).unwrap_err();
    assert_eq!((error.line, error.column), (2, 3));
}

#[test]
fn what_is_nested_deep_or_endless_is_refused() {
    let deep = format!("{}a > 1{}", "(".repeat(1_500), ")".repeat(1_500));
    assert!(predicate(&deep, frame().schema()).is_err());
    let long = vec!["a > 1"; 5_000].join(" and ");
    assert!(predicate(&long, frame().schema()).is_err());
    let list: Vec<String> = (0..20_000).map(|number| number.to_string()).collect();
    assert_eq!(holds(&format!("a in ({})", list.join(", "))), [Some(true), Some(true), Some(true)]);
}

#[test]
fn queries_read_named_tables_only() {
    let tables = [("primary", frame().lazy()), ("ref", frame().lazy())];
    let count = |text: &str| query(text, &tables).map(|plan| plan.collect().unwrap().height());
    assert_eq!(count("select * from primary where a > 1"), Ok(2));
    assert_eq!(count("with t as (select a from ref) select p.a from primary p join t on p.a = t.a"), Ok(3));
    for (text, why) in [
        ("select * from other", "no table other"),
        ("select * from read_parquet('/tmp/x')", "table function"),
        ("select * from '/etc/passwd'", "no table"),
        ("select a into x from primary", "INTO"),
        ("drop table primary", "no query"),
        ("select 1 from primary; select 2 from primary", "second statement"),
        ("", "empty"),
        ("select nosuch from primary", "nosuch"),
        ("select a from primary where a in (select a from s3.bucket.x)", "no table"),
    ] {
        let error = query(text, &tables).map(|_| ()).unwrap_err();
        assert!(error.to_string().contains(why), "{text}: {error}");
    }
}
