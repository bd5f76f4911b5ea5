//! Numbers as people read them in tables and reports.

/// `336,776`
pub fn thousands(count: u64) -> String {
    grouped(&count.to_string())
}

/// A measured value: whole numbers in full, others with four digits that tell something.
pub fn measured(value: f64) -> String {
    if value.is_nan() {
        return "not a number".to_owned();
    }
    if value.is_infinite() {
        return if value > 0.0 { "infinite" } else { "−infinite" }.to_owned();
    }
    let sign = if value < 0.0 { "−" } else { "" };
    let size = value.abs();
    let text = if size.fract() == 0.0 && size < 1e15 {
        grouped(&format!("{size:.0}"))
    } else if !(1e-4..1e15).contains(&size) {
        format!("{size:.3e}")
    } else {
        decimal(size)
    };
    format!("{sign}{text}")
}

/// A share in percent, never rounded up to all or down to nothing.
pub fn percent(share: f64) -> String {
    let share = if share.is_finite() { share.clamp(0.0, 1.0) } else { 0.0 };
    let tenths = (share * 1000.0).round();
    let tenths = if share < 1.0 { tenths.min(999.0) } else { tenths };
    let tenths = if share > 0.0 { tenths.max(1.0) } else { tenths };
    if tenths % 10.0 == 0.0 { format!("{:.0}%", tenths / 10.0) } else { format!("{:.1}%", tenths / 10.0) }
}

/// `1 rule`, `2 rules`
pub fn counted(count: u64, thing: &str) -> String {
    format!("{} {thing}{}", thousands(count), if count == 1 { "" } else { "s" })
}

/// What is no whole number: four digits in all, at least two of them behind the point where there
/// is something there, and never rounded to a whole number: 0.99998 is not 1.
fn decimal(size: f64) -> String {
    let whole_digits = if size < 1.0 { 0 } else { size.log10().floor() as usize + 1 };
    let leading_zeros = if size < 1.0 { (-size.log10()).ceil() as usize - 1 } else { 0 };
    let least = (4 + leading_zeros).saturating_sub(whole_digits).max(2);
    let places = (least..=15).find(|places| is_told_apart(size, *places)).unwrap_or(15);
    let text = format!("{size:.places$}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    match text.split_once('.') {
        Some((whole, fraction)) => format!("{}.{fraction}", grouped(whole)),
        None => grouped(text),
    }
}

/// Whether a value keeps something behind the point with so many places.
fn is_told_apart(size: f64, places: usize) -> bool {
    format!("{size:.places$}").split_once('.').is_some_and(|(_, fraction)| fraction.bytes().any(|digit| digit != b'0'))
}

fn grouped(digits: &str) -> String {
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_have_the_digits_that_tell_something() {
        for (value, text) in [
            (0.0, "0"),
            (-0.0, "0"),
            (1.0, "1"),
            (0.95, "0.95"),
            (0.991_234_5, "0.9912"),
            (0.999_98, "0.99998"),
            (0.000_25, "0.00025"),
            (336_776.0, "336,776"),
            (-12.639_07, "−12.64"),
            (1_234.5, "1,234.5"),
            (123_456.789, "123,456.79"),
            (9_999.999_9, "9,999.9999"),
            (1e18, "1.000e18"),
            (0.000_001_234, "1.234e-6"),
            (f64::NAN, "not a number"),
            (f64::NEG_INFINITY, "−infinite"),
        ] {
            assert_eq!(measured(value), text, "{value:?}");
        }
    }

    #[test]
    fn only_all_is_a_hundred_percent() {
        for (share, text) in
            [(0.0, "0%"), (0.000_01, "0.1%"), (0.5, "50%"), (2.0 / 3.0, "66.7%"), (0.999_9, "99.9%"), (1.0, "100%"), (f64::NAN, "0%")]
        {
            assert_eq!(percent(share), text, "{share}");
        }
    }

    #[test]
    fn counts() {
        assert_eq!(
            (counted(1, "rule"), counted(0, "rule"), counted(1_200, "row")),
            ("1 rule".into(), "0 rules".into(), "1,200 rows".into())
        );
    }
}
