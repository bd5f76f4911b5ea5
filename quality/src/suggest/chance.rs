//! How far shares and means of rows may be from those of other rows of the same kind.

/// An interval of shares.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Interval {
    /// Its lower end.
    pub lower: f64,
    /// Its upper end.
    pub upper: f64,
}

/// Wilson's interval of the share that `hits` of `rows` are an observation of. Of no rows it is everything.
/// `z` is how many standard deviations are meant: 1.96 for 95 %.
pub fn wilson(hits: u64, rows: u64, z: f64) -> Interval {
    if rows == 0 {
        return Interval { lower: 0.0, upper: 1.0 };
    }
    let rows = rows as f64;
    let share = hits as f64 / rows;
    let squared = z * z / rows;
    let centre = share + squared / 2.0;
    let margin = z * (share * (1.0 - share) / rows + squared / (4.0 * rows)).sqrt();
    Interval { lower: ((centre - margin) / (1.0 + squared)).max(0.0), upper: ((centre + margin) / (1.0 + squared)).min(1.0) }
}

/// How many standard deviations around the mean of normal values hold this share of them.
pub(super) fn deviations(share: f64) -> f64 {
    let tail = share.midpoint(1.0);
    let (mut low, mut high) = (0.0, 8.0);
    // Halved so often, 8 is less than the distance of neighbouring numbers.
    for _ in 0..60 {
        let middle = f64::midpoint(low, high);
        if normal_below(middle) < tail {
            low = middle;
        } else {
            high = middle;
        }
    }
    f64::midpoint(low, high)
}

/// The share of normal values below some that is not negative, by a series without alternating signs.
fn normal_below(value: f64) -> f64 {
    let (mut term, mut sum, mut factor) = (value, value, 1.0);
    while term > sum * 1e-17 {
        factor += 2.0;
        term *= value * value / factor;
        sum += term;
    }
    0.5 + sum * (-value * value / 2.0).exp() / std::f64::consts::TAU.sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// By `scipy.stats.norm.ppf((1 + share) / 2)`.
    #[test]
    fn deviations_of_shares() {
        let table = [
            (0.5, 0.6744897501960817),
            (0.9, 1.6448536269514722),
            (0.95, 1.959963984540054),
            (0.99, 2.5758293035489004),
            (0.9999, 3.890591886413124),
        ];
        for (share, expected) in table {
            assert!((deviations(share) - expected).abs() < 1e-9, "{share}: {}", deviations(share));
        }
    }

    /// By `statsmodels.stats.proportion.proportion_confint(hits, rows, method="wilson")`.
    #[test]
    fn wilsons_intervals() {
        let table = [
            (0, 10, 0.0, 0.27753279986288926),
            (10, 10, 0.7224672001371106, 1.0),
            (5, 10, 0.23659309051256394, 0.7634069094874361),
            (870, 1000, 0.8477319733455312, 0.8894362253751581),
            (1, 3, 0.06149194472039626, 0.7923403991979523),
        ];
        for (hits, rows, lower, upper) in table {
            let found = wilson(hits, rows, deviations(0.95));
            assert!((found.lower - lower).abs() < 1e-12 && (found.upper - upper).abs() < 1e-12, "{hits} of {rows}: {found:?}");
        }
        assert_eq!(wilson(0, 0, 1.96), Interval { lower: 0.0, upper: 1.0 });
    }
}
