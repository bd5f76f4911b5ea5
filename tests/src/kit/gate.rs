//! A way to a server on which the first request of a kind is held back until the test says so: what
//! happens to whoever is slow at just the wrong moment.

use std::{
    io::{Read as _, Write as _},
    net::{TcpListener, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        mpsc::{Receiver, Sender, channel},
    },
    thread,
    time::Duration,
};

use super::wait::eventually;

/// How long a request is waited for, and held back.
const DEADLINE: Duration = Duration::from_secs(60);

/// The way, and the gate on it.
pub struct Gate {
    endpoint: String,
    held: Arc<AtomicBool>,
    open: Sender<()>,
}

/// What the connections share. The first that brings the request takes `opened`.
struct Guard {
    text: String,
    held: Arc<AtomicBool>,
    opened: std::sync::Mutex<Option<Receiver<()>>>,
}

impl Gate {
    /// A way to `http://127.0.0.1:…` on which the first request is held back that has this text in its
    /// head, whatever its case.
    ///
    /// # Panics
    /// If there is no port to listen on.
    pub fn before(endpoint: &str, text: &str) -> Gate {
        let server = endpoint.strip_prefix("http://").expect("the server speaks plain HTTP").to_owned();
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("there is a free port");
        let address = listener.local_addr().expect("a listener has an address");
        let (open, opened) = channel();
        let held = Arc::new(AtomicBool::new(false));
        let guard = Arc::new(Guard { text: text.to_lowercase(), held: Arc::clone(&held), opened: Some(opened).into() });
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let (Ok(to_server), Ok(answers)) = (TcpStream::connect(&server), client.try_clone()) else { continue };
                let Ok(from_server) = to_server.try_clone() else { continue };
                let guard = Arc::clone(&guard);
                thread::spawn(move || pass_on(client, to_server, |bytes| guard.watch(bytes)));
                thread::spawn(move || pass_on(from_server, answers, |_| {}));
            }
        });
        Gate { endpoint: format!("http://{address}"), held, open }
    }

    /// Its address.
    pub fn endpoint(&self) -> String {
        self.endpoint.clone()
    }

    /// Waits until the request is there and held back.
    ///
    /// # Panics
    /// If it does not come.
    pub fn holds(&self) {
        eventually(DEADLINE, "the request to hold back", || self.held.load(Ordering::SeqCst).then_some(()));
    }

    /// Lets the request pass.
    pub fn open(self) {
        // Nobody waits any more if it came too late.
        let _ = self.open.send(());
    }
}

impl Guard {
    fn watch(&self, bytes: &[u8]) {
        if !String::from_utf8_lossy(bytes).to_lowercase().contains(&self.text) {
            return;
        }
        let opened = self.opened.lock().ok().and_then(|mut opened| opened.take());
        if let Some(opened) = opened {
            self.held.store(true, Ordering::SeqCst);
            let _ = opened.recv_timeout(DEADLINE);
        }
    }
}

/// Passes bytes on until one side is closed. A request's head is in one piece: it is short.
fn pass_on(mut from: TcpStream, mut to: TcpStream, before: impl Fn(&[u8])) {
    let mut piece = vec![0; 64 << 10];
    while let Ok(count @ 1..) = from.read(&mut piece) {
        before(&piece[..count]);
        if to.write_all(&piece[..count]).is_err() {
            break;
        }
    }
    let _ = to.shutdown(std::net::Shutdown::Write);
}
