//! Where messages go that leave Lakegate: `sqs://queue`, `sns://topic`, `eventbridge://bus`, a webhook.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// Where a message goes. Its text is its address, and is how it is stored.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Destination {
    /// A queue of SQS by its name or its URL. One whose name ends with `.fifo` keeps the order of a dataset's messages.
    Queue(String),
    /// A topic of SNS by its name or its ARN.
    Topic(String),
    /// A bus of EventBridge by its name or its ARN.
    Bus(String),
    /// A URL that messages are posted to.
    Webhook(String),
}

impl Destination {
    /// Whether it is in a cloud account.
    pub fn is_on_aws(&self) -> bool {
        !matches!(self, Destination::Webhook(_))
    }

    /// As it may stand in a log: of a webhook only the host, for the rest of its address is often its key.
    pub fn for_logs(&self) -> String {
        match self {
            Destination::Webhook(url) => {
                let (scheme, rest) = url.split_once("://").unwrap_or(("", url));
                let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
                format!("{scheme}://{}/…", host.rsplit_once('@').map_or(host, |(_, host)| host))
            }
            other => other.to_string(),
        }
    }
}

/// As it is written: `sqs://orders-in`.
impl fmt::Display for Destination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Destination::Queue(queue) => write!(f, "sqs://{queue}"),
            Destination::Topic(topic) => write!(f, "sns://{topic}"),
            Destination::Bus(bus) => write!(f, "eventbridge://{bus}"),
            Destination::Webhook(url) => f.write_str(url),
        }
    }
}

impl From<Destination> for String {
    fn from(destination: Destination) -> String {
        destination.to_string()
    }
}

impl TryFrom<String> for Destination {
    type Error = String;

    fn try_from(text: String) -> Result<Destination, String> {
        text.parse()
    }
}

/// The error says what is wrong, and what would be right.
impl FromStr for Destination {
    type Err = String;

    fn from_str(text: &str) -> Result<Destination, String> {
        let (scheme, rest) = text.split_once("://").unwrap_or(("", text));
        match scheme {
            "sqs" if is_queue(rest) => Ok(Destination::Queue(rest.to_owned())),
            "sqs" => {
                Err(format!("`{text}` is not a queue: a name has up to 80 letters, digits, `_` and `-`, and perhaps `.fifo` at its end"))
            }
            "sns" if is_topic(rest) => Ok(Destination::Topic(rest.to_owned())),
            "sns" => Err(format!("`{text}` is not a topic: write `sns://` and its name or its ARN")),
            "eventbridge" if is_bus(rest) => Ok(Destination::Bus(rest.to_owned())),
            "eventbridge" => Err(format!("`{text}` is not an event bus: write `eventbridge://` and its name or its ARN")),
            "http" | "https" if !rest.is_empty() && !rest.starts_with('/') && !rest.contains(char::is_whitespace) => {
                Ok(Destination::Webhook(text.to_owned()))
            }
            _ => Err(format!("`{text}` is no destination: write `sqs://queue`, `sns://topic`, `eventbridge://bus` or `https://…`")),
        }
    }
}

fn is_queue(name: &str) -> bool {
    if name.starts_with("https://") || name.starts_with("http://") {
        return name.split('/').count() >= 5;
    }
    let base = name.strip_suffix(".fifo").unwrap_or(name);
    !base.is_empty() && name.len() <= 80 && base.chars().all(|c| c.is_ascii_alphanumeric() || "_-".contains(c))
}

fn is_topic(name: &str) -> bool {
    let base = name.rsplit(':').next().unwrap_or(name);
    let is_whole = !name.contains(':') || (name.starts_with("arn:") && name.split(':').count() == 6);
    let base = base.strip_suffix(".fifo").unwrap_or(base);
    is_whole && !base.is_empty() && base.len() <= 256 && base.chars().all(|c| c.is_ascii_alphanumeric() || "_-".contains(c))
}

fn is_bus(name: &str) -> bool {
    let base = name.rsplit_once("event-bus/").map_or(name, |(_, base)| base);
    let is_whole = !name.contains(':') || (name.starts_with("arn:") && name.contains(":event-bus/"));
    is_whole && !base.is_empty() && base.len() <= 256 && base.chars().all(|c| c.is_ascii_alphanumeric() || "_-./".contains(c))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_as_they_are_written() {
        for text in [
            "sqs://orders-in",
            "sqs://orders-in.fifo",
            "sqs://https://sqs.eu-west-1.amazonaws.com/123456789012/orders",
            "sns://alerts",
            "sns://arn:aws:sns:eu-west-1:123456789012:alerts.fifo",
            "eventbridge://default",
            "eventbridge://arn:aws:events:eu-west-1:123456789012:event-bus/lake",
            "https://example.org/hook?team=shop",
        ] {
            let read: Destination = text.parse().unwrap();
            assert_eq!(read.to_string(), text);
            assert_eq!(serde_json::from_str::<Destination>(&serde_json::to_string(&read).unwrap()).unwrap(), read);
        }
    }

    #[test]
    fn a_log_has_no_key_of_a_webhook() {
        for (text, shown) in [
            ("https://user:secret@hooks.example.org/secret?key=secret", "https://hooks.example.org/…"),
            ("https://x.org?key=secret", "https://x.org/…"),
            ("sns://alerts", "sns://alerts"),
        ] {
            assert_eq!(text.parse::<Destination>().unwrap().for_logs(), shown);
        }
    }

    #[test]
    fn what_is_no_address_is_refused_with_what_would_be_one() {
        for text in [
            "",
            "orders",
            "sqs://",
            "sqs://a b",
            "sns://a:b",
            "sns://",
            "eventbridge://",
            "https://",
            "https:///x",
            "https://a b",
            "ftp://x/y",
        ] {
            let refused = text.parse::<Destination>().unwrap_err();
            assert!(refused.contains("write") || refused.contains("name"), "{text}: {refused}");
        }
    }
}
