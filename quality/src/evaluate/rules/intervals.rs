//! `NoOverlap`: half-open intervals `[from, until)` that don't overlap, in each key.

use polars::prelude::{DataType, Expr, JoinArgs, JoinType, LazyFrame, MaintainOrderJoin, SortMultipleOptions, lit};

use super::super::judge::Shares;
use super::super::predicate::{numbers, shown, temporal};
use super::super::scope::named;
use super::super::{Fault, Plan, RowTest, Scope};
use super::completeness::no_rows;
use super::share;

/// Without a start an interval has always been, without an end it goes on; one that ends where it starts is empty
/// and overlaps nothing; one that ends before it starts does not hold.
pub(super) fn plan(scope: &Scope<'_>) -> Result<Plan, Fault> {
    let ((from, from_type), (until, until_type)) = (scope.column(0)?, scope.column(1)?);
    let mut keys = scope.columns(2)?;
    keys.extend(scope.rule.group_by.iter().map(|column| column.value.clone()));
    let start = bound(&from, from_type)?.fill_null(lit(f64::NEG_INFINITY));
    let end = bound(&until, until_type)?.fill_null(lit(f64::INFINITY));
    let marks = Marks { index: scope.mark("row"), start: scope.mark("start"), end: scope.mark("end"), apart: scope.mark("apart") };
    let pass = named(&marks.end).gt_eq(named(&marks.start)).and(named(&marks.apart).fill_null(true));
    let value = |name: &str, dtype| shown(named(name), dtype).fill_null(lit("NULL"));
    let text = value(&from, from_type) + lit(" until ") + value(&until, until_type);
    let filter = scope.filter()?;
    let test = RowTest::of_value(pass, text).words("Interval: ", " overlaps another, or ends before it starts.").prepared({
        let (keys, data) = (keys.clone(), scope.data.clone());
        move |frame| {
            // Not of the frame, which has the columns of all rules before: each would make the plan twice as long.
            let own = data.scan().unwrap_or_else(|_| frame.clone());
            marks.prepare((frame, own), (start.clone(), end.clone()), filter.clone(), &keys)
        }
    });
    let shares = Shares::of(scope)?;
    let metric = format!("Multicolumn.{from},{until}.NoOverlap.Compliance");
    share::by_rows(scope, test, move |hits, rows| match rows {
        0 => Err(no_rows()),
        _ => Ok(shares.verdict(metric.clone(), hits, rows, || format!("\"{from}\" until \"{until}\" apart from others"))),
    })
}

/// A bound as a number: microseconds, or what it is. Doubles tell microseconds apart for 285 years around 1970.
fn bound(column: &str, dtype: &DataType) -> Result<Expr, Fault> {
    match dtype {
        DataType::Date | DataType::Datetime(..) | DataType::String => Ok(temporal::micros(named(column), dtype)?.cast(DataType::Float64)),
        _ => Ok(numbers::as_number(named(column), dtype)?.double()),
    }
}

/// The names of the columns that the test needs.
struct Marks {
    index: String,
    start: String,
    end: String,
    apart: String,
}

impl Marks {
    /// Marks the rows of a frame, whose intervals are those of another with the same rows.
    fn prepare(
        &self,
        (frame, own): (LazyFrame, LazyFrame),
        (start, end): (Expr, Expr),
        filter: Option<Expr>,
        keys: &[String],
    ) -> LazyFrame {
        let (index, start_mark, end_mark) = (self.index.as_str(), self.start.as_str(), self.end.as_str());
        let bounds = [start.alias(start_mark), end.alias(end_mark)];
        // The index after the bounds: one that is part of reading a file would be in the other's columns too.
        let frame = frame.with_columns(bounds.clone()).with_row_index(index, None);
        let mut intervals = own.with_columns(bounds).with_row_index(index, None);
        if let Some(filter) = filter {
            intervals = intervals.filter(filter);
        }
        let keys: Vec<Expr> = keys.iter().map(|key| named(key)).collect();
        let mut order = keys.clone();
        order.extend([named(start_mark), named(end_mark)]);
        // What ends latest of those before, and what starts next, in the same key.
        let mut latest = named(end_mark).cum_max(false).shift(lit(1));
        let mut next = named(start_mark).shift(lit(-1));
        if !keys.is_empty() {
            let over = |window: Expr| window.clone().over(keys.clone()).unwrap_or(window);
            (latest, next) = (over(latest), over(next));
        }
        let before = latest.lt_eq(named(start_mark)).fill_null(true);
        let after = next.gt_eq(named(end_mark)).fill_null(true);
        let intervals = intervals
            .filter(named(start_mark).lt(named(end_mark)))
            .sort_by_exprs(order, SortMultipleOptions::default())
            .select([named(index), before.and(after).alias(self.apart.as_str())]);
        let mut join = JoinArgs::new(JoinType::Left);
        join.maintain_order = MaintainOrderJoin::Left;
        frame.join(intervals, [named(index)], [named(index)], join)
    }
}
