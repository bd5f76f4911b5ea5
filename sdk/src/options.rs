//! How a client connects and how long it insists.

use std::time::Duration;

/// How a client connects and how long it insists.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// How long to wait for a connection. Default: 5 seconds.
    pub connect_timeout: Duration,
    /// How long a call may take before it fails with `Timeout`; watching has no limit. Default: 60 seconds.
    pub call_timeout: Duration,
    /// How often an idempotent call is tried in all while the coordinator can't be reached. Default: 5.
    pub attempts: u32,
    /// The wait before the second try; it doubles with each. Default: 100 milliseconds.
    pub backoff: Duration,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            connect_timeout: Duration::from_secs(5),
            call_timeout: Duration::from_secs(60),
            attempts: 5,
            backoff: Duration::from_millis(100),
        }
    }
}
