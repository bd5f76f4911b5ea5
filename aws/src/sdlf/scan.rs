//! Reading a whole table of somebody else's, as plain JSON.

use aws_sdk_dynamodb::{Client, types::AttributeValue};
use lakegate_coordinator::ports::Result;
use lakegate_model::FailureCode;
use serde_json::{Map, Value};

use crate::{account::Account, failure::failed};

/// All rows of a table, page by page, as JSON objects. Numbers that JSON has no exact form for are texts.
///
/// # Errors
/// `NotFound` if there is no such table; `Ledger` if it can't be read; `PermissionDenied`.
pub async fn rows(account: &Account, table: &str) -> Result<Vec<Value>> {
    let client = Client::new(&account.config);
    let (mut rows, mut start) = (Vec::new(), None);
    loop {
        let answer = client.scan().table_name(table).set_exclusive_start_key(start.take()).send().await.map_err(|error| {
            let is_missing = error.as_service_error().is_some_and(|error| error.is_resource_not_found_exception());
            let code = if is_missing { FailureCode::NotFound } else { FailureCode::Ledger };
            failed(code, &format!("read the table {table}"), &error)
        })?;
        rows.extend(answer.items.unwrap_or_default().iter().map(object));
        start = answer.last_evaluated_key.filter(|key| !key.is_empty());
        if start.is_none() {
            return Ok(rows);
        }
    }
}

fn object<'a>(attributes: impl IntoIterator<Item = (&'a String, &'a AttributeValue)>) -> Value {
    attributes.into_iter().map(|(name, value)| (name.clone(), json(value))).collect::<Map<_, _>>().into()
}

fn json(value: &AttributeValue) -> Value {
    let texts = |texts: &[String]| texts.iter().map(|text| Value::from(text.as_str())).collect();
    match value {
        AttributeValue::S(text) => Value::from(text.as_str()),
        AttributeValue::N(number) => serde_json::from_str(number).unwrap_or_else(|_| Value::from(number.as_str())),
        AttributeValue::Bool(truth) => Value::Bool(*truth),
        AttributeValue::M(attributes) => object(attributes),
        AttributeValue::L(values) => values.iter().map(json).collect(),
        AttributeValue::Ss(set) | AttributeValue::Ns(set) => texts(set),
        _ => Value::Null,
    }
}
