//! The format of a source, from its first lines.
//!
//! Decision: every line is tried with the real parsers, and the majority decides. Lines that continue others say
//! nothing, and one banner line does not outvote what follows.

use model::Format;

use crate::fields::Fields;
use crate::{Framing, is_record_start, parser, scan};

/// So many lines are looked at.
const LINES_MAX: usize = 50;
/// So many bytes are looked at.
const BYTES_MAX: usize = 64 << 10;

/// The format of the lines of `sample`, the beginning of a source cut at a line's end; `Unknown` where no format has
/// a majority.
pub fn detect(sample: &[u8]) -> Format {
    let sample = &sample[..sample.len().min(BYTES_MAX)];
    let mut votes = [0u32; Format::ALL.len()];
    let mut fields = Fields::default();
    let mut voters = 0;
    let traces = Framing { format: Format::Timestamped, join: true };
    for line in sample.split_inclusive(|byte| *byte == b'\n').filter(|line| line.ends_with(b"\n")).take(LINES_MAX) {
        let line = scan::trim_newlines(line);
        if line.is_empty() || !is_record_start(line, traces) {
            continue;
        }
        voters += 1;
        let format = if line == b"{" { Format::Json } else { parser::recognise(Format::Unknown, line, &mut fields) };
        votes[usize::from(format as u8)] += 1;
    }
    let best = Format::ALL.into_iter().skip(1).max_by_key(|format| votes[usize::from(*format as u8)]);
    best.filter(|format| votes[usize::from(*format as u8)] * 2 > voters).unwrap_or_default()
}
