//! An emulated AWS: moto's server, one for each test program, and a plain HTTP client to look at it
//! and put things into it by other means than the adapters'.

use std::{
    io::{Read as _, Write as _},
    net::TcpStream,
    path::PathBuf,
    process::{Child, Command, Stdio},
    sync::{
        OnceLock,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use serde_json::Value;

use super::{python::python_with, wait::within};

const PACKAGES: &[&str] = &["moto[server,s3,sqs,sns,dynamodb,glue]==5.2.5", "boto3==1.44.8"];

/// Serves on a free port, says which, and ends when its standard input does: with the test.
///
/// What Amazon does in one step moto does in two, or not at all, and is mended here: to create an
/// object only if there is none, to update a Glue table only if it is still at a version, and to keep
/// a message that is sent to a queue while another one is deleted, and a queue's policy when another
/// attribute is set. A crawl ends when its crawler has been
/// looked at, and not only when the crawls are listed.
const SERVE: &str = "
import os, sys, threading, logging
logging.getLogger('werkzeug').setLevel(logging.ERROR)
from moto.server import ThreadedMotoServer
from moto.sqs.models import Queue
def locked(method):
    def call(queue, *args, **more):
        with queue._messages_lock:
            return method(queue, *args, **more)
    return call
Queue.add_message, Queue.delete_message = locked(Queue.add_message), locked(Queue.delete_message)
set_attributes = Queue._set_attributes
def set_named_attributes(queue, attributes, now=None):
    policy = getattr(queue, '_policy_json', None)
    set_attributes(queue, attributes, now)
    if 'Policy' not in attributes and policy:
        queue._policy_json = policy
Queue._set_attributes = set_named_attributes
from moto.glue.exceptions import GlueClientError
from moto.glue.responses import GlueResponse
from moto.s3.responses import S3Response
one = threading.RLock()
put_object, update_table = S3Response.put_object, GlueResponse.update_table
def put_one(self):
    with one:
        return put_object(self)
def update_one(self):
    with one:
        wanted = self.parameters.get('VersionId')
        table = self.glue_backend.get_table(self.parameters['DatabaseName'], self.parameters['TableInput']['Name'])
        if wanted not in (None, table.as_dict()['VersionId']):
            raise GlueClientError('ConcurrentModificationException', 'the table was updated meanwhile')
        return update_table(self)
S3Response.put_object, GlueResponse.update_table = put_one, update_one
from moto.glue.models import FakeCrawler
crawler_as_dict = FakeCrawler.as_dict
def looked_at(crawler):
    told = crawler_as_dict(crawler)
    for crawl in crawler.crawls:
        crawl.advance()
    return told
FakeCrawler.as_dict = looked_at
say, sys.stdout = sys.stdout, sys.stderr
server = ThreadedMotoServer(ip_address='127.0.0.1', port=0)
server.start()
print(server.get_host_and_port()[1], flush=True, file=say)
sys.stdin.read()
os._exit(0)
";

/// The emulated AWS of this test program.
pub struct Moto {
    port: u16,
    _child: Child,
}

/// A Python that has boto3, as somebody else's client.
///
/// # Panics
/// If it can't be made.
pub fn python() -> PathBuf {
    python_with("moto", PACKAGES)
}

/// The server, started when it is first needed.
///
/// # Panics
/// If it can't be started.
pub fn moto() -> &'static Moto {
    static MOTO: OnceLock<Moto> = OnceLock::new();
    MOTO.get_or_init(Moto::start)
}

/// A name that no other test of this program has: lower case, digits and `-`, fit for a bucket.
pub fn unique(prefix: &str) -> String {
    static NEXT: AtomicU32 = AtomicU32::new(1);
    format!("{prefix}-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed))
}

/// The region everything is in.
pub const REGION: &str = "us-east-1";

impl Moto {
    fn start() -> Moto {
        let python = python();
        let mut child =
            Command::new(python).args(["-c", SERVE]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("Python can be run");
        let mut said = String::new();
        let mut out = child.stdout.take().expect("its output is piped");
        let mut byte = [0];
        while out.read(&mut byte).expect("moto says its port") == 1 && byte != *b"\n" {
            said.push(char::from(byte[0]));
        }
        let port = said.trim().parse().unwrap_or_else(|_| panic!("moto did not start: {said}"));
        within(Duration::from_secs(30), || TcpStream::connect(("127.0.0.1", port)).ok()).expect("moto answers");
        Moto { port, _child: child }
    }

    /// Its address: `http://127.0.0.1:…`.
    pub fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Calls an API that speaks JSON: `target` is as in `X-Amz-Target`, such as
    /// `DynamoDB_20120810.ListTables`, `AmazonSQS.CreateQueue` or `AWSGlue.GetTable`.
    ///
    /// # Panics
    /// If it does not answer with success.
    pub fn call(&self, target: &str, body: &Value) -> Value {
        let service = match target.split(['_', '.']).next().unwrap_or_default() {
            "DynamoDB" => "dynamodb",
            "AmazonSQS" => "sqs",
            "AWSGlue" => "glue",
            "AWSEvents" => "events",
            other => panic!("which service is {other}?"),
        };
        let headers = format!("X-Amz-Target: {target}\r\nContent-Type: application/x-amz-json-1.0\r\n");
        let (status, answer) = self.request("POST", "/", service, &headers, body.to_string().as_bytes());
        let text = String::from_utf8_lossy(&answer).into_owned();
        assert_eq!(status, 200, "{target} {body}: {text}");
        if text.is_empty() { Value::Null } else { serde_json::from_str(&text).expect("the answer is JSON") }
    }

    /// Lets a queue, by its ARN, hear of what is published to a topic and has these attributes.
    ///
    /// # Panics
    /// If SNS does not let it.
    pub fn subscribe(&self, topic: &str, queue_arn: &str, filter: &str) {
        let account = queue_arn.split(':').nth(4).expect("an ARN names an account");
        let fields = [
            ("Action", "Subscribe"),
            ("TopicArn", &format!("arn:aws:sns:{REGION}:{account}:{topic}")),
            ("Protocol", "sqs"),
            ("Endpoint", queue_arn),
            ("Attributes.entry.1.key", "FilterPolicy"),
            ("Attributes.entry.1.value", filter),
        ];
        let form: Vec<String> = fields.iter().map(|(name, value)| format!("{name}={}", encode(value))).collect();
        let headers = "Content-Type: application/x-www-form-urlencoded\r\n";
        let (status, answer) = self.request("POST", "/", "sns", headers, form.join("&").as_bytes());
        assert_eq!(status, 200, "{}", String::from_utf8_lossy(&answer));
    }

    /// Calls an API that speaks JSON and has a path for each request: `lakeformation`, `/CreateLFTag`.
    ///
    /// # Panics
    /// If it does not answer with success.
    pub fn post(&self, service: &str, path: &str, body: &Value) -> Value {
        let (status, answer) = self.request("POST", path, service, "Content-Type: application/json\r\n", body.to_string().as_bytes());
        let text = String::from_utf8_lossy(&answer).into_owned();
        assert_eq!(status, 200, "{path} {body}: {text}");
        if text.is_empty() { Value::Null } else { serde_json::from_str(&text).expect("the answer is JSON") }
    }

    /// Calls S3: a method on `/bucket/key?query`, the path percent-encoded by this. The status and the body.
    pub fn s3(&self, method: &str, path: &str, query: &str, body: &[u8]) -> (u16, Vec<u8>) {
        let query = if query.is_empty() { String::new() } else { format!("?{query}") };
        self.request(method, &format!("{}{query}", encode(path)), "s3", "", body)
    }

    /// Makes a bucket.
    ///
    /// # Panics
    /// If it can't be made.
    pub fn create_bucket(&self, bucket: &str) {
        let (status, body) = self.s3("PUT", &format!("/{bucket}"), "", b"");
        assert_eq!(status, 200, "{}", String::from_utf8_lossy(&body));
    }

    /// Puts an object.
    ///
    /// # Panics
    /// If it can't be put.
    pub fn put_object(&self, bucket: &str, key: &str, body: &[u8]) {
        let (status, answer) = self.s3("PUT", &format!("/{bucket}/{key}"), "", body);
        assert_eq!(status, 200, "{}", String::from_utf8_lossy(&answer));
    }

    /// An object's bytes; `None` if there is none.
    pub fn get_object(&self, bucket: &str, key: &str) -> Option<Vec<u8>> {
        let (status, body) = self.s3("GET", &format!("/{bucket}/{key}"), "", b"");
        (status == 200).then_some(body)
    }

    fn request(&self, method: &str, path: &str, service: &str, headers: &str, body: &[u8]) -> (u16, Vec<u8>) {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).expect("moto answers");
        let authorization =
            format!("AWS4-HMAC-SHA256 Credential=test/20260101/{REGION}/{service}/aws4_request, SignedHeaders=host, Signature=0");
        let head = format!(
            "{method} {path} HTTP/1.0\r\nHost: 127.0.0.1:{}\r\nAuthorization: {authorization}\r\nContent-Length: {}\r\n{headers}\r\n",
            self.port,
            body.len()
        );
        stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(body)).expect("moto reads");
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).expect("moto answers");
        let end = answer.windows(4).position(|bytes| bytes == b"\r\n\r\n").expect("an HTTP answer has a head");
        let body = answer.split_off(end + 4);
        let head = String::from_utf8_lossy(&answer).into_owned();
        let status = head.split(' ').nth(1).and_then(|code| code.parse().ok()).expect("an HTTP answer has a status");
        (status, body)
    }
}

fn encode(path: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/-_.~".contains(&byte);
    path.bytes().map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }).collect()
}
