//! Requests to a cluster: nodes in turn, errors in one line, bodies of a bounded size.

mod nodes;
mod tls;

use std::error::Error as _;
use std::io::Write as _;
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::{Bytes, BytesMut};
use nodes::{Node, Nodes};
use reqwest::header::{AUTHORIZATION, CONTENT_ENCODING, CONTENT_TYPE, HeaderMap, HeaderValue, RETRY_AFTER};
use reqwest::{Client, Method, Url};
use serde_json::Value;
use store::StoreError;

use crate::options::{Auth, Compression, Options};

/// A cluster.
pub struct Http {
    client: Client,
    nodes: Nodes,
    timeout: Duration,
    compression: Compression,
    who: &'static str,
}

/// What is asked.
pub struct Request {
    /// How.
    pub method: Method,
    /// What, from the slash on, with its query.
    pub path: String,
    /// The body, if any.
    pub body: Option<Body>,
}

/// A body.
pub enum Body {
    /// One JSON value.
    Json(Value),
    /// Lines of JSON.
    Lines(Bytes),
}

impl Request {
    /// Asks for something.
    pub fn get(path: impl Into<String>) -> Self {
        Self { method: Method::GET, path: path.into(), body: None }
    }

    /// Asks for something to be done.
    pub fn empty(path: impl Into<String>) -> Self {
        Self { method: Method::POST, path: path.into(), body: None }
    }

    /// Asks with a body.
    pub fn post(path: impl Into<String>, body: Value) -> Self {
        Self { method: Method::POST, path: path.into(), body: Some(Body::Json(body)) }
    }

    /// Puts something.
    pub fn put(path: impl Into<String>, body: Value) -> Self {
        Self { method: Method::PUT, path: path.into(), body: Some(Body::Json(body)) }
    }

    /// Sends a bulk.
    pub fn lines(path: impl Into<String>, body: Bytes) -> Self {
        Self { method: Method::POST, path: path.into(), body: Some(Body::Lines(body)) }
    }
}

/// What came back.
#[derive(Debug)]
pub struct Answer {
    /// From where.
    pub at: String,
    /// HTTP's status.
    pub status: u16,
    /// After how long to ask again, if it said so.
    pub retry_after: Option<Duration>,
    /// The body.
    pub body: Bytes,
    /// Who asked.
    who: &'static str,
}

/// Bytes of an answer, at most.
const ANSWER_BYTES_MAX: usize = 256 << 20;
/// How an answer is told that is bigger.
pub const TOO_BIG: &str = "its answer is too big";
/// Characters of what a server said that are shown.
const SAID_CHARS_MAX: usize = 400;

impl Http {
    /// To the nodes of some options. Nothing is sent yet.
    ///
    /// # Errors
    /// `Invalid` where an address, a certificate or a credential cannot be right.
    pub fn new(options: &Options) -> Result<Self, StoreError> {
        let invalid = |what, reason| StoreError::Invalid { what, reason };
        let mut auth = options.auth.clone();
        let mut addresses = Vec::new();
        for node in &options.nodes {
            addresses.push(address(node, &mut auth).map_err(|reason| invalid("url", reason))?);
        }
        if addresses.is_empty() {
            return Err(invalid("url", "there is no node; write https://host:9200".to_owned()));
        }
        let mut headers = HeaderMap::new();
        let (value, who) = match &auth {
            Auth::None => (None, "without credentials"),
            Auth::Basic { username, password } => {
                (Some(format!("Basic {}", STANDARD.encode(format!("{username}:{password}")))), "this user and password")
            }
            Auth::ApiKey(key) => (Some(format!("ApiKey {key}")), "this API key"),
        };
        if let Some(value) = value {
            let value = HeaderValue::from_str(&value);
            let mut value =
                value.map_err(|_| invalid("api_key", "it holds characters that no header may".to_owned()))?;
            value.set_sensitive(true);
            headers.insert(AUTHORIZATION, value);
        }
        let mut builder = Client::builder()
            .default_headers(headers)
            .connect_timeout(Duration::from_secs(10))
            .tcp_nodelay(true)
            .redirect(reqwest::redirect::Policy::none())
            .pool_max_idle_per_host(options.requests_max + 8);
        match tls::config(&options.tls)? {
            Some(config) => builder = builder.tls_backend_preconfigured(config),
            // Another part of the process may have chosen one already: then that is the one.
            None => drop(rustls::crypto::ring::default_provider().install_default()),
        }
        let client = builder.build().map_err(|error| invalid("tls", causes(&error)))?;
        let (timeout, compression) = (options.timeout, options.compression);
        Ok(Self { client, nodes: Nodes::new(addresses), timeout, compression, who })
    }

