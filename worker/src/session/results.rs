//! Results on their way to the coordinator, gathered so that small tasks share a message.

use std::time::{Duration, Instant};

use lakegate_model::{Failure, FailureCode};
use lakegate_proto::{
    MAX_MESSAGE,
    v1::{Results, TaskResult, task_result, worker_message::Message},
};
use prost::Message as _;

/// Results in a message, as a rule.
const MANY: usize = 32;
/// Bytes in a message, as a rule: far from what the other side refuses.
const LARGE: usize = MAX_MESSAGE / 16;
/// What one result may have. There is room left for the message around it.
const LARGEST: usize = MAX_MESSAGE - 1024;
/// How long a result may wait for company.
const WAIT: Duration = Duration::from_millis(5);

/// Results that wait to be sent.
#[derive(Default)]
pub(super) struct Gathered {
    results: Vec<TaskResult>,
    bytes: usize,
    due: Option<Instant>,
}

impl Gathered {
    /// Adds a result; gives back a message when it is time for one.
    pub(super) fn add(&mut self, result: TaskResult, now: Instant) -> Option<Message> {
        let result = sendable(result);
        let bytes = result.encoded_len();
        // A large result must not make the message it joins too large.
        let full = if self.bytes + bytes > LARGEST { self.take() } else { None };
        self.results.push(result);
        self.bytes += bytes;
        self.due.get_or_insert(now + WAIT);
        full.or_else(|| if self.results.len() >= MANY || self.bytes >= LARGE { self.take() } else { None })
    }

    /// All that wait, as a message.
    pub(super) fn take(&mut self) -> Option<Message> {
        let results = std::mem::take(self).results;
        (!results.is_empty()).then_some(Message::Results(Results { results }))
    }

    /// When what waits must go.
    pub(super) fn due(&self) -> Option<Instant> {
        self.due
    }

    pub(super) fn is_empty(&self) -> bool {
        self.results.is_empty()
    }
}

/// A result that no message can carry would end the session, and every session after it that has
/// the task: it fails instead.
fn sendable(result: TaskResult) -> TaskResult {
    let bytes = result.encoded_len();
    if bytes <= LARGEST {
        return result;
    }
    let failure = Failure::new(
        FailureCode::TransformFailed,
        format!("what the task has to report takes {bytes} bytes; at most {LARGEST} can be sent"),
    )
    .hint("write fewer partitions, or fewer columns");
    TaskResult { result: Some(task_result::Result::Failed((&failure).into())), ..result }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failed(bytes: usize) -> TaskResult {
        let failure = Failure::new(FailureCode::TransformFailed, "x".repeat(bytes));
        TaskResult { task: None, parcel: 1, result: Some(task_result::Result::Failed((&failure).into())), requests: Vec::new() }
    }

    fn count(message: Option<Message>) -> usize {
        match message {
            Some(Message::Results(results)) => results.results.len(),
            None => 0,
            Some(other) => panic!("{other:?}"),
        }
    }

    #[test]
    fn small_results_share_messages() {
        let (mut gathered, now) = (Gathered::default(), Instant::now());
        let sent: Vec<usize> = (0..70).map(|_| count(gathered.add(failed(10), now))).filter(|count| *count > 0).collect();
        assert_eq!(sent, [32, 32]);
        assert_eq!(gathered.due(), Some(now + WAIT));
        assert_eq!(count(gathered.take()), 6);
        assert!(gathered.is_empty() && gathered.due().is_none() && gathered.take().is_none());
    }

    #[test]
    fn no_message_is_larger_than_can_be_sent() {
        let (mut gathered, now) = (Gathered::default(), Instant::now());
        assert_eq!(count(gathered.add(failed(3 << 20), now)), 0);
        assert_eq!(count(gathered.add(failed(LARGEST - 1000), now)), 1, "the first goes before the second");
        assert_eq!(count(gathered.take()), 1);
        let Some(Message::Results(results)) = gathered.add(failed(MAX_MESSAGE), now).or_else(|| gathered.take()) else {
            panic!("nothing to send")
        };
        assert!(results.encoded_len() < 1000, "{}", results.encoded_len());
    }
}
