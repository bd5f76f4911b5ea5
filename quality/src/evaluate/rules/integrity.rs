//! `ReferentialIntegrity`: keys that a reference has.

use polars::prelude::{DataType, Expr, JoinArgs, JoinType, LazyFrame, MaintainOrderJoin, UniqueKeepStrategy, lit};

use super::super::judge::{Judge, Shares, expected_of_both, ratio, unmet};
use super::super::predicate::exact::{self, Common};
use super::super::predicate::{is_nested, shown};
use super::super::scope::{column_of, named};
use super::super::{Fault, Plan, RowTest, Scope, Verdict};
use super::completeness::no_rows;
use super::share;

/// A key of several columns, on both sides, whose values compare.
pub(super) struct Keys {
    /// What they are made of, on either side.
    pub(super) ours: Vec<Expr>,
    pub(super) theirs: Vec<Expr>,
    /// What they are called for the join.
    pub(super) marks: Vec<String>,
}

impl Keys {
    /// Pairs of columns with their types.
    pub(super) fn new(scope: &Scope<'_>, what: &str, pairs: &[(&str, &DataType, &str, &DataType)]) -> Result<Keys, Fault> {
        let mut keys = Keys { ours: Vec::new(), theirs: Vec::new(), marks: Vec::new() };
        for (at, (ours, our_type, theirs, their_type)) in pairs.iter().enumerate() {
            let (ours, theirs) = comparable((named(ours), our_type), (named(theirs), their_type))?;
            let mark = scope.mark(&format!("{what}{at}"));
            keys.ours.push(ours.alias(mark.as_str()));
            keys.theirs.push(theirs.alias(mark.as_str()));
            keys.marks.push(mark);
        }
        Ok(keys)
    }

    /// Rows with what is known of their keys on the other side, in their order.
    pub(super) fn join(&self, frame: LazyFrame, other: LazyFrame) -> LazyFrame {
        let marks: Vec<Expr> = self.marks.iter().map(|mark| named(mark)).collect();
        let mut join = JoinArgs::new(JoinType::Left);
        join.maintain_order = MaintainOrderJoin::Left;
        frame.with_columns(self.ours.clone()).join(other, marks.clone(), marks, join)
    }
}

/// Values of two types as values of one, which are equal if they are.
fn comparable((left, left_type): (Expr, &DataType), (right, right_type): (Expr, &DataType)) -> Result<(Expr, Expr), Fault> {
    if is_nested(left_type) || is_nested(right_type) {
        return Err(Fault::error("Columns of nested values are no keys."));
    }
    let number = |dtype: &DataType| dtype.is_primitive_numeric() || dtype.is_decimal();
    let common = match (left_type, right_type) {
        (DataType::Categorical(..) | DataType::Enum(..), _) | (_, DataType::Categorical(..) | DataType::Enum(..)) => DataType::String,
        _ if left_type == right_type => return Ok((left, right)),
        _ if number(left_type) && number(right_type) => match Common::of(left_type, right_type) {
            Some(Common::All(common)) => common,
            Some(Common::Most(_)) => return Ok((exact::as_text(left, left_type), exact::as_text(right, right_type))),
            None => DataType::Float64,
        },
        (DataType::Date | DataType::Datetime(..), DataType::Date | DataType::Datetime(..)) => {
            DataType::Datetime(polars::prelude::TimeUnit::Microseconds, None)
        }
        _ => DataType::String,
    };
    Ok((left.cast(common.clone()), right.cast(common)))
}

/// `zip,city` and `ref.{zip_code,city_name}`.
pub(super) fn plan(scope: &Scope<'_>) -> Result<Plan, Fault> {
    let (ours, target) = (scope.parameter(0)?, scope.parameter(1)?);
    let (alias, theirs) = scope.source_of(target).ok_or_else(|| Fault::error(format!("\"{target}\" is no \"reference.column\".")))?;
    let reference = scope.reference(alias, "additional sources")?.clone();
    let braced = theirs.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')).unwrap_or(theirs);
    let (ours, theirs): (Vec<&str>, Vec<&str>) = (ours.split(',').map(str::trim).collect(), braced.split(',').map(str::trim).collect());
    if ours.len() != theirs.len() {
        return Err(Fault::error(format!("{} columns are compared with {} of \"{alias}\".", ours.len(), theirs.len())));
    }
    let mut pairs = Vec::new();
    for (our, their) in ours.iter().zip(&theirs) {
        let our_type = column_of(scope.schema(), our, "the dataset")?;
        pairs.push((*our, our_type, *their, column_of(reference.schema(), their, &format!("\"{alias}\""))?));
    }
    let keys = Keys::new(scope, "key", &pairs)?;
    let known = scope.mark("known");
    let mut value = lit("");
    for (at, (our, dtype, ..)) in pairs.iter().enumerate() {
        value = value + lit(if at == 0 { "" } else { ", " }) + shown(named(our), dtype).fill_null(lit("NULL"));
    }
    let scanned = reference.scan()?;
    let other = scanned.select(keys.theirs.clone()).unique(None, UniqueKeepStrategy::Any).with_column(lit(true).alias(known.as_str()));
    let test = RowTest::of_value(named(&known), value)
        .words("Value: ", format!(" is not in \"{target}\"."))
        .prepared(move |frame| keys.join(frame, other.clone()))
        .apart();
    let (judge, shares) = (Judge::of(scope)?, Shares::of(scope)?);
    let metric = format!("Column.{alias}.ReferentialIntegrity");
    let target = target.to_owned();
    share::by_rows(scope, test, move |hits, rows| {
        if rows == 0 {
            return Err(no_rows());
        }
        let share = ratio(hits, rows);
        let holds = judge.holds(share) && (!shares.partial() || shares.hold(hits, rows));
        Ok(Verdict::new(holds).metric(metric.clone(), share).because(|| {
            unmet(
                share,
                &format!(
                    "{} of {rows} rows have a key that is not in \"{target}\"; expected {}.",
                    rows - hits,
                    expected_of_both(&judge, &shares)
                ),
            )
        }))
    })
}
