//! Taking points: whoever comes while others are synced is synced with the next ones.

use std::sync::{Arc, OnceLock};

use model::Point;
use store::StoreError;
use store::metrics::{PointRefusal, check_point};

use super::Core;
use super::journal;

/// Points of one call that wait for their turn.
pub(super) struct Waiting {
    points: Vec<Point>,
    outcome: Arc<OnceLock<Result<Vec<PointRefusal>, StoreError>>>,
}

impl Core {
    /// Takes points; they are durable when this returns.
    pub(super) fn write(&self, points: Vec<Point>) -> Result<Vec<PointRefusal>, StoreError> {
        self.check_room()?;
        let outcome = Arc::new(OnceLock::new());
        self.waiting.lock().push(Waiting { points, outcome: Arc::clone(&outcome) });
        let mut journal = self.journal.lock();
        if outcome.get().is_none() {
            let waiting = std::mem::take(&mut *self.waiting.lock());
            self.commit(waiting, &mut journal);
        }
        drop(journal);
        self.keep_up();
        outcome.get().cloned().unwrap_or_else(|| Ok(Vec::new()))
    }

    /// Where chunks cannot be made, memory fills up.
    fn check_room(&self) -> Result<(), StoreError> {
        let bytes = self.state.read().head.bytes();
        let max = usize::try_from(self.options.head_bytes.0).unwrap_or(usize::MAX).saturating_mul(2);
        if bytes <= max {
            return Ok(());
        }
        // Another try to make chunks says why it is so, and may succeed.
        self.make_chunks()
    }

    /// Makes the points of several calls durable together, and then found.
    fn commit(&self, waiting: Vec<Waiting>, journal: &mut journal::Journal) {
        let mut frames = Vec::new();
        let mut taken = Vec::with_capacity(waiting.len());
        for Waiting { points, outcome } in waiting {
            let (points, refusals) = self.admit(points);
            if !points.is_empty() {
                journal::frame(points.iter(), &mut frames);
            }
            taken.push((points, refusals, outcome));
        }
        let written = if frames.is_empty() { Ok(()) } else { journal.append(&frames) };
        let mut state = self.state.write();
        for (points, refusals, outcome) in taken {
            let said = written.clone().map(|()| {
                points.into_iter().for_each(|point| state.put(point));
                refusals
            });
            // It is set here alone.
            let _ = outcome.set(said);
        }
    }

    /// Leaves out what cannot be taken.
    fn admit(&self, points: Vec<Point>) -> (Vec<Point>, Vec<PointRefusal>) {
        let (mut kept, mut refusals) = (Vec::with_capacity(points.len()), Vec::new());
        let mut state = self.state.write();
        for (at, point) in points.into_iter().enumerate() {
            let max = self.options.series_max;
            let known = check_point(&point).and_then(|()| {
                state.registry.add_series(&point.measurement, &point.tags, max).ok_or_else(|| {
                    format!("it begins a series, and there are {max} already, the most that are kept; use fewer tags")
                })
            });
            match known {
                Ok(_) => kept.push(point),
                Err(reason) => refusals.push(PointRefusal { point: at, reason }),
            }
        }
        (kept, refusals)
    }
}
