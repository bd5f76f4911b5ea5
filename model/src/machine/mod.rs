//! The state machines. Each is a pure function of a state and a fact: it returns the next state
//! and the actions to carry out, or `None` when the fact changes nothing: because it is stale,
//! doubled, or the state is terminal. Nothing else in Lakegate decides what happens next.

pub mod batch;
pub mod execution;
pub mod object;
