//! What a queue refuses before it looks at what it holds.

use model::{Batch, BatchFlags, Codec, Partition, SourceId};

use crate::QueueError;

/// Whether a batch can be right: its lengths agree, its list of continuations ascends within the range, and a batch
/// that ends in an open line is one line (so that its `line_start` is where that line begins).
///
/// # Errors
/// [`QueueError::Invalid`], saying what is wrong.
pub fn check_batch(batch: &Batch, max_bytes: usize) -> Result<(), QueueError> {
    let header = &*batch.header;
    let wrong = |what: String| {
        Err(QueueError::Invalid(format!("{what} (source {}, {}..{})", header.key, header.start, header.end)))
    };
    if header.end <= header.start {
        return wrong("its range is empty".to_owned());
    }
    if batch.payload.len() != header.payload_len as usize {
        return wrong(format!("payload of {} bytes, the header says {}", batch.payload.len(), header.payload_len));
    }
    if batch.payload.len() > max_bytes {
        return wrong(format!("payload of {} bytes, at most {max_bytes} are taken", batch.payload.len()));
    }
    let verbatim = header.codec == Codec::None && !header.flags.has(BatchFlags::DEAD_LETTER);
    if verbatim && u64::from(header.payload_len) != header.range_len() {
        return wrong(format!("payload of {} bytes for a range of {}", header.payload_len, header.range_len()));
    }
    if header.line_start > header.start {
        return wrong(format!("its first line starts at {}, behind its first byte", header.line_start));
    }
    if header.flags.has(BatchFlags::LAST_IS_OPEN) && header.lines != 1 {
        return wrong(format!("it ends in an open line and has {} lines; an open line is a batch", header.lines));
    }
    let mut least = 0;
    for &at in &*header.continuations {
        if at < least || u64::from(at) >= header.range_len() {
            return wrong("its continuations do not ascend within its range".to_owned());
        }
        least = at.saturating_add(1);
    }
    Ok(())
}

/// Whether a topic or a group may be called so: it becomes a file name and a metric label.
///
/// # Errors
/// [`QueueError::Invalid`]
pub fn check_name(what: &str, name: &str) -> Result<(), QueueError> {
    let fits = name.bytes().all(|c| c.is_ascii_alphanumeric() || matches!(c, b'.' | b'_' | b'-'));
    if fits && !name.is_empty() && name.len() <= 100 && !name.starts_with('.') {
        return Ok(());
    }
    Err(QueueError::Invalid(format!(
        "{what} '{name}': use 1 to 100 letters, digits, '-', '_' and '.', not beginning with '.'"
    )))
}

/// Where the batches of a source go. The id is a hash already.
pub fn partition_of(source: SourceId, partitions: u32) -> Partition {
    let folded = (source.0 >> 64) as u64 ^ source.0 as u64;
    Partition((folded % u64::from(partitions.max(1))) as u32)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::BatchOf;

    const MAX: usize = 1 << 20;

    #[test]
    fn what_cannot_be_right_is_refused() {
        type Change = fn(&mut model::BatchHeader);
        let table: [(&str, Change); 7] = [
            ("range is empty", |h| h.end = h.start),
            ("the header says", |h| h.payload_len += 1),
            ("for a range of", |h| h.end += 1),
            ("behind its first byte", |h| h.line_start = h.start + 1),
            ("an open line is a batch", |h| {
                h.flags = BatchFlags::LAST_IS_OPEN;
                h.lines = 2;
            }),
            ("do not ascend", |h| h.continuations = [2, 2].into()),
            ("do not ascend", |h| h.continuations = [1, 9000].into()),
        ];
        for (expected, change) in table {
            let mut batch = BatchOf::source(1).at(10).text("one\ntwo\n");
            assert!(check_batch(&batch, MAX).is_ok());
            change(std::sync::Arc::make_mut(&mut batch.header));
            let error = check_batch(&batch, MAX).expect_err(expected).to_string();
            assert!(error.contains(expected), "{error}");
        }
        let batch = BatchOf::source(1).at(0).text("12345");
        assert!(check_batch(&batch, 4).expect_err("too long").to_string().contains("at most 4"));
    }

    #[test]
    fn names_are_safe_as_file_names() {
        for good in ["lines", "a", "dead-letters", "x.y_z-9"] {
            assert!(check_name("topic", good).is_ok(), "{good}");
        }
        for bad in ["", ".", "..", ".hidden", "a/b", "a b", "ä", &"x".repeat(101)] {
            assert!(check_name("topic", bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn every_partition_gets_sources() {
        let mut seen = [0; 4];
        for n in 0..400u128 {
            seen[partition_of(SourceId(n.wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835)), 4).0 as usize] += 1;
        }
        assert!(seen.iter().all(|n| *n > 50), "{seen:?}");
    }
}
