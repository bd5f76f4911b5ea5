//! Numbers of bytes as people write them.

/// Reads `1048576`, `64MB` (a million each) and `1GiB` (1024 × 1024 × 1024).
pub(super) fn parse_size(text: &str) -> Option<u64> {
    let digits = text.find(|c: char| !c.is_ascii_digit() && c != '_').unwrap_or(text.len());
    let number: u64 = text.get(..digits)?.replace('_', "").parse().ok()?;
    let unit: u64 = match text.get(digits..)?.trim() {
        "" | "B" => 1,
        "KB" | "kB" => 1_000,
        "MB" => 1_000_000,
        "GB" => 1_000_000_000,
        "TB" => 1_000_000_000_000,
        "KiB" => 1 << 10,
        "MiB" => 1 << 20,
        "GiB" => 1 << 30,
        "TiB" => 1 << 40,
        _ => return None,
    };
    number.checked_mul(unit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_read() {
        for (text, bytes) in [("7", 7), ("64MB", 64_000_000), ("1GiB", 1 << 30), ("1_000 B", 1000)] {
            assert_eq!(parse_size(text), Some(bytes), "{text}");
        }
        for text in ["", "MB", "1.5GB", "-1", "64 mb", "99999999999TB"] {
            assert_eq!(parse_size(text), None, "{text}");
        }
    }
}
