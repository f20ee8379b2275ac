//! Stores on the real servers, each in a database or bucket of its own.

use std::time::{SystemTime, UNIX_EPOCH};

use store_influxdb::{InfluxStore, Options, Server};

/// What `cargo xtask services` sets up.
pub const ORG: &str = "logdrive";
pub const TOKEN: &str = "logdrive-test-token";

/// The address of a server, if there is one to test with.
pub fn address(variable: &str) -> Option<String> {
    e2e::services::address(variable, std::thread::current().name().unwrap_or("a test"))
}

/// A name that no other test and no other run uses.
pub fn unique(prefix: &str) -> String {
    static COUNT: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(0);
    let count = COUNT.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    let nanos = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_nanos());
    format!("{prefix}-{}-{nanos}-{count}", std::process::id())
}

/// A database of InfluxDB 1.x that nobody else uses.
pub fn v1(database: &str) -> Server {
    Server::V1 { database: database.to_owned(), retention_policy: None, username: None, password: None }
}

/// A bucket of InfluxDB 2.x.
pub fn v2(bucket: &str) -> Server {
    Server::V2 { org: ORG.to_owned(), bucket: bucket.to_owned(), token: TOKEN.to_owned() }
}

/// A store that makes what it writes into.
pub fn open(address: &str, server: Server) -> Box<InfluxStore> {
    let options = Options { create: true, ..Options::new(address, server) };
    Box::new(InfluxStore::new(options).unwrap_or_else(|error| panic!("{error}")))
}
