//! Places in the queue.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

/// One ordered lane of a topic, from 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Partition(pub u32);

/// Where a batch stands in a topic. Offsets count batches within a partition, from 0, without gaps.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Place {
    /// The lane.
    pub partition: Partition,
    /// The number of the batch in it.
    pub offset: u64,
}

/// The identity of one queue's data, made when it is created. Offsets of another queue mean nothing here.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct QueueId(pub u64);

/// How far a consumer has come: for each partition the next offset to read; and in which queue.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cursors {
    /// Whose offsets these are.
    pub queue: QueueId,
    /// The next offset to read, by partition. A partition that is missing is at its beginning.
    pub next: BTreeMap<Partition, u64>,
}

impl Cursors {
    /// Nothing read yet of `queue`.
    pub fn start_of(queue: QueueId) -> Self {
        Self { queue, next: BTreeMap::new() }
    }

    /// The next offset to read in a partition.
    pub fn get(&self, partition: Partition) -> u64 {
        self.next.get(&partition).copied().unwrap_or(0)
    }

    /// Moves past `place`, never backwards.
    pub fn pass(&mut self, place: Place) {
        let next = self.next.entry(place.partition).or_default();
        *next = (*next).max(place.offset + 1);
    }
}

impl fmt::Display for Partition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.partition, self.offset)
    }
}
