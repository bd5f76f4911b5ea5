//! AWS by boto3, with the credentials, the region and the endpoint of the environment: what looks at a
//! real account by other means than the adapters'.

use std::{
    io::{BufRead as _, BufReader, Write as _},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
    sync::{Mutex, OnceLock, PoisonError},
};

use serde_json::{Value, json};

use super::moto::python;

/// Does what a line of JSON asks and answers by one. Bytes are lists of numbers.
const SERVE: &str = "
import sys, json, boto3
clients = {}
for line in sys.stdin:
    asked = json.loads(line)
    try:
        given = {k: bytes(v) if k == 'Body' else v for k, v in asked['given'].items()}
        client = clients.setdefault(asked['service'], None) or boto3.client(asked['service'])
        clients[asked['service']] = client
        answer = getattr(client, asked['call'])(**given)
        answer.pop('ResponseMetadata', None)
        if 'Body' in answer:
            answer['Body'] = list(answer['Body'].read())
        said = {'ok': answer}
    except Exception as error:
        said = {'error': getattr(error, 'response', {}).get('Error', {}).get('Code') or repr(error)}
    print(json.dumps(said, default=str), flush=True)
";

struct Boto {
    _child: Child,
    asks: ChildStdin,
    answers: BufReader<ChildStdout>,
}

/// Calls boto3: `call(\"s3\", \"get_object\", json!({\"Bucket\": …}))`. The answer, or the error's code.
///
/// # Errors
/// The code of what AWS answers instead.
///
/// # Panics
/// If there is no Python with boto3.
pub fn call(service: &str, call: &str, given: &Value) -> Result<Value, String> {
    static BOTO: OnceLock<Mutex<Boto>> = OnceLock::new();
    let boto = BOTO.get_or_init(|| {
        let mut command = Command::new(python());
        let mut child = command.args(["-c", SERVE]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("Python can be run");
        let (asks, answers) = (child.stdin.take().expect("it is piped"), child.stdout.take().expect("it is piped"));
        Mutex::new(Boto { _child: child, asks, answers: BufReader::new(answers) })
    });
    let mut boto = boto.lock().unwrap_or_else(PoisonError::into_inner);
    writeln!(boto.asks, "{}", json!({ "service": service, "call": call, "given": given })).expect("boto3 reads");
    let mut line = String::new();
    boto.answers.read_line(&mut line).expect("boto3 answers");
    let mut answer: Value = serde_json::from_str(&line).expect("boto3 answers in JSON");
    match answer["error"].as_str() {
        Some(error) => Err(error.to_owned()),
        None => Ok(answer["ok"].take()),
    }
}

/// As `call`, for what must not fail.
///
/// # Panics
/// If it fails.
pub fn expect(service: &str, name: &str, given: &Value) -> Value {
    call(service, name, given).unwrap_or_else(|error| panic!("{service} {name} {given}: {error}"))
}

/// Every page of a listing: what is below `key` in each.
///
/// # Panics
/// If it fails.
pub fn list(service: &str, name: &str, mut given: Value, key: &str, token: (&str, &str)) -> Vec<Value> {
    let mut found = Vec::new();
    loop {
        let answer = expect(service, name, &given);
        found.extend(answer[key].as_array().cloned().unwrap_or_default());
        match &answer[token.0] {
            Value::Null => return found,
            next => given[token.1] = next.clone(),
        }
    }
}

/// An object's bytes; `None` if there is none.
///
/// # Panics
/// If S3 answers anything else.
pub fn get_object(bucket: &str, key: &str) -> Option<Vec<u8>> {
    match call("s3", "get_object", &json!({ "Bucket": bucket, "Key": key })) {
        Ok(answer) => Some(serde_json::from_value(answer["Body"].clone()).expect("bytes")),
        Err(error) if error == "NoSuchKey" => None,
        Err(error) => panic!("s3://{bucket}/{key}: {error}"),
    }
}