    /// How the cluster is shown.
    pub fn shown(&self) -> String {
        self.nodes.shown()
    }

    /// Asks one node after the other until one answers.
    ///
    /// # Errors
    /// `Unavailable` where none does.
    pub async fn send(&self, request: Request) -> Result<Answer, StoreError> {
        let (body, headers) = self.body(request.body)?;
        let until = Instant::now() + self.timeout;
        let mut failed = None;
        for node in self.nodes.order(Instant::now()) {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() && failed.is_some() {
                break;
            }
            let mut sent = self.client.request(request.method.clone(), format!("{}{}", node.url, request.path));
            sent = sent.timeout(left).headers(headers.clone());
            if let Some(body) = &body {
                sent = sent.body(body.clone());
            }
            match self.answer(node, sent).await {
                Ok(answer) if matches!(answer.status, 502..=504) && self.nodes.len() > 1 => {
                    node.is_down(Instant::now());
                    failed = Some(Ok(answer));
                }
                Ok(answer) => {
                    node.is_well();
                    return Ok(answer);
                }
                Err(reason) => {
                    node.is_down(Instant::now());
                    let at = node.shown.clone();
                    failed = failed.or(Some(Err(StoreError::Unavailable { at, reason })));
                }
            }
        }
        failed.unwrap_or_else(|| {
            Err(StoreError::Unavailable { at: self.shown(), reason: "there was no time to ask".to_owned() })
        })
    }

    /// Asks, and gives what it answers as JSON.
    ///
    /// # Errors
    /// As [`Http::send`], and what [`Answer::error`] makes of an answer that is not what was asked for.
    pub async fn json(&self, request: Request) -> Result<Value, StoreError> {
        self.send(request).await?.json()
    }

    fn body(&self, body: Option<Body>) -> Result<(Option<Bytes>, HeaderMap), StoreError> {
        let mut headers = HeaderMap::new();
        let (bytes, kind) = match body {
            None => return Ok((None, headers)),
            Some(Body::Json(value)) => (Bytes::from(value.to_string()), "application/json"),
            Some(Body::Lines(bytes)) => (bytes, "application/x-ndjson"),
        };
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
        if self.compression == Compression::None {
            return Ok((Some(bytes), headers));
        }
        headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        let mut gzip = flate2::write::GzEncoder::new(Vec::with_capacity(bytes.len() / 4), flate2::Compression::fast());
        let packed = gzip.write_all(&bytes).and_then(|()| gzip.finish());
        let packed = packed.map_err(|error| StoreError::Io {
            action: "compress",
            path: "a request".to_owned(),
            reason: error.to_string(),
        })?;
        Ok((Some(packed.into()), headers))
    }

    async fn answer(&self, node: &Node, request: reqwest::RequestBuilder) -> Result<Answer, String> {
        let mut response = request.send().await.map_err(|error| failure(&error))?;
        let seconds = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse().ok());
        let mut body = BytesMut::with_capacity(response.content_length().unwrap_or(0).min(1 << 20) as usize);
        while let Some(chunk) = response.chunk().await.map_err(|error| failure(&error))? {
            if body.len() + chunk.len() > ANSWER_BYTES_MAX {
                return Err(format!("{TOO_BIG}, more than {ANSWER_BYTES_MAX} bytes; ask for less"));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Answer {
            at: node.shown.clone(),
            status: response.status().as_u16(),
            retry_after: seconds.map(Duration::from_secs),
            body: body.freeze(),
            who: self.who,
        })
    }
}

