//! One DynamoDB table, as few verbs: reads are strongly consistent, and what is throttled or left
//! unprocessed is asked for again.

use std::{collections::HashMap, sync::Arc, time::Duration};

use aws_sdk_dynamodb::{
    Client,
    config::retry::RetryConfig,
    error::SdkError,
    operation::{put_item::PutItemError, update_item::UpdateItemError},
    types::{
        AttributeValue, ConsumedCapacity, KeysAndAttributes, ReturnConsumedCapacity, ReturnValue, ReturnValuesOnConditionCheckFailure,
    },
};
use futures::{StreamExt as _, TryStreamExt as _};
use lakegate_coordinator::ports::{Meter, Result};
use lakegate_model::{Failure, FailureCode};

use super::{keys::Key, units};
use crate::{account::Account, backoff, failure::failed};

/// An item's attributes.
pub(super) type Item = HashMap<String, AttributeValue>;

/// DynamoDB is asked to tell with each answer what the request consumed, indexes included.
const TELL: ReturnConsumedCapacity = ReturnConsumedCapacity::Total;
/// Requests under way at once, for one call.
pub(super) const CONCURRENCY: usize = 64;
/// Items that `BatchGetItem` takes.
const GET_MOST: usize = 100;
/// How often what was left unprocessed is asked for.
const TRIES: u32 = 12;
/// The shortest and the longest wait before it is.
const SHORTEST_WAIT: Duration = Duration::from_millis(50);
const LONGEST_WAIT: Duration = Duration::from_secs(2);

/// The table of a ledger. Cheap to clone.
#[derive(Clone, Debug)]
pub(super) struct Table {
    pub(super) client: Client,
    pub(super) name: Arc<str>,
    meter: Meter,
}

/// Items of one partition, by their sort keys, both ends included.
pub(super) struct Range {
    pub(super) pk: String,
    pub(super) from: String,
    pub(super) to: String,
    pub(super) newest_first: bool,
    pub(super) limit: usize,
}

impl Range {
    /// The whole partition.
    pub(super) fn all(pk: impl Into<String>) -> Range {
        Range { pk: pk.into(), from: " ".into(), to: "\u{10FFFF}".into(), newest_first: false, limit: usize::MAX }
    }
}

/// What became of a write with a condition.
pub(super) enum Written {
    /// It is written; these are the attributes that it replaced.
    Done(Item),
    /// The condition did not hold; this is what is there, as far as DynamoDB tells.
    Refused(Item),
}

/// A change of one item.
pub(super) struct Change {
    pub(super) key: Key,
    pub(super) set: Vec<(String, AttributeValue)>,
    pub(super) only_if: OnlyIf,
}

