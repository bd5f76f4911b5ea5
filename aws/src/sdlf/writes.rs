//! Writing rows: one conditional request each, so that an older state never takes a newer one's place,
//! whoever writes last and however often.

use std::{collections::HashMap, time::Duration};

use aws_sdk_dynamodb::{
    Client,
    config::retry::RetryConfig,
    error::{ProvideErrorMetadata as _, SdkError},
    operation::update_item::{UpdateItemError, builders::UpdateItemFluentBuilder},
    types::{AttributeValue, ReturnValuesOnConditionCheckFailure},
};
use lakegate_coordinator::ports::{Clock as _, Result, SystemClock, ledger::Execution};
use lakegate_model::{Failure, FailureCode, ObjectId, project::sdlf::SdlfTables};

use super::{
    pending::Step,
    rows::{self, OPTIONAL, ObjectRow},
};
use crate::{account::Account, failure::failed};

/// How often a row's list of statuses is looked at again because somebody else has changed it.
const TRIES: u32 = 5;

/// Writes rows. Cheap to clone.
#[derive(Clone)]
pub(super) struct Rows {
    client: Client,
    pub(super) kept: SdlfTables,
}

/// What became of an update.
enum Updated {
    Done,
    /// The condition did not hold; this is what is there.
    Refused(HashMap<String, AttributeValue>),
}

/// A removal as far as rows need it.
pub(super) struct Gone<'a> {
    pub(super) id: String,
    pub(super) order: Option<String>,
    pub(super) seq: u64,
    /// The only version it is of.
    pub(super) object: Option<&'a ObjectId>,
}

impl Rows {
    pub(super) fn new(account: &Account, kept: SdlfTables) -> Rows {
        // Whoever calls waits and tries again for longer than the SDK does.
        let retry = RetryConfig::standard().with_max_attempts(3).with_initial_backoff(Duration::from_millis(50));
        let config = aws_sdk_dynamodb::config::Builder::from(&account.config).retry_config(retry).build();
        Rows { client: Client::from_conf(config), kept }
    }

    /// Writes an object's row unless a newer one is there: by sequencer, then by the ledger's number, then
    /// by how much it tells.
    pub(super) async fn object(&self, row: ObjectRow) -> Result<()> {
        let Some(table) = &self.kept.objects else { return Ok(()) };
        let same = "#seq < :seq OR (#seq = :seq AND #rank < :rank)";
        let condition = match &row.order {
            Some(_) => {
                format!("attribute_not_exists(#seq) OR #order < :order OR ((attribute_not_exists(#order) OR #order = :order) AND ({same}))")
            }
            None => format!("attribute_not_exists(#seq) OR {same}"),
        };
        let names = row.set.iter().map(|(name, _)| *name).collect::<Vec<_>>();
        let removed = OPTIONAL.iter().filter(|name| !names.contains(name)).map(|name| format!("#{name}")).collect::<Vec<_>>();
        let mut request = self
            .client
            .update_item()
            .table_name(table)
            .key("id", AttributeValue::S(row.id))
            .condition_expression(condition)
            .expression_attribute_names("#seq", "lakegate_seq")
            .expression_attribute_names("#rank", "lakegate_rank")
            .expression_attribute_values(":seq", AttributeValue::N(row.seq.to_string()))
            .expression_attribute_values(":rank", AttributeValue::N((row.rank as u8).to_string()));
        if let Some(order) = row.order {
            request = request
                .expression_attribute_names("#order", "lakegate_order")
                .expression_attribute_values(":order", AttributeValue::S(order));
        }
        let mut sets = Vec::new();
        for (name, value) in row.set {
            sets.push(format!("#{name} = :{name}"));
            request = request.expression_attribute_names(format!("#{name}"), name).expression_attribute_values(format!(":{name}"), value);
        }
        for name in OPTIONAL.iter().filter(|name| !names.contains(name)) {
            request = request.expression_attribute_names(format!("#{name}"), *name);
        }
        let remove = if removed.is_empty() { String::new() } else { format!(" REMOVE {}", removed.join(", ")) };
        update(request.update_expression(format!("SET {}{remove}", sets.join(", "))), table).await.map(drop)
    }

