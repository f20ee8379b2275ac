//! Parquet's encodings, written here so that nothing hashes or copies per value on the way into a page.

/// Rows that a run must have to be written as one.
const RUN_MIN: usize = 8;

/// Bits needed for codes below `distinct`; at least one, because not every reader takes none.
pub(crate) fn bit_width(distinct: usize) -> u32 {
    usize::BITS.saturating_sub(distinct.saturating_sub(1).leading_zeros()).max(1)
}

/// RLE / bit-packed hybrid: runs of 8 and more as runs, everything between packed in groups of 8.
pub(crate) fn hybrid(codes: &[u32], width: u32, out: &mut Vec<u8>) {
    let (mut packed_from, mut at) = (0, 0);
    while at < codes.len() {
        let run = run_len(&codes[at..]);
        if run >= RUN_MIN {
            pack_groups(&codes[packed_from..at], width, out);
            varint((run as u64) << 1, out);
            out.extend_from_slice(&codes[at].to_le_bytes()[..width.div_ceil(8) as usize]);
            at += run;
            packed_from = at;
        } else {
            at += RUN_MIN.min(codes.len() - at);
        }
    }
    pack_groups(&codes[packed_from..], width, out);
}

fn run_len(codes: &[u32]) -> usize {
    codes.iter().take_while(|code| **code == codes[0]).count()
}

fn pack_groups(codes: &[u32], width: u32, out: &mut Vec<u8>) {
    if codes.is_empty() {
        return;
    }
    let groups = codes.len().div_ceil(8);
    varint((groups as u64) << 1 | 1, out);
    let end = out.len() + groups * width as usize;
    pack(codes.iter().map(|code| u64::from(*code)), width, out);
    out.resize(end, 0);
}

/// Packs numbers of `width` bits, at most 32, from the low bits on.
fn pack(numbers: impl Iterator<Item = u64>, width: u32, out: &mut Vec<u8>) {
    let (mut held, mut bits) = (0u64, 0u32);
    for number in numbers {
        held |= number << bits;
        bits += width;
        if bits >= 32 {
            out.extend_from_slice(&(held as u32).to_le_bytes());
            held >>= 32;
            bits -= 32;
        }
    }
    while bits > 0 {
        out.push(held as u8);
        held >>= 8;
        bits = bits.saturating_sub(8);
    }
}

const DELTA_BLOCK: usize = 128;
const DELTA_MINI: usize = 32;

/// `DELTA_BINARY_PACKED`: differences to the row before, in as few bits as 32 of them need.
pub(crate) fn delta(values: &[i64], out: &mut Vec<u8>) {
    varint(DELTA_BLOCK as u64, out);
    varint((DELTA_BLOCK / DELTA_MINI) as u64, out);
    varint(values.len() as u64, out);
    zigzag(values.first().copied().unwrap_or(0), out);
    let mut deltas = [0i64; DELTA_BLOCK];
    let mut at = 1;
    while at < values.len() {
        let count = DELTA_BLOCK.min(values.len() - at);
        for n in 0..count {
            deltas[n] = values[at + n].wrapping_sub(values[at + n - 1]);
        }
        delta_block(&deltas[..count], out);
        at += count;
    }
}

fn delta_block(deltas: &[i64], out: &mut Vec<u8>) {
    let least = deltas.iter().copied().min().unwrap_or(0);
    zigzag(least, out);
    let widths_at = out.len();
    out.extend_from_slice(&[0; DELTA_BLOCK / DELTA_MINI]);
    for (n, mini) in deltas.chunks(DELTA_MINI).enumerate() {
        let above = |delta: &i64| delta.wrapping_sub(least) as u64;
        let width = 64 - mini.iter().map(above).fold(0, |all, bits| all | bits).leading_zeros();
        out[widths_at + n] = width as u8;
        let end = out.len() + DELTA_MINI / 8 * width as usize;
        pack_wide(mini.iter().map(above), width, out);
        out.resize(end, 0);
    }
}

/// As [`pack`], for up to 64 bits.
fn pack_wide(numbers: impl Iterator<Item = u64>, width: u32, out: &mut Vec<u8>) {
    let (mut held, mut bits) = (0u128, 0u32);
    for number in numbers {
        held |= u128::from(number) << bits;
        bits += width;
        while bits >= 32 {
            out.extend_from_slice(&(held as u32).to_le_bytes());
            held >>= 32;
            bits -= 32;
        }
    }
    while bits > 0 {
        out.push(held as u8);
        held >>= 8;
        bits = bits.saturating_sub(8);
    }
}

/// Which rows have a value, as the definition levels of a data page with their length in front.
pub(crate) fn definition_levels(present: &[u32], out: &mut Vec<u8>) {
    let at = out.len();
    out.extend_from_slice(&[0; 4]);
    hybrid(present, 1, out);
    let len = (out.len() - at - 4) as u32;
    out[at..at + 4].copy_from_slice(&len.to_le_bytes());
}

/// As [`definition_levels`] where no row has a value.
pub(crate) fn absent_levels(rows: usize, out: &mut Vec<u8>) {
    let at = out.len();
    out.extend_from_slice(&[0; 4]);
    varint((rows as u64) << 1, out);
    out.push(0);
    let len = (out.len() - at - 4) as u32;
    out[at..at + 4].copy_from_slice(&len.to_le_bytes());
}

/// One value of a PLAIN page.
pub(crate) fn plain(value: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(&(value.len() as u32).to_le_bytes());
    out.extend_from_slice(value);
}

fn varint(mut value: u64, out: &mut Vec<u8>) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

fn zigzag(value: i64, out: &mut Vec<u8>) {
    varint(((value << 1) ^ (value >> 63)) as u64, out);
}
