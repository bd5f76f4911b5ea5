//! The SQL of rules before there is data: what is told of it, and where.

use std::collections::BTreeMap;

use lakegate_quality::evaluate::{Known, check_sql};
use lakegate_quality::language::Diagnostic;
use polars::prelude::{DataType, Field, Schema};

use super::parse;

fn check(source: &str, known: &Known<'_>) -> Vec<Diagnostic> {
    check_sql(&parse(source), source, known)
}

/// What is under the caret, and what is said.
fn told(source: &str, known: &Known<'_>) -> Vec<(String, String)> {
    let meant = |found: &Diagnostic| found.source.chars().skip(found.column - 1).take(found.length).collect();
    check(source, known).iter().map(|found| (meant(found), format!("{} — {}", found.message, found.hint))).collect()
}

fn one(source: &str, known: &Known<'_>) -> (String, String) {
    let mut told = told(source, known);
    assert_eq!(told.len(), 1, "{source}: {told:?}");
    told.remove(0)
}

fn filter(text: &str) -> String {
    format!("Rules = [\n    IsComplete \"email\" where \"{text}\"\n]")
}

fn query(text: &str) -> String {
    format!("Rules = [ CustomSql \"{text}\" > 0 ]")
}

fn columns() -> Schema {
    Schema::from_iter([
        Field::new("id".into(), DataType::Int64),
        Field::new("email".into(), DataType::String),
        Field::new("Building Code".into(), DataType::String),
    ])
}

#[test]
fn sql_that_can_be_read_is_let_be_whatever_the_columns_are() {
    let known = Known { references: BTreeMap::from([("ref", None)]), ..Known::default() };
    for text in
        ["amount > 1 and region in ('EU', 'US')", "length(a) > 2 or b is null", "\\\"Building Code\\\" like 'x%'", "d > date('2024-01-01')"]
    {
        assert_eq!(told(&filter(text), &known), [], "{text}");
    }
    for text in [
        "select count(*) from primary",
        "select count(distinct a) from primary p join ref r on p.id = r.id where r.x > 2",
        "with t as (select a, sum(b) as s from primary group by a) select max(s) from t",
        "select avg(price * quantity) from primary where day between '2024-01-01' and '2024-02-01'",
        "select count(*) from (select row_number() over (partition by a order by b) as n, * from primary) x where n > 1",
        "select max(n) from (select a, count(*) as n from primary group by a having count(*) > 1 order by n limit 5) t",
        "select count(*) from primary where id not in (select id from ref)",
        "select count(*) from primary natural join ref",
        "select sum(x) from (select a as x from primary union all select b from ref) t",
        "select sum(case when a like 'x%' then 1 else 0 end) from primary",
    ] {
        assert_eq!(told(&query(text), &known), [], "{text}");
    }
}

#[test]
fn what_can_not_be_read_or_is_not_allowed_is_told_at_its_place() {
    let known = Known::default();
    for (text, place, said) in [
        ("amount >", "\"", "this SQL can't be read"),
        ("amount > 1 region = 2", "=", "unexpected ="),
        ("amount > 1 and\\\"x\\\" = 1 and max(amount) > 2", "max", "of many rows"),
        ("nosuch(amount) > 1", "nosuch", "unsupported function"),
        ("id in (select id from other)", "id", "can't hold a query"),
        ("a = 1;\n drop table x", ";", "unexpected ;"),
    ] {
        let (under, message) = one(&filter(text), &known);
        assert!(under == place && message.contains(said), "{text}: {under} {message}");
    }
    for (text, place, said) in [
        ("select count(*) form primary", "primary", "this SQL can't be read"),
        ("select count(*) from primry", "primry", "there is no table primry here; there are: primary — did you mean primary?"),
        ("select count(*) from read_csv('/etc/passwd')", "read_csv", "reads no files"),
        ("select nosuch(a) from primary", "nosuch", "unsupported function"),
        ("select count(*) from primary where nosuch(a, sum(b) over (partition by c)) > 1", "nosuch", "unsupported function"),
        ("drop table primary", "\"drop table primary\"", "no query"),
        ("select 1 from primary; select 2 from primary", "select", "second statement"),
        ("select top 2 a from primary", "top", "Polars can't do this"),
    ] {
        let (under, message) = one(&query(text), &known);
        let said = said.replace("reads no files", "rules read no files");
        assert!(under == place && message.contains(&said), "{text}: {under} {message}");
    }
}

#[test]
fn columns_that_are_known_are_held_against_it() {
    let schema = columns();
    let known = Known { schema: Some(&schema), references: BTreeMap::from([("ref", Some(&schema))]), open: false };
    for (source, place, said) in [
        (filter("emial is not null"), "emial", "there is no column \"emial\" — did you mean \"email\"?"),
        (filter("id + 1"), "\"id + 1\"", "not true or false"),
        (query("select sum(idd) from primary"), "idd", "there is no column \"idd\" — there are: id, email, Building Code"),
        (query("select count(*) from primary p join ref r on p.id = r.id where p.emial = 'x'"), "emial", "emial"),
    ] {
        let (under, message) = one(&source, &known);
        assert!(under == place && message.contains(said), "{source}: {under} {message}");
    }
    assert_eq!(told(&query("select count(*) from primary p join ref r on p.id = r.id where p.email = 'x'"), &known), []);
}

#[test]
fn who_may_be_given_references_later_is_not_told_of_tables_but_of_files() {
    let known = Known { open: true, ..Known::default() };
    assert_eq!(told(&query("select count(*) from primary p join airlines a on p.id = a.id"), &known), []);
    for text in ["select count(*) from '/etc/passwd'", "select count(*) from read_parquet('x')", "select count(*) from s3.bucket"] {
        assert_eq!(told(&query(text), &known).len(), 1, "{text}");
    }
}

#[test]
fn a_variable_is_wrong_where_it_is_declared() {
    let source = "q = \"select nosuch(a)\n  from primary\"\nRules = [ CustomSql $q > 0, CustomSql $q < 9 ]";
    let found = check(source, &Known::default());
    assert_eq!(found.iter().map(|found| (found.line, found.column, found.length)).collect::<Vec<_>>(), [(1, 13, 6)]);
    let source = "Rules = [ CustomSql \"select a from\n  othr\" > 0 ]";
    let found = check(source, &Known::default());
    assert_eq!(found.iter().map(|found| (found.line, found.column, found.length)).collect::<Vec<_>>(), [(2, 3, 4)]);
}
