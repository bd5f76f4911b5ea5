//! Conditions worked out: what their operands come to, and whether a value holds them.
//!
//! A comparison is resolved first (history, time of day and time zone become plain values), then held against
//! values. Rules that are pushed down to a query use the resolved operands themselves.

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, Zoned};

use super::ast::{Compare, Comparison, Date, Duration, DurationUnit, Number, Size, SizeUnit};
use crate::evaluate::History;

mod number;

pub use number::EvalError;

/// Earlier values of the statistic that a rule measures.
pub trait Resolve {
    /// The most recent values, the newest first, `count` at most.
    fn last(&self, count: usize) -> Vec<f64>;
}

/// A statistic of a history.
#[derive(Clone, Copy)]
pub struct Earlier<'h> {
    /// Where earlier values are.
    pub history: &'h dyn History,
    /// The name of the statistic: [`super::ast::Rule::statistic_name`].
    pub statistic: &'h str,
}

impl Resolve for Earlier<'_> {
    fn last(&self, count: usize) -> Vec<f64> {
        self.history.last(self.statistic, count).into_iter().map(|point| point.value).collect()
    }
}

/// No earlier values.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoHistory;

impl Resolve for NoHistory {
    fn last(&self, _count: usize) -> Vec<f64> {
        Vec::new()
    }
}

/// When a ruleset is evaluated, and where.
#[derive(Clone, Debug)]
pub struct Clock {
    now: Zoned,
}

impl Clock {
    /// `now()` is cut to the minute, as AWS does it. Times of day are of the day it is then in the zone.
    pub fn new(now: Timestamp, zone: TimeZone) -> Clock {
        let seconds = now.as_second();
        let minute = Timestamp::from_second(seconds - seconds.rem_euclid(60)).unwrap_or(now);
        Clock { now: minute.to_zoned(zone) }
    }

    /// In UTC, which is where rules are that have no `timeZone`.
    pub fn utc(now: Timestamp) -> Clock {
        Clock::new(now, TimeZone::UTC)
    }

    /// What `now()` is.
    pub fn now(&self) -> Timestamp {
        self.now.timestamp()
    }
}

impl<T> Comparison<T> {
    /// All operands, in the order written.
    pub fn operands(&self) -> Vec<&T> {
        match self {
            Comparison::Between { low, high, .. } => vec![low, high],
            Comparison::Compare { operand, .. } => vec![operand],
            Comparison::In { operands, .. } => operands.iter().collect(),
        }
    }

    /// The same comparison with other operands.
    ///
    /// # Errors
    /// The first that an operand comes to.
    pub fn try_map<U, E>(&self, mut convert: impl FnMut(&T) -> Result<U, E>) -> Result<Comparison<U>, E> {
        Ok(match self {
            Comparison::Between { negated, low, high } => {
                Comparison::Between { negated: *negated, low: convert(low)?, high: convert(high)? }
            }
            Comparison::Compare { operator, operand } => Comparison::Compare { operator: *operator, operand: convert(operand)? },
            Comparison::In { negated, operands } => {
                Comparison::In { negated: *negated, operands: operands.iter().map(convert).collect::<Result<_, _>>()? }
            }
        })
    }

    /// [`Comparison::try_map`] that does not fail.
    pub fn map<U>(&self, mut convert: impl FnMut(&T) -> U) -> Comparison<U> {
        match self.try_map(|operand| Ok::<U, std::convert::Infallible>(convert(operand))) {
            Ok(comparison) => comparison,
            Err(never) => match never {},
        }
    }
}

impl<T: PartialOrd> Comparison<Option<T>> {
    /// Whether a value holds a comparison whose operands are resolved; `None` is null on both sides.
    ///
    /// Both ends of `between` are excluded, and included in `not between`. Nothing is more, less or between if null
    /// is on a side. Equality is exact.
    pub fn admits(&self, value: Option<&T>) -> bool {
        match self {
            Comparison::Between { negated, low, high } => match (value, low, high) {
                (Some(value), Some(low), Some(high)) if *negated => value <= low || value >= high,
                (Some(value), Some(low), Some(high)) => value > low && value < high,
                _ => false,
            },
            Comparison::Compare { operator, operand } => match operator {
                Compare::Equal => value == operand.as_ref(),
                Compare::NotEqual => value != operand.as_ref(),
                ordered => value.zip(operand.as_ref()).is_some_and(|(value, operand)| match ordered {
                    Compare::Greater => value > operand,
                    Compare::GreaterOrEqual => value >= operand,
                    Compare::Less => value < operand,
                    _ => value <= operand,
                }),
            },
            Comparison::In { negated, operands } => operands.iter().any(|operand| value == operand.as_ref()) != *negated,
        }
    }
}

