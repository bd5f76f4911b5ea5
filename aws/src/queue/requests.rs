//! The requests to one queue, as SQS wants them: ten messages at a time, each with a result of its own.

use std::time::Duration;

use aws_sdk_sqs::{
    Client,
    config::{Builder, Region, retry::RetryConfig, timeout::TimeoutConfig},
    types::{BatchResultErrorEntry, ChangeMessageVisibilityBatchRequestEntry, DeleteMessageBatchRequestEntry, Message, QueueAttributeName},
};
use futures::{StreamExt as _, stream};
use lakegate_coordinator::ports::Result;
use lakegate_model::{Failure, FailureCode};

use crate::{account::Account, backoff, failure::failed};

/// What SQS takes or gives at once.
pub(super) const TEN: usize = 10;
/// Requests of one call under way at a time.
const PARALLEL: usize = 8;
/// Tries for a message before it is left to come again. Each request was tried again by the SDK as well.
const TRIES: u32 = 4;
/// How long one try may take of a request that does not wait for messages.
const SHORT_TIMEOUT: Duration = Duration::from_secs(10);
/// What a queue with a timeout of nothing is taken for: a message nobody leases would come all the time.
const DEFAULT_LEASE: Duration = Duration::from_secs(30);
const SHORTEST_LEASE: Duration = Duration::from_secs(2);

/// A queue.
pub(super) struct Queue {
    polling: Client,
    client: Client,
    url: String,
    name: String,
    lease: Duration,
}

/// A delivered message, by the number it has here and by the handle that SQS knows it by.
#[derive(Clone, Debug)]
pub(super) struct Delivered {
    pub(super) number: u64,
    pub(super) handle: String,
}

/// What is wanted for messages.
#[derive(Clone, Copy, Debug)]
pub(super) enum Wish {
    /// That they be gone for good.
    Delete,
    /// That nobody gets them for so long from now on.
    Hide(Duration),
}

/// What became of a wish for one message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    Done,
    /// The queue does not know the message by this handle any more: it is deleted, or leased anew.
    Unknown,
    /// It may pass.
    Again,
}

/// What became of messages, and what stood in the way of those that are to be tried again.
#[derive(Default)]
pub(super) struct Answer {
    pub(super) outcomes: Vec<(Delivered, Outcome)>,
    pub(super) failure: Option<Failure>,
}

/// What a queue says of itself.
pub(super) struct Attributes {
    lease: Duration,
    waiting: u64,
}

impl Queue {
    /// Finds a queue by its name or its URL, and how many messages wait in it.
    pub(super) async fn open(account: &Account, queue: &str) -> Result<(Queue, u64)> {
        let short = TimeoutConfig::builder().operation_attempt_timeout(SHORT_TIMEOUT).connect_timeout(SHORT_TIMEOUT / 2).build();
        let mut config = Builder::from(&account.config);
        if let Some(region) = region_of(queue) {
            config = config.region(region);
        }
        // A lease does not wait for long.
        let soon = RetryConfig::standard().with_initial_backoff(Duration::from_millis(100)).with_max_backoff(Duration::from_secs(1));
        let short = config.clone().timeout_config(short).retry_config(soon);
        let [client, polling] = [short, config].map(|config| Client::from_conf(config.build()));
        let url = if queue.contains("://") { queue.to_owned() } else { find(&client, queue).await? };
        let name = format!("sqs://{}", url.trim_end_matches('/').rsplit('/').next().unwrap_or(queue));
        let mut queue = Queue { polling, client, url, name, lease: DEFAULT_LEASE };
        let Attributes { lease, waiting } = queue.attributes().await?;
        queue.lease = lease;
        Ok((queue, waiting))
    }

    /// `sqs://` and its name.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// How long a message is kept from others after it was received, or hidden again.
    pub(super) fn lease(&self) -> Duration {
        self.lease
    }

