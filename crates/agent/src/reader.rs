//! What of a block can be sent now: the one pass over a block's bytes, and the decisions about its end.
//!
//! Pure. A line that is not finished waits; so does, where lines are joined, the last record, as the next line may
//! belong to it. Silence decides for both.

use codec::Framing;

/// The limits of what is sent.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Longer lines are split.
    pub line: usize,
    /// Longer joined records are cut between lines.
    pub record: usize,
}

/// How much silence there has been since the last growth: what need not wait any longer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Flush {
    /// Nothing.
    Nothing,
    /// A last record of a single line.
    Single,
    /// A last record, joined or not.
    Record,
    /// Also a line without its newline.
    Line,
}

/// What is to be done with a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Plan {
    /// Send so many bytes.
    Send(Range),
    /// Wait for more, or for silence.
    Hold(Held),
    /// The line is longer than the block: read a longer one.
    Longer,
}

/// What is sent: the first bytes of the block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Range {
    /// How many.
    pub len: usize,
    /// Lines in them.
    pub lines: u32,
    /// Records in them.
    pub records: u32,
    /// Where the last line of them is open: it has no newline yet, or is a part of a long line.
    pub open: bool,
    /// They end here because nothing followed in time: by the bytes alone they might have ended elsewhere.
    pub by_silence: bool,
}

/// What is waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Held {
    /// The end of a line; nothing else is there.
    Line,
    /// What follows a record of one line.
    Single,
    /// What follows a record of several lines.
    Record,
}

/// How far a block reaches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// To the end of what the file has.
    End,
    /// Not so far, and a longer one can be read.
    Part,
    /// Not so far, and it is as long as a block gets.
    Longest,
}

/// Plans a block, which is not empty. The starts of lines that do not begin a record are left in `continuations`.
pub fn plan(
    block: &[u8],
    framing: Framing,
    limits: Limits,
    flush: Flush,
    reach: Reach,
    continuations: &mut Vec<u32>,
) -> Plan {
    continuations.clear();
    let Some(mut end) = codec::cut_last_newline(block) else {
        return plan_open(block, limits, flush, reach);
    };
    let mut before_long_line = false;
    loop {
        continuations.clear();
        let found = codec::cut(&block[..end], framing, true, continuations);
        if found.longest_line as usize > limits.line {
            if found.longest_line_start == 0 {
                continuations.clear();
                return Plan::Send(Range { len: limits.line, lines: 1, records: 1, open: true, by_silence: false });
            }
            end = found.longest_line_start as usize;
            before_long_line = true;
            continue;
        }
        let mut last_start = found.last_record_start as usize;
        if !continuations.is_empty() && end > limits.record {
            last_start = bound_records(&block[..end], limits.record, continuations);
        }
        let records = found.lines - continuations.len() as u32;
        let range = Range { len: end, lines: found.lines, records, open: false, by_silence: false };
        if !framing.join || before_long_line {
            return Plan::Send(range);
        }
        return hold_last(range, last_start, limits, flush, reach, continuations);
    }
}

/// A block that has no newline at all.
fn plan_open(block: &[u8], limits: Limits, flush: Flush, reach: Reach) -> Plan {
    if block.len() >= limits.line {
        return Plan::Send(Range { len: limits.line, lines: 1, records: 1, open: true, by_silence: false });
    }
    match reach {
        Reach::Part => Plan::Longer,
        Reach::End if flush < Flush::Line => Plan::Hold(Held::Line),
        Reach::End | Reach::Longest => {
            Plan::Send(Range { len: block.len(), lines: 1, records: 1, open: true, by_silence: reach == Reach::End })
        }
    }
}

/// Keeps the last record back where the next line may still belong to it.
fn hold_last(
    range: Range,
    last_start: usize,
    limits: Limits,
    flush: Flush,
    reach: Reach,
    continuations: &mut Vec<u32>,
) -> Plan {
    let joined = continuations.partition_point(|at| (*at as usize) < last_start);
    let held_lines = 1 + (continuations.len() - joined) as u32;
    let held = if held_lines == 1 { Held::Single } else { Held::Record };
    let silent = flush >= Flush::Record || (flush == Flush::Single && held == Held::Single);
    if silent && reach == Reach::End {
        return Plan::Send(Range { by_silence: true, ..range });
    }
    if last_start > 0 {
        continuations.truncate(joined);
        let (lines, records) = (range.lines - held_lines, range.records - 1);
        return Plan::Send(Range { len: last_start, lines, records, open: false, by_silence: false });
    }
    // A single record is all there is: it ends here if it may not grow any further.
    match reach {
        _ if range.len >= limits.record => Plan::Send(range),
        Reach::End => Plan::Hold(held),
        Reach::Part => Plan::Longer,
        Reach::Longest => Plan::Send(range),
    }
}

/// Ends records that are longer than `max` before the line that makes them so; says where the last one begins.
fn bound_records(block: &[u8], max: usize, continuations: &mut Vec<u32>) -> usize {
    let (mut record_start, mut line_start, mut next, mut kept) = (0, 0, 0, 0);
    for line in block.split_inclusive(|byte| *byte == b'\n') {
        let line_end = line_start + line.len();
        let continues = continuations.get(next).is_some_and(|at| *at as usize == line_start);
        next += usize::from(continues);
        if continues && line_end - record_start <= max {
            continuations[kept] = line_start as u32;
            kept += 1;
        } else {
            record_start = line_start;
        }
        line_start = line_end;
    }
    continuations.truncate(kept);
    record_start
}

#[cfg(test)]
mod tests;
