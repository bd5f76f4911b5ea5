//! Sending to queues of SQS: ten messages at a time, each with a result of its own. The trace travels
//! in the message's attributes, as `traceparent`.

use std::collections::HashMap;

use aws_sdk_sqs::{
    Client,
    types::{MessageAttributeValue, SendMessageBatchRequestEntry},
};
use lakegate_coordinator::ports::{Outgoing, Result};
use lakegate_model::{Failure, FailureCode};
use tokio::sync::Mutex;

use super::portions::{for_all, portions};
use crate::{
    account::Account,
    failure::failed,
    queue::{TRACEPARENT, client_of, find},
};

/// The queues that are sent to.
pub(super) struct Queues {
    account: Account,
    /// The URLs of queues by their names.
    urls: Mutex<HashMap<String, String>>,
}

impl Queues {
    pub(super) fn new(account: &Account) -> Queues {
        Queues { account: account.clone(), urls: Mutex::default() }
    }

    pub(super) async fn send(&self, queue: &str, messages: &[Outgoing]) -> Vec<Result<()>> {
        let client = client_of(&self.account, queue);
        let url = match self.url(&client, queue).await {
            Ok(url) => url,
            Err(failure) => return for_all(messages, &failure),
        };
        let mut answers = Vec::with_capacity(messages.len());
        for some in portions(messages) {
            let sent = send_some(&client, queue, &url, some).await;
            let is_sent = sent.iter().all(Result::is_ok);
            answers.extend(sent);
            if !is_sent {
                // A later message of a group must not overtake one that was not taken.
                let failure = Failure::new(FailureCode::Unavailable, format!("messages before this one wait for sqs://{queue}"));
                let later = messages.get(answers.len()..).unwrap_or_default();
                answers.extend(for_all(later, &failure));
                break;
            }
        }
        answers
    }

    async fn url(&self, client: &Client, queue: &str) -> Result<String> {
        if queue.contains("://") {
            return Ok(queue.to_owned());
        }
        if let Some(url) = self.urls.lock().await.get(queue) {
            return Ok(url.clone());
        }
        let url = find(client, queue).await?;
        self.urls.lock().await.insert(queue.to_owned(), url.clone());
        Ok(url)
    }
}

async fn send_some(client: &Client, queue: &str, url: &str, messages: &[Outgoing]) -> Vec<Result<()>> {
    let entries: Result<Vec<_>> = messages.iter().enumerate().map(|(index, message)| entry(index, message, queue)).collect();
    let entries = match entries {
        Ok(entries) => entries,
        Err(failure) => return for_all(messages, &failure),
    };
    let answer = client.send_message_batch().queue_url(url).set_entries(Some(entries)).send().await;
    let refused = match answer {
        Ok(answer) => answer.failed,
        Err(error) => return for_all(messages, &failed(FailureCode::Unavailable, &format!("send to the queue {queue}"), &error)),
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
