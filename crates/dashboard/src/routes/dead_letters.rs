//! `/api/v1/dead-letters`: what the store refused for good.
//!
//! A dead letter is a batch of one record, whose payload is the reason, a newline, and the record's bytes.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::{Extension, Json};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use model::{Cursors, Partition, RecordId};
use queue::{DEAD_LETTERS, Delivery, PollOptions};
use schemars::JsonSchema;
use serde::Serialize;

use crate::app::App;
use crate::params::{Holds, Param, Params};
use crate::problem::{self, Problem};

pub(crate) const PARAMS: &[Param] = &[
    Param::new("limit", Holds::Number, "At most so many, 100 unless told."),
    Param::new("cursor", Holds::Text, "Go on where an answer ended: its `next`."),
];

/// What the store refused for good.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "DeadLetters")]
pub(crate) struct DeadLettersAnswer {
    /// In the order of the topic, oldest first.
    dead_letters: Vec<DeadLetter>,
    /// The cursor of the next page; null where there is no more.
    next: Option<String>,
}

/// A record that the store refused for good.
#[derive(Serialize, JsonSchema)]
struct DeadLetter {
    /// Identity of the record.
    id: String,
    stream: String,
    host: String,
    path: String,
    /// What the store said.
    reason: String,
    /// Its bytes as text, with the newline if it has one.
    line: String,
    /// Its bytes, where they are not UTF-8.
    #[serde(skip_serializing_if = "Option::is_none")]
    line_base64: Option<String>,
    /// Bytes of its file.
    start: u64,
    /// Behind them.
    end: u64,
    /// When its file was read.
    read_at: String,
}

impl DeadLetter {
    fn of(delivery: &Delivery) -> Self {
        let header = &delivery.batch.header;
        let payload = &delivery.batch.payload;
        let reason_end = payload.iter().position(|byte| *byte == b'\n').unwrap_or(payload.len());
        let bytes = payload.get(reason_end + 1..).unwrap_or_default();
        let reason = String::from_utf8_lossy(&payload[..reason_end]).into_owned();
        let key = model::letter_source(header.key, &reason);
        Self {
            id: RecordId { key, offset: header.start }.to_string(),
            stream: header.stream.to_string(),
            host: header.host.to_string(),
            path: header.path.to_string(),
            reason,
            line: String::from_utf8_lossy(bytes).into_owned(),
            line_base64: std::str::from_utf8(bytes).is_err().then(|| STANDARD.encode(bytes)),
            start: header.start,
            end: header.end,
            read_at: header.read_at.to_string(),
        }
    }
}

/// The consumer group in which they are looked at. Looking commits nothing: the queue keeps what is not settled.
const GROUP: &str = "dashboard";
/// Bytes read from the queue at a time.
const POLL_BYTES: usize = 4 << 20;

pub(crate) async fn list(
    State(app): State<Arc<App>>,
    Extension(params): Extension<Params>,
) -> Result<Json<DeadLettersAnswer>, Problem> {
    let limit = params.number("limit", 100, 1, 1000)?;
    let Some(queue) = &app.parts.queue else {
        return Err(Problem::new(&problem::UNSUPPORTED, "the queue is not here; ask the server that holds it"));
    };
    let stats = queue.stats(DEAD_LETTERS).await?;
    let mut at = Cursors::start_of(queue.id());
    for (partition, first, end, _) in &stats.partitions {
        at.next.insert(*partition, *first.min(end));
    }
    if let Some(text) = params.filled("cursor") {
        read_cursor(text, &mut at)?;
    }
    let ends: Vec<_> = stats.partitions.iter().map(|(partition, _, end, _)| (*partition, *end)).collect();
    let is_over = |at: &Cursors| ends.iter().all(|(partition, end)| at.get(*partition) >= *end);
    let is_settled = |place| app.parts.letters.as_ref().is_some_and(|letters| letters.is_settled(place));
    let mut found = Vec::new();
    if !is_over(&at) {
        // One look at a time: two would share the partitions between them.
        let _turn = app.looking.lock().await;
        let mut consumer = queue.consumer(DEAD_LETTERS, GROUP).await?;
        consumer.seek(&at).await?;
        let options = PollOptions { max_bytes: POLL_BYTES, max_wait: Duration::from_millis(200) };
        while found.len() < limit && !is_over(&at) {
            let deliveries = consumer.poll(options).await?;
            if deliveries.is_empty() {
                break;
            }
            for delivery in &deliveries {
                if found.len() == limit {
                    break;
                }
                at.pass(delivery.place);
                if !is_settled(delivery.place) {
                    found.push(DeadLetter::of(delivery));
                }
            }
        }
    }
    let next = (!is_over(&at)).then(|| cursor_text(&at));
    Ok(Json(DeadLettersAnswer { dead_letters: found, next }))
}

/// `partition-offset`, with dots between.
fn cursor_text(at: &Cursors) -> String {
    let lanes: Vec<_> = at.next.iter().map(|(partition, offset)| format!("{partition}-{offset}")).collect();
    lanes.join(".")
}

/// Moves forward to what the text says; never before what is held.
fn read_cursor(text: &str, at: &mut Cursors) -> Result<(), Problem> {
    let wrong = || Problem::parameter("cursor", "cursor: it is not the `next` of an answer of this path");
    for lane in text.split('.') {
        let (partition, offset) = lane.split_once('-').ok_or_else(wrong)?;
        let partition = Partition(partition.parse().map_err(|_| wrong())?);
        let offset: u64 = offset.parse().map_err(|_| wrong())?;
        let first = at.next.get_mut(&partition).ok_or_else(wrong)?;
        *first = offset.max(*first);
    }
    Ok(())
}
