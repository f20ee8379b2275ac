//! Byte ranges that are accounted for without being records: dropped by a rule, or in the dead letters.
//!
//! Each is a document of an index of its own; its id is what it says, so noting it twice is noting it once.

use base::Intervals;
use bytes::Bytes;
use model::SourceKey;
use serde_json::{Value, json};
use store::{StoreBatch, StoreError};

use crate::OpenSearchStore;
use crate::http::Request;
use crate::template;

/// A document and its id.
pub(super) type Noted = (String, Value);

/// Ranges in the dead letters.
pub(super) fn dead_letters(key: SourceKey, ranges: &Intervals) -> Vec<Noted> {
    noted(key, "dead_letter", ranges, &json!({}))
}

fn dropped(batch: &StoreBatch) -> Vec<Noted> {
    let header = &batch.batch.header;
    let origin = json!({"stream": &*header.stream, "host": &*header.host, "path": &*header.path});
    noted(header.key, "dropped", &batch.batch.dropped, &origin)
}

fn noted(key: SourceKey, kind: &str, ranges: &Intervals, origin: &Value) -> Vec<Noted> {
    let one = |&(start, end): &(u64, u64)| {
        let mut document = origin.clone();
        document["kind"] = kind.into();
        document["source"] = key.source.to_string().into();
        document["generation"] = key.generation.0.into();
        document["start"] = start.into();
        document["end"] = end.into();
        (format!("{key}.{start}.{end}.{kind}"), document)
    };
    ranges.ranges().iter().map(one).collect()
}

impl OpenSearchStore {
    /// Notes what rules dropped of some batches.
    pub(super) async fn note_dropped(&self, batches: &[StoreBatch]) -> Result<(), StoreError> {
        self.note_ranges(batches.iter().flat_map(dropped).collect()).await
    }

    pub(super) async fn note_ranges(&self, noted: Vec<Noted>) -> Result<(), StoreError> {
        if noted.is_empty() {
            return Ok(());
        }
        self.server().await?;
        self.ranges.get_or_try_init(|| template::ensure_ranges(&self.http, &self.naming)).await?;
        let mut body = String::new();
        for (id, document) in noted {
            body.push_str(&format!("{}\n{document}\n", json!({"index": {"_id": id}})));
        }
        let path = format!("/{}/_bulk?filter_path=errors,items.index.error", template::ranges_index(&self.naming));
        let answer = self.http.send(Request::lines(path, Bytes::from(body))).await?;
        let said = answer.json()?;
        if said["errors"] == true {
            let items = said["items"].as_array();
            let reason =
                items.and_then(|items| items.iter().find_map(|item| item["index"]["error"]["reason"].as_str()));
            let reason = crate::http::one_line(reason.unwrap_or("it did not take a note"));
            return Err(StoreError::Unavailable { at: answer.at, reason });
        }
        self.dirty.store(true, std::sync::atomic::Ordering::Relaxed);
        Ok(())
    }
}
