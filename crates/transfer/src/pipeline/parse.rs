//! From what was polled to what is written.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use base::Intervals;
use codec::{CodecError, ParseMode, ParseRules, Parser};
use model::{Batch, BatchHeader, Format, ParsedBatch, Place};
use parking_lot::Mutex;
use queue::Delivery;
use store::StoreBatch;
use tracing::error;

use crate::revisions::Revisions;

/// What became of a batch.
pub enum Outcome {
    /// It is to be written; whether the parser failed on it, so that its lines are kept as they are.
    Parsed(StoreBatch, bool),
    /// It is not for this store: only its place counts.
    Passed(StoreBatch),
    /// Its payload is not what was sent.
    Unreadable(Place, Batch, String),
}

/// Parsers that are not at work, with their scratch.
pub type Parsers = Mutex<Vec<Parser>>;

/// Parses batches in order. Those that `passes` says are left as they are.
pub fn parse_all(
    deliveries: Vec<Delivery>,
    parsers: &Parsers,
    revisions: &Revisions,
    passes: impl Fn(&str) -> bool,
) -> Vec<Outcome> {
    let mut parser = parsers.lock().pop().unwrap_or_default();
    let outcomes = deliveries.into_iter().map(|Delivery { place, batch }| {
        if passes(&batch.header.stream) {
            return Outcome::Passed(nothing_of(place, &batch));
        }
        let rules = revisions.rules_for(&batch.header);
        match guarded(&mut parser, &batch, &rules, Parser::parse) {
            Ok((parsed, failed)) => Outcome::Parsed(StoreBatch { place, batch: Arc::new(parsed) }, failed),
            Err(unreadable) => Outcome::Unreadable(place, batch, unreadable),
        }
    });
    let outcomes = outcomes.collect();
    parsers.lock().push(parser);
    outcomes
}

/// Parses a batch. Where that panics, its records are kept as they are, marked: a fault of ours in one line must not
/// hold up all that comes after it. The answer says whether it did. As pure as the parser is.
fn guarded(
    parser: &mut Parser,
    batch: &Batch,
    rules: &ParseRules,
    parse: impl Fn(&mut Parser, &Batch, &ParseRules) -> Result<ParsedBatch, CodecError>,
) -> Result<(ParsedBatch, bool), String> {
    if let Ok(parsed) = catch_unwind(AssertUnwindSafe(|| parse(parser, batch, rules))) {
        return parsed.map(|parsed| (parsed, false)).map_err(|unreadable| unreadable.to_string());
    }
    // Its scratch may be in any state.
    *parser = Parser::new();
    let header = &batch.header;
    error!(
        path = &*header.path,
        start = header.start,
        end = header.end,
        "the parser failed, lines are kept as they are"
    );
    let as_they_are = ParseRules { mode: ParseMode::Only(Format::Unknown), ..rules.clone() };
    match catch_unwind(AssertUnwindSafe(|| parser.parse(batch, &as_they_are))) {
        Ok(parsed) => parsed.map(|parsed| (parsed, true)).map_err(|unreadable| unreadable.to_string()),
        Err(_) => {
            *parser = Parser::new();
            Err("the parser failed on it twice; please report this".to_owned())
        }
    }
}

/// Stands for a batch that went to the dead letters, so that the cursor moves past it.
pub fn empty(place: Place, batch: &Batch) -> StoreBatch {
    without_records(place, batch.header.clone())
}

/// Stands for a batch that is not for this store: nothing of its range is missing here.
fn nothing_of(place: Place, batch: &Batch) -> StoreBatch {
    let header = &*batch.header;
    let header = BatchHeader { end: header.start, lines: 0, records: 0, continuations: Arc::new([]), ..header.clone() };
    without_records(place, Arc::new(header))
}

fn without_records(place: Place, header: Arc<BatchHeader>) -> StoreBatch {
    let parsed = ParsedBatch {
        header,
        payload: bytes::Bytes::new(),
        text: Vec::new(),
        records: Vec::new(),
        columns: Vec::new(),
        spare: Vec::new(),
        dropped: Intervals::new(),
    };
    StoreBatch { place, batch: Arc::new(parsed) }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use model::Marks;

    use super::*;

    #[test]
    fn a_batch_on_which_the_parser_panics_keeps_its_lines() {
        let payload = Bytes::from_static(b"{\"a\":1}\nsecond\n");
        let mut header = crate::dead_letter::tests::header(0, payload.len() as u64);
        header.payload_crc = crc32c::crc32c(&payload);
        (header.lines, header.records) = (2, 2);
        let batch = Batch { header: Arc::new(header), payload };
        let mut parser = Parser::new();
        let panics = |_: &mut Parser, _: &Batch, _: &ParseRules| -> Result<ParsedBatch, CodecError> {
            panic!("expected by this test")
        };
        let (parsed, failed) = guarded(&mut parser, &batch, &ParseRules::default(), panics).unwrap();
        assert!(failed);
        let lines: Vec<_> = parsed.records.iter().map(|record| parsed.line(record)).collect();
        assert_eq!(lines, [&b"{\"a\":1}"[..], b"second"]);
        assert!(parsed.records.iter().all(|r| r.format == Format::Unknown && r.marks.has(Marks::UNPARSED)));
        assert!(parsed.columns.is_empty());
        let (again, failed) = guarded(&mut parser, &batch, &ParseRules::default(), Parser::parse).unwrap();
        assert!(!failed && again.records[0].format == Format::Json);
    }
}
