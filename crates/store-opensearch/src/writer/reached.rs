//! How far everything is in the store: behind the last batch before which none is still on its way.

use std::collections::{BTreeMap, BTreeSet};

use model::{Cursors, Partition, Place, QueueId};

/// Batches on their way and behind it. Pure.
#[derive(Debug, Default)]
pub struct Reached {
    open: BTreeMap<Partition, BTreeSet<u64>>,
    behind: BTreeMap<Partition, u64>,
    cursors: Cursors,
}

impl Reached {
    /// The cursors below which everything is held.
    pub const fn cursors(&self) -> &Cursors {
        &self.cursors
    }

    /// Batches come from this queue from now on.
    pub fn attach(&mut self, queue: QueueId) {
        self.open.clear();
        if self.cursors.queue != queue {
            self.behind.clear();
            self.cursors = Cursors::start_of(queue);
        }
    }

    /// A batch sets out; also again, where it did not arrive.
    pub fn begin(&mut self, place: Place) {
        self.open.entry(place.partition).or_default().insert(place.offset);
    }

    /// A batch has arrived.
    pub fn arrive(&mut self, place: Place) {
        let open = self.open.entry(place.partition).or_default();
        open.remove(&place.offset);
        let behind = self.behind.entry(place.partition).or_default();
        *behind = (*behind).max(place.offset + 1);
        let safe = open.first().map_or(*behind, |first| (*first).min(*behind));
        if let Some(last) = safe.checked_sub(1) {
            self.cursors.pass(Place { partition: place.partition, offset: last });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn place(offset: u64) -> Place {
        Place { partition: Partition(3), offset }
    }

    #[test]
    fn the_cursor_waits_for_what_set_out_before() {
        let mut reached = Reached::default();
        reached.attach(QueueId(1));
        (0..4).for_each(|offset| reached.begin(place(offset)));
        reached.arrive(place(1));
        assert_eq!(reached.cursors().get(Partition(3)), 0);
        reached.arrive(place(0));
        assert_eq!(reached.cursors().get(Partition(3)), 2);
        reached.arrive(place(3));
        assert_eq!(reached.cursors().get(Partition(3)), 2, "2 has not arrived, though it was given up meanwhile");
        reached.begin(place(2));
        reached.arrive(place(2));
        assert_eq!(reached.cursors().get(Partition(3)), 4);
    }

    #[test]
    fn another_queue_begins_anew() {
        let mut reached = Reached::default();
        reached.attach(QueueId(1));
        reached.begin(place(7));
        reached.arrive(place(7));
        reached.attach(QueueId(1));
        assert_eq!(reached.cursors().get(Partition(3)), 8);
        reached.attach(QueueId(2));
        assert_eq!(*reached.cursors(), Cursors::start_of(QueueId(2)));
    }
}
