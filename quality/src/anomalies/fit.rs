//! The least sum of squares over parameters between 0 and 1.
//!
//! Levenberg's and Marquardt's method, which knows the residuals' derivatives exactly (they are
//! carried along as [`Dual`] numbers) and leaves out parameters that are at a bound and would leave
//! it. No random choices: the same residuals give the same parameters on every machine.

use std::ops::{Add, Mul, Sub};

/// How many parameters there are.
pub(super) const PARAMETERS: usize = 3;

/// Parameters, or something for each.
pub(super) type Each = [f64; PARAMETERS];

/// A number with its derivatives by the parameters.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Dual {
    pub(super) value: f64,
    pub(super) slope: Each,
}

impl Dual {
    /// A number that depends on no parameter.
    pub(super) fn constant(value: f64) -> Dual {
        Dual { value, slope: [0.0; PARAMETERS] }
    }

    /// The parameters themselves.
    pub(super) fn parameters(values: Each) -> [Dual; PARAMETERS] {
        std::array::from_fn(|which| Dual {
            value: values[which],
            slope: std::array::from_fn(|other| if other == which { 1.0 } else { 0.0 }),
        })
    }

    /// With slopes by the rule of the operation, from those of the one and the other.
    fn each(self, other: Dual, value: f64, from_one: f64, from_other: f64) -> Dual {
        Dual { value, slope: std::array::from_fn(|which| from_one * self.slope[which] + from_other * other.slope[which]) }
    }
}

impl Add for Dual {
    type Output = Dual;
    fn add(self, other: Dual) -> Dual {
        self.each(other, self.value + other.value, 1.0, 1.0)
    }
}

impl Sub for Dual {
    type Output = Dual;
    fn sub(self, other: Dual) -> Dual {
        self.each(other, self.value - other.value, 1.0, -1.0)
    }
}

impl Mul for Dual {
    type Output = Dual;
    fn mul(self, other: Dual) -> Dual {
        self.each(other, self.value * other.value, other.value, self.value)
    }
}

const MOST_STEPS: usize = 500;
const STIFFEST: f64 = 1e15;

/// The parameters of a local minimum of the sum of squares, downhill from `start`.
pub(super) fn least_squares(residuals: impl Fn([Dual; PARAMETERS]) -> Vec<Dual>, start: Each) -> Each {
    let mut at = start;
    let mut here = Normal::of(&residuals(Dual::parameters(at)));
    let mut stiffness = 1e-3;
    for _ in 0..MOST_STEPS {
        let free: [bool; PARAMETERS] = std::array::from_fn(|which| {
            !(at[which] <= 0.0 && here.gradient[which] > 0.0 || at[which] >= 1.0 && here.gradient[which] < 0.0)
        });
        let Some((next, there)) = downhill(&residuals, at, &here, free, &mut stiffness) else { break };
        let moved = (0..PARAMETERS).map(|which| (next[which] - at[which]).abs()).fold(0.0, f64::max);
        let gained = here.squares - there.squares;
        let done = moved < 1e-12 || gained <= here.squares * 1e-16;
        (at, here) = (next, there);
        if done {
            break;
        }
    }
    at
}

/// The next parameters, with a smaller sum of squares; none if no step makes it smaller.
fn downhill(
    residuals: &impl Fn([Dual; PARAMETERS]) -> Vec<Dual>,
    at: Each,
    here: &Normal,
    free: [bool; PARAMETERS],
    stiffness: &mut f64,
) -> Option<(Each, Normal)> {
    while *stiffness < STIFFEST {
        let step = here.step(free, *stiffness);
        let next: Each = std::array::from_fn(|which| (at[which] + step[which]).clamp(0.0, 1.0));
        if next == at {
            return None;
        }
        let there = Normal::of(&residuals(Dual::parameters(next)));
        if there.squares < here.squares {
            *stiffness = (*stiffness / 4.0).max(1e-12);
            return Some((next, there));
        }
        *stiffness *= 4.0;
    }
    None
}

/// The normal equations of the residuals at some parameters.
struct Normal {
    squares: f64,
    /// Half of the gradient of `squares`.
    gradient: Each,
    products: [Each; PARAMETERS],
}

