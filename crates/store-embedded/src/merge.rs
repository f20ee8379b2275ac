//! Merging: small parts become larger ones, in the background.
//!
//! Decision: parts are merged when eight of about one size have gathered, and never beyond the size of a full head; so
//! a merge needs no more memory than sealing does, and each record is written again a few times at most, however
//! slowly it trickled in.

use std::sync::Arc;
use std::time::{Duration, Instant};

use base::Explain;
use store::StoreError;
use tracing::{debug, warn};

use crate::manifest::PartMeta;
use crate::part::Part;
use crate::part::build::Scratch;
use crate::part::plan::OWN_PART_BYTES;
use crate::part::regroup::GroupChunk;
use crate::seal;
use crate::store::Inner;

/// Parts of one tier that are worth a merge.
const PARTS_MIN: usize = 8;
/// Parts that are merged at once.
const PARTS_MAX: usize = 15;
/// No merge so long after the head was filled: the processor has better things to do.
const QUIET: Duration = Duration::from_secs(3);
const ZSTD_LEVEL: i32 = 1;

/// Merges some parts, if there are such and there is time.
pub(crate) fn step(inner: &Inner) -> Result<(), StoreError> {
    if !inner.options.merge || !is_quiet(inner) {
        return Ok(());
    }
    let parts: Vec<Arc<Part>> = inner.head.lock().parts.clone();
    let metas: Vec<&PartMeta> = parts.iter().map(|part| part.meta()).collect();
    let chosen = choose(&metas, inner.head_bytes());
    if chosen.is_empty() {
        return Ok(());
    }
    let chosen: Vec<Arc<Part>> = parts.into_iter().filter(|part| chosen.contains(&part.id())).collect();
    merge(inner, &chosen)
}

fn is_quiet(inner: &Inner) -> bool {
    let head = inner.head.lock();
    head.sealing.is_empty() && head.no_room.is_none() && head.filled_at.is_none_or(|at| at.elapsed() > QUIET)
}

fn merge(inner: &Inner, parts: &[Arc<Part>]) -> Result<(), StoreError> {
    let started = Instant::now();
    let mut chunks = Vec::new();
    for part in parts {
        let open = match part.open() {
            Ok(open) => open,
            Err(error) => {
                // It is put aside at the next turn, if it is damaged.
                warn!(part = part.id(), error = %error.chain(), "cannot merge a part");
                return Ok(());
            }
        };
        for group in 0..open.groups().len() {
            chunks.push(GroupChunk::load(&open, group)?);
        }
    }
    let made = seal::make(inner, &chunks, &mut Scratch::new(ZSTD_LEVEL))?;
    drop(chunks);
    let removed: Vec<u64> = parts.iter().map(|part| part.id()).collect();
    inner.commit_with(
        |head| {
            let mut change = seal::addition(head, &made);
            change.removed.clone_from(&removed);
            Ok(change)
        },
        |_| {},
    )?;
    let made = made.len();
    debug!(parts = parts.len(), made, ms = started.elapsed().as_millis() as u64, "merged");
    Ok(())
}

/// Which parts to merge now; none where it is not worth it.
///
/// Parts of one day, or so little that one part will hold all of their days: otherwise as many would come out.
fn choose(parts: &[&PartMeta], bytes_max: u64) -> Vec<u64> {
    let mut small: Vec<_> = parts.iter().filter(|part| part.line_bytes < bytes_max / 2).collect();
    small.sort_unstable_by_key(|part| (tier(part.line_bytes), part.day, part.min_time, part.id));
    for tier in small.chunk_by(|a, b| tier(a.line_bytes) == tier(b.line_bytes)) {
        let little = fitting(tier.iter().copied().copied(), OWN_PART_BYTES.min(bytes_max));
        if little.len() >= PARTS_MIN {
            return little;
        }
        for day in tier.chunk_by(|a, b| a.day == b.day).filter(|day| day.len() >= PARTS_MIN) {
            let fitting = fitting(day.iter().copied().copied(), bytes_max);
            if fitting.len() > 1 {
                return fitting;
            }
        }
    }
    Vec::new()
}

/// The first parts that together have at most `bytes_max` bytes of lines.
fn fitting<'a>(parts: impl Iterator<Item = &'a PartMeta>, bytes_max: u64) -> Vec<u64> {
    let mut bytes = 0;
    let fits = |part: &&PartMeta| {
        bytes += part.line_bytes;
        bytes <= bytes_max
    };
    parts.take_while(fits).take(PARTS_MAX).map(|part| part.id).collect()
}

/// Parts of one tier differ in size by a factor of eight at most.
const fn tier(bytes: u64) -> u32 {
    (bytes >> 15 | 1).ilog2() / 3
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAX: u64 = 32 << 20;

    fn part(id: u64, day: i64, line_bytes: u64) -> PartMeta {
        PartMeta { id, day, line_bytes, ..PartMeta::default() }
    }

    fn chosen(parts: &[PartMeta]) -> Vec<u64> {
        choose(&parts.iter().collect::<Vec<_>>(), MAX)
    }

    #[test]
    fn eight_of_one_size_are_merged_and_fewer_or_larger_are_not() {
        let small: Vec<_> = (0..8).map(|id| part(id, 1, 10_000)).collect();
        assert_eq!(chosen(&small), [0, 1, 2, 3, 4, 5, 6, 7]);
        assert!(chosen(&small[..7]).is_empty());
        let many: Vec<_> = (0..40).map(|id| part(id, 1, 10_000)).collect();
        assert_eq!(chosen(&many).len(), PARTS_MAX);
        assert!(chosen(&(0..40).map(|id| part(id, 1, MAX / 2)).collect::<Vec<_>>()).is_empty());
        let mixed: Vec<_> =
            (0..7).map(|id| part(id, 1, 10_000)).chain((7..14).map(|id| part(id, 1, 9 << 20))).collect();
        assert!(chosen(&mixed).is_empty());
    }

    #[test]
    fn days_are_mixed_only_where_there_is_little() {
        let little: Vec<_> = (0..8).map(|id| part(id, id as i64, 10_000)).collect();
        assert_eq!(chosen(&little).len(), 8);
        let much: Vec<_> = (0..40).map(|id| part(id, id as i64, 9 << 20)).collect();
        assert!(chosen(&much).is_empty());
        let same: Vec<_> = (0..8).map(|id| part(id, 5, 9 << 20)).collect();
        assert_eq!(chosen(&same), [0, 1, 2]);
    }

    #[test]
    fn a_trickle_ends_in_few_parts_and_little_is_written_again() {
        let (mut parts, mut written, mut next) = (Vec::new(), 0u64, 0);
        let each = 50_000;
        for _ in 0..3000 {
            parts.push(part(next, 1, each));
            next += 1;
            loop {
                let ids = chosen(&parts);
                if ids.is_empty() {
                    break;
                }
                let bytes = parts.iter().filter(|part| ids.contains(&part.id)).map(|part| part.line_bytes).sum();
                parts.retain(|part| !ids.contains(&part.id));
                parts.push(part(next, 1, bytes));
                written += bytes;
                next += 1;
            }
        }
        assert!(parts.len() < 40, "{} parts", parts.len());
        assert!(written < 3000 * each * 5, "written {:.1} times", written as f64 / (3000 * each) as f64);
    }
}
