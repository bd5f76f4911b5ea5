//! `DatasetMatch`: rows equal to those of a reference with the same key.

use polars::prelude::{DataType, Expr, LazyFrame, Schema, UniqueKeepStrategy, len, lit};

use super::super::judge::{Judge, Shares, expected_of_both, ratio, unmet};
use super::super::predicate::shown;
use super::super::scope::{column_of, named, quoted};
use super::super::{Fault, Plan, RowTest, Scope, Verdict, plan::Check};
use super::completeness::no_rows;
use super::integrity::Keys;
use super::share::{self, run};
use crate::data::Dataset;

/// `"ref" "id->id_ref,k"`, and maybe `"a->b,c"`; without, all columns that are no key.
pub(super) fn plan(scope: &Scope<'_>) -> Result<Plan, Fault> {
    let (judge, shares) = (Judge::of(scope)?, Shares::of(scope)?);
    let alias = scope.parameter(0)?.to_owned();
    let reference = scope.reference(&alias, "additional sources")?.clone();
    let keys = mapping(scope.parameter(1)?);
    let sides = (scope.schema(), reference.schema());
    let lost: Vec<&str> = missing(sides, &keys);
    if !lost.is_empty() {
        return Err(Fault::error(format!("These key columns were not found: {}.", quoted(&lost))));
    }
    let matched = match scope.rule.parameters.get(2) {
        Some(parameter) => mapping(&parameter.value),
        None => {
            let others = scope.whole.schema().iter_names().map(|name| name.as_str()).filter(|name| keys.iter().all(|(key, _)| key != name));
            others.map(|name| (name, name)).collect()
        }
    };
    let lost = missing(sides, &matched);
    if !lost.is_empty() {
        return Err(Fault::error(format!("These columns to compare were not found: {}.", quoted(&lost))));
    }
    let typed = |pairs: &[(&'_ str, &'_ str)]| -> Result<Vec<(String, DataType, String, DataType)>, Fault> {
        pairs
            .iter()
            .map(|(ours, theirs)| {
                let our_type = column_of(sides.0, ours, "the dataset")?.clone();
                let their_type = column_of(sides.1, theirs, &format!("\"{alias}\""))?.clone();
                Ok(((*ours).to_owned(), our_type, (*theirs).to_owned(), their_type))
            })
            .collect()
    };
    let (key_columns, match_columns) = (typed(&keys)?, typed(&matched)?);
    let test = row_test(scope, &alias, &reference, &key_columns, &match_columns)?;
    let metric = format!("Dataset.{alias}.DatasetMatch");
    let name = alias.clone();
    let mut plan = share::by_rows(scope, test, move |hits, rows| {
        if rows == 0 {
            return Err(no_rows());
        }
        let share = ratio(hits, rows);
        let holds = judge.holds(share) && (!shares.partial() || shares.hold(hits, rows));
        Ok(Verdict::new(holds).metric(metric.clone(), share).because(|| {
            let expected = expected_of_both(&judge, &shares);
            unmet(share, &format!("{} of {rows} rows are not equal to those of \"{name}\"; expected {expected}.", rows - hits))
        }))
    })?;
    let (ours, theirs): (Vec<String>, Vec<String>) = key_columns.into_iter().map(|(ours, _, theirs, _)| (ours, theirs)).unzip();
    if let Check::Queried(count) = plan.check {
        plan.check = Check::Queried(Box::new(move |found| {
            check_keys(share::scan(found)?, &ours, "the dataset")?;
            let scanned = reference.scan()?;
            check_keys(scanned, &theirs, &format!("\"{alias}\""))?;
            count(found)
        }));
    }
    Ok(plan)
}

/// `a->b,c` as pairs of a column and its name in the reference.
fn mapping(text: &str) -> Vec<(&str, &str)> {
    let items = text.split(',').map(str::trim).filter(|item| !item.is_empty());
    items.map(|item| item.split_once("->").map_or((item, item), |(ours, theirs)| (ours.trim(), theirs.trim()))).collect()
}

fn missing<'a>(sides: (&Schema, &Schema), pairs: &[(&'a str, &'a str)]) -> Vec<&'a str> {
    let ours = pairs.iter().map(|(ours, _)| *ours).filter(|name| !sides.0.contains(name));
    let theirs = pairs.iter().map(|(_, theirs)| *theirs).filter(|name| !sides.1.contains(name));
    let mut lost: Vec<&str> = ours.chain(theirs).collect();
    lost.dedup();
    lost
}

type Pairs = [(String, DataType, String, DataType)];

fn row_test(scope: &Scope<'_>, alias: &str, reference: &Dataset, keys: &Pairs, matched: &Pairs) -> Result<RowTest, Fault> {
    let of = |what: &str, pairs: &Pairs| {
        let pairs: Vec<(&str, &DataType, &str, &DataType)> = pairs.iter().map(|(a, b, c, d)| (a.as_str(), b, c.as_str(), d)).collect();
        Keys::new(scope, what, &pairs)
    };
    let (key, value) = (of("key", keys)?, of("value", matched)?);
    let found = scope.mark("found");
    let their = |mark: &String| format!("{mark}_theirs");
    let mut other: Vec<Expr> = key.theirs.clone();
    other.extend(value.theirs.iter().zip(&value.marks).map(|(column, mark)| column.clone().alias(their(mark))));
    let scanned = reference.scan()?;
    let subset = polars::prelude::by_name(key.marks.iter().map(String::as_str), true, false);
    let other = scanned.select(other).unique(Some(subset), UniqueKeepStrategy::Any).with_column(lit(true).alias(found.as_str()));
    let mut pass = named(&found).fill_null(lit(false));
    for mark in &value.marks {
        pass = pass.and(named(mark).eq_missing(named(&their(mark))));
    }
    let mut text = lit("");
    for (at, (ours, dtype, ..)) in keys.iter().enumerate() {
        text = text + lit(if at == 0 { "" } else { ", " }) + shown(named(ours), dtype).fill_null(lit("NULL"));
    }
    let values = value.ours;
    Ok(RowTest::of_value(pass, text)
        .words("Key: ", format!(" has no equal row in \"{alias}\"."))
        .prepared(move |frame| key.join(frame, other.clone()).with_columns(values.clone()))
        .apart())
}

/// Every row has a key of its own.
fn check_keys(frame: LazyFrame, columns: &[String], of: &str) -> Result<(), Fault> {
    let keys: Vec<Expr> = columns.iter().map(|column| named(column)).collect();
    let null = keys.iter().cloned().map(Expr::is_null).reduce(Expr::or).unwrap_or_else(|| lit(false));
    let bad = len().gt(lit(1)).or(null.any(true));
    let counts = frame.group_by(keys).agg([bad.alias("bad_key")]).select([named("bad_key").sum().cast(DataType::UInt64)]);
    let bad = run(counts)?.column("bad_key")?.u64()?.get(0).unwrap_or(0);
    match bad {
        0 => Ok(()),
        bad => Err(Fault::failed(format!("Keys are not unique or have a NULL: {} has {bad} such keys of {}.", of, quoted(columns)))),
    }
}
