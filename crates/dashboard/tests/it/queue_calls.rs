//! The queue as other machines see it.

use bytes::Bytes;
use queue::remote::wire::{self, Call};
use queue::testing::BatchOf;
use queue::{LINES, Outcome, QueueError};

use crate::support::{Answer, Server};

fn call(server: &Server, topic: &str, call: Call, body: &[u8]) -> Answer {
    server.post(&format!("/api/v1/queue/{topic}/{}", call.name()), "application/octet-stream", body)
}

fn said(answer: &Answer) -> Result<Bytes, QueueError> {
    assert_eq!((answer.status, answer.header("content-type")), (200, "application/octet-stream"));
    wire::open_answer(&Bytes::copy_from_slice(&answer.body))
}

#[test]
fn batches_come_in_by_http_and_are_audited() {
    let server = Server::start();
    let mut body = Vec::new();
    for n in [0, 1, 5] {
        wire::put_batch(&BatchOf::source(3).numbered(n), &mut body);
    }
    let answer = said(&call(&server, LINES, Call::Append, &body)).expect("is taken");
    let outcomes = wire::outcomes(&answer).expect("is well formed");
    assert!(matches!(outcomes[..], [Ok(Outcome::Appended(_)), Ok(Outcome::Appended(_)), Ok(Outcome::Gap { .. })]));
    let stats = wire::stats(&said(&call(&server, LINES, Call::Stats, b"")).expect("answers")).expect("is well formed");
    assert_eq!(stats.partitions[0].2, 2);
    let refused = said(&call(&server, LINES, Call::Append, b"rubbish"));
    assert!(matches!(refused, Err(QueueError::Invalid(_))), "{refused:?}");
}

#[test]
fn calls_are_bounded() {
    let server = Server::with(|parts| {
        (parts.limits.batch_body_bytes, parts.limits.body_bytes, parts.limits.remote_topics) = (1000, 100, 1);
    });
    assert_eq!(call(&server, LINES, Call::Append, &[0; 1001]).status, 413);
    assert_eq!(call(&server, LINES, Call::Positions, &[0; 101]).status, 413);
    assert_eq!(call(&server, LINES, Call::Stats, b"").status, 200);
    assert_eq!(call(&server, "another", Call::Stats, b"").status, 429);
    let unknown = server.post("/api/v1/queue/lines/apend", "application/octet-stream", b"");
    assert!(unknown.status == 404 && unknown.text().contains("did you mean append"), "{}", unknown.text());
    let elsewhere = Server::with(|parts| parts.queue = None);
    assert_eq!(call(&elsewhere, LINES, Call::Id, b"").status, 501);
}
