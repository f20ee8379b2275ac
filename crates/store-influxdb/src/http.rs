//! Calls over HTTP, and what their answers mean.

use std::io::Write as _;
use std::time::Duration;

use base::Explain as _;
use bytes::{Bytes, BytesMut};
use flate2::Compression;
use flate2::write::GzEncoder;
use reqwest::{Method, StatusCode};
use store::StoreError;

use crate::{Options, Server};

/// Longest answer taken, in bytes.
const ANSWER_MAX: usize = 64 << 20;
/// The kind of a body of points.
pub const LINES: &str = "text/plain; charset=utf-8";
/// Of what a server says, so much is passed on.
const REASON_MAX: usize = 400;
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// A server may ask for as long a wait as it likes; it is asked again after this.
const WAIT_MAX: Duration = Duration::from_secs(60);

/// One server.
pub struct Client {
    http: reqwest::Client,
    address: String,
    authorization: Authorization,
    gzip: bool,
}

enum Authorization {
    None,
    Basic { username: String, password: Option<String> },
    Token(String),
}

/// What to ask.
pub struct Call<'a> {
    pub method: Method,
    pub path: &'a str,
    pub query: Vec<(&'a str, &'a str)>,
    pub body: Option<(&'static str, Vec<u8>)>,
    pub accept: &'static str,
}

/// What came back.
pub struct Answer {
    pub status: StatusCode,
    /// The server's version, where it says so.
    pub version: Option<String>,
    /// How long it wants to be left alone.
    pub wait: Option<Duration>,
    pub body: Bytes,
}

impl Client {
    pub fn new(options: &Options) -> Result<Self, StoreError> {
        let address = options.address.trim_end_matches('/').to_owned();
        let rest = address.strip_prefix("http://").or_else(|| address.strip_prefix("https://")).unwrap_or_default();
        if rest.is_empty() || rest.contains(['?', '#', ' ', '@']) {
            // It is not shown: it may hold a password.
            let reason = "write http://host:port, with what lets us in in its own settings".to_owned();
            return Err(StoreError::Invalid { what: "address of InfluxDB", reason });
        }
        // Fails only where another part of the process has chosen a provider before; then that one serves.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut builder = reqwest::Client::builder()
            .timeout(options.timeout)
            .connect_timeout(CONNECT_TIMEOUT)
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .user_agent(concat!("logdrive/", env!("CARGO_PKG_VERSION")));
        if let Some(path) = &options.ca {
            let refused = |reason: String| StoreError::Io { action: "use", path: path.display().to_string(), reason };
            let pem = std::fs::read(path).map_err(|error| refused(error.to_string()))?;
            let certificates = reqwest::Certificate::from_pem_bundle(&pem).map_err(|error| refused(chain(&error)))?;
            builder = builder.tls_certs_only(certificates);
        }
        let http = builder.build().map_err(|error| StoreError::Invalid {
            what: "settings of InfluxDB",
            reason: format!("no client for {address} can be made of them: {}", chain(&error)),
        })?;
        let authorization = match &options.server {
            Server::V1 { username: Some(username), password, .. } => {
                Authorization::Basic { username: username.clone(), password: password.clone() }
            }
            Server::V1 { .. } => Authorization::None,
            Server::V2 { token, .. } => Authorization::Token(format!("Token {token}")),
        };
        Ok(Self { http, address, authorization, gzip: options.gzip })
    }

    pub fn address(&self) -> &str {
        &self.address
    }

