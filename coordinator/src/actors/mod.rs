//! The actors, and the only place that names actix.
//!
//! ```text
//!             messages of ≤ 512 events       executions           grants, reports
//!  source ──► Intake ──────► Router (64) ──────────► Stage (256) ◄──────────────► Fleet (256) ◄── sessions
//!                              │   ▲                    │  ▲ │                          
//!                              │   │ pipelines, submits │  │ └──► Monitor (256)  deadlines
//!                              ▼   │                    │  │
//!                            Batch (64) ── sealed ──────┘  ├────► Publisher (64)
//!                                                          └────► Courier (64)  messages to others
//! ```
//!
//! Numbers are mailbox capacities. Whoever sends data awaits the receiver: when a mailbox is full
//! the sender waits, up to the source, which then holds its events. `do_send` ignores capacities and
//! is never used. An actor's state is a cache of the ledger: one that is gone is made again from it.
//!
//! Singletons (router, fleet, publisher, courier, monitor, intakes) live and die together: when one is
//! gone the system stops and is begun anew from the ledger, a bounded number of times.

pub(crate) mod batch;
pub(crate) mod courier;
pub(crate) mod envelope;
pub(crate) mod fleet;
pub(crate) mod intake;
pub(crate) mod monitor;
pub(crate) mod publisher;
pub(crate) mod router;
pub(crate) mod stage;
pub(crate) mod system;

use actix::Addr;

/// The actors that there is one of.
#[derive(Clone)]
pub(crate) struct Singletons {
    /// Routes events and finds stages.
    pub router: Addr<router::Router>,
    /// Matches work with workers.
    pub fleet: Addr<fleet::Fleet>,
    /// Lets staged output in.
    pub publisher: Addr<publisher::Publisher>,
    /// Sends messages to others.
    pub courier: Addr<courier::Courier>,
    /// Watches deadlines.
    pub monitor: Addr<monitor::Monitor>,
}

impl Singletons {
    /// Whether all of them are alive.
    pub(crate) fn alive(&self) -> bool {
        self.router.connected()
            && self.fleet.connected()
            && self.publisher.connected()
            && self.courier.connected()
            && self.monitor.connected()
    }
}

/// What a message to an actor that is gone comes to.
pub(crate) fn gone(what: &str) -> lakegate_model::Failure {
    lakegate_model::Failure::new(lakegate_model::FailureCode::Unavailable, format!("the {what} is starting or stopping")).hint("try again")
}