impl Normal {
    fn of(residuals: &[Dual]) -> Normal {
        let mut normal = Normal { squares: 0.0, gradient: [0.0; PARAMETERS], products: [[0.0; PARAMETERS]; PARAMETERS] };
        for residual in residuals {
            normal.squares += residual.value * residual.value;
            for row in 0..PARAMETERS {
                normal.gradient[row] += residual.slope[row] * residual.value;
                for column in 0..PARAMETERS {
                    normal.products[row][column] += residual.slope[row] * residual.slope[column];
                }
            }
        }
        normal
    }

    /// The step to the minimum of the quadratic model, shortened by the stiffness; none along
    /// parameters that are not free.
    fn step(&self, free: [bool; PARAMETERS], stiffness: f64) -> Each {
        let steepest = (0..PARAMETERS).map(|which| self.products[which][which]).fold(f64::MIN_POSITIVE, f64::max);
        let mut matrix = [[0.0; PARAMETERS + 1]; PARAMETERS];
        for row in 0..PARAMETERS {
            if !free[row] {
                matrix[row][row] = 1.0;
                continue;
            }
            for column in (0..PARAMETERS).filter(|column| free[*column]) {
                matrix[row][column] = self.products[row][column];
            }
            matrix[row][row] += stiffness * self.products[row][row].max(steepest * 1e-9);
            matrix[row][PARAMETERS] = -self.gradient[row];
        }
        solve(matrix)
    }
}

/// Gauss's elimination with row exchanges. A parameter that the equations say nothing of gets 0.
fn solve(mut matrix: [[f64; PARAMETERS + 1]; PARAMETERS]) -> Each {
    for pivot in 0..PARAMETERS {
        let largest = (pivot..PARAMETERS).max_by(|a, b| matrix[*a][pivot].abs().total_cmp(&matrix[*b][pivot].abs())).unwrap_or(pivot);
        matrix.swap(pivot, largest);
        if matrix[pivot][pivot] == 0.0 {
            continue;
        }
        for row in pivot + 1..PARAMETERS {
            let factor = matrix[row][pivot] / matrix[pivot][pivot];
            let above = matrix[pivot];
            for (value, above) in matrix[row].iter_mut().zip(above).skip(pivot) {
                *value -= factor * above;
            }
        }
    }
    let mut solved = [0.0; PARAMETERS];
    for row in (0..PARAMETERS).rev() {
        let known: f64 = (row + 1..PARAMETERS).map(|column| matrix[row][column] * solved[column]).sum();
        let value = (matrix[row][PARAMETERS] - known) / matrix[row][row];
        solved[row] = if value.is_finite() { value } else { 0.0 };
    }
    solved
}

#[cfg(test)]
mod tests {
    use super::*;

    /// (p₀ − 0.25)² + 4 (p₁ − 2)² + (p₂ + 1)²: inside, above and below.
    #[test]
    fn a_minimum_outside_of_the_box_is_found_at_its_side() {
        let residuals = |p: [Dual; PARAMETERS]| {
            let two = Dual::constant(2.0);
            vec![p[0] - Dual::constant(0.25), two * (p[1] - two), p[2] + Dual::constant(1.0)]
        };
        let found = least_squares(residuals, [0.3, 0.1, 0.1]);
        assert!((found[0] - 0.25).abs() < 1e-6, "{found:?}");
        assert_eq!(found[1..], [1.0, 0.0]);
    }

    /// Rosenbrock's valley, whose minimum is at (1, 1) × ½ when scaled by it.
    #[test]
    fn a_curved_valley_is_followed() {
        let residuals = |p: [Dual; PARAMETERS]| {
            let (x, y) = (p[0] * Dual::constant(2.0), p[1] * Dual::constant(2.0));
            vec![Dual::constant(10.0) * (y - x * x), Dual::constant(1.0) - x, p[2] - Dual::constant(0.5)]
        };
        let found = least_squares(residuals, [0.1, 0.9, 0.1]);
        assert!(found.iter().all(|value| (value - 0.5).abs() < 1e-6), "{found:?}");
    }

    #[test]
    fn residuals_that_depend_on_nothing_leave_the_start() {
        assert_eq!(least_squares(|_| vec![Dual::constant(3.0)], [0.3, 0.1, 0.1]), [0.3, 0.1, 0.1]);
    }
}