    /// Sends and takes whatever comes back.
    pub async fn call(&self, call: Call<'_>) -> Result<Answer, StoreError> {
        let url = format!("{}{}", self.address, call.path);
        let mut request = self.http.request(call.method, url).query(&call.query).header("accept", call.accept);
        request = match &self.authorization {
            Authorization::None => request,
            Authorization::Basic { username, password } => request.basic_auth(username, password.as_ref()),
            Authorization::Token(token) => request.header("authorization", token),
        };
        if let Some((kind, body)) = call.body {
            request = request.header("content-type", kind);
            // Only writes are taken compressed.
            request = match (self.gzip && kind == LINES).then(|| compressed(&body)).flatten() {
                Some(small) => request.header("content-encoding", "gzip").body(small),
                None => request.body(body),
            };
        }
        let unreachable = |error: reqwest::Error| self.unavailable(advised(chain(&error.without_url())));
        let mut response = request.send().await.map_err(unreachable)?;
        let header = |name| response.headers().get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
        let version = header("x-influxdb-version");
        let wait = header("retry-after").and_then(|text| text.trim().parse().ok()).map(Duration::from_secs);
        let mut body = BytesMut::new();
        while let Some(chunk) = response.chunk().await.map_err(unreachable)? {
            if body.len() + chunk.len() > ANSWER_MAX {
                let reason = format!("its answer is longer than {} MiB; ask for less", ANSWER_MAX >> 20);
                return Err(StoreError::Exhausted { at: self.address.clone(), reason });
            }
            body.extend_from_slice(&chunk);
        }
        let wait = wait.map(|wait| wait.min(WAIT_MAX));
        Ok(Answer { status: response.status(), version, wait, body: body.freeze() })
    }

    pub fn unavailable(&self, reason: String) -> StoreError {
        StoreError::Unavailable { at: self.address.clone(), reason }
    }

    pub fn refused(&self, reason: String) -> StoreError {
        StoreError::Refused { at: self.address.clone(), reason }
    }

    /// What an answer that is no success means, where that does not depend on what was asked.
    pub fn failure(&self, answer: &Answer) -> StoreError {
        let (status, said) = (answer.status, answer.said());
        match status.as_u16() {
            401 => self.refused(format!("it does not let us in (401: {said}); check {}", self.credentials())),
            403 => {
                let who = self.credentials();
                self.refused(format!("what we ask for is not allowed to us (403: {said}); check the rights of {who}"))
            }
            429 | 500..=599 => self.unavailable(format!("it answered {}: {said}", status.as_u16())),
            code => self.refused(format!("it answered {code}: {said}")),
        }
    }

    const fn credentials(&self) -> &'static str {
        match self.authorization {
            Authorization::Token(_) => "the token",
            _ => "username and password",
        }
    }
}

impl Answer {
    /// What the server said, in one short line.
    pub fn said(&self) -> String {
        let json: Option<serde_json::Value> = serde_json::from_slice(&self.body).ok();
        let told = json.as_ref().and_then(|json| {
            let part = |key| json.get(key).and_then(serde_json::Value::as_str).filter(|text| !text.is_empty());
            part("error").or_else(|| part("message"))
        });
        let text = told.map_or_else(|| String::from_utf8_lossy(&self.body).into_owned(), str::to_owned);
        let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
        if line.is_empty() { "without a word".to_owned() } else { line.chars().take(REASON_MAX).collect() }
    }
}

fn compressed(body: &[u8]) -> Option<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::with_capacity(body.len() / 4), Compression::fast());
    encoder.write_all(body).ok()?;
    encoder.finish().ok()
}

/// What went wrong on the way, with what to do where that is known.
fn advised(reason: String) -> String {
    let known = [
        ("certificate", "the address must have the name that the certificate is for, and ca must hold who issued it"),
        ("refused", "is InfluxDB running there, and on this port?"),
        ("dns error", "is the name of the host right?"),
        ("timed out", "it is overloaded, or something between us and it drops what we send"),
    ];
    match known.iter().find(|(part, _)| reason.contains(part)) {
        Some((_, advice)) => format!("{reason}; {advice}"),
        None => reason,
    }
}

/// An error and its causes; each is said once.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let next = error.to_string();
        if !text.contains(&next) {
            text = format!("{text}: {next}");
        }
        cause = error.source();
    }
    text
}

/// Whether what failed may be asked again soon: nothing is wrong with the question.
pub fn passes(error: &StoreError) -> bool {
    error.retry() == base::Retry::Later
}
