//! What is done from time to time: sealing what is old, watching the disk, retention, putting damaged parts aside.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use base::{ByteSize, Explain, Timestamp};
use store::StoreError;
use tracing::{info, warn};

use crate::manifest::PartMeta;
use crate::part::Part;
use crate::store::{Inner, removal};
use crate::{Options, merge};

const INTERVAL: Duration = Duration::from_millis(500);
/// What a failed merge has written may stay until the store is opened again: not too often, then.
const MERGE_RETRY: Duration = Duration::from_secs(60);

/// The work of the thread, until the store ends.
pub(crate) fn run(inner: &Inner) {
    let mut merge_after = Instant::now();
    loop {
        let mut head = inner.head.lock();
        let until = Instant::now() + INTERVAL;
        while !head.stop && !inner.work.wait_until(&mut head, until).timed_out() {}
        if head.stop {
            return;
        }
        let is_old = head.active.since.is_some_and(|since| since.elapsed() >= inner.options.head_age);
        if is_old {
            inner.rotate(&mut head);
        }
        drop(head);
        inner.look_at_free_space();
        for step in [quarantine, retain] {
            if let Err(error) = step(inner) {
                warn!(error = %error.chain(), "upkeep of the store failed, trying again");
            }
        }
        if Instant::now() >= merge_after
            && let Err(error) = merge::step(inner)
        {
            warn!(error = %error.chain(), "cannot merge parts, trying again later");
            merge_after = Instant::now() + MERGE_RETRY;
        }
    }
}

impl Inner {
    /// Stops or resumes taking, by the room on the disk.
    pub fn look_at_free_space(&self) {
        let least = ByteSize(self.free_bytes_min.load(Ordering::Relaxed));
        let Ok(disk) = rustix::fs::statvfs(&self.dir) else { return };
        let free = ByteSize(disk.f_bavail.saturating_mul(disk.f_frsize));
        let reason = (free < least).then(|| format!("only {free} are free on its disk, less than {least}; make room"));
        let mut head = self.head.lock();
        match (&head.no_room, &reason) {
            (None, Some(reason)) => warn!(dir = %self.dir.display(), %reason, "the store takes nothing"),
            (Some(_), None) => info!(dir = %self.dir.display(), "there is room again, the store goes on"),
            _ => {}
        }
        let changed = head.no_room.is_some() != reason.is_some();
        head.no_room = reason;
        head.free_bytes = Some(free.0);
        drop(head);
        if changed {
            self.tick();
        }
    }
}

/// Puts aside the parts that turned out to be damaged.
fn quarantine(inner: &Inner) -> Result<(), StoreError> {
    let damaged: Vec<Arc<Part>> =
        inner.head.lock().parts.iter().filter(|part| part.damage().is_some()).cloned().collect();
    if damaged.is_empty() {
        return Ok(());
    }
    let metas: Vec<Arc<PartMeta>> = damaged.iter().map(|part| Arc::new(part.meta().clone())).collect();
    for part in &damaged {
        crate::clean::put_aside(&inner.dir, part.meta());
        let (path, reason) = (part.path().display().to_string(), part.damage().unwrap_or_default().to_owned());
        warn!(%path, %reason, "a damaged part was put aside; its records are no longer found");
        inner.quarantined.lock().push((path, reason));
    }
    let mut gone = Vec::new();
    inner.commit_with(
        |head| {
            let change = removal(&head.state, &metas, false)?;
            gone = change.sources.iter().map(|source| (source.key, source.gone.clone())).collect();
            Ok(change)
        },
        |_| {},
    )?;
    // They may come again, from wherever.
    let mut head = inner.head.lock();
    gone.iter().for_each(|(key, ranges)| head.forget(*key, ranges));
    Ok(())
}

/// Removes the parts that are too old or too many.
fn retain(inner: &Inner) -> Result<(), StoreError> {
    let options = &inner.options;
    if options.retention_age.is_none() && options.retention_bytes.is_none() {
        return Ok(());
    }
    let parts: Vec<Arc<PartMeta>> = inner.head.lock().state.parts.values().cloned().collect();
    let expired = expired(&parts, options, options.clock.now());
    if expired.is_empty() {
        return Ok(());
    }
    info!(parts = expired.len(), "parts expired");
    inner.commit_with(|head| removal(&head.state, &expired, true), |_| {})
}

/// Which parts are over their time, or among the oldest of too many bytes.
fn expired(parts: &[Arc<PartMeta>], options: &Options, now: Timestamp) -> Vec<Arc<PartMeta>> {
    let mut by_age: Vec<_> = parts.to_vec();
    by_age.sort_unstable_by_key(|part| (part.max_time, part.id));
    let oldest = options.retention_age.map_or(Timestamp::MIN, |age| now.minus(age));
    let mut bytes: u64 = by_age.iter().map(|part| part.disk_bytes()).sum();
    let bytes_max = options.retention_bytes.map_or(u64::MAX, |bytes| bytes.0);
    by_age.retain(|part| {
        let goes = part.max_time < oldest || bytes > bytes_max;
        if goes {
            bytes -= part.disk_bytes();
        }
        goes
    });
    by_age
}
