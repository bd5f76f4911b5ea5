//! Reasons as people read them.

/// How Glue begins and goes on where a value is not what was asked for. Programs look for it; to people
/// it says nothing that the rule and its metrics beside it do not.
const BEGINNING: &str = "Value: ";
const PHRASE: &str = " does not meet the constraint requirement!";

/// A reason without the phrase that all have: what follows it, or the value if nothing does.
pub fn plain(reason: &str) -> String {
    let mut text = String::new();
    let mut add = |part: &str| {
        if !text.is_empty() && !part.is_empty() && !text.ends_with(' ') {
            text.push(' ');
        }
        text.push_str(part);
    };
    let mut rest = reason;
    while let Some((before, after)) = rest.split_once(PHRASE) {
        let Some(begin) = before.rfind(BEGINNING) else { break };
        add(&before[..begin]);
        rest = after.trim_start();
        if rest.is_empty() || rest.starts_with(BEGINNING) {
            add(&before[begin..]);
        }
    }
    add(rest);
    text
}

#[cfg(test)]
mod tests {
    use super::plain;

    #[test]
    fn what_is_said_of_the_value_is_kept() {
        for (reason, text) in [
            ("Column \"a\" does not exist in the dataset.", "Column \"a\" does not exist in the dataset."),
            ("Value: NULL does not meet the constraint requirement!", "Value: NULL"),
            ("Value: 0.5 does not meet the constraint requirement! 1 of 2 values are null.", "1 of 2 values are null."),
            (
                "Value: 1 does not meet the constraint requirement! Value: 2 does not meet the constraint requirement! Expected > 3.",
                "Value: 1 Expected > 3.",
            ),
            ("Of 3: Value: x does not meet the constraint requirement!", "Of 3: Value: x"),
            ("does not meet the constraint requirement!", "does not meet the constraint requirement!"),
        ] {
            assert_eq!(plain(reason), text);
        }
    }
}
