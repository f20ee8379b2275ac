//! Reads an OpenSearch through its own API, as anybody would.

use std::time::Duration;

use base64::Engine as _;
use serde_json::{Value, json};

use crate::Hit;

/// Documents a page: their lines may be long.
const PAGE: u32 = 500;

/// The indices of one pattern on one server.
pub struct OpenSearch {
    address: String,
    pattern: String,
    agent: ureq::Agent,
}

impl OpenSearch {
    /// At `http://host:port`.
    pub fn new(address: &str, pattern: &str) -> Self {
        let config =
            ureq::Agent::config_builder().timeout_global(Some(Duration::from_secs(60))).http_status_as_error(false);
        Self { address: address.to_owned(), pattern: pattern.to_owned(), agent: config.build().into() }
    }

    /// How many documents there are, and how many bytes of files they say they are.
    ///
    /// # Errors
    /// What the server said instead.
    pub fn totals(&self) -> Result<(u64, u64), String> {
        let pattern = &self.pattern;
        self.post(&format!("/{pattern}/_refresh"), &json!({}))?;
        let sum = json!({"bytes": {"sum": {"field": "logdrive.size"}}});
        let query = json!({"size": 0, "track_total_hits": true, "aggs": sum});
        let answer = self.post(&format!("/{pattern}/_search"), &query)?;
        whole(&answer)?;
        let bytes = answer["aggregations"]["bytes"]["value"].as_f64().unwrap_or_default();
        Ok((answer["hits"]["total"]["value"].as_u64().unwrap_or_default(), bytes as u64))
    }

    /// Every document.
    ///
    /// # Errors
    /// What the server said instead, or a document that is none of ours.
    pub fn all(&self) -> Result<Vec<Hit>, String> {
        let mut hits = Vec::new();
        let query = json!({"size": PAGE, "sort": ["_doc"], "_source": ["message", "logdrive.raw.line"]});
        let mut page = self.post(&format!("/{}/_search?scroll=1m", self.pattern), &query)?;
        loop {
            whole(&page)?;
            let found = page["hits"]["hits"].as_array().map_or(&[][..], Vec::as_slice);
            if found.is_empty() {
                return Ok(hits);
            }
            hits.extend(found.iter().map(hit).collect::<Result<Vec<_>, _>>()?);
            page = self.post("/_search/scroll", &json!({"scroll": "1m", "scroll_id": page["_scroll_id"]}))?;
        }
    }

    /// The disk is nearly full, says the server, and takes nothing; or takes again.
    ///
    /// # Errors
    /// What the server said instead.
    pub fn full(&self, full: bool) -> Result<(), String> {
        let value = if full { json!(true) } else { Value::Null };
        let url = format!("{}/{}/_settings", self.address, self.pattern);
        let answer = self.agent.put(url).send_json(json!({"index.blocks.read_only_allow_delete": value}));
        let answer = answer.map_err(|failed| failed.to_string())?;
        if answer.status().is_success() { Ok(()) } else { Err(answer.status().to_string()) }
    }

    fn post(&self, path: &str, body: &Value) -> Result<Value, String> {
        let url = format!("{}{path}", self.address);
        let mut answer = self.agent.post(url).send_json(body).map_err(|failed| failed.to_string())?;
        let status = answer.status();
        let text = answer.body_mut().with_config().limit(1 << 30).read_to_string();
        let text = text.map_err(|failed| failed.to_string())?;
        if !status.is_success() {
            return Err(format!("{path}: {status}: {text}"));
        }
        serde_json::from_str(&text).map_err(|failed| failed.to_string())
    }
}

/// An answer of some shards only is none.
fn whole(answer: &Value) -> Result<(), String> {
    match answer["_shards"]["failed"].as_u64() {
        Some(0) => Ok(()),
        _ => Err(format!("not every shard answers: {}", answer["_shards"])),
    }
}

fn hit(document: &Value) -> Result<Hit, String> {
    let id = document["_id"].as_str().unwrap_or_default();
    let (key, offset) = id.rsplit_once('.').ok_or_else(|| format!("'{id}' is no id of ours"))?;
    let source = &document["_source"];
    let line = match (source["logdrive"]["raw"]["line"].as_str(), source["message"].as_str()) {
        (Some(raw), _) => base64::engine::general_purpose::STANDARD.decode(raw).map_err(|failed| failed.to_string())?,
        (None, Some(message)) => message.as_bytes().to_vec(),
        (None, None) => return Err(format!("{id} has no message")),
    };
    let offset = offset.parse().map_err(|_| format!("'{id}' is no id of ours"))?;
    Ok(Hit { key: key.to_owned(), offset, line, json: Value::Null })
}
