//! How many steps of a width there are from the least value to the greatest, and how many of them have one.

use super::super::judge::show;
use super::super::predicate::exact::Exact;

/// Steps of one width.
pub(super) struct Steps {
    /// From the least value's to the greatest's.
    pub(super) expected: u128,
    /// Of these, those without a value.
    pub(super) missing: u128,
    /// Which is the first without: so many after the least value's.
    pub(super) gap: Option<u128>,
}

impl Steps {
    /// By the numbers of the steps that have a value, in order.
    fn of(mut numbers: Vec<u128>) -> Option<Steps> {
        numbers.dedup();
        let expected = numbers.last()?.saturating_add(1);
        let gap = numbers.windows(2).find_map(|pair| match pair {
            [before, after] if after.saturating_sub(*before) > 1 => Some(before + 1),
            _ => None,
        });
        Some(Steps { expected, missing: expected.saturating_sub(numbers.len() as u128), gap })
    }
}

/// A width in the values' own units: nothing is rounded.
#[derive(Clone, Copy, Debug)]
pub(super) struct Units {
    pub(super) width: u128,
    /// What a value has to be multiplied with, to be in the width's units.
    pub(super) factor: i128,
    /// Decimals of the width's units.
    pub(super) scale: usize,
}

impl Units {
    /// The steps of values, and the first without one; `None` if there are no values.
    pub(super) fn steps(self, mut values: Vec<i128>) -> Option<(Steps, Option<Exact>)> {
        values.sort_unstable();
        let first = values.first()?.saturating_mul(self.factor);
        let numbers = values.iter().map(|value| value.saturating_mul(self.factor).abs_diff(first) / self.width);
        let steps = Steps::of(numbers.collect())?;
        let gap = steps.gap.and_then(|gap| first.checked_add_unsigned(gap.checked_mul(self.width)?));
        Some((steps, gap.map(|units| Exact { units, scale: self.scale })))
    }
}

/// A width of doubles, which are a little off what is meant: 0.3 / 0.1 is less than 3.
#[derive(Clone, Copy, Debug)]
pub(super) struct Doubles {
    pub(super) width: f64,
    /// How far from each other numbers next to 1 are in the column.
    pub(super) epsilon: f64,
}

impl Doubles {
    /// The steps of values, and the first without one; `None` if there are no values.
    pub(super) fn steps(self, mut values: Vec<f64>) -> Option<(Steps, Option<String>)> {
        values.sort_by(f64::total_cmp);
        let first = *values.first()?;
        let steps = Steps::of(values.iter().map(|value| self.number(first, *value)).collect())?;
        // With as many digits as surely are right.
        let tidy = |value: f64| format!("{value:.13e}").parse().unwrap_or(value);
        let gap = steps.gap.map(|gap| show(tidy(first + gap as f64 * self.width)));
        Some((steps, gap))
    }

    /// In which step after the first a value is: what rounding may have put just before a step is in it.
    fn number(self, first: f64, value: f64) -> u128 {
        let quotient = (value - first) / self.width;
        let rounded = 2.0 * self.epsilon * (value.abs() + first.abs()) / self.width;
        let off = rounded.max(1e-9 * quotient.max(1.0)).min(0.25);
        let nearest = quotient.round();
        (if (quotient - nearest).abs() <= off { nearest } else { quotient.floor() }) as u128
    }
}
