//! What becomes of a record, and that it is read back.

use model::{Format, Level};
use proptest::prelude::*;
use serde_json::Value;
use store::testing::{BatchBuilder, samples};
use store::{BatchRow, StoreBatch};

use super::names::NAME_BYTES_MAX;
use super::*;
use crate::hit::Source;

const LIMITS: Limits = Limits { bulk_bytes: 10_000, document_bytes: 1 << 20 };

fn naming() -> Naming {
    Naming::parse("logs-{stream}-{yyyy.MM.dd}").unwrap()
}

fn built(batches: &[StoreBatch], limits: Limits) -> Built {
    let batches: Vec<_> = batches.iter().map(|batch| batch.batch.clone()).enumerate().collect();
    build(&batches, &naming(), limits, Vec::with_capacity)
}

/// Each action with its document.
fn documents(bulk: &Bulk) -> Vec<(Value, Value)> {
    let mut start = 0;
    bulk.items
        .iter()
        .map(|item| {
            let piece = &bulk.body[start..item.end];
            start = item.end;
            let text = std::str::from_utf8(piece).unwrap();
            let (action, document) = text.strip_suffix('\n').unwrap().split_once('\n').unwrap();
            (serde_json::from_str(action).unwrap(), serde_json::from_str(document).unwrap())
        })
        .collect()
}

#[test]
fn every_record_is_read_back_as_it_was() {
    let batches = samples(5, 12, 30);
    let built = built(&batches, LIMITS);
    let mut count = 0;
    for bulk in &built.bulks {
        assert!(bulk.body.len() < LIMITS.bulk_bytes + 2000);
        for (item, (action, document)) in bulk.items.iter().zip(documents(bulk)) {
            let batch = &batches[item.batch].batch;
            let mut wanted = BatchRow::new(batch, item.row).hit();
            wanted.fields.sort();
            assert_eq!(action["create"]["_id"], wanted.id.to_string());
            assert_eq!(bulk.index, naming().name(&wanted.stream, &wanted.host, wanted.time));
            let mut found = serde_json::from_value::<Source>(document).unwrap().into_hit().unwrap();
            found.fields.sort();
            assert_eq!(found, wanted);
            count += 1;
        }
    }
    assert_eq!(count, batches.iter().map(|batch| batch.batch.records.len()).sum::<usize>());
}

#[test]
fn what_json_cannot_hold_is_kept_beside_it() {
    let mut batch = BatchBuilder::new(1, 0, 0);
    let long = "x".repeat(VALUE_BYTES_MAX + 1);
    let odd = "n".repeat(NAME_BYTES_MAX + 1);
    let fields: [(&str, &[u8]); 8] = [
        ("a.b/c", b"1"),
        ("a", b"007"),
        (" ", b"-0"),
        ("", b"1e400"),
        ("binary", b"\xff\0"),
        ("long", long.as_bytes()),
        (&odd, b"v"),
        ("n", b"-12.50"),
    ];
    batch.line(b"\xff \"quoted\"\0", i64::MAX, Level::Info, Format::Json, &fields);
    let batches = [batch.build()];
    let (_, document) = documents(&built(&batches, LIMITS).bulks[0]).remove(0);
    assert_eq!(document["@timestamp"], "2262-04-11T23:47:16.854775Z");
    assert_eq!(document["fields"]["a/b%2Fc"], "1");
    assert_eq!(document["fields"]["%20"], "-0");
    let numbers = serde_json::json!({"a/b%2Fc": 1, "a": 7.0, "%20": 0.0, "n": -12.50});
    assert_eq!(document["numbers"], numbers);
    let names: Vec<_> = ["binary", "long", &odd[1..]].map(Value::from).into();
    assert_eq!(document["logdrive"]["raw_names"], Value::from(names));
    let mut found = serde_json::from_value::<Source>(document).unwrap().into_hit().unwrap();
    let mut wanted = BatchRow::new(&batches[0].batch, 0).hit();
    found.fields.sort();
    wanted.fields.sort();
    assert_eq!(found, wanted);
}

#[test]
fn a_document_that_is_too_big_is_refused_and_the_others_are_not() {
    let mut batch = BatchBuilder::new(1, 0, 0);
    batch.plain(b"one", 1).plain(&vec![b'y'; 200_000], 2).plain(b"three", 3);
    let limits = Limits { document_bytes: 100_000, ..LIMITS };
    let built = built(&[batch.build()], limits);
    let rows: Vec<_> = built.bulks.iter().flat_map(|bulk| &bulk.items).map(|item| item.row).collect();
    assert_eq!(rows, [0, 2]);
    assert_eq!((built.refusals.len(), built.refusals[0].record), (1, 1));
}

proptest! {
    #[test]
    fn names_are_read_back(name in "\\PC{0,20}") {
        let written = field_name(&name).unwrap();
        prop_assert_eq!(original_name(&written), name.as_str());
        prop_assert!(!written.is_empty() && !written.contains('.') && !written.contains('*'));
    }

    #[test]
    fn numbers_are_written_as_they_are_compared(text in "[-+]?[0-9.e]{0,22}") {
        let mut out = Vec::new();
        push_number(&mut out, b"", &text);
        let written: Option<f64> = std::str::from_utf8(&out).unwrap().trim_end_matches(',').parse().ok();
        let wanted = any_number(text.as_bytes());
        prop_assert_eq!(written, wanted, "{}", text);
        if !out.is_empty() {
            prop_assert!(serde_json::from_slice::<f64>(&out[..out.len() - 1]).is_ok());
            prop_assert!(!out.starts_with(b"-0,"));
        }
    }
}
