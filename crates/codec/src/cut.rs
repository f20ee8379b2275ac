//! Where lines end and records begin: one pass over a block.
//!
//! Decision: only first bytes are looked at. A table over the first byte says for nearly every line that it begins a
//! record; whatever looks suspicious (an indent, a letter that may open a stack trace) is looked at closer in `start`.

use memchr::memchr_iter;
use model::Format;

use crate::start;

/// What the agent has decided about the record starts of a source.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Framing {
    /// The shape of its lines.
    pub format: Format,
    /// Whether lines are joined. Off: one record a line (`multiline = "off"`, or the format was not recognised).
    pub join: bool,
}

/// What one pass over a block has found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cut {
    /// Lines in the block.
    pub lines: u32,
    /// Records in the block: lines less continuations.
    pub records: u32,
    /// Offset of the last line that begins a record; 0 where none does. What stands before it is finished, what
    /// follows may still grow.
    pub last_record_start: u32,
    /// Length of the longest line in bytes, its newline included.
    pub longest_line: u32,
    /// Offset of the first byte of (the first) such line.
    pub longest_line_start: u32,
}

/// Counts the lines of `block`, which ends with a newline, and appends the line starts that do not begin a record to
/// `continuations`. With `first_is_start` the first line begins a record whatever it looks like.
///
/// A block is shorter than 4 GiB. Bytes behind its last newline, if there are any, count as a line.
pub fn cut(block: &[u8], framing: Framing, first_is_start: bool, continuations: &mut Vec<u32>) -> Cut {
    let class = start::class(framing);
    let mut found = Cut::default();
    let joined_before = continuations.len();
    let mut line_start = 0;
    let mut take = |line_start: usize, line_end: usize| {
        let len = (line_end - line_start) as u32;
        if len > found.longest_line {
            (found.longest_line, found.longest_line_start) = (len, line_start as u32);
        }
        found.lines += 1;
        let first = class[usize::from(block[line_start])];
        let begins = start::begins(first, &block[line_start..line_end], framing.format);
        if begins || (line_start == 0 && first_is_start) {
            found.last_record_start = line_start as u32;
        } else {
            continuations.push(line_start as u32);
        }
    };
    for newline in memchr_iter(b'\n', block) {
        take(line_start, newline + 1);
        line_start = newline + 1;
    }
    if line_start < block.len() {
        take(line_start, block.len());
    }
    found.records = found.lines - (continuations.len() - joined_before) as u32;
    found
}

/// Length of the block up to and with its last newline; `None` where it has none.
pub fn cut_last_newline(block: &[u8]) -> Option<usize> {
    memchr::memrchr(b'\n', block).map(|at| at + 1)
}
