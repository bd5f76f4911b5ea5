//! A server in front of the emulated AWS that counts what passes it, by its own reading of the
//! requests, and fills in what the emulator leaves out: the capacity units that a request to DynamoDB
//! consumes, from the sizes of the items.

use std::{
    collections::BTreeMap,
    io::{Read, Write as _},
    net::{TcpListener, TcpStream},
    sync::{Arc, Mutex, PoisonError},
};

use serde_json::{Value, json};

use super::moto::Moto;

/// Requests by API, and units, in the names that Lakegate gives them.
pub type Counts = BTreeMap<String, f64>;

/// The server.
pub struct Metered {
    endpoint: String,
    counts: Arc<Mutex<Counts>>,
}

/// Bytes of a write unit and of a read unit.
const UNITS: (f64, f64) = (1_024.0, 4_096.0);
const DYNAMODB: &str = "DynamoDB_20120810";

impl Metered {
    /// Starts the server. It serves as long as the test program runs.
    ///
    /// # Panics
    /// If no port is free.
    pub fn in_front_of(moto: &'static Moto) -> Metered {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
        let endpoint = format!("http://{}", listener.local_addr().expect("it is bound"));
        let counts = Arc::<Mutex<Counts>>::default();
        let counted = Arc::clone(&counts);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let counted = Arc::clone(&counted);
                std::thread::spawn(move || serve(stream, moto, &counted));
            }
        });
        Metered { endpoint, counts }
    }

    /// Its address.
    pub fn endpoint(&self) -> String {
        self.endpoint.clone()
    }

    /// What has passed so far.
    pub fn counts(&self) -> Counts {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// What came between two counts.
pub fn between(before: &Counts, after: &Counts) -> Counts {
    let new = after.iter().map(|(name, count)| (name.clone(), count - before.get(name).unwrap_or(&0.0)));
    new.filter(|(_, count)| *count > 0.0).collect()
}

/// One request; the client makes another connection for the next.
fn serve(mut client: TcpStream, moto: &'static Moto, counts: &Mutex<Counts>) -> Option<()> {
    let (head, body) = read_message(&mut client)?;
    let add = |name: &str, count: f64| *counts.lock().unwrap_or_else(PoisonError::into_inner).entry(name.to_owned()).or_default() += count;
    let api = api(&head);
    if let Some(api) = &api {
        add(api, 1.0);
    }
    let (answer_head, answer) = forward(&head, &body, moto.endpoint().trim_start_matches("http://"))?;
    let Some(operation) = api.as_deref().and_then(|api| api.strip_prefix("dynamodb:")) else {
        return client.write_all(&[answer_head.as_bytes(), b"\r\n\r\n", &answer].concat()).ok();
    };
    let asked: Value = serde_json::from_slice(&body).ok()?;
    let mut told: Value = serde_json::from_slice(&answer).unwrap_or(Value::Null);
    if let Some((name, units)) = units(moto, operation, &asked, &told) {
        add(name, units);
        let consumed = json!({ "TableName": asked["TableName"].as_str().unwrap_or("t"), "CapacityUnits": units });
        if told.is_object() && told.get("__type").is_none() {
            told["ConsumedCapacity"] = if operation.starts_with("Batch") { json!([consumed]) } else { consumed };
        }
    }
    let status = answer_head.lines().next()?;
    let text = told.to_string();
    let head =
        format!("{status}\r\nContent-Type: application/x-amz-json-1.0\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", text.len());
    client.write_all(format!("{head}{text}").as_bytes()).ok()
}

fn api(head: &str) -> Option<String> {
    let scope = header(head, "authorization")?;
    let service = scope.split("/aws4_request").next()?.rsplit('/').next()?.to_owned();
    if let Some(target) = header(head, "x-amz-target") {
        return Some(format!("{service}:{}", target.split('.').nth(1)?));
    }
    let mut line = head.lines().next()?.split(' ');
    let (method, address) = (line.next()?, line.next()?);
    let is_copy = header(head, "x-amz-copy-source").is_some();
    let operation = match method {
        "GET" if address.contains("list-type=2") => "ListObjectsV2",
        "GET" => "GetObject",
        "HEAD" => "HeadObject",
        "PUT" if is_copy => "CopyObject",
        "PUT" => "PutObject",
        "POST" if address.contains("?delete") => "DeleteObjects",
        "DELETE" => "DeleteObject",
        other => other,
    };
    Some(format!("{service}:{operation}"))
}

/// The units that a request consumed, and of which kind. The ledger reads consistently.
fn units(moto: &Moto, operation: &str, asked: &Value, told: &Value) -> Option<(&'static str, f64)> {
    let written = |bytes: u64| (bytes as f64 / UNITS.0).ceil().max(1.0);
    let is_refused = told.get("__type").is_some();
    if is_refused && !told["__type"].as_str()?.contains("ConditionalCheckFailed") {
        return None;
    }
    let write = match operation {
        _ if is_refused => written(size(&told["Item"])),
        // The index holds the keys alone.
        "PutItem" => written(size(&asked["Item"])) + if asked["Item"].get("landed").is_some() { 1.0 } else { 0.0 },
        "UpdateItem" => {
            let get = json!({ "TableName": asked["TableName"], "Key": asked["Key"], "ConsistentRead": true });
            written(size(&moto.call(&format!("{DYNAMODB}.GetItem"), &get)["Item"]))
        }
        "DeleteItem" => 1.0,
        _ => 0.0,
    };
    if write > 0.0 {
        return Some(("dynamodb:write-units", write));
    }
    let read = |bytes: u64| (bytes as f64 / UNITS.1).ceil().max(1.0);
    let items = |items: &Value| items.as_array().map_or(Vec::new(), Clone::clone);
    let units = match operation {
        "GetItem" => read(size(&told["Item"])),
        "Query" => read(items(&told["Items"]).iter().map(size).sum()),
        "BatchGetItem" => told["Responses"].as_object()?.values().flat_map(items).map(|item| read(size(&item))).sum(),
        _ => return None,
    };
    Some(("dynamodb:read-units", units))
}

/// Bytes of an item as DynamoDB counts them.
fn size(item: &Value) -> u64 {
    let attributes = item.as_object().into_iter().flatten();
    attributes
        .map(|(name, value)| {
            name.len() as u64 + value.as_object().into_iter().flatten().map(|(kind, value)| value_size(kind, value)).sum::<u64>()
        })
        .sum()
}

fn value_size(kind: &str, value: &Value) -> u64 {
    let length = value.as_str().map_or(1, str::len) as u64;
    match kind {
        "N" => length / 2 + 1,
        // Base64 on the wire.
        "B" => length / 4 * 3,
        "M" => 3 + size(value),
        _ => length,
    }
}

fn read_message(from: &mut TcpStream) -> Option<(String, Vec<u8>)> {
    let (mut read, mut buffer) = (Vec::new(), [0; 16_384]);
    loop {
        let count = from.read(&mut buffer).ok().filter(|count| *count > 0)?;
        read.extend_from_slice(&buffer[..count]);
        let Some(end) = read.windows(4).position(|bytes| bytes == b"\r\n\r\n") else { continue };
        let head = String::from_utf8_lossy(&read[..end]).into_owned();
        let length = header(&head, "content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
        let mut body = read.split_off(end + 4);
        let there = body.len();
        body.resize(length, 0);
        from.read_exact(&mut body[there.min(length)..]).ok()?;
        return Some((head, body));
    }
}

fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    let lines = head.lines().skip(1).filter_map(|line| line.split_once(':'));
    lines.filter(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim()).next()
}

fn forward(head: &str, body: &[u8], behind: &str) -> Option<(String, Vec<u8>)> {
    let mut server = TcpStream::connect(behind).ok()?;
    let first = head.lines().next()?;
    let kept = head.lines().skip(1).filter(|line| !line.to_ascii_lowercase().starts_with("connection:"));
    let lines: String = kept.map(|line| format!("{line}\r\n")).collect();
    server.write_all(format!("{first}\r\n{lines}Connection: close\r\n\r\n").as_bytes()).ok()?;
    server.write_all(body).ok()?;
    let mut answer = Vec::new();
    server.read_to_end(&mut answer).ok()?;
    let end = answer.windows(4).position(|bytes| bytes == b"\r\n\r\n")?;
    let body = answer.split_off(end + 4);
    answer.truncate(end);
    Some((String::from_utf8_lossy(&answer).into_owned(), body))
}
