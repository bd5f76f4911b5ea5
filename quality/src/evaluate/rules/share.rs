//! Rules whose share of rows comes from their test of each row: a window, a join, a query.

use polars::prelude::{DataFrame, DataType, Engine, Expr, LazyFrame, len};

use super::super::fault::guarded;
use super::super::scope::named;
use super::super::{Fault, Found, Plan, RowTest, Scope, Verdict};
use crate::stats::{Key, key_text};

/// A plan that counts the rows which pass, in each group, and judges the counts.
pub(super) fn by_rows<F>(scope: &Scope<'_>, test: RowTest, judge: F) -> Result<Plan, Fault>
where
    F: Fn(u64, u64) -> Result<Verdict, Fault> + Send + Sync + 'static,
{
    let filter = scope.filter()?;
    let groups: Vec<String> = scope.rule.group_by.iter().map(|column| column.value.clone()).collect();
    let pass = scope.mark("pass");
    let counted = test.clone();
    let plan = Plan::queried(move |found| {
        let counts = count(found, &counted, filter.as_ref(), &groups, &pass)?;
        counts.into_iter().map(|(key, hits, rows)| Ok((key, judge(hits, rows)?))).collect()
    });
    Ok(plan.with_rows(test))
}

type Count = (Key, u64, u64);

fn count(found: &Found<'_>, test: &RowTest, filter: Option<&Expr>, groups: &[String], pass: &str) -> Result<Vec<Count>, Fault> {
    let mut frame = scan(found)?;
    if let Some(prepare) = &test.prepare {
        frame = prepare(frame);
    }
    frame = frame.with_column(test.pass.clone().fill_null(false).alias(pass));
    if let Some(filter) = filter {
        frame = frame.filter(filter.clone());
    }
    let counts = [named(pass).sum().cast(DataType::UInt64).alias("hits"), len().cast(DataType::UInt64).alias("rows")];
    let frame = match groups {
        [] => frame.select(counts),
        groups => {
            let keys: Vec<Expr> = groups.iter().enumerate().map(|(at, key)| named(key).alias(format!("key{at}"))).collect();
            frame.group_by_stable(keys).agg(counts)
        }
    };
    let frame = run(frame)?;
    let (hits, rows) = (frame.column("hits")?.u64()?.clone(), frame.column("rows")?.u64()?.clone());
    let keys = keys(&frame, groups.len())?;
    Ok(keys.into_iter().enumerate().map(|(row, key)| (key, hits.get(row).unwrap_or(0), rows.get(row).unwrap_or(0))).collect())
}

/// The groups' keys as the shared pass has them, from columns `key0`, `key1`, ….
pub(super) fn keys(frame: &DataFrame, columns: usize) -> Result<Vec<Key>, Fault> {
    let mut keys = vec![Vec::with_capacity(columns); frame.height()];
    for at in 0..columns {
        let column = frame.column(&format!("key{at}"))?;
        for (row, key) in keys.iter_mut().enumerate() {
            key.push(key_text(&column.get(row)?));
        }
    }
    Ok(keys)
}

/// All rows.
pub(super) fn scan(found: &Found<'_>) -> Result<LazyFrame, Fault> {
    Ok(found.data.scan()?)
}

/// Runs a plan.
pub(crate) fn run(frame: LazyFrame) -> Result<DataFrame, Fault> {
    guarded(move || Ok(frame.collect_with_engine(Engine::Streaming)?.unwrap_single()))
}
