//! The W3C trace context that travels with every message, ledger record and task.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Where in which trace something happens: the `traceparent` of W3C Trace Context.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(into = "String", from = "String")]
pub struct TraceContext {
    /// Sixteen bytes naming the trace; all zero means "no trace".
    pub trace_id: [u8; 16],
    /// Eight bytes naming the span that causes what follows.
    pub span_id: [u8; 8],
}

impl TraceContext {
    /// No trace: what is done under it starts a trace of its own.
    pub const NONE: TraceContext = TraceContext { trace_id: [0; 16], span_id: [0; 8] };

    /// Whether there is a trace.
    pub fn is_some(&self) -> bool {
        self.trace_id != [0; 16]
    }

    /// The same trace, seen from another span.
    pub fn at(self, span_id: [u8; 8]) -> TraceContext {
        TraceContext { span_id, ..self }
    }

    /// The trace id as 32 hexadecimal digits, as logs and trace stores show it.
    pub fn trace_id_hex(&self) -> String {
        hex(&self.trace_id)
    }

    /// Reads a `traceparent`; `None` if it isn't one.
    pub fn parse(text: &str) -> Option<TraceContext> {
        let mut parts = text.split('-');
        let (version, trace, span) = (parts.next()?, parts.next()?, parts.next()?);
        parts.next()?;
        if version.len() != 2 || version == "ff" {
            return None;
        }
        let read = TraceContext { trace_id: unhex(trace)?, span_id: unhex(span)? };
        read.is_some().then_some(read)
    }
}

impl fmt::Display for TraceContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "00-{}-{}-01", hex(&self.trace_id), hex(&self.span_id))
    }
}

impl From<TraceContext> for String {
    fn from(context: TraceContext) -> String {
        context.to_string()
    }
}

/// A text that is not a `traceparent` means no trace: a broken header never stops the data.
impl From<String> for TraceContext {
    fn from(text: String) -> TraceContext {
        TraceContext::parse(&text).unwrap_or(TraceContext::NONE)
    }
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    use fmt::Write as _;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn unhex<const N: usize>(text: &str) -> Option<[u8; N]> {
    if text.len() != N * 2 || !text.is_ascii() {
        return None;
    }
    let mut bytes = [0; N];
    for (i, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(text.get(i * 2..i * 2 + 2)?, 16).ok()?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn traceparent_round_trips() {
        let text = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
        let context = TraceContext::parse(text).map(|c| c.to_string());
        assert_eq!(context.as_deref(), Some(text));
    }

    #[test]
    fn what_is_no_traceparent_is_no_trace() {
        for text in [
            "",
            "00-zz",
            "00-00000000000000000000000000000000-b7ad6b7169203331-01",
            "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        ] {
            assert_eq!(TraceContext::from(text.to_owned()), TraceContext::NONE, "{text}");
        }
    }
}