/// The address of a node for requests, and as it is shown; credentials in it go to `auth`.
fn address(node: &str, auth: &mut Auth) -> Result<(String, String), String> {
    let mut url: Url = node.parse().map_err(|_| "an address is not as https://host:9200".to_owned())?;
    if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none() {
        return Err("an address is not as https://host:9200".to_owned());
    }
    if !url.username().is_empty() {
        let password = url.password().unwrap_or_default().to_owned();
        *auth = Auth::Basic { username: url.username().to_owned(), password };
        // Neither can fail: the address has a host.
        let _ = url.set_username("");
        let _ = url.set_password(None);
    }
    url.set_query(None);
    url.set_fragment(None);
    let shown = url.as_str().trim_end_matches('/').to_owned();
    Ok((shown.clone(), shown))
}

/// An error with its causes, without the address: that is shown already.
fn causes(error: &reqwest::Error) -> String {
    let mut causes = Vec::new();
    let mut cause = error.source();
    while let Some(error) = cause {
        causes.push(error.to_string());
        cause = error.source();
    }
    // The last is the nearest to what happened; what is before it says the same in general.
    one_line(&causes.pop().unwrap_or_else(|| error.to_string()))
}

fn failure(error: &reqwest::Error) -> String {
    let said = causes(error);
    let low = said.to_ascii_lowercase();
    let hint = if error.is_timeout() {
        "no answer in time; is it overloaded or stopped?"
    } else if low.contains("lookup address") || low.contains("name or service not known") || low.contains("dns error") {
        "is the name right, and known to this machine?"
    } else if low.contains("refused") {
        "is it running, and is this its address?"
    } else if low.contains("not valid for name") || low.contains("notvalidforname") {
        "use a name that the certificate bears, or set fingerprint"
    } else if low.contains("certificate") || low.contains("unknownissuer") || low.contains("fingerprint") {
        "set ca to the authority's file, or fingerprint to the certificate's"
    } else if low.contains("corrupt message") || low.contains("invalidcontenttype") || low.contains("wrong version") {
        "it may speak plain HTTP: leave +https out of the URL"
    } else if low.contains("invalid http version") {
        "it may speak HTTPS: write opensearch+https:// or elasticsearch+https://"
    } else if low.contains("connection closed") || low.contains("incomplete message") {
        "it was stopped, or it speaks HTTPS: then write opensearch+https:// or elasticsearch+https://"
    } else {
        return said;
    };
    if error.is_timeout() { hint.to_owned() } else { format!("{said}; {hint}") }
}

/// Text of a server in one line of bounded length.
pub fn one_line(text: &str) -> String {
    let mut line: String = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if let Some((at, _)) = line.char_indices().nth(SAID_CHARS_MAX) {
        line.truncate(at);
        line.push('…');
    }
    line
}

impl Answer {
    /// Whether it was done.
    pub const fn is_ok(&self) -> bool {
        self.status >= 200 && self.status < 300
    }

    /// As JSON.
    ///
    /// # Errors
    /// [`Answer::error`] where it is something else.
    pub fn json(&self) -> Result<Value, StoreError> {
        if !self.is_ok() {
            return Err(self.error());
        }
        serde_json::from_slice(&self.body).map_err(|_| self.error())
    }

    /// The type and reason of its error.
    pub fn said(&self) -> (String, String) {
        let value: Value = serde_json::from_slice(&self.body).unwrap_or_default();
        match &value["error"] {
            Value::Object(error) => {
                let of = |value: &Value| value.as_str().unwrap_or_default().to_owned();
                let error = Value::Object(error.clone());
                // The outer reason of a failed search is "all shards failed"; why, is one of its causes.
                let cause = [&error["root_cause"][0], &error["failed_shards"][0]["reason"]];
                let cause = cause.into_iter().find(|cause| cause["reason"].is_string()).unwrap_or(&error);
                (of(&cause["type"]), one_line(&of(&cause["reason"])))
            }
            Value::String(text) => (String::new(), one_line(text)),
            _ => (String::new(), one_line(&String::from_utf8_lossy(&self.body[..self.body.len().min(2000)]))),
        }
    }