impl Comparison<Number> {
    /// The numbers that the operands come to; `None` for `NULL`.
    ///
    /// # Errors
    /// An operand does not come to a number.
    pub fn resolve(&self, resolve: &dyn Resolve) -> Result<Comparison<Option<f64>>, EvalError> {
        self.try_map(|number| number.value(resolve))
    }

    /// Whether a metric holds the comparison. NaN equals nothing and is not more or less than anything.
    ///
    /// # Errors
    /// An operand does not come to a number.
    pub fn holds(&self, value: f64, resolve: &dyn Resolve) -> Result<bool, EvalError> {
        Ok(self.resolve(resolve)?.admits(Some(&value)))
    }
}

impl Date {
    /// The moment; `None` for `NULL`.
    pub fn moment(&self, clock: &Clock) -> Option<Timestamp> {
        match self {
            Date::Null => None,
            Date::Now => Some(clock.now()),
            Date::Day(_, day) => day.to_zoned(TimeZone::UTC).ok().map(|day| day.timestamp()),
            Date::Time(_, time) => {
                let today = clock.now.date().to_datetime(*time);
                today.to_zoned(clock.now.time_zone().clone()).ok().map(|time| time.timestamp())
            }
            Date::Offset(amount, unit) => {
                let offset = Duration { amount: *amount, unit: *unit }.length();
                let furthest = if *amount < 0 { Timestamp::MIN } else { Timestamp::MAX };
                Some(clock.now().checked_add(offset).unwrap_or(furthest))
            }
        }
    }
}

impl Comparison<Date> {
    /// The moments that the operands are; `None` for `NULL`.
    pub fn resolve(&self, clock: &Clock) -> Comparison<Option<Timestamp>> {
        self.map(|date| date.moment(clock))
    }

    /// Whether a moment holds the comparison.
    pub fn holds(&self, value: Option<Timestamp>, clock: &Clock) -> bool {
        self.resolve(clock).admits(value.as_ref())
    }
}

impl Duration {
    /// In minutes, if that can be counted.
    pub fn minutes(&self) -> Option<i64> {
        let minutes = match self.unit {
            DurationUnit::Days => 24 * 60,
            DurationUnit::Hours => 60,
            DurationUnit::Minutes => 1,
        };
        self.amount.checked_mul(minutes)
    }

    /// As long as can be counted, if it is longer.
    pub fn length(&self) -> SignedDuration {
        let seconds = self.minutes().and_then(|minutes| minutes.checked_mul(60));
        SignedDuration::from_secs(seconds.unwrap_or(if self.amount < 0 { i64::MIN } else { i64::MAX }))
    }

    /// In hours with two decimals, which is what ages are compared in.
    pub fn hours(&self) -> f64 {
        hours(self.length())
    }
}

/// A length in hours with two decimals.
pub fn hours(length: SignedDuration) -> f64 {
    (length.as_secs_f64() / 36.0).round() / 100.0
}

impl Comparison<Duration> {
    /// The hours that the operands are.
    pub fn resolve(&self) -> Comparison<Option<f64>> {
        self.map(|duration| Some(duration.hours()))
    }

    /// Whether an age holds the comparison; both are compared in hours with two decimals.
    pub fn holds(&self, age: SignedDuration) -> bool {
        self.resolve().admits(Some(&hours(age)))
    }
}

impl Size {
    /// In bytes, if that can be counted.
    pub fn bytes(&self) -> Option<u64> {
        let power = match self.unit {
            None | Some(SizeUnit::B) => 0,
            Some(SizeUnit::Kb) => 1,
            Some(SizeUnit::Mb) => 2,
            Some(SizeUnit::Gb) => 3,
            Some(SizeUnit::Tb) => 4,
        };
        self.amount.checked_mul(1024_u64.pow(power))
    }
}

impl Comparison<Size> {
    /// The bytes that the operands are; as many as can be counted, if there are more.
    pub fn resolve(&self) -> Comparison<Option<u64>> {
        self.map(|size| Some(size.bytes().unwrap_or(u64::MAX)))
    }

    /// Whether a number of bytes holds the comparison.
    pub fn holds(&self, bytes: u64) -> bool {
        self.resolve().admits(Some(&bytes))
    }
}
