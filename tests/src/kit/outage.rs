//! A way to a server that can be closed for a while: it refuses connections, swallows what is said,
//! or answers that there is too much to do.

use std::{
    io::{Read as _, Write as _},
    net::{Shutdown, TcpListener, TcpStream},
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::Duration,
};

/// How the way is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// What is said arrives.
    Open,
    /// Connections are cut, as those to a server that has been stopped.
    Cut,
    /// What is said is never answered.
    Silent,
    /// What is said arrives and is done, and the answer is lost.
    Deaf,
    /// Of ten connections so many are answered by 503 or, to services that speak JSON, by
    /// `ThrottlingException`.
    Throttling(u64),
}

/// The way.
#[derive(Clone)]
pub struct Outage {
    endpoint: String,
    state: Arc<Mutex<State>>,
    refused: Arc<AtomicU64>,
}

struct State {
    way: Way,
    /// Both ends of everything that is connected.
    connections: Vec<TcpStream>,
}

impl Outage {
    /// An open way to `http://127.0.0.1:…`.
    ///
    /// # Panics
    /// If there is no port to listen on.
    pub fn before(endpoint: &str) -> Outage {
        let server = endpoint.strip_prefix("http://").expect("the server speaks plain HTTP").to_owned();
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("there is a free port");
        let endpoint = format!("http://{}", listener.local_addr().expect("a listener has an address"));
        let state = Arc::new(Mutex::new(State { way: Way::Open, connections: Vec::new() }));
        let outage = Outage { endpoint, state, refused: Arc::default() };
        let accepting = outage.clone();
        thread::spawn(move || {
            for (number, client) in listener.incoming().flatten().enumerate() {
                accepting.accept(client, &server, number as u64);
            }
        });
        outage
    }

    /// Its address.
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// Changes the way. What is connected is cut.
    ///
    /// # Panics
    /// If a thread of it has panicked.
    pub fn set(&self, way: Way) {
        let mut state = self.state.lock().expect("nobody panicked");
        state.way = way;
        for connection in state.connections.drain(..) {
            // It may be closed already.
            let _ = connection.shutdown(Shutdown::Both);
        }
    }

    /// How many connections did not get through.
    pub fn refused(&self) -> u64 {
        self.refused.load(Ordering::Relaxed)
    }

    fn accept(&self, client: TcpStream, server: &str, number: u64) {
        let mut state = self.state.lock().expect("nobody panicked");
        let through = match state.way {
            Way::Open | Way::Deaf => true,
            Way::Cut | Way::Silent => false,
            Way::Throttling(of_ten) => number % 10 >= of_ten,
        };
        if through {
            let ends = [client.try_clone(), client.try_clone()];
            let (Ok(to_server), [Ok(answers), Ok(kept)]) = (TcpStream::connect(server), ends) else { return };
            let (Ok(from_server), Ok(kept_too)) = (to_server.try_clone(), to_server.try_clone()) else { return };
            state.connections.extend([kept, kept_too]);
            thread::spawn(move || pass_on(client, to_server));
            if state.way == Way::Deaf {
                self.refused.fetch_add(1, Ordering::Relaxed);
                thread::spawn(move || lose(from_server, &answers));
            } else {
                thread::spawn(move || pass_on(from_server, answers));
            }
            return;
        }
        self.refused.fetch_add(1, Ordering::Relaxed);
        match state.way {
            Way::Silent => state.connections.push(client),
            Way::Throttling(_) => {
                thread::spawn(move || throttle(client));
            }
            Way::Open | Way::Deaf | Way::Cut => {}
        }
    }
}

/// Passes bytes on until one side is closed.
fn pass_on(mut from: TcpStream, mut to: TcpStream) {
    let mut piece = vec![0; 64 << 10];
    while let Ok(count @ 1..) = from.read(&mut piece) {
        if to.write_all(&piece[..count]).is_err() {
            break;
        }
    }
    let _ = to.shutdown(Shutdown::Write);
    let _ = from.shutdown(Shutdown::Read);
}

/// Waits for an answer, and cuts the connection instead of passing it on.
fn lose(mut from: TcpStream, to: &TcpStream) {
    let _ = from.read(&mut [0; 1]);
    let _ = to.shutdown(Shutdown::Both);
    let _ = from.shutdown(Shutdown::Both);
}

/// Answers one request with an error that passes.
fn throttle(mut client: TcpStream) -> Option<()> {
    client.set_read_timeout(Some(Duration::from_secs(5))).ok()?;
    let (mut read, mut piece) = (Vec::new(), [0; 16_384]);
    let (head, there) = loop {
        let count = client.read(&mut piece).ok().filter(|count| *count > 0)?;
        read.extend_from_slice(&piece[..count]);
        if let Some(end) = read.windows(4).position(|bytes| bytes == b"\r\n\r\n") {
            break (String::from_utf8_lossy(&read[..end]).to_lowercase(), read.len() - end - 4);
        }
    };
    let length = head.lines().find_map(|line| line.strip_prefix("content-length:")).and_then(|length| length.trim().parse::<usize>().ok());
    let mut left = length.unwrap_or(0).saturating_sub(there);
    while left > 0 {
        left = left.saturating_sub(client.read(&mut piece).ok().filter(|count| *count > 0)?);
    }
    let (status, kind, body) = if head.contains("\r\nx-amz-target:") {
        ("400 Bad Request", "application/x-amz-json-1.0", r#"{"__type":"ThrottlingException","message":"Rate exceeded"}"#)
    } else {
        ("503 Slow Down", "application/xml", "<Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message></Error>")
    };
    let head = format!("HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", body.len());
    client.write_all(format!("{head}{body}").as_bytes()).ok()
}
