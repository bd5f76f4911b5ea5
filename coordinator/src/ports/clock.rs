//! The clock: the only place that reads the time, so that tests can set it.

use lakegate_model::Timestamp;

/// Tells the time.
pub trait Clock: Send + Sync + 'static {
    /// Now. May go backwards, as wall clocks do; nothing may depend on it growing.
    fn now(&self) -> Timestamp;
}

/// The machine's wall clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the clock")]
    fn now(&self) -> Timestamp {
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        Timestamp(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
    }
}
