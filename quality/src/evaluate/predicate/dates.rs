//! Conditions on dates, times and ages.

use std::collections::HashSet;

use polars::prelude::{DataType, Expr, lit, when};

use super::compare::{among_doubles, among_short, ordered};
use super::temporal::{self, DAY, DayOnly};
use crate::evaluate::Fault;
use crate::language::ast::{Compare, Comparison};

/// An operand of a condition on dates.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Moment {
    /// A day, with which the day of a value is compared, whatever its time. Microseconds of its midnight in UTC.
    Day(i64),
    /// A moment, in microseconds since 1970-01-01 UTC.
    At(i64),
    /// `NULL`.
    Null,
}

/// Whether each value holds a condition on dates. Strings that are no dates are as null. A value without a time is
/// compared with the day of a moment, so that today's date is `now()`.
pub(crate) fn holds(value: Expr, dtype: &DataType, comparison: &Comparison<Moment>) -> Result<Expr, Fault> {
    match comparison {
        Comparison::Compare { operator: Compare::Equal, operand: Moment::Null } => return Ok(value.is_null()),
        Comparison::Compare { operator: Compare::NotEqual, operand: Moment::Null } => return Ok(value.is_not_null()),
        _ => {}
    }
    let day_only = temporal::day_only(value.clone(), dtype);
    let micros = temporal::micros(value, dtype)?;
    let null = micros.clone().is_null();
    let compare = |operator: Compare, operand: &Moment| -> Result<Expr, Fault> {
        // The day of a moment before 1970 is the one below, too.
        let by_day = |moment: i64| ordered(operator, micros.clone().floor_div(lit(DAY)), lit(moment.div_euclid(DAY)));
        let by_moment = |moment: i64| ordered(operator, micros.clone(), lit(moment));
        match operand {
            Moment::Day(day) => Ok(by_day(*day)),
            Moment::At(moment) => Ok(match &day_only {
                DayOnly::All => by_day(*moment),
                DayOnly::None => by_moment(*moment),
                DayOnly::Where(day_only) => when(day_only.clone()).then(by_day(*moment)).otherwise(by_moment(*moment)),
            }),
            Moment::Null => Err(Fault::error("NULL is neither before nor after a date; use `= NULL` or `!= NULL`.")),
        }
    };
    let holds = match comparison {
        Comparison::Compare { operator: Compare::NotEqual, operand } => compare(Compare::NotEqual, operand)?.fill_null(true),
        Comparison::Compare { operator, operand } => compare(*operator, operand)?,
        Comparison::Between { negated: false, low, high } => compare(Compare::Greater, low)?.and(compare(Compare::Less, high)?),
        Comparison::Between { negated: true, low, high } => {
            compare(Compare::LessOrEqual, low)?.or(compare(Compare::GreaterOrEqual, high)?).fill_null(true)
        }
        Comparison::In { negated, operands } => {
            let mut equal = among(&micros, &day_only, operands).fill_null(false);
            if operands.contains(&Moment::Null) {
                equal = equal.or(null);
            }
            if *negated { equal.not() } else { equal }
        }
    };
    Ok(holds.fill_null(false))
}

/// Whether each moment is one of some. They are looked up.
fn among(micros: &Expr, day_only: &DayOnly, operands: &[Moment]) -> Expr {
    let (mut days, mut moments) = (HashSet::new(), HashSet::new());
    for operand in operands {
        match operand {
            Moment::Day(day) => drop(days.insert(day.div_euclid(DAY))),
            Moment::At(moment) => drop(moments.insert(*moment)),
            Moment::Null => {}
        }
    }
    let of_day = |days: HashSet<i64>| among_short(micros.clone().floor_div(lit(DAY)), days);
    if moments.is_empty() {
        return of_day(days);
    }
    let days_of_moments = days.iter().copied().chain(moments.iter().map(|moment| moment.div_euclid(DAY))).collect();
    let by_moment = |moments: HashSet<i64>| of_day(days.clone()).or(among_short(micros.clone(), moments));
    match day_only {
        DayOnly::All => of_day(days_of_moments),
        DayOnly::None => by_moment(moments),
        DayOnly::Where(day_only) => when(day_only.clone()).then(of_day(days_of_moments)).otherwise(by_moment(moments)),
    }
}

/// Whether one moment holds a condition, as [`holds`] has it.
pub(crate) fn moment_holds(micros: i64, comparison: &Comparison<Moment>) -> bool {
    // Day by day if all operands are days, else moment by moment.
    let days = comparison.operands().iter().all(|operand| matches!(operand, Moment::Day(_)));
    let value = if days { micros.div_euclid(DAY) } else { micros };
    let operands = comparison.map(|operand| match operand {
        Moment::Day(day) if days => Some(day.div_euclid(DAY)),
        Moment::Day(moment) | Moment::At(moment) => Some(*moment),
        Moment::Null => None,
    });
    operands.admits(Some(&value))
}

/// Whether each value's age in hours, rounded to two places, holds a condition. Null never does.
pub(crate) fn age_holds(value: Expr, dtype: &DataType, now: i64, hours: &Comparison<f64>) -> Result<Expr, Fault> {
    let age = age(value, dtype, now)?;
    let compare = |operator: Compare, hours: f64| ordered(operator, age.clone(), lit(hours));
    let holds = match hours {
        Comparison::Compare { operator, operand } => compare(*operator, *operand),
        Comparison::Between { negated: false, low, high } => compare(Compare::Greater, *low).and(compare(Compare::Less, *high)),
        Comparison::Between { negated: true, low, high } => compare(Compare::LessOrEqual, *low).or(compare(Compare::GreaterOrEqual, *high)),
        Comparison::In { negated, operands } => {
            let equal = among_doubles(age.clone(), operands.iter().copied());
            if *negated { equal.not() } else { equal }
        }
    };
    Ok(holds.fill_null(false))
}

/// Each value's age in hours.
pub(crate) fn age(value: Expr, dtype: &DataType, now: i64) -> Result<Expr, Fault> {
    let seconds = (lit(now) - temporal::micros(value, dtype)?).cast(DataType::Float64) / lit(1_000_000.0);
    Ok((seconds / lit(36.0)).round(0, polars::prelude::RoundMode::HalfAwayFromZero) / lit(100.0))
}
