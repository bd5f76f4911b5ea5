//! Text from data and rulesets inside markup: whatever it contains, it stays text.

use std::fmt::{self, Write as _};

/// Text as the content of an element, or of an attribute in double quotes, of HTML or XML.
/// Characters that neither may contain become U+FFFD.
pub(super) struct Text<'a>(pub(super) &'a str);

impl fmt::Display for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for c in self.0.chars() {
            match c {
                '&' => f.write_str("&amp;")?,
                '<' => f.write_str("&lt;")?,
                '>' => f.write_str("&gt;")?,
                '"' => f.write_str("&quot;")?,
                '\'' => f.write_str("&#39;")?,
                '\n' | '\t' => f.write_char(c)?,
                '\u{FFFE}' | '\u{FFFF}' => f.write_char('\u{FFFD}')?,
                _ if c.is_control() => f.write_char('\u{FFFD}')?,
                _ => f.write_char(c)?,
            }
        }
        Ok(())
    }
}

/// Text as the value of an attribute of XML, where a line break would be read as a space.
pub(super) struct Attribute<'a>(pub(super) &'a str);

impl fmt::Display for Attribute<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, line) in self.0.split('\n').enumerate() {
            if i > 0 {
                f.write_str("&#10;")?;
            }
            write!(f, "{}", Text(line))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_stays_text() {
        let bad = "</td><script>alert('1')</script> & \"x\" \u{0}\u{1b}[31m\n\té";
        let expected = "&lt;/td&gt;&lt;script&gt;alert(&#39;1&#39;)&lt;/script&gt; &amp; &quot;x&quot; \u{FFFD}\u{FFFD}[31m\n\té";
        assert_eq!(Text(bad).to_string(), expected);
        assert_eq!(Attribute("a\n\"b\"").to_string(), "a&#10;&quot;b&quot;");
    }
}