    /// What it means that it is not what was asked for.
    pub fn error(&self) -> StoreError {
        let (kind, reason) = self.said();
        let at = self.at.clone();
        let said = match (kind.as_str(), reason.as_str()) {
            ("", "") => format!("HTTP {}", self.status),
            ("", reason) => format!("HTTP {}: {reason}", self.status),
            (kind, reason) => format!("HTTP {}, {kind}: {reason}", self.status),
        };
        match self.status {
            401 => {
                let reason = format!(
                    "it does not take requests {} ({said}); check username and password, or api_key",
                    self.who_says()
                );
                StoreError::Refused { at, reason }
            }
            403 if kind == "cluster_block_exception" => StoreError::Exhausted { at, reason: blocked(&said) },
            403 => {
                let reason = format!("the user may not do this ({said}); give the user's role that right");
                StoreError::Refused { at, reason }
            }
            429 if kind == "cluster_block_exception" => StoreError::Exhausted { at, reason: blocked(&said) },
            429 => StoreError::Exhausted { at, reason: format!("it is busy ({said})") },
            500.. => StoreError::Unavailable { at, reason: said },
            200..300 => StoreError::Refused {
                at,
                reason: "its answer is not JSON; is this the address of OpenSearch or Elasticsearch?".to_owned(),
            },
            _ => StoreError::Refused { at, reason: said },
        }
    }

    /// An answer without a server.
    #[cfg(test)]
    pub fn for_tests(status: u16, body: &str) -> Self {
        let body = Bytes::from(body.to_owned());
        Self { at: "http://h:9200".to_owned(), status, retry_after: None, body, who: "this user and password" }
    }

    fn who_says(&self) -> String {
        if self.who.starts_with("without") { self.who.to_owned() } else { format!("with {}", self.who) }
    }
}

/// What an index that takes no writes needs.
pub fn blocked(said: &str) -> String {
    format!("{said}; make room on its disks (or lift the block of the index), it goes on by itself then")
}

#[cfg(test)]
mod tests {
    use base::{Explain, Retry};

    use super::*;

    #[test]
    fn an_error_says_where_what_and_what_to_do() {
        let blocked = r#"{"error":{"root_cause":[{"type":"cluster_block_exception","reason":"index [x] blocked by: [TOO_MANY_REQUESTS/12/disk usage exceeded flood-stage watermark, index has read-only-allow-delete block];"}],"type":"cluster_block_exception","reason":"x"},"status":429}"#;
        for (status, body, words) in [
            (401, "Unauthorized", ["http://h:9200", "Unauthorized", "check username"]),
            (
                403,
                r#"{"error":{"type":"security_exception","reason":"no permissions for [x]"}}"#,
                ["no permissions", "role", "403"],
            ),
            (429, blocked, ["flood-stage", "make room", "http://h:9200"]),
            (503, r#"{"error":"down\n  now"}"#, ["503", "down now", "http://h:9200"]),
            (200, "<html>", ["http://h:9200", "not JSON", "address"]),
        ] {
            let error = Answer::for_tests(status, body).error();
            let text = error.to_string();
            assert!(words.iter().all(|word| text.contains(word)), "{text}");
            assert!(!text.contains('\n'));
            assert_eq!(error.retry(), Retry::Later, "{text}");
        }
    }

    #[test]
    fn credentials_in_an_address_are_used_and_not_shown() {
        let mut auth = Auth::None;
        let (url, shown) = address("https://ann:secret@h:9200/es/", &mut auth).unwrap();
        assert_eq!((url.as_str(), shown.as_str()), ("https://h:9200/es", "https://h:9200/es"));
        assert!(matches!(&auth, Auth::Basic { username, password } if username == "ann" && password == "secret"));
        assert!(!format!("{auth:?}").contains("secret"));
        for wrong in ["", "h:9200", "ftp://h", "ann:secret@h"] {
            let said = address(wrong, &mut Auth::None).unwrap_err();
            assert!(!said.contains("secret"));
        }
    }
}
