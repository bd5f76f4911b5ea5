//! Somebody else's client: boto3, which knows nothing of Lakegate.

use std::process::Command;

use serde_json::Value;

use super::moto::{REGION, moto, python};

/// The value of an expression in Python. `db` is boto3's DynamoDB; `get(table, id)` gives a row, and
/// `query(table, index, (hash, value), (range, value))` those that an index finds.
///
/// # Panics
/// If it can't be evaluated.
pub fn boto3(expression: &str) -> Value {
    let script = format!(
        "
import boto3, json
from boto3.dynamodb.conditions import Key
db = boto3.resource('dynamodb', region_name='{REGION}', endpoint_url='{}', aws_access_key_id='test', aws_secret_access_key='test')
def get(table, id):
    return db.Table(table).get_item(Key={{'id': id}}).get('Item')
def query(table, index, hash, range):
    condition = Key(hash[0]).eq(hash[1]) & Key(range[0]).eq(range[1])
    return db.Table(table).query(IndexName=index, KeyConditionExpression=condition)['Items']
def plain(value):
    return int(value) if value == int(value) else float(value)
print(json.dumps({expression}, default=plain))
",
        moto().endpoint()
    );
    let answer = Command::new(python()).args(["-c", &script]).output().expect("Python can be run");
    assert!(answer.status.success(), "{expression}: {}", String::from_utf8_lossy(&answer.stderr));
    serde_json::from_slice(&answer.stdout).expect("it prints JSON")
}