    async fn attributes(&self) -> Result<Attributes> {
        let names = [QueueAttributeName::VisibilityTimeout, QueueAttributeName::ApproximateNumberOfMessages];
        let request = self.client.get_queue_attributes().queue_url(&self.url).set_attribute_names(Some(names.to_vec()));
        let output = request.send().await.map_err(|error| match error.as_service_error() {
            Some(service) if service.is_queue_does_not_exist() => absent(&self.url),
            _ => failed(FailureCode::Unavailable, &format!("ask the queue {} about itself", self.name), &error),
        })?;
        let number = |name| output.attributes().and_then(|all| all.get(&name)).and_then(|value| value.parse::<u64>().ok());
        let lease = number(QueueAttributeName::VisibilityTimeout).filter(|seconds| *seconds > 0);
        Ok(Attributes {
            lease: lease.map_or(DEFAULT_LEASE, Duration::from_secs).max(SHORTEST_LEASE),
            waiting: number(QueueAttributeName::ApproximateNumberOfMessages).unwrap_or(0),
        })
    }

    /// About how many messages wait to be received.
    pub(super) async fn waiting(&self) -> Result<u64> {
        Ok(self.attributes().await?.waiting)
    }

    /// Waits for messages for so long at most, and leases them.
    pub(super) async fn receive(&self, wait: Duration) -> Result<Vec<Message>> {
        let request = self.polling.receive_message().queue_url(&self.url).max_number_of_messages(10);
        let request = request.wait_time_seconds(seconds(wait)).visibility_timeout(seconds(self.lease));
        let request = request.message_attribute_names(super::TRACEPARENT);
        match request.send().await {
            Ok(output) => Ok(output.messages.unwrap_or_default()),
            Err(error) if error.as_service_error().is_some_and(|service| service.is_queue_does_not_exist()) => Err(absent(&self.url)),
            Err(error) => Err(failed(FailureCode::Unavailable, &format!("receive from {}", self.name), &error)),
        }
    }

    /// Asks for something for messages, each once.
    pub(super) async fn ask(&self, wish: Wish, messages: Vec<Delivered>) -> Answer {
        let tens: Vec<Vec<Delivered>> = messages.chunks(TEN).map(<[Delivered]>::to_vec).collect();
        let answers = stream::iter(tens).map(|ten| self.ask_ten(wish, ten)).buffer_unordered(PARALLEL);
        answers
            .fold(Answer::default(), |mut all, answer| async move {
                all.outcomes.extend(answer.outcomes);
                all.failure = answer.failure.or(all.failure);
                all
            })
            .await
    }

    /// Asks until every message has its wish, or is not known any more.
    pub(super) async fn insist(&self, wish: Wish, mut messages: Vec<Delivered>) -> Result<()> {
        for failures in 1..=TRIES {
            if messages.is_empty() {
                break;
            }
            let answer = self.ask(wish, messages).await;
            messages = answer.outcomes.into_iter().filter(|(_, outcome)| *outcome == Outcome::Again).map(|(message, _)| message).collect();
            match answer.failure {
                Some(failure) if !messages.is_empty() && failures == TRIES => return Err(failure),
                _ if messages.is_empty() => break,
                _ => tokio::time::sleep(backoff::after(failures, Duration::from_millis(200), Duration::from_secs(2))).await,
            }
        }
        Ok(())
    }

    async fn ask_ten(&self, wish: Wish, ten: Vec<Delivered>) -> Answer {
        let refused = match wish {
            Wish::Delete => self.delete(&ten).await,
            Wish::Hide(span) => self.hide(span, &ten).await,
        };
        match refused {
            Ok(refused) => self.sorted(wish, ten, &refused),
            Err(failure) => Answer { outcomes: ten.into_iter().map(|message| (message, Outcome::Again)).collect(), failure: Some(failure) },
        }
    }

    async fn delete(&self, ten: &[Delivered]) -> Result<Vec<BatchResultErrorEntry>> {
        let entry = |(id, message): (usize, &Delivered)| {
            DeleteMessageBatchRequestEntry::builder().id(id.to_string()).receipt_handle(&message.handle).build().map_err(incomplete)
        };
        let entries = ten.iter().enumerate().map(entry).collect::<Result<Vec<_>>>()?;
        let request = self.client.delete_message_batch().queue_url(&self.url).set_entries(Some(entries));
        let what = || format!("delete messages from {}", self.name);
        request.send().await.map(|output| output.failed).map_err(|error| failed(FailureCode::Unavailable, &what(), &error))
    }

