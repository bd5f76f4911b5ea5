//! Keys as S3's notifications write them: form-encoded, a space as `+`, other bytes of UTF-8 as `%XX`.

use super::Reason;

/// The key as plain text.
pub(super) fn decoded(key: &str) -> Result<String, Reason> {
    let wrong = |why: &str| format!("its key `{key}` is not url-encoded: {why}");
    let mut bytes = Vec::with_capacity(key.len());
    let mut rest = key.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'+' => b' ',
            b'%' => hex(rest.next())
                .zip(hex(rest.next()))
                .map(|(high, low)| high << 4 | low)
                .ok_or_else(|| wrong("a `%` without two digits"))?,
            plain => plain,
        });
    }
    String::from_utf8(bytes).map_err(|_| wrong("its bytes are not UTF-8"))
}

fn hex(digit: Option<u8>) -> Option<u8> {
    char::from(digit?).to_digit(16).and_then(|value| u8::try_from(value).ok())
}

#[cfg(test)]
mod tests {
    use super::decoded;

    #[test]
    fn keys_are_decoded_as_s3_encodes_them() {
        for (encoded, plain) in [
            ("nyc/flights/a.csv", "nyc/flights/a.csv"),
            ("nyc%2Fflights%2Fa+b.csv", "nyc/flights/a b.csv"),
            ("a%2Bb%25c.csv", "a+b%c.csv"),
            ("%C3%BC%f0%9f%98%80.csv", "ü😀.csv"),
            ("month%3D1/%27%22%26%3F%23.csv", "month=1/'\"&?#.csv"),
            ("ü.csv", "ü.csv"),
            ("", ""),
        ] {
            assert_eq!(decoded(encoded).as_deref(), Ok(plain), "{encoded}");
        }
    }

    #[test]
    fn what_is_not_encoded_is_refused_and_named() {
        for wrong in ["100%", "100%.csv", "a%2", "a%zz", "%FF.csv", "%C3"] {
            let reason = decoded(wrong).unwrap_err();
            assert!(reason.contains(wrong), "{reason}");
        }
    }
}
