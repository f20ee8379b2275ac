//! A corner of a real server for each test.

use std::hash::{BuildHasher, RandomState};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;

use store_opensearch::{OpenSearchStore, Options, Visible};

/// Names of our own on the server; what bears them is removed in the end.
pub struct Corner {
    address: String,
    pub prefix: String,
}

/// A store in a corner of its own, where what was written is found at once; `None` where there is no server.
pub async fn open() -> Option<(Arc<OpenSearchStore>, Corner)> {
    let corner = Corner::new()?;
    let options = Options { visible: Visible::AtOnce, ..corner.options() };
    let store = OpenSearchStore::connect(options).expect("the options are right");
    Some((store, corner))
}

impl Corner {
    /// Of the server that is there for tests.
    pub fn new() -> Option<Self> {
        let thread = std::thread::current();
        let address = e2e::services::address("OPENSEARCH", thread.name().unwrap_or("a test"))?;
        Some(Self::at(&address))
    }

    /// Of the server at this address.
    pub fn at(address: &str) -> Self {
        let prefix = format!("t{:016x}", RandomState::new().hash_one("a corner"));
        Self { address: address.to_owned(), prefix }
    }

    /// The usual options, here.
    pub fn options(&self) -> Options {
        let index = format!("{}-{{stream}}-{{yyyy.MM.dd}}", self.prefix);
        Options { index, install: true, replicas: Some(0), shards: Some(1), ..Options::new([&self.address]) }
    }

    /// A plain request without any library of ours; the status and the body.
    pub fn ask(&self, method: &str, path: &str, body: &str) -> (u16, String) {
        let host = self.address.trim_start_matches("http://");
        let mut stream = TcpStream::connect(host).expect("the server is there");
        let length = body.len();
        let request = format!(
            "{method} {path} HTTP/1.0\r\nhost: {host}\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}"
        );
        stream.write_all(request.as_bytes()).expect("it takes a request");
        let mut answer = String::new();
        let _ = stream.read_to_string(&mut answer);
        let status = answer.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0);
        (status, answer.split_once("\r\n\r\n").map(|(_, body)| body.to_owned()).unwrap_or_default())
    }
}

impl Drop for Corner {
    fn drop(&mut self) {
        let prefix = &self.prefix;
        if !std::thread::panicking() {
            self.ask("DELETE", &format!("/{prefix}-*,logdrive-ranges-{prefix}*?ignore_unavailable=true"), "");
            self.ask("DELETE", &format!("/_index_template/logdrive-{prefix}"), "");
        }
    }
}
