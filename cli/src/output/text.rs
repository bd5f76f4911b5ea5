//! Numbers, sizes and times as people read them.

use std::{borrow::Cow, time::Duration};

use lakegate_model::{Timestamp, layout, time::format_duration};

/// The time now.
pub(crate) fn now() -> Timestamp {
    Timestamp(jiff::Timestamp::now().as_millisecond())
}

/// `336,776`
pub(crate) fn thousands(count: u64) -> String {
    let digits = count.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// `1 run`, `2 runs`
pub(crate) fn counted(count: u64, thing: &str) -> String {
    let plural = match thing.strip_suffix('h') {
        _ if count == 1 => thing.to_owned(),
        Some(_) => format!("{thing}es"),
        None => format!("{thing}s"),
    };
    format!("{} {plural}", thousands(count))
}

/// `7.1 KiB`
#[expect(clippy::cast_precision_loss, reason = "three digits are shown")]
pub(crate) fn bytes(size: u64) -> String {
    let mut rest = size as f64;
    for unit in ["B", "KiB", "MiB", "GiB", "TiB"] {
        if rest < 1024.0 || unit == "TiB" {
            return if unit == "B" { format!("{size} B") } else { format!("{rest:.1} {unit}") };
        }
        rest /= 1024.0;
    }
    format!("{size} B")
}

/// Reads `512MB`, `4GiB` or a number of bytes.
pub(crate) fn parse_bytes(text: &str) -> Result<u64, String> {
    let text = text.trim();
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let size: u64 = match unit.trim().to_ascii_lowercase().as_str() {
        "" | "b" => 1,
        "kb" => 1_000,
        "mb" => 1_000_000,
        "gb" => 1_000_000_000,
        "kib" | "k" => 1 << 10,
        "mib" | "m" => 1 << 20,
        "gib" | "g" => 1 << 30,
        _ => return Err("write it like 512MB or 4GiB".to_owned()),
    };
    let count = number.parse::<u64>().ok().and_then(|number| number.checked_mul(size)).filter(|bytes| *bytes > 0);
    count.ok_or_else(|| "write it like 512MB or 4GiB".to_owned())
}

/// `12s ago`; a date once it is more than thirty days.
pub(crate) fn ago(at: Timestamp, now: Timestamp) -> String {
    let age = now.since(at);
    if age < Duration::from_secs(1) {
        return "just now".to_owned();
    }
    if age > Duration::from_secs(30 * 86_400) {
        return at.to_string().chars().take(10).collect();
    }
    format!("{} ago", format_duration(largest_unit(age)))
}

/// `4.2s`, `3m12s`
pub(crate) fn took(span: Duration) -> String {
    if span < Duration::from_secs(60) {
        format!("{:.1}s", span.as_secs_f64())
    } else {
        format_duration(Duration::from_secs(span.as_secs()))
    }
}

/// An id as far as it tells things apart: `ex-3f9a12c0`.
pub(crate) fn short_id(id: &str) -> String {
    id.chars().take(11).collect()
}

/// What a run is of, for people: of rows that were released the run that has set them aside, and not where they lie.
pub(crate) fn subject(text: &str) -> Cow<'_, str> {
    match layout::set_aside_by(text) {
        Some(run) => format!("rows set aside by {}", short_id(run.as_str())).into(),
        None => text.into(),
    }
}

/// The span in its largest unit alone.
fn largest_unit(span: Duration) -> Duration {
    let seconds = span.as_secs();
    let unit = [86_400, 3_600, 60].into_iter().find(|unit| seconds >= *unit).unwrap_or(1);
    Duration::from_secs(seconds - seconds % unit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_sizes() {
        for (count, text) in [(0, "0"), (999, "999"), (1_000, "1,000"), (336_776, "336,776"), (1_234_567, "1,234,567")] {
            assert_eq!(thousands(count), text);
        }
        for (size, text) in [(0, "0 B"), (1023, "1023 B"), (7_270, "7.1 KiB"), (5 << 30, "5.0 GiB"), (u64::MAX, "16777216.0 TiB")] {
            assert_eq!(bytes(size), text);
        }
        assert_eq!(
            (counted(1, "batch"), counted(2, "batch"), counted(0, "file")),
            ("1 batch".into(), "2 batches".into(), "0 files".into())
        );
    }

    #[test]
    fn released_rows_are_named_after_the_run_that_set_them_aside() {
        assert_eq!(subject("shop/orders/a.csv"), "shop/orders/a.csv");
        let aside = "_lakegate/quarantine/shop/orders/load/ex-98ce31f75c6bf2fab0c097c0206f7fda.parquet";
        assert_eq!(subject(aside), "rows set aside by ex-98ce31f7");
    }

    #[test]
    fn sizes_are_read_in_both_kinds_of_units() {
        for (text, size) in [("512MB", 512_000_000), ("4GiB", 4 << 30), ("2 g", 2 << 30), ("1024", 1024)] {
            assert_eq!(parse_bytes(text), Ok(size));
        }
        for text in ["", "GiB", "-1", "0", "1.5GiB", "99999999999GiB", "5 parsecs"] {
            assert!(parse_bytes(text).is_err(), "{text}");
        }
    }

    #[test]
    fn ages_are_told_in_one_unit() {
        let now = Timestamp(100 * 86_400_000);
        for (ms, text) in [(0, "just now"), (12_300, "12s ago"), (200_000, "3m ago"), (7_300_000, "2h ago"), (5 * 86_400_000, "5d ago")] {
            assert_eq!(ago(Timestamp(now.0 - ms), now), text);
        }
        assert_eq!(ago(Timestamp(0), now), "1970-01-01");
        assert_eq!(ago(Timestamp(now.0 + 5_000), now), "just now");
        assert_eq!((took(Duration::from_millis(4_240)), took(Duration::from_secs(192))), ("4.2s".into(), "3m12s".into()));
    }
}