    /// Deletes an object's row unless it is of a version that came later, or of another one than was removed.
    pub(super) async fn remove(&self, gone: Gone<'_>) -> Result<()> {
        let Some(table) = &self.kept.objects else { return Ok(()) };
        let mut request = self.client.delete_item().table_name(table).key("id", AttributeValue::S(gone.id));
        request = match (gone.object, gone.order) {
            (Some(object), _) => request
                .condition_expression("attribute_not_exists(#object) OR #object = :object")
                .expression_attribute_names("#object", "object_id")
                .expression_attribute_values(":object", AttributeValue::S(object.as_str().to_owned())),
            (None, Some(order)) => request
                .condition_expression("#order <= :order OR (attribute_not_exists(#order) AND (attribute_not_exists(#seq) OR #seq < :seq))")
                .expression_attribute_names("#order", "lakegate_order")
                .expression_attribute_names("#seq", "lakegate_seq")
                .expression_attribute_values(":order", AttributeValue::S(order))
                .expression_attribute_values(":seq", AttributeValue::N(gone.seq.to_string())),
            (None, None) => request
                .condition_expression("attribute_not_exists(#seq) OR #seq < :seq")
                .expression_attribute_names("#seq", "lakegate_seq")
                .expression_attribute_values(":seq", AttributeValue::N(gone.seq.to_string())),
        };
        match request.send().await {
            Ok(_) => Ok(()),
            Err(SdkError::ServiceError(error)) if error.err().is_conditional_check_failed_exception() => Ok(()),
            Err(error) => Err(failed(FailureCode::Ledger, &format!("delete a row of {table}"), &error)),
        }
    }

    /// Brings an execution's row to where the execution is. `steps` are the statuses that were noted; the
    /// row tells each once.
    pub(super) async fn history(&self, execution: &Execution, mut steps: Vec<Step>) -> Result<()> {
        let Some(table) = &self.kept.history else { return Ok(()) };
        // From a log that is read again can come what would be deleted at once.
        if steps.is_empty() && self.kept.ttl.is_some_and(|ttl| execution.created_at + ttl < SystemClock.now()) {
            return Ok(());
        }
        if steps.last().is_none_or(|last| last.revision < execution.revision) {
            steps.push(Step::of(execution));
        }
        // Where the row is thought to be; it says so itself if it is elsewhere.
        let mut there = steps.first().and_then(|first| first.revision.checked_sub(1));
        for _ in 0..TRIES {
            if there.is_none() && steps.first().is_none_or(|first| first.revision > 0) {
                steps.insert(0, Step::begun(execution));
            }
            let Some(last) = steps.last().cloned() else { return Ok(()) };
            let request = self.history_request(table, execution, &steps, &last, there);
            let Updated::Refused(row) = update(request, table).await? else { return Ok(()) };
            let revision = row.get("lakegate_revision").and_then(|value| value.as_n().ok()).and_then(|number| number.parse::<u64>().ok());
            if let Some(revision) = revision {
                steps.retain(|step| step.revision > revision);
            }
            there = revision;
        }
        Err(Failure::new(FailureCode::Conflict, format!("somebody else keeps changing a row of {table}")))
    }

    fn history_request(
        &self,
        table: &str,
        execution: &Execution,
        steps: &[Step],
        last: &Step,
        there: Option<u64>,
    ) -> UpdateItemFluentBuilder {
        let mut request = self.client.update_item().table_name(table).key("id", AttributeValue::S(rows::history_id(&execution.id)));
        let mut sets = vec![
            "#history = list_append(if_not_exists(#history, :none), :history)".to_owned(),
            "#version = if_not_exists(#version, :zero) + :count".to_owned(),
        ];
        for (name, value) in rows::history(&self.kept, execution, last) {
            sets.push(format!("#{name} = :{name}"));
            request = request.expression_attribute_names(format!("#{name}"), name).expression_attribute_values(format!(":{name}"), value);
        }
        request = match there {
            None => request.condition_expression("attribute_not_exists(id)"),
            Some(revision) => request
                .condition_expression("#lakegate_revision = :there")
                .expression_attribute_values(":there", AttributeValue::N(revision.to_string())),
        };
        request
            .update_expression(format!("SET {}", sets.join(", ")))
            .expression_attribute_names("#history", "history")
            .expression_attribute_names("#version", "version")
            .expression_attribute_values(":none", AttributeValue::L(Vec::new()))
            .expression_attribute_values(":zero", AttributeValue::N("0".to_owned()))
            .expression_attribute_values(":history", rows::entries(execution, steps))
            .expression_attribute_values(":count", AttributeValue::N(steps.len().to_string()))
    }
}

async fn update(request: UpdateItemFluentBuilder, table: &str) -> Result<Updated> {
    let request = request.return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
    match request.send().await {
        Ok(_) => Ok(Updated::Done),
        Err(SdkError::ServiceError(error)) if error.err().is_conditional_check_failed_exception() => match error.into_err() {
            UpdateItemError::ConditionalCheckFailedException(refused) => Ok(Updated::Refused(refused.item.unwrap_or_default())),
            _ => Ok(Updated::Refused(HashMap::new())),
        },
        // It would be refused for ever, and must not keep others from being written.
        Err(error) if error.as_service_error().and_then(|error| error.code()) == Some("ValidationException") => {
            let failure = failed(FailureCode::Ledger, &format!("write a row of {table}"), &error);
            tracing::error!(%failure, table, "a row is left out, because DynamoDB does not take it");
            Ok(Updated::Done)
        }
        Err(error) => Err(failed(FailureCode::Ledger, &format!("write a row of {table}"), &error)),
    }
}
