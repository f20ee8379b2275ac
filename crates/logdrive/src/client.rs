//! Asking a server: one HTTP request, one answer or one object a line.

use std::io::{BufRead, BufReader, Read};
use std::time::Duration;

use ureq::Agent;
use ureq::http::{Response, StatusCode};

use crate::failure::Failure;
use crate::wire::{Control, Problem};

/// The server's address where nobody says otherwise.
pub(crate) const DEFAULT_SERVER: &str = "http://127.0.0.1:7700";

/// A line longer than this is no answer of ours.
const LINE_BYTES_MAX: u64 = 512 << 20;

/// An object that is longer is no answer of ours.
const OBJECT_BYTES_MAX: u64 = 64 << 20;
/// For one object nobody waits longer.
const ANSWER_WAIT: Duration = Duration::from_secs(10);

/// What one parameter may take of an address: an address has at most 64 KiB.
const ADDRESS_BYTES_MAX: usize = 60_000;

/// A server.
pub(crate) struct Client {
    agent: Agent,
    base: String,
}

/// Parameters of a request.
pub(crate) type Params<'a> = &'a [(&'a str, String)];

impl Client {
    /// `host:port` stands for `http://host:port`.
    pub(crate) fn new(server: &str) -> Result<Self, Failure> {
        let wrong = |why: &str| Failure::Usage(format!("--server {server}: {why}; write http://host:7700"));
        let server = server.trim().trim_end_matches('/');
        let base = match server.split_once("://") {
            None if server.is_empty() => return Err(wrong("an address must not be empty")),
            None => format!("http://{server}"),
            Some(("http", _)) => server.to_owned(),
            Some(("https", _)) => return Err(wrong("TLS is not supported yet")),
            Some(_) => return Err(wrong("this is no address of a server")),
        };
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .timeout_connect(Some(Duration::from_secs(5)))
            .proxy(None)
            .user_agent(concat!("logdrive/", env!("CARGO_PKG_VERSION")))
            .build();
        Ok(Self { agent: config.into(), base })
    }

    /// One object a line.
    pub(crate) fn stream(&self, path: &str, params: Params<'_>) -> Result<Lines, Failure> {
        let response = self.send(path, params, "application/x-ndjson")?;
        let reader = response.into_body().into_with_config().limit(u64::MAX).reader();
        Ok(Lines {
            reader: Box::new(BufReader::with_capacity(256 << 10, reader)),
            line: Vec::new(),
            base: self.base.clone(),
        })
    }

    /// Where it asks.
    pub(crate) fn base(&self) -> &str {
        &self.base
    }

    /// One object, within a few seconds.
    pub(crate) fn get<T: serde::de::DeserializeOwned>(&self, path: &str, params: Params<'_>) -> Result<T, Failure> {
        let request = self.agent.get(format!("{}{path}", self.base)).config().timeout_global(Some(ANSWER_WAIT)).build();
        let request = params.iter().fold(request, |request, (name, value)| request.query(*name, value));
        let response = self.checked(request.call().map_err(|error| self.unreachable(&error))?)?;
        let reader = response.into_body().into_with_config().limit(OBJECT_BYTES_MAX).reader();
        serde_json::from_reader(BufReader::new(reader)).map_err(|error| cut_off(&self.base, &error))
    }

    /// Sends an object; the answer's content does not matter.
    pub(crate) fn post(&self, path: &str, body: &serde_json::Value) -> Result<(), Failure> {
        let url = format!("{}{path}", self.base);
        let response = self.agent.post(&url).send_json(body).map_err(|error| self.unreachable(&error))?;
        self.checked(response).map(drop)
    }

    fn send(&self, path: &str, params: Params<'_>, accept: &str) -> Result<Response<ureq::Body>, Failure> {
        // Any byte may take three in an address.
        if let Some((name, value)) = params.iter().find(|(_, value)| value.len() * 3 > ADDRESS_BYTES_MAX) {
            return Err(Failure::Usage(format!(
                "{} of {} bytes is too long to be asked; at most {} bytes are taken",
                if *name == "q" { "a query" } else { name },
                value.len(),
                ADDRESS_BYTES_MAX / 3
            )));
        }
        let request = self.agent.get(format!("{}{path}", self.base)).header("accept", accept);
        let request = params.iter().fold(request, |request, (name, value)| request.query(*name, value));
        self.checked(request.call().map_err(|error| self.unreachable(&error))?)
    }

    fn checked(&self, mut response: Response<ureq::Body>) -> Result<Response<ureq::Body>, Failure> {
        let status = response.status();
        if status.is_success() {
            return Ok(response);
        }
        let body = response.body_mut().with_config().limit(1 << 20).read_to_string().unwrap_or_default();
        let Ok(problem) = serde_json::from_str::<Problem>(&body) else {
            return Err(Failure::Failed(format!(
                "{} answers {status}; is it a logdrive? give its address with --server",
                self.base
            )));
        };
        Err(refused(&problem, status))
    }

    fn unreachable(&self, error: &ureq::Error) -> Failure {
        let reason = match error {
            ureq::Error::Io(error) => error.to_string(),
            ureq::Error::Timeout(_) => "no answer in time".to_owned(),
            error => error.to_string(),
        };
        let fix = if self.base == DEFAULT_SERVER {
            "is 'logdrive up' running? otherwise give --server"
        } else {
            "is it running there? otherwise give another --server"
        };
        Failure::Failed(format!("cannot reach {}: {reason}; {fix}", self.base))
    }
}

fn cut_off(base: &str, error: &dyn std::fmt::Display) -> Failure {
    Failure::Failed(format!("the answer of {base} was cut off: {error}; try again"))
}

/// What a server refuses, as a failure; a query that cannot be understood is left to whoever has its text.
fn refused(problem: &Problem, status: StatusCode) -> Failure {
    match problem.at {
        Some(at) if problem.r#type.ends_with("/query") => Failure::Query { at, reason: problem.detail.clone() },
        _ if status == StatusCode::BAD_REQUEST => Failure::Usage(problem.detail.clone()),
        _ => Failure::Failed(problem.detail.clone()),
    }
}

/// A line of a streamed answer.
pub(crate) enum Line<'a> {
    /// A record or an account, as it came, without the newline.
    Item(&'a [u8]),
    /// A word about the stream itself.
    Control(Control),
}

/// A streamed answer.
pub(crate) struct Lines {
    reader: Box<dyn BufRead + Send>,
    line: Vec<u8>,
    base: String,
}

impl Lines {
    /// The next line; `None` where the connection ended. A stream that was not cut off ended with
    /// [`Control::End`] before.
    pub(crate) fn next(&mut self) -> Result<Option<Line<'_>>, Failure> {
        self.line.clear();
        let read = self.reader.by_ref().take(LINE_BYTES_MAX).read_until(b'\n', &mut self.line);
        read.map_err(|error| cut_off(&self.base, &error))?;
        if self.line.last() != Some(&b'\n') {
            return match self.line.is_empty() {
                true => Ok(None),
                false => Err(cut_off(&self.base, &"it ends in the middle of a line")),
            };
        }
        self.line.pop();
        if !self.line.starts_with(b"{\"_\":") {
            return Ok(Some(Line::Item(&self.line)));
        }
        let control: Control = serde_json::from_slice(&self.line).map_err(|error| {
            Failure::Failed(format!("cannot understand the answer of {}: {error}; is it a newer logdrive?", self.base))
        })?;
        match control {
            Control::Error { problem } => Err(refused(&problem, StatusCode::INTERNAL_SERVER_ERROR)),
            control => Ok(Some(Line::Control(control))),
        }
    }

    /// For an answer that ended without saying so.
    pub(crate) fn lost(&self) -> Failure {
        Failure::Failed(format!("the connection to {} ended before the answer did; try again", self.base))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &str) -> Lines {
        Lines {
            reader: Box::new(std::io::Cursor::new(text.as_bytes().to_vec())),
            line: Vec::new(),
            base: "b".to_owned(),
        }
    }

    #[test]
    fn tells_items_from_control_lines() {
        let mut lines =
            lines("{\"id\":1}\n{\"_\":\"alive\"}\n{\"_\":\"later-word\"}\n{\"_\":\"end\",\"complete\":true}\n{\"cut");
        assert!(matches!(lines.next(), Ok(Some(Line::Item(b"{\"id\":1}")))));
        assert!(matches!(lines.next(), Ok(Some(Line::Control(Control::Alive)))));
        assert!(matches!(lines.next(), Ok(Some(Line::Control(Control::Other)))));
        assert!(matches!(lines.next(), Ok(Some(Line::Control(Control::End { complete: true, .. })))));
        assert!(matches!(lines.next(), Err(Failure::Failed(_))));
    }

    #[test]
    fn an_error_in_the_middle_is_one() {
        let text = r#"{"_":"error","problem":{"type":"/problems/query","detail":"bad","at":3}}"#;
        assert!(matches!(lines(&format!("{text}\n")).next(), Err(Failure::Query { at: 3, .. })));
        assert!(matches!(lines("").next(), Ok(None)));
    }

    #[test]
    fn what_is_too_long_for_an_address_is_not_sent() {
        let client = Client::new("127.0.0.1:1").expect("is an address");
        let asked = client.stream("/api/v1/search", &[("q", "é".repeat(20_000))]).err();
        assert!(matches!(asked, Some(Failure::Usage(text)) if text.contains("40000 bytes")));
    }

    #[test]
    fn addresses() {
        for (server, base) in [("localhost:1", "http://localhost:1"), ("http://a:2/", "http://a:2")] {
            assert_eq!(Client::new(server).map(|client| client.base).ok().as_deref(), Some(base));
        }
        for server in ["", "https://a", "ftp://a"] {
            assert!(Client::new(server).is_err(), "{server}");
        }
    }
}