/// When a change applies.
pub(super) enum OnlyIf {
    Always,
    /// The attribute is missing.
    Missing(&'static str),
    /// There is no such item yet.
    New,
    /// The attribute has this value.
    Is(&'static str, AttributeValue),
    /// The attribute is missing, or less than this.
    Below(&'static str, AttributeValue),
}

impl Table {
    pub(super) fn new(account: &Account, name: String) -> Table {
        let retry = RetryConfig::standard().with_max_attempts(10).with_initial_backoff(Duration::from_millis(50));
        let config = aws_sdk_dynamodb::config::Builder::from(&account.config).retry_config(retry).build();
        Table { client: Client::from_conf(config), name: name.into(), meter: account.meter.clone() }
    }

    /// What was done to it, for a failure's text.
    fn what(&self, verb: &str) -> String {
        format!("{verb} the ledger's table {}", self.name)
    }

    pub(super) async fn get(&self, key: &Key) -> Result<Option<Item>> {
        let request = self.client.get_item().table_name(&*self.name).set_key(Some(attributes(key))).consistent_read(true);
        let answer = request.return_consumed_capacity(TELL).send().await;
        let answer = answer.map_err(|error| failed(FailureCode::Ledger, &self.what("read"), &error))?;
        units::count_read(&self.meter, &answer.consumed_capacity);
        Ok(answer.item)
    }

    /// Those of the items that are there, in no order.
    pub(super) async fn get_many(&self, keys: Vec<Key>) -> Result<Vec<Item>> {
        let mut keys = keys;
        keys.sort_unstable();
        keys.dedup();
        let chunks: Vec<Vec<Key>> = keys.chunks(GET_MOST).map(<[Key]>::to_vec).collect();
        let found: Vec<Vec<Item>> =
            futures::stream::iter(chunks).map(|keys| self.get_chunk(keys)).buffer_unordered(16).try_collect().await?;
        Ok(found.into_iter().flatten().collect())
    }

    async fn get_chunk(&self, keys: Vec<Key>) -> Result<Vec<Item>> {
        let mut left: Vec<Item> = keys.iter().map(attributes).collect();
        let mut found = Vec::new();
        for tries in 0..TRIES {
            if left.is_empty() {
                return Ok(found);
            }
            if tries > 0 {
                tokio::time::sleep(backoff::after(tries, SHORTEST_WAIT, LONGEST_WAIT)).await;
            }
            let wanted = KeysAndAttributes::builder()
                .set_keys(Some(left))
                .consistent_read(true)
                .build()
                .map_err(|error| Failure::new(FailureCode::Internal, format!("a request to DynamoDB is not whole: {error}")))?;
            let answer = self.client.batch_get_item().request_items(&*self.name, wanted).return_consumed_capacity(TELL).send().await;
            let answer = answer.map_err(|error| failed(FailureCode::Ledger, &self.what("read"), &error))?;
            units::count_read(&self.meter, answer.consumed_capacity());
            found.extend(answer.responses.unwrap_or_default().remove(&*self.name).unwrap_or_default());
            left = answer.unprocessed_keys.unwrap_or_default().remove(&*self.name).map(|keys| keys.keys).unwrap_or_default();
        }
        if left.is_empty() { Ok(found) } else { Err(self.throttled()) }
    }

    fn throttled(&self) -> Failure {
        Failure::new(FailureCode::Ledger, format!("DynamoDB throttles the ledger's table {}", self.name))
            .hint("look at the table's throttled requests; an on-demand table takes more after some minutes")
    }

    pub(super) async fn query(&self, range: Range) -> Result<Vec<Item>> {
        let (mut items, mut start) = (Vec::new(), None);
        loop {
            let left = range.limit.saturating_sub(items.len());
            if left == 0 {
                return Ok(items);
            }
            let answer = self
                .client
                .query()
                .table_name(&*self.name)
                .key_condition_expression("pk = :pk AND sk BETWEEN :from AND :to")
                .expression_attribute_values(":pk", s(&range.pk))
                .expression_attribute_values(":from", s(&range.from))
                .expression_attribute_values(":to", s(&range.to))
                .scan_index_forward(!range.newest_first)
                .set_limit(i32::try_from(left).ok())
                .set_exclusive_start_key(start.take())
                .consistent_read(true)
                .return_consumed_capacity(TELL)
                .send()
                .await
                .map_err(|error| failed(FailureCode::Ledger, &self.what("read"), &error))?;
            units::count_read(&self.meter, &answer.consumed_capacity);
            items.extend(answer.items.unwrap_or_default());
            start = answer.last_evaluated_key.filter(|key| !key.is_empty());
            if start.is_none() {
                return Ok(items);
            }
        }
    }

    /// Keys by an index of one name and a `seq`, below this one, the newest first. What was written just now may
    /// be missing.
    pub(super) async fn query_index(&self, index: &str, name: String, before: u64, limit: usize) -> Result<Vec<Item>> {
        let (mut items, mut start) = (Vec::new(), None);
        while items.len() < limit {
            let answer = self
                .client
                .query()
                .table_name(&*self.name)
                .index_name(index)
                .key_condition_expression("#name = :name AND seq < :before")
                .expression_attribute_names("#name", index)
                .expression_attribute_values(":name", s(&name))
                .expression_attribute_values(":before", n(before))
                .scan_index_forward(false)
                .set_limit(i32::try_from(limit - items.len()).ok())
                .set_exclusive_start_key(start.take())
                .return_consumed_capacity(TELL)
                .send()
                .await
                .map_err(|error| failed(FailureCode::Ledger, &format!("read the index of the ledger's table {}", self.name), &error))?;
            units::count_read(&self.meter, &answer.consumed_capacity);
            items.extend(answer.items.unwrap_or_default());
            start = answer.last_evaluated_key.filter(|key| !key.is_empty());
            if start.is_none() {
                break;
            }
        }
        Ok(items)
    }

    /// Puts an item, whatever is there.
    pub(super) async fn put(&self, key: &Key, item: Item) -> Result<()> {
        let request = self.client.put_item().table_name(&*self.name).set_item(Some(with_key(key, item)));
        let answer = request.return_consumed_capacity(TELL).send().await;
        let answer = answer.map_err(|error| failed(FailureCode::Ledger, &self.what("write"), &error))?;
        units::count_write(&self.meter, &answer.consumed_capacity);
        Ok(())
    }

    /// Puts an item if there is none of its key.
    pub(super) async fn put_new(&self, key: &Key, item: Item) -> Result<Written> {
        let answer = self
            .client
            .put_item()
            .table_name(&*self.name)
            .set_item(Some(with_key(key, item)))
            .condition_expression("attribute_not_exists(pk)")
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .return_consumed_capacity(TELL)
            .send()
            .await;
        match answer {
            Ok(answer) => Ok(self.done(&answer.consumed_capacity, Item::new())),
            Err(SdkError::ServiceError(error)) if error.err().is_conditional_check_failed_exception() => match error.into_err() {
                PutItemError::ConditionalCheckFailedException(refused) => Ok(self.refused(refused.item.unwrap_or_default())),
                _ => Ok(self.refused(Item::new())),
            },
            Err(error) => Err(failed(FailureCode::Ledger, &self.what("write"), &error)),
        }
    }

    pub(super) async fn change(&self, change: Change) -> Result<Written> {
        let mut request = self
            .client
            .update_item()
            .table_name(&*self.name)
            .set_key(Some(attributes(&change.key)))
            .return_values(ReturnValue::UpdatedOld)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .return_consumed_capacity(TELL);
        let mut sets = Vec::new();
        for (n, (name, value)) in change.set.into_iter().enumerate() {
            sets.push(format!("#a{n} = :a{n}"));
            request = request.expression_attribute_names(format!("#a{n}"), name).expression_attribute_values(format!(":a{n}"), value);
        }
        request = request.update_expression(format!("SET {}", sets.join(", ")));
        request = match change.only_if {
            OnlyIf::Always => request,
            OnlyIf::Missing(name) => request.condition_expression("attribute_not_exists(#c)").expression_attribute_names("#c", name),
            OnlyIf::New => request.condition_expression("attribute_not_exists(pk)"),
            OnlyIf::Is(name, value) => {
                request.condition_expression("#c = :c").expression_attribute_names("#c", name).expression_attribute_values(":c", value)
            }
            OnlyIf::Below(name, value) => request
                .condition_expression("attribute_not_exists(#c) OR #c < :c")
                .expression_attribute_names("#c", name)
                .expression_attribute_values(":c", value),
        };
        match request.send().await {
            Ok(answer) => Ok(self.done(&answer.consumed_capacity, answer.attributes.unwrap_or_default())),
            Err(SdkError::ServiceError(error)) if error.err().is_conditional_check_failed_exception() => match error.into_err() {
                UpdateItemError::ConditionalCheckFailedException(refused) => Ok(self.refused(refused.item.unwrap_or_default())),
                _ => Ok(self.refused(Item::new())),
            },
            Err(error) => Err(failed(FailureCode::Ledger, &self.what("write"), &error)),
        }
    }

    /// Removes an attribute; gives what it was.
    pub(super) async fn remove(&self, key: &Key, attribute: &str) -> Result<Option<AttributeValue>> {
        let request = self.client.update_item().table_name(&*self.name).set_key(Some(attributes(key)));
        let request = request.update_expression("REMOVE #a").expression_attribute_names("#a", attribute);
        // What is not there must not be made.
        let request = request.condition_expression("attribute_exists(#a)").return_values(ReturnValue::UpdatedOld);
        match request.send().await {
            Ok(answer) => Ok(answer.attributes.unwrap_or_default().remove(attribute)),
            Err(SdkError::ServiceError(error)) if error.err().is_conditional_check_failed_exception() => Ok(None),
            Err(error) => Err(failed(FailureCode::Ledger, &self.what("write"), &error)),
        }
    }

    pub(super) async fn delete(&self, key: &Key) -> Result<()> {
        let request = self.client.delete_item().table_name(&*self.name).set_key(Some(attributes(key)));
        let answer = request.return_consumed_capacity(TELL).send().await;
        let answer = answer.map_err(|error| failed(FailureCode::Ledger, &self.what("write"), &error))?;
        units::count_write(&self.meter, &answer.consumed_capacity);
        Ok(())
    }

    fn done(&self, consumed: &Option<ConsumedCapacity>, replaced: Item) -> Written {
        units::count_write(&self.meter, consumed);
        Written::Done(replaced)
    }

    fn refused(&self, there: Item) -> Written {
        units::count_refused(&self.meter, &there);
        Written::Refused(there)
    }
}

fn attributes(key: &Key) -> Item {
    HashMap::from([("pk".to_owned(), s(&key.pk)), ("sk".to_owned(), s(&key.sk))])
}

fn with_key(key: &Key, mut item: Item) -> Item {
    item.extend(attributes(key));
    item
}

/// A text attribute.
pub(super) fn s(text: impl Into<String>) -> AttributeValue {
    AttributeValue::S(text.into())
}

/// A number attribute.
pub(super) fn n(number: impl ToString) -> AttributeValue {
    AttributeValue::N(number.to_string())
}

/// A text attribute's value.
pub(super) fn text<'a>(item: &'a Item, name: &str) -> Result<&'a str> {
    item.get(name).and_then(|value| value.as_s().ok()).map(String::as_str).ok_or_else(|| unreadable(item, name))
}

/// A number attribute's value.
pub(super) fn number<T: std::str::FromStr>(item: &Item, name: &str) -> Result<T> {
    let value = item.get(name).and_then(|value| value.as_n().ok()).and_then(|number| number.parse().ok());
    value.ok_or_else(|| unreadable(item, name))
}

/// The failure of an item that this version does not understand.
pub(super) fn unreadable(item: &Item, name: &str) -> Failure {
    let part = |name: &str| item.get(name).and_then(|value| value.as_s().ok()).map_or("?", String::as_str);
    Failure::new(FailureCode::Ledger, format!("the ledger's item {} / {} has no readable \"{name}\"", part("pk"), part("sk")))
        .hint("a newer lakegate may have written it, or something else than lakegate has changed it")
}
