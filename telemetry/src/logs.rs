//! Logs: events of the `tracing` crate, one a line, on standard error.

use std::io::{self, IsTerminal as _};

use tracing_subscriber::{EnvFilter, fmt::MakeWriter};

use crate::Error;

/// How a log line looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// For people: coloured on a terminal unless `NO_COLOR` is set.
    Text,
    /// One JSON object: `timestamp`, `level`, `target`, `message` and the event's own fields beside them.
    Json,
}

/// Sends this process's logs to standard error. `filter` is a level such as `info`, or directives
/// such as `warn,lakegate_worker=debug`.
///
/// # Errors
/// If the filter can't be read, or logs were set up before.
pub fn init(format: Format, filter: &str) -> Result<(), Error> {
    init_to(format, filter, io::stderr)
}

/// As [`init`], through a writer that ends up at standard error: one that makes way for what else
/// is drawn there.
///
/// # Errors
/// As [`init`].
pub fn init_to<W>(format: Format, filter: &str, writer: W) -> Result<(), Error>
where
    W: for<'writer> MakeWriter<'writer> + Send + Sync + 'static,
{
    let subscriber = subscriber(format, filter, writer, io::stderr().is_terminal())?;
    tracing::subscriber::set_global_default(subscriber).map_err(|_| Error::LogsTwice)
}

fn subscriber<W>(format: Format, filter: &str, writer: W, terminal: bool) -> Result<Box<dyn tracing::Subscriber + Send + Sync>, Error>
where
    W: for<'writer> MakeWriter<'writer> + Send + Sync + 'static,
{
    let wrong = |problem: &dyn std::fmt::Display| Error::Filter { filter: filter.to_owned(), problem: problem.to_string() };
    let levels = EnvFilter::builder().parse(filter).map_err(|error| wrong(&error))?;
    let builder = tracing_subscriber::fmt().with_env_filter(levels).with_writer(writer);
    Ok(match format {
        Format::Json => Box::new(builder.json().flatten_event(true).with_current_span(false).with_span_list(false).finish()),
        Format::Text if terminal => Box::new(builder.with_target(false).finish()),
        Format::Text => Box::new(builder.with_target(false).with_ansi(false).finish()),
    })
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn logged(format: Format, filter: &str, log: impl FnOnce()) -> String {
        let lines = Lines::default();
        let writer = lines.clone();
        let subscriber = subscriber(format, filter, move || writer.clone(), false).unwrap();
        tracing::subscriber::with_default(subscriber, log);
        let bytes = lines.0.lock().unwrap().clone();
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn a_json_line_carries_the_fields_as_given() {
        let text = logged(Format::Json, "info", || {
            tracing::warn!(trace_id = "0af7651916cd43dd8448eb211c80319c", attempt = 2, "failed");
            tracing::debug!("not wanted");
        });
        let line: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(line["trace_id"], "0af7651916cd43dd8448eb211c80319c");
        assert_eq!(line["attempt"], 2);
        assert_eq!(line["level"], "WARN");
        assert_eq!(line["message"], "failed");
    }

    #[test]
    fn text_that_goes_to_no_terminal_has_no_colours() {
        let text = logged(Format::Text, "lakegate_telemetry=debug", || tracing::debug!(object = "a b.csv", "read"));
        assert!(text.contains("DEBUG read object=\"a b.csv\""), "{text}");
        assert!(!text.contains('\u{1b}'), "{text}");
    }

    #[test]
    fn a_filter_that_cannot_be_read_is_shown() {
        let error = subscriber(Format::Text, "loud=very", io::sink, false).err().map(|error| error.to_string()).unwrap_or_default();
        assert!(error.contains("`loud=very`"), "{error}");
    }
}
