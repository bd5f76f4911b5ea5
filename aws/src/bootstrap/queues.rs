//! The queue that a bucket tells its events to, and the queue for messages that were received too
//! often: a message that brings a coordinator down must not do so for ever.

use std::collections::HashMap;

use aws_sdk_sqs::{Client, types::QueueAttributeName};
use lakegate_coordinator::ports::Result;
use lakegate_model::{FailureCode, pipeline::StageQueue};
use serde_json::{Value, json};

use super::{Outcome, Step, TAG};
use crate::{Account, failure::failed};

/// Receives after which a message goes to the dead letters.
const MOST_RECEIVES: u32 = 10;
/// Seconds a received message is hidden from others; a coordinator extends it while it holds one.
const VISIBILITY: u32 = 60;
/// Seconds a message is kept: 14 days, the most SQS allows.
const RETENTION: u32 = 1_209_600;

/// A queue as a lake wants it.
pub(super) struct Wanted<'a> {
    queue: &'a str,
    dead_letters: String,
    max_receives: u32,
    /// The bucket that may send to it.
    bucket: Option<&'a str>,
}

impl<'a> Wanted<'a> {
    /// The queue that a bucket tells its events to.
    pub(super) fn of_events(queue: &'a str, bucket: &'a str) -> Wanted<'a> {
        Wanted { queue, dead_letters: dead_letters_of(queue), max_receives: MOST_RECEIVES, bucket: Some(bucket) }
    }

    /// A stage's own queue.
    pub(super) fn of_stage(queue: &'a StageQueue) -> Wanted<'a> {
        Wanted {
            queue: &queue.name,
            dead_letters: queue.dead_letters.clone().unwrap_or_else(|| dead_letters_of(&queue.name)),
            max_receives: queue.max_receives.unwrap_or(MOST_RECEIVES),
            bucket: None,
        }
    }
}

fn dead_letters_of(queue: &str) -> String {
    let (base, fifo) = queue.strip_suffix(".fifo").map_or((queue, ""), |base| (base, ".fifo"));
    format!("{base}-dead-letters{fifo}")
}

/// The queue of that name, or of the URL, with its dead letters. A queue given by its URL is
/// somebody else's: it is only looked at.
pub(super) async fn ensure(account: &Account, wanted: &Wanted<'_>, dry_run: bool) -> Result<Vec<Step>> {
    let Wanted { queue, dead_letters: dead, max_receives, bucket } = wanted;
    if queue.contains("://") {
        let step = Step { kind: "queue", name: (*queue).to_owned(), outcome: Outcome::Present };
        return Ok(vec![step]);
    }
    let client = Client::new(&account.config);
    let mut steps = Vec::new();
    let dead_present = url_of(&client, dead).await?.is_some();
    if !(dead_present || dry_run) {
        create(&client, dead, HashMap::from([(QueueAttributeName::MessageRetentionPeriod, RETENTION.to_string())])).await?;
    }
    steps.push(Step { kind: "queue", name: dead.clone(), outcome: Outcome::of(dead_present, dry_run) });
    let present = url_of(&client, queue).await?;
    let allowed = match (&present, bucket) {
        (Some(url), Some(bucket)) => is_allowed(&client, url, bucket).await?,
        (Some(_), None) => true,
        (None, _) => false,
    };
    let redriven = match &present {
        Some(url) => is_redriven(&client, url).await?,
        None => false,
    };
    if !dry_run {
        let url = match present {
            Some(url) => url,
            None => create(&client, queue, attributes(&arn_of(&client, dead).await?, *max_receives)).await?,
        };
        if let Some(bucket) = bucket.filter(|_| !allowed) {
            allow(&client, &url, bucket).await?;
        }
        // One that is there is somebody's choice, whatever it says.
        if !(redriven || is_redriven(&client, &url).await?) {
            redrive(&client, &url, redrive_policy(&arn_of(&client, dead).await?, *max_receives)).await?;
        }
    }
    steps.push(Step { kind: "queue", name: (*queue).to_owned(), outcome: Outcome::of(allowed && redriven, dry_run) });
    Ok(steps)
}

/// Whether messages that were received too often go anywhere.
async fn is_redriven(client: &Client, url: &str) -> Result<bool> {
    Ok(attribute(client, url, QueueAttributeName::RedrivePolicy).await?.contains("deadLetterTargetArn"))
}

async fn redrive(client: &Client, url: &str, policy: String) -> Result<()> {
    let request = client.set_queue_attributes().queue_url(url).attributes(QueueAttributeName::RedrivePolicy, policy);
    let what = format!("let what was received too often from the queue {url} go to its dead letters");
    request.send().await.map(drop).map_err(|error| failed(FailureCode::Unavailable, &what, &error))
}

