//! One call over HTTP.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use queue::QueueError;
use queue::remote::wire::{self, Call, MAX_WAIT};

/// Longest answer taken, in bytes.
const MAX_ANSWER: u64 = wire::MAX_BODY as u64;
const TIMEOUT: Duration = Duration::from_secs(MAX_WAIT.as_secs() + 10);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// Where the server is and how to be let in.
pub struct Client {
    agent: ureq::Agent,
    url: String,
    token: Option<String>,
}

impl Client {
    pub fn new(url: &str, token: Option<&str>) -> Result<Self, QueueError> {
        let url = url.trim_end_matches('/');
        let host = url.strip_prefix("http://").unwrap_or_default();
        if host.is_empty() || host.contains(['/', '?', '#', ' ']) {
            return Err(QueueError::Invalid(format!("'{url}' is not the address of a server; write http://host:port")));
        }
        let config = ureq::Agent::config_builder()
            .timeout_global(Some(TIMEOUT))
            .timeout_connect(Some(CONNECT_TIMEOUT))
            .http_status_as_error(false)
            .build();
        Ok(Self { agent: config.into(), url: url.to_owned(), token: token.map(str::to_owned) })
    }

    pub fn url(&self) -> &str {
        &self.url
    }

    /// Calls and waits, on this thread; answers what was asked for.
    pub fn call(&self, topic: &str, call: Call, body: &[u8]) -> Result<Bytes, QueueError> {
        let unavailable = |reason: String| QueueError::Unavailable { at: self.url.clone(), reason };
        let path = format!("{}/api/v1/queue/{topic}/{}", self.url, call.name());
        let mut request = self.agent.post(&path).header("content-type", "application/octet-stream");
        if let Some(token) = &self.token {
            request = request.header("authorization", &format!("Bearer {token}"));
        }
        let response = request.send(body).map_err(|e| unavailable(e.to_string()))?;
        let status = response.status().as_u16();
        let answer = response.into_body().into_with_config().limit(MAX_ANSWER).read_to_vec();
        let answer = Bytes::from(answer.map_err(|e| unavailable(e.to_string()))?);
        match status {
            200 => wire::open_answer(&answer),
            401 | 403 => {
                let url = &self.url;
                Err(QueueError::Invalid(format!("{url} refuses the token ({status}); give one that may write there")))
            }
            _ => {
                let text = String::from_utf8_lossy(&answer[..answer.len().min(200)]).into_owned();
                Err(unavailable(format!("it answered {status}: {text}")))
            }
        }
    }

    /// The same without holding up the thread.
    pub async fn ask(self: &Arc<Self>, topic: &str, call: Call, body: Vec<u8>) -> Result<Bytes, QueueError> {
        let (client, topic) = (Arc::clone(self), topic.to_owned());
        let answer = runtime::blocking(move || client.call(&topic, call, &body)).await;
        answer.unwrap_or_else(|_| {
            Err(QueueError::Closed { at: self.url.clone(), reason: "the process is ending".to_owned() })
        })
    }
}
