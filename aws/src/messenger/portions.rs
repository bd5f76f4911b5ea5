//! As many messages at a time as a service takes, and an answer for each of them.

use std::future::Future;

use lakegate_coordinator::ports::{Outgoing, Result};
use lakegate_model::Failure;

/// What SQS, SNS and EventBridge take at once: messages, and bytes of them together, with room for what
/// stands around them.
const TEN: usize = 10;
const BYTES: usize = 240_000;
/// Bytes of a message besides its body.
const AROUND: usize = 512;

/// The messages in portions that are taken at once. One that is too large is a portion by itself, for
/// the service to refuse.
pub(super) fn portions(messages: &[Outgoing]) -> Vec<&[Outgoing]> {
    let (mut portions, mut start, mut bytes) = (Vec::new(), 0, 0);
    for (index, message) in messages.iter().enumerate() {
        let size = message.body.len() + AROUND;
        if index > start && (index - start == TEN || bytes + size > BYTES) {
            portions.extend(messages.get(start..index));
            (start, bytes) = (index, 0);
        }
        bytes += size;
    }
    portions.extend(messages.get(start..).filter(|rest| !rest.is_empty()));
    portions
}

/// Sends portion after portion; all are tried, whatever became of those before.
pub(super) async fn in_portions<'m, F>(messages: &'m [Outgoing], send: impl Fn(&'m [Outgoing]) -> F) -> Vec<Result<()>>
where
    F: Future<Output = Vec<Result<()>>>,
{
    let mut answers = Vec::with_capacity(messages.len());
    for portion in portions(messages) {
        answers.extend(send(portion).await);
    }
    answers
}

/// The same answer for all of them.
pub(super) fn for_all(messages: &[Outgoing], failure: &Failure) -> Vec<Result<()>> {
    messages.iter().map(|_| Err(failure.clone())).collect()
}

/// The region that an ARN names: `arn:aws:sns:eu-west-1:123456789012:alerts`.
pub(super) fn region_of_arn(arn: &str) -> Option<&str> {
    let mut parts = arn.split(':');
    (parts.next() == Some("arn")).then(|| parts.nth(2)).flatten().filter(|region| !region.is_empty())
}

#[cfg(test)]
mod tests {
    use lakegate_model::{TraceContext, destination::Destination};

    use super::*;

    fn message(bytes: usize) -> Outgoing {
        Outgoing {
            id: "e.1.0".into(),
            to: Destination::Topic("t".into()),
            kind: "success".into(),
            group: "shop/orders".into(),
            body: "x".repeat(bytes),
            trace: TraceContext::NONE,
        }
    }

    #[test]
    fn no_portion_is_more_than_is_taken_at_once() {
        let sizes = |messages: &[Outgoing]| portions(messages).iter().map(|some| some.len()).collect::<Vec<_>>();
        assert_eq!(sizes(&[]), [0; 0]);
        assert_eq!(sizes(&vec![message(10); 23]), [10, 10, 3]);
        assert_eq!(sizes(&[message(200_000), message(50_000), message(10), message(300_000)]), [1, 2, 1]);
    }

    #[test]
    fn an_arn_tells_its_region() {
        assert_eq!(region_of_arn("arn:aws:sns:eu-west-1:123456789012:alerts"), Some("eu-west-1"));
        assert_eq!(region_of_arn("alerts"), None);
    }
}