fn redrive_policy(dead_letters: &str, max_receives: u32) -> String {
    json!({ "deadLetterTargetArn": dead_letters, "maxReceiveCount": max_receives }).to_string()
}

fn attributes(dead_letters: &str, max_receives: u32) -> HashMap<QueueAttributeName, String> {
    HashMap::from([
        (QueueAttributeName::MessageRetentionPeriod, RETENTION.to_string()),
        (QueueAttributeName::VisibilityTimeout, VISIBILITY.to_string()),
        (QueueAttributeName::RedrivePolicy, redrive_policy(dead_letters, max_receives)),
    ])
}

async fn create(client: &Client, name: &str, mut attributes: HashMap<QueueAttributeName, String>) -> Result<String> {
    if name.ends_with(".fifo") {
        attributes.insert(QueueAttributeName::FifoQueue, "true".to_owned());
    }
    let request = client.create_queue().queue_name(name).set_attributes(Some(attributes)).tags(TAG.0, TAG.1);
    let created = request.send().await.map_err(|error| failed(FailureCode::Unavailable, &format!("make the queue {name}"), &error))?;
    Ok(created.queue_url.unwrap_or_default())
}

async fn url_of(client: &Client, name: &str) -> Result<Option<String>> {
    match client.get_queue_url().queue_name(name).send().await {
        Ok(found) => Ok(found.queue_url),
        Err(error) if error.as_service_error().is_some_and(|error| error.is_queue_does_not_exist()) => Ok(None),
        Err(error) => Err(failed(FailureCode::Unavailable, &format!("find the queue {name}"), &error)),
    }
}

/// The queue's ARN, by its name or URL.
pub(super) async fn arn_of(client: &Client, queue: &str) -> Result<String> {
    let url = if queue.contains("://") { queue.to_owned() } else { url_of(client, queue).await?.unwrap_or_default() };
    attribute(client, &url, QueueAttributeName::QueueArn).await
}

async fn attribute(client: &Client, url: &str, name: QueueAttributeName) -> Result<String> {
    let request = client.get_queue_attributes().queue_url(url).attribute_names(name.clone());
    let found = request.send().await.map_err(|error| failed(FailureCode::Unavailable, &format!("look at the queue {url}"), &error))?;
    Ok(found.attributes.and_then(|mut attributes| attributes.remove(&name)).unwrap_or_default())
}

/// What identifies our statement in the queue's policy.
fn statement_id(bucket: &str) -> String {
    format!("lakegate-{bucket}")
}

async fn is_allowed(client: &Client, url: &str, bucket: &str) -> Result<bool> {
    let policy = attribute(client, url, QueueAttributeName::Policy).await?;
    let policy: Value = serde_json::from_str(&policy).unwrap_or_default();
    let statements = policy["Statement"].as_array().map(Vec::as_slice).unwrap_or_default();
    Ok(statements.iter().any(|statement| statement["Sid"] == statement_id(bucket)))
}

/// Lets the bucket send to the queue; what the policy says besides is kept.
async fn allow(client: &Client, url: &str, bucket: &str) -> Result<()> {
    let arn = attribute(client, url, QueueAttributeName::QueueArn).await?;
    let policy: Value = serde_json::from_str(&attribute(client, url, QueueAttributeName::Policy).await?).unwrap_or_default();
    let policy = with_statement(policy, bucket, &arn).to_string();
    let request = client.set_queue_attributes().queue_url(url).attributes(QueueAttributeName::Policy, policy);
    request.send().await.map_err(|error| failed(FailureCode::Unavailable, &format!("let {bucket} send to the queue {url}"), &error))?;
    Ok(())
}

fn with_statement(policy: Value, bucket: &str, queue_arn: &str) -> Value {
    let mut statements = policy["Statement"].as_array().cloned().unwrap_or_default();
    statements.retain(|statement| statement["Sid"] != statement_id(bucket));
    statements.push(json!({
        "Sid": statement_id(bucket),
        "Effect": "Allow",
        "Principal": { "Service": "s3.amazonaws.com" },
        "Action": "sqs:SendMessage",
        "Resource": queue_arn,
        "Condition": { "ArnEquals": { "aws:SourceArn": format!("arn:aws:s3:::{bucket}") } },
    }));
    json!({ "Version": "2012-10-17", "Statement": statements })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_policy_keeps_what_it_said_and_says_ours_once() {
        let theirs = json!({ "Version": "2012-10-17", "Statement": [{ "Sid": "theirs" }] });
        let once = with_statement(theirs, "lake", "arn:aws:sqs:us-east-1:1:q");
        assert_eq!(with_statement(once.clone(), "lake", "arn:aws:sqs:us-east-1:1:q"), once);
        let sids: Vec<&str> = once["Statement"].as_array().unwrap().iter().filter_map(|statement| statement["Sid"].as_str()).collect();
        assert_eq!(sids, ["theirs", "lakegate-lake"]);
    }
}
