//! Sending to queues of SQS: ten messages at a time, each with a result of its own. The trace travels
//! in the message's attributes, as `traceparent`.

use std::collections::HashMap;

use aws_sdk_sqs::{
    Client,
    types::{MessageAttributeValue, SendMessageBatchRequestEntry},
};
use lakegate_coordinator::ports::{Outgoing, Result};
use lakegate_model::{Failure, FailureCode};

use super::AwsMessenger;
use crate::{failure::failed, queue::TRACEPARENT};

/// What SQS takes at once, messages and bytes of them together.
const TEN: usize = 10;
const BYTES: usize = 240_000;

impl AwsMessenger {
    pub(super) async fn send_to_queue(&self, queue: &str, messages: &[Outgoing]) -> Vec<Result<()>> {
        let client = Client::new(&self.account.config);
        let url = match self.url(&client, queue).await {
            Ok(url) => url,
            Err(failure) => return messages.iter().map(|_| Err(failure.clone())).collect(),
        };
        let mut answers = Vec::with_capacity(messages.len());
        for some in portions(messages) {
            let sent = send_some(&client, queue, &url, some).await;
            let is_sent = sent.iter().all(Result::is_ok);
            answers.extend(sent);
            if !is_sent {
                // A later message of a group must not overtake one that was not taken.
                let left = messages.len() - answers.len();
                answers.extend(
                    (0..left)
                        .map(|_| Err(Failure::new(FailureCode::Unavailable, format!("messages before this one wait for sqs://{queue}")))),
                );
                break;
            }
        }
        answers
    }

    async fn url(&self, client: &Client, queue: &str) -> Result<String> {
        if queue.contains("://") {
            return Ok(queue.to_owned());
        }
        let mut urls = self.urls.lock().await;
        if let Some(url) = urls.get(queue) {
            return Ok(url.clone());
        }
        let answer = client.get_queue_url().queue_name(queue).send().await;
        let url = answer.map_err(|error| failed(FailureCode::Unavailable, &format!("find the queue {queue}"), &error))?;
        let url = url.queue_url.unwrap_or_default();
        urls.insert(queue.to_owned(), url.clone());
        Ok(url)
    }
}

/// As many messages at a time as SQS takes.
fn portions(messages: &[Outgoing]) -> Vec<&[Outgoing]> {
    let (mut portions, mut start, mut bytes) = (Vec::new(), 0, 0);
    for (index, message) in messages.iter().enumerate() {
        let size = message.body.len() + 512;
        if index > start && (index - start == TEN || bytes + size > BYTES) {
            portions.push(&messages[start..index]);
            (start, bytes) = (index, 0);
        }
        bytes += size;
    }
    if start < messages.len() {
        portions.push(&messages[start..]);
    }
    portions
}

async fn send_some(client: &Client, queue: &str, url: &str, messages: &[Outgoing]) -> Vec<Result<()>> {
    let everyone = |failure: Failure| messages.iter().map(|_| Err(failure.clone())).collect();
    let entries: Result<Vec<_>> = messages.iter().enumerate().map(|(index, message)| entry(index, message, queue)).collect();
    let entries = match entries {
        Ok(entries) => entries,
        Err(failure) => return everyone(failure),
    };
    let answer = client.send_message_batch().queue_url(url).set_entries(Some(entries)).send().await;
    let refused = match answer {
        Ok(answer) => answer.failed,
        Err(error) => return everyone(failed(FailureCode::Unavailable, &format!("send to the queue {queue}"), &error)),
    };
    let refused: HashMap<&str, String> = refused
        .iter()
        .map(|entry| (entry.id.as_str(), format!("{}: {}", entry.code, entry.message.as_deref().unwrap_or_default())))
        .collect();
    let outcome = |index: usize| match refused.get(index.to_string().as_str()) {
        None => Ok(()),
        Some(why) => Err(Failure::new(FailureCode::Unavailable, format!("sqs://{queue} refused a message: {why}"))),
    };
    (0..messages.len()).map(outcome).collect()
}

fn entry(index: usize, message: &Outgoing, queue: &str) -> Result<SendMessageBatchRequestEntry> {
    let incomplete = |error| Failure::new(FailureCode::Internal, format!("a request to SQS is not complete: {error}"));
    let text = |value: &str| MessageAttributeValue::builder().data_type("String").string_value(value).build().map_err(incomplete);
    let mut entry = SendMessageBatchRequestEntry::builder().id(index.to_string()).message_body(&message.body);
    entry = entry.message_attributes("kind", text(&message.kind)?);
    if message.trace.is_some() {
        entry = entry.message_attributes(TRACEPARENT, text(&message.trace.to_string())?);
    }
    if queue.ends_with(".fifo") {
        entry = entry.message_group_id(&message.group).message_deduplication_id(&message.id);
    }
    entry.build().map_err(incomplete)
}

#[cfg(test)]
mod tests {
    use lakegate_model::{TraceContext, destination::Destination};

    use super::*;

    #[test]
    fn no_portion_is_more_than_sqs_takes() {
        let message = |bytes: usize| Outgoing {
            id: "e.1.0".into(),
            to: Destination::Queue("q".into()),
            kind: "object".into(),
            group: "shop/orders".into(),
            body: "x".repeat(bytes),
            trace: TraceContext::NONE,
        };
        let sizes = |messages: &[Outgoing]| portions(messages).iter().map(|some| some.len()).collect::<Vec<_>>();
        assert_eq!(sizes(&[]), [0; 0]);
        assert_eq!(sizes(&vec![message(10); 23]), [10, 10, 3]);
        assert_eq!(sizes(&[message(200_000), message(50_000), message(10)]), [1, 2]);
    }
}
