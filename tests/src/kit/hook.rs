//! Somebody who is told by webhook: keeps what was posted, and answers as a test says.

use std::{
    collections::BTreeMap,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{Arc, Mutex, PoisonError},
    thread,
};

use serde_json::Value;

/// What was posted.
#[derive(Clone, Debug)]
pub struct Posted {
    /// The path with its query.
    pub path: String,
    /// The headers, names in small letters.
    pub headers: BTreeMap<String, String>,
    /// The body as it came.
    pub text: String,
    /// What was answered.
    pub status: u16,
}

impl Posted {
    /// The body as JSON.
    ///
    /// # Panics
    /// If it is none.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error} in {}", self.text))
    }
}

/// The receiver. Serves as long as the test program runs.
pub struct Hook {
    address: SocketAddr,
    posted: Arc<Mutex<Vec<Posted>>>,
}

impl Hook {
    /// Listens at this address, port 0 taking a free one. `answer` says the status for the nth request,
    /// counted from 0.
    ///
    /// # Panics
    /// If it can't listen there.
    pub fn listen(address: SocketAddr, answer: impl Fn(usize) -> u16 + Send + Sync + 'static) -> Hook {
        let listener = TcpListener::bind(address).expect("it can listen");
        let address = listener.local_addr().expect("it listens");
        let posted = Arc::<Mutex<Vec<Posted>>>::default();
        let kept = Arc::clone(&posted);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                // Whoever goes away does not want the answer.
                let _ = handle(stream, &kept, &answer);
            }
        });
        Hook { address, posted }
    }

    /// The address of this path.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// All that was posted, in order.
    pub fn posted(&self) -> Vec<Posted> {
        self.posted.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// What was taken: answered with 200.
    pub fn taken(&self) -> Vec<Posted> {
        self.posted().into_iter().filter(|posted| posted.status == 200).collect()
    }
}

fn handle(stream: TcpStream, kept: &Mutex<Vec<Posted>>, answer: &impl Fn(usize) -> u16) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader.read_line(&mut line)?;
    let path = line.split_whitespace().nth(1).unwrap_or_default().to_owned();
    let mut headers = BTreeMap::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let Some((name, value)) = line.trim().split_once(':') else { break };
        headers.insert(name.to_ascii_lowercase(), value.trim().to_owned());
    }
    let length = headers.get("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    let status = {
        let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
        let status = answer(kept.len());
        kept.push(Posted { path, headers, text: String::from_utf8_lossy(&body).into_owned(), status });
        status
    };
    let location = if (300..400).contains(&status) { "Location: http://127.0.0.1:1/elsewhere\r\n" } else { "" };
    let head = format!("HTTP/1.1 {status} X\r\n{location}Content-Length: 0\r\nConnection: close\r\n\r\n");
    reader.get_mut().write_all(head.as_bytes())
}