    async fn hide(&self, span: Duration, ten: &[Delivered]) -> Result<Vec<BatchResultErrorEntry>> {
        let entry = |(id, message): (usize, &Delivered)| {
            let entry = ChangeMessageVisibilityBatchRequestEntry::builder().id(id.to_string()).receipt_handle(&message.handle);
            entry.visibility_timeout(seconds(span)).build().map_err(incomplete)
        };
        let entries = ten.iter().enumerate().map(entry).collect::<Result<Vec<_>>>()?;
        let request = self.client.change_message_visibility_batch().queue_url(&self.url).set_entries(Some(entries));
        let what = || format!("change how long messages of {} are hidden", self.name);
        request.send().await.map(|output| output.failed).map_err(|error| failed(FailureCode::Unavailable, &what(), &error))
    }

    fn sorted(&self, wish: Wish, ten: Vec<Delivered>, refused: &[BatchResultErrorEntry]) -> Answer {
        let mut answer = Answer::default();
        for (id, message) in ten.into_iter().enumerate() {
            let outcome = match refused.iter().find(|entry| entry.id == id.to_string()) {
                None => Outcome::Done,
                Some(entry) if entry.sender_fault => Outcome::Unknown,
                Some(entry) => {
                    let said = entry.message.as_deref().unwrap_or_default();
                    let message = format!("{} refused {wish:?} for a message: {}: {said}", self.name, entry.code);
                    answer.failure = Some(Failure::new(FailureCode::Unavailable, message));
                    Outcome::Again
                }
            };
            answer.outcomes.push((message, outcome));
        }
        answer
    }
}

/// A client in the region of a queue, by its name or its URL.
pub(crate) fn client_of(account: &Account, queue: &str) -> Client {
    let config = Builder::from(&account.config);
    let config = match region_of(queue) {
        Some(region) => config.region(region),
        None => config,
    };
    Client::from_conf(config.build())
}

/// The region of a queue's URL: `https://sqs.eu-west-1.amazonaws.com/123456789012/events`.
fn region_of(url: &str) -> Option<Region> {
    let (_, host) = url.split_once("://")?;
    let (region, rest) = host.strip_prefix("sqs.")?.split_once('.')?;
    rest.starts_with("amazonaws.com").then(|| Region::new(region.to_owned()))
}

/// The URL of the queue of that name.
///
/// # Errors
/// `NotFound`; `PermissionDenied` or `Unavailable` if it can't be asked.
pub(crate) async fn find(client: &Client, name: &str) -> Result<String> {
    let output = client.get_queue_url().queue_name(name).send().await.map_err(|error| match error.as_service_error() {
        Some(service) if service.is_queue_does_not_exist() => absent(name),
        _ => failed(FailureCode::Unavailable, &format!("find the queue {name}"), &error),
    })?;
    output.queue_url.ok_or_else(|| absent(name))
}

fn absent(queue: &str) -> Failure {
    Failure::new(FailureCode::NotFound, format!("there is no queue {queue} in this account and region, or it may not be seen"))
        .hint("`lakegate bootstrap` makes it; or correct `events` in lakegate.yaml or `queue` in the pipeline file, or the region")
}

fn incomplete(error: aws_sdk_sqs::error::BuildError) -> Failure {
    Failure::new(FailureCode::Internal, format!("a request to SQS is not complete: {error}"))
}

fn seconds(span: Duration) -> i32 {
    i32::try_from(span.as_secs()).unwrap_or(i32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_queue_is_asked_in_the_region_of_its_url() {
        for (url, region) in [
            ("https://sqs.eu-west-1.amazonaws.com/123456789012/events", Some("eu-west-1")),
            ("https://sqs.cn-north-1.amazonaws.com.cn/123456789012/events", Some("cn-north-1")),
            ("http://127.0.0.1:5000/123456789012/events", None),
            ("events", None),
        ] {
            assert_eq!(region_of(url).as_ref().map(Region::as_ref), region, "{url}");
        }
    }
}
