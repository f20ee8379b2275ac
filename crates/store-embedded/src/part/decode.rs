//! The way back from [`super::encode`]. Every function answers `None` where the bytes are not what they should be, and
//! never makes more than it was told to expect.

/// Codes of an RLE / bit-packed hybrid, exactly `count` of them.
pub(crate) fn hybrid(mut bytes: &[u8], width: u32, count: usize) -> Option<Vec<u32>> {
    if width > 32 {
        return None;
    }
    let mut codes = Vec::with_capacity(count);
    while codes.len() < count {
        let header = varint(&mut bytes)?;
        let left = count - codes.len();
        if header & 1 == 0 {
            let (value, rest) = bytes.split_at_checked(width.div_ceil(8) as usize)?;
            bytes = rest;
            let mut word = [0; 4];
            word[..value.len()].copy_from_slice(value);
            let run = usize::try_from(header >> 1).ok()?.min(left);
            if run == 0 {
                return None;
            }
            codes.resize(codes.len() + run, u32::from_le_bytes(word));
        } else {
            let groups = usize::try_from(header >> 1).ok()?;
            let (packed, rest) = bytes.split_at_checked(groups.checked_mul(width as usize)?)?;
            bytes = rest;
            let numbers = left.min(groups.checked_mul(8)?);
            if numbers == 0 {
                return None;
            }
            unpack(packed, width, numbers, |number| codes.push(number as u32));
        }
    }
    Some(codes)
}

/// Visits `count` numbers of `width` bits, as far as there are bytes.
fn unpack(packed: &[u8], width: u32, count: usize, mut visit: impl FnMut(u64)) {
    let mask = if width == 64 { u64::MAX } else { (1 << width) - 1 };
    let mut bit = 0usize;
    for _ in 0..count {
        let (byte, shift) = (bit / 8, bit % 8);
        let number = match packed.get(byte..).and_then(<[u8]>::first_chunk::<16>) {
            Some(word) => (u128::from_le_bytes(*word) >> shift) as u64,
            None => {
                let mut word = [0u8; 16];
                let rest = packed.get(byte..).unwrap_or_default();
                word[..rest.len()].copy_from_slice(rest);
                (u128::from_le_bytes(word) >> shift) as u64
            }
        };
        visit(number & mask);
        bit += width as usize;
    }
}

/// Numbers of a `DELTA_BINARY_PACKED` page, exactly `count` of them.
pub(crate) fn delta(mut bytes: &[u8], count: usize) -> Option<Vec<i64>> {
    let bytes = &mut bytes;
    let (block, minis) = (usize::try_from(varint(bytes)?).ok()?, usize::try_from(varint(bytes)?).ok()?);
    let total = usize::try_from(varint(bytes)?).ok()?;
    if total != count || minis == 0 || minis > 64 || block % minis != 0 || block == 0 || block > 1 << 16 {
        return None;
    }
    let mut last = zigzag(bytes)?;
    let mut values = Vec::with_capacity(count);
    if count > 0 {
        values.push(last);
    }
    while values.len() < count {
        let least = zigzag(bytes)?;
        let (widths, rest) = bytes.split_at_checked(minis)?;
        *bytes = rest;
        for width in widths {
            let left = (count - values.len()).min(block / minis);
            if left == 0 {
                break;
            }
            let (packed, rest) = bytes.split_at_checked(block / minis * usize::from(*width) / 8)?;
            *bytes = rest;
            unpack(packed, u32::from(*width).min(64), left, |above| {
                last = last.wrapping_add(least).wrapping_add(above as i64);
                values.push(last);
            });
        }
    }
    Some(values)
}

/// The values of a PLAIN page of byte arrays, exactly `count` of them, as ranges of it.
pub(crate) fn plain(bytes: &[u8], count: usize) -> Option<Vec<(u32, u32)>> {
    let mut ranges = Vec::with_capacity(count);
    let mut at = 0usize;
    for _ in 0..count {
        let len = u32::from_le_bytes(*bytes.get(at..)?.first_chunk()?) as usize;
        let (start, end) = (at + 4, at.checked_add(4)?.checked_add(len)?);
        if end > bytes.len() {
            return None;
        }
        ranges.push((start as u32, end as u32));
        at = end;
    }
    (at == bytes.len()).then_some(ranges)
}

/// The definition levels at the beginning of a data page, and what follows them.
pub(crate) fn definition_levels(bytes: &[u8], count: usize) -> Option<(Vec<u32>, &[u8])> {
    let (len, rest) = bytes.split_first_chunk::<4>()?;
    let (levels, rest) = rest.split_at_checked(u32::from_le_bytes(*len) as usize)?;
    Some((hybrid(levels, 1, count)?, rest))
}

fn varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut value = 0u64;
    for shift in (0..64).step_by(7) {
        let (byte, rest) = bytes.split_first()?;
        *bytes = rest;
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

fn zigzag(bytes: &mut &[u8]) -> Option<i64> {
    let value = varint(bytes)?;
    Some((value >> 1) as i64 ^ -((value & 1) as i64))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::encode;
    use super::*;

    fn runs() -> impl Strategy<Value = Vec<u32>> {
        prop::collection::vec((0u32..70_000, 1usize..40), 0..40).prop_map(|runs| {
            runs.into_iter()
                .flat_map(|(code, len)| std::iter::repeat_n(if len < 20 { code % 3 } else { code }, len))
                .collect()
        })
    }

    proptest! {
        #[test]
        fn codes_come_back(codes in runs(), mixed in prop::collection::vec(0u32..100_000, 0..100)) {
            for codes in [codes, mixed] {
                let width = encode::bit_width(codes.iter().max().map_or(0, |max| *max as usize + 1));
                let mut bytes = Vec::new();
                encode::hybrid(&codes, width, &mut bytes);
                prop_assert_eq!(hybrid(&bytes, width, codes.len()), Some(codes));
            }
        }

        #[test]
        fn numbers_come_back(mut values in prop::collection::vec(any::<i64>(), 0..400), sorted: bool, small: bool) {
            if small { values.iter_mut().for_each(|value| *value %= 1000) }
            if sorted { values.sort_unstable() }
            let mut bytes = Vec::new();
            encode::delta(&values, &mut bytes);
            prop_assert_eq!(delta(&bytes, values.len()), Some(values));
        }

        #[test]
        fn levels_come_back(present in prop::collection::vec(0u32..2, 0..300)) {
            let mut bytes = Vec::new();
            encode::definition_levels(&present, &mut bytes);
            bytes.push(7);
            prop_assert_eq!(definition_levels(&bytes, present.len()), Some((present, &[7u8][..])));
        }

        #[test]
        fn rubbish_is_refused_not_believed(bytes in prop::collection::vec(any::<u8>(), 0..200), width in 0u32..40, count in 0usize..500) {
            let _ = hybrid(&bytes, width, count);
            let _ = delta(&bytes, count);
            let _ = plain(&bytes, count);
            let _ = definition_levels(&bytes, count);
        }
    }
}
