//! Publishing to topics of SNS, ten messages at a time, each with a result of its own. Attributes say
//! what a subscriber may filter by: `event`, `team`, `dataset`; and the trace, as `traceparent`.

use std::collections::HashMap;

use aws_sdk_sns::{
    Client,
    config::{Builder, Region},
    types::{MessageAttributeValue, PublishBatchRequestEntry},
};
use lakegate_coordinator::ports::{Outgoing, Result};
use lakegate_model::{Failure, FailureCode};
use tokio::sync::Mutex;

use super::portions::{for_all, in_portions, region_of_arn};
use crate::{account::Account, failure::failed};

/// The topics that are published to.
pub(super) struct Topics {
    account: Account,
    /// The ARNs of topics by their names.
    arns: Mutex<HashMap<String, String>>,
}

impl Topics {
    pub(super) fn new(account: &Account) -> Topics {
        Topics { account: account.clone(), arns: Mutex::default() }
    }

    pub(super) async fn send(&self, topic: &str, messages: &[Outgoing]) -> Vec<Result<()>> {
        let arn = match self.arn(topic).await {
            Ok(arn) => arn,
            Err(failure) => return for_all(messages, &failure),
        };
        let client = client(&self.account, &arn);
        in_portions(messages, |portion| publish(&client, &arn, portion)).await
    }

    async fn arn(&self, topic: &str) -> Result<String> {
        if topic.starts_with("arn:") {
            return Ok(topic.to_owned());
        }
        let mut arns = self.arns.lock().await;
        if let Some(arn) = arns.get(topic) {
            return Ok(arn.clone());
        }
        let found = find(&Client::new(&self.account.config), topic).await?;
        let arn = found.ok_or_else(|| {
            Failure::new(FailureCode::Unavailable, format!("there is no topic {topic} in this account and region, or it may not be seen"))
                .hint("`lakegate bootstrap` makes it; or correct `to: sns://…`, or the region")
        })?;
        arns.insert(topic.to_owned(), arn.clone());
        Ok(arn)
    }
}

/// A client in the region of a topic.
fn client(account: &Account, arn: &str) -> Client {
    let config = Builder::from(&account.config);
    let config = match region_of_arn(arn) {
        Some(region) => config.region(Region::new(region.to_owned())),
        None => config,
    };
    Client::from_conf(config.build())
}

/// The ARN of the topic of that name, if there is one.
pub(crate) async fn find(client: &Client, topic: &str) -> Result<Option<String>> {
    let mut pages = client.list_topics().into_paginator().send();
    while let Some(page) = pages.next().await {
        let page = page.map_err(|error| failed(FailureCode::Unavailable, &format!("find the topic {topic}"), &error))?;
        let arns = page.topics().iter().filter_map(|found| found.topic_arn());
        if let Some(arn) = arns.filter(|arn| arn.rsplit(':').next() == Some(topic)).map(str::to_owned).next() {
            return Ok(Some(arn));
        }
    }
    Ok(None)
}

async fn publish(client: &Client, arn: &str, messages: &[Outgoing]) -> Vec<Result<()>> {
    let entries: Result<Vec<_>> = messages.iter().enumerate().map(|(index, message)| entry(index, message, arn)).collect();
    let entries = match entries {
        Ok(entries) => entries,
        Err(failure) => return for_all(messages, &failure),
    };
    let answer = client.publish_batch().topic_arn(arn).set_publish_batch_request_entries(Some(entries)).send().await;
    let answer = match answer {
        Ok(answer) => answer,
        // One that is too large is alone, and is refused for ever.
        Err(error) if error.as_service_error().is_some_and(|error| error.is_batch_request_too_long_exception()) => {
            let failure = failed(FailureCode::InvalidRequest, &format!("publish to {arn}"), &error);
            return for_all(messages, &failure);
        }
        Err(error) => return for_all(messages, &failed(FailureCode::Unavailable, &format!("publish to {arn}"), &error)),
    };
    let outcome = |index: usize| match answer.failed().iter().find(|entry| entry.id == index.to_string()) {
        None => Ok(()),
        Some(entry) => {
            let code = if entry.sender_fault { FailureCode::InvalidRequest } else { FailureCode::Unavailable };
            let said = entry.message.as_deref().unwrap_or_default();
            Err(Failure::new(code, format!("{arn} refused a message: {}: {said}", entry.code)))
        }
    };
    (0..messages.len()).map(outcome).collect()
}

fn entry(index: usize, message: &Outgoing, arn: &str) -> Result<PublishBatchRequestEntry> {
    let incomplete = |error| Failure::new(FailureCode::Internal, format!("a request to SNS is not complete: {error}"));
    let (team, dataset) = message.group.split_once('/').unwrap_or((&message.group, ""));
    let trace = if message.trace.is_some() { message.trace.to_string() } else { String::new() };
    let told = [("event", message.kind.as_str()), ("team", team), ("dataset", dataset), ("traceparent", &trace)];
    let mut entry = PublishBatchRequestEntry::builder().id(index.to_string()).message(&message.body);
    for (name, value) in told.into_iter().filter(|(_, value)| !value.is_empty()) {
        let value = MessageAttributeValue::builder().data_type("String").string_value(value).build().map_err(incomplete)?;
        entry = entry.message_attributes(name, value);
    }
    if arn.ends_with(".fifo") {
        entry = entry.message_group_id(&message.group).message_deduplication_id(&message.id);
    }
    entry.build().map_err(incomplete)
}
