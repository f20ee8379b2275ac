//! Puts together again what a search finds, as the bytes of the files it came from.

use std::collections::BTreeMap;

use crate::Hit;

/// The bytes of one source in one generation, as far as they were found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// From offset 0; a newline between records is set where exactly one byte is between them.
    pub bytes: Vec<u8>,
    /// How many records.
    pub records: usize,
}

/// By `source.generation`.
///
/// # Errors
/// Where a record is there twice, overlaps another, or bytes between two are missing.
pub fn found(hits: &[Hit]) -> Result<BTreeMap<String, Found>, String> {
    let mut sorted: Vec<&Hit> = hits.iter().collect();
    sorted.sort_by(|a, b| (&a.key, a.offset).cmp(&(&b.key, b.offset)));
    let mut all: BTreeMap<String, Found> = BTreeMap::new();
    for hit in sorted {
        let file = all.entry(hit.key.clone()).or_insert(Found { bytes: Vec::new(), records: 0 });
        let end = file.bytes.len() as u64;
        match hit.offset.checked_sub(end) {
            Some(0) => {}
            Some(1) if end > 0 || file.records > 0 => file.bytes.push(b'\n'),
            Some(missing) => return Err(format!("{}: {missing} bytes are missing at {end}", hit.key)),
            None => {
                return Err(format!(
                    "{}: the record at {} is there twice, or overlaps what ends at {end}",
                    hit.key, hit.offset
                ));
            }
        }
        file.bytes.extend_from_slice(&hit.line);
        file.records += 1;
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hit(offset: u64, line: &str) -> Hit {
        Hit { key: "s.0".into(), offset, line: line.into(), json: serde_json::Value::Null }
    }

    #[test]
    fn joins_and_finds_every_fault() {
        let whole = found(&[hit(4, "c\nd"), hit(0, "ab"), hit(3, ""), hit(7, "rest")]).unwrap();
        assert_eq!((&*whole["s.0"].bytes, whole["s.0"].records), (&b"ab\n\nc\ndrest"[..], 4));
        for faulty in [
            vec![hit(1, "a")],
            vec![hit(0, "ab"), hit(0, "ab")],
            vec![hit(0, "ab"), hit(1, "b")],
            vec![hit(0, "ab"), hit(4, "c")],
        ] {
            assert!(found(&faulty).is_err(), "{faulty:?}");
        }
    }
}
