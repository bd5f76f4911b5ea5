//! An HTTP server that answers as a test tells it to: what an emulated AWS can't do, such as refusing,
//! throttling, and going away in the middle.

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{TcpListener, TcpStream},
    sync::Arc,
    thread,
    time::Duration,
};

use serde_json::Value;

/// A request.
#[derive(Clone, Debug)]
pub struct Request {
    /// `GET`, `HEAD`, …
    pub method: String,
    /// The path with its query.
    pub path: String,
    /// What is asked of a service that speaks JSON: `ReceiveMessage`. Empty for others.
    pub action: String,
    /// The body, if it is JSON.
    pub body: Value,
}

/// What to do with a request.
pub enum Reply {
    /// A status and a body.
    Answer(u16, Value),
    /// Close the connection without a word.
    Cut,
}

impl Reply {
    /// An error of a service that speaks JSON.
    pub fn error(status: u16, name: &str) -> Reply {
        Reply::Answer(status, serde_json::json!({ "__type": format!("com.amazonaws.sqs#{name}"), "message": "as the test says" }))
    }
}

/// Serves until the test program ends. Every request has a thread, in which it may be answered late.
/// The address is `http://127.0.0.1:…`.
///
/// # Panics
/// If there is no free port.
pub fn serve(answer: impl Fn(&Request) -> Reply + Send + Sync + 'static) -> String {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("there is a free port");
    let address = format!("http://{}", listener.local_addr().expect("a listener has an address"));
    let answer = Arc::new(answer);
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let answer = Arc::clone(&answer);
            thread::spawn(move || {
                // Whoever goes away does not want the answer.
                let _ = handle(stream, answer.as_ref());
            });
        }
    });
    address
}

fn handle(stream: TcpStream, answer: &impl Fn(&Request) -> Reply) -> std::io::Result<()> {
    stream.set_read_timeout(Some(Duration::from_secs(60)))?;
    let mut reader = BufReader::new(stream);
    loop {
        let Some(request) = read(&mut reader)? else { return Ok(()) };
        let Reply::Answer(status, body) = answer(&request) else { return Ok(()) };
        let body = if request.method == "HEAD" || body.is_null() { String::new() } else { body.to_string() };
        let head =
            format!("HTTP/1.1 {status} scripted\r\nContent-Type: application/x-amz-json-1.0\r\nContent-Length: {}\r\n\r\n", body.len());
        reader.get_mut().write_all((head + &body).as_bytes())?;
    }
}

/// The next request of a connection; `None` at its end.
fn read(reader: &mut BufReader<TcpStream>) -> std::io::Result<Option<Request>> {
    let mut line = String::new();
    if reader.read_line(&mut line)? == 0 {
        return Ok(None);
    }
    let mut words = line.split_whitespace().map(str::to_owned);
    let [method, path] = [words.next().unwrap_or_default(), words.next().unwrap_or_default()];
    let (mut length, mut action) = (0, String::new());
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let Some((name, value)) = line.trim().split_once(':') else { break };
        match name.to_ascii_lowercase().as_str() {
            "content-length" => length = value.trim().parse().unwrap_or(0),
            "x-amz-target" => action = value.rsplit('.').next().unwrap_or_default().to_owned(),
            _ => {}
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    Ok(Some(Request { method, path, action, body: serde_json::from_slice(&body).unwrap_or(Value::Null) }))
}
