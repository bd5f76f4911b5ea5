//! A server in front of the emulated AWS that misbehaves as a test says: throttles, refuses, leaves
//! keys unprocessed, or does what was asked and loses the answer.

use std::{
    io::{Read, Write as _},
    net::{TcpListener, TcpStream},
    sync::Arc,
};

use serde_json::{Value, json};

use super::moto::Moto;

/// What becomes of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It is answered as it should be.
    None,
    /// It is refused as one too many, which a client tries again.
    Throttled(&'static str),
    /// It is refused because the client may not.
    Denied,
    /// It is refused, which a client does not try again: as if the process had ended before it.
    Refused,
    /// All that `BatchGetItem` asks for is left unprocessed.
    Unprocessed,
    /// It is done, and the answer is lost.
    AnswerLost,
}

/// Says what becomes of a request from its `X-Amz-Target` after the dot, or, if it has none, its method and
/// path as in `GET /bucket/key?query`, and from its body.
pub type Script = dyn Fn(&str, &Value) -> Fault + Send + Sync;

/// Starts the server; gives its address. It serves as long as the test program runs.
///
/// # Panics
/// If no port is free.
pub fn in_front_of(moto: &'static Moto, script: impl Fn(&str, &Value) -> Fault + Send + Sync + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let address = format!("http://{}", listener.local_addr().expect("it is bound"));
    let behind = moto.endpoint().trim_start_matches("http://").to_owned();
    let script: Arc<Script> = Arc::new(script);
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let (behind, script) = (behind.clone(), Arc::clone(&script));
            std::thread::spawn(move || serve(stream, &behind, script.as_ref()));
        }
    });
    address
}

/// One request; the client makes another connection for the next.
fn serve(mut client: TcpStream, behind: &str, script: &Script) -> Option<()> {
    let (head, body) = read_request(&mut client)?;
    let target = header(&head, "x-amz-target").unwrap_or_default();
    let request = head.lines().next().and_then(|line| line.rsplit_once(' ')).map(|(request, _)| request).unwrap_or_default();
    let operation = if target.is_empty() { request } else { target.rsplit('.').next().unwrap_or_default() };
    let asked: Value = serde_json::from_slice(&body).unwrap_or(Value::Null);
    let fault = script(operation, &asked);
    match fault {
        Fault::None => client.write_all(&forward(&head, &body, behind)?).ok(),
        Fault::Throttled(code) => answer(&mut client, 400, &error(code)),
        Fault::Denied if target.is_empty() => {
            let body = if request.starts_with("HEAD ") {
                ""
            } else {
                "<Error><Code>AccessDenied</Code><Message>as the test says</Message></Error>"
            };
            answer_with(&mut client, 403, "application/xml", body)
        }
        Fault::Denied => answer(&mut client, 400, &error("AccessDeniedException")),
        Fault::Refused => answer(&mut client, 400, &error("ValidationException")),
        Fault::Unprocessed => answer(&mut client, 200, &json!({ "Responses": {}, "UnprocessedKeys": asked["RequestItems"] })),
        Fault::AnswerLost => {
            forward(&head, &body, behind)?;
            answer(&mut client, 500, &error("InternalServerError"))
        }
    }
}

fn error(code: &str) -> Value {
    json!({ "__type": format!("com.amazonaws.dynamodb.v20120810#{code}"), "message": "as the test says" })
}

fn answer(client: &mut TcpStream, status: u16, body: &Value) -> Option<()> {
    answer_with(client, status, "application/x-amz-json-1.0", &body.to_string())
}

fn answer_with(client: &mut TcpStream, status: u16, kind: &str, body: &str) -> Option<()> {
    let head = format!("HTTP/1.1 {status} X\r\nContent-Type: {kind}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", body.len());
    client.write_all(format!("{head}{body}").as_bytes()).ok()
}

fn read_request(client: &mut TcpStream) -> Option<(String, Vec<u8>)> {
    let (mut read, mut buffer) = (Vec::new(), [0; 16_384]);
    loop {
        let count = client.read(&mut buffer).ok().filter(|count| *count > 0)?;
        read.extend_from_slice(&buffer[..count]);
        let Some(end) = read.windows(4).position(|bytes| bytes == b"\r\n\r\n") else { continue };
        let head = String::from_utf8_lossy(&read[..end]).into_owned();
        let length = header(&head, "content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
        let mut body = read.split_off(end + 4);
        let there = body.len();
        body.resize(length, 0);
        client.read_exact(&mut body[there.min(length)..]).ok()?;
        return Some((head, body));
    }
}

fn header(head: &str, name: &str) -> Option<String> {
    let lines = head.lines().skip(1).filter_map(|line| line.split_once(':'));
    lines.filter(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim().to_owned()).next()
}

fn forward(head: &str, body: &[u8], behind: &str) -> Option<Vec<u8>> {
    let mut server = TcpStream::connect(behind).ok()?;
    let first = head.lines().next()?;
    let kept = head.lines().skip(1).filter(|line| !line.to_ascii_lowercase().starts_with("connection:"));
    let lines: String = kept.map(|line| format!("{line}\r\n")).collect();
    server.write_all(format!("{first}\r\n{lines}Connection: close\r\n\r\n").as_bytes()).ok()?;
    server.write_all(body).ok()?;
    let mut answer = Vec::new();
    server.read_to_end(&mut answer).ok()?;
    Some(answer)
}
