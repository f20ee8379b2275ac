//! Which node is asked next: in turn, leaving out those that did not answer lately.

use std::time::{Duration, Instant};

use base::Backoff;
use parking_lot::Mutex;

/// Some nodes of one cluster.
pub struct Nodes {
    list: Vec<Node>,
    turn: Mutex<usize>,
}

/// A node.
pub struct Node {
    /// Where requests go, without a slash at its end.
    pub url: String,
    /// How it is shown.
    pub shown: String,
    health: Mutex<Health>,
}

struct Health {
    backoff: Backoff,
    down_until: Option<Instant>,
}

const FIRST_REST: Duration = Duration::from_millis(500);
const LONGEST_REST: Duration = Duration::from_secs(30);

impl Nodes {
    /// Of addresses and how they are shown.
    pub fn new(addresses: Vec<(String, String)>) -> Self {
        let node = |(n, (url, shown)): (usize, (String, String))| {
            let backoff = Backoff::new(FIRST_REST, LONGEST_REST, n as u64 + 1);
            Node { url, shown, health: Mutex::new(Health { backoff, down_until: None }) }
        };
        Self { list: addresses.into_iter().enumerate().map(node).collect(), turn: Mutex::new(0) }
    }

    /// How many.
    pub fn len(&self) -> usize {
        self.list.len()
    }

    /// How all of them are shown.
    pub fn shown(&self) -> String {
        let shown: Vec<&str> = self.list.iter().map(|node| node.shown.as_str()).collect();
        shown.join(", ")
    }

    /// The nodes in the order in which they are to be tried now: those that are well in turn, then the others, the one
    /// first that has rested longest.
    pub fn order(&self, now: Instant) -> Vec<&Node> {
        let first = {
            let mut turn = self.turn.lock();
            *turn = (*turn + 1) % self.list.len().max(1);
            *turn
        };
        let mut order: Vec<_> = (0..self.list.len()).map(|n| &self.list[(first + n) % self.list.len()]).collect();
        order.sort_by_cached_key(|node| node.health.lock().down_until.filter(|until| *until > now));
        order
    }
}

impl Node {
    /// It answered.
    pub fn is_well(&self) {
        let mut health = self.health.lock();
        if health.down_until.take().is_some() {
            health.backoff.reset();
        }
    }

    /// It did not answer, or said that it cannot.
    pub fn is_down(&self, now: Instant) {
        let mut health = self.health.lock();
        let wait = health.backoff.next_wait();
        health.down_until = Some(now + wait);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nodes_take_turns_and_those_that_are_down_come_last() {
        let names = ["a", "b", "c"].map(|name| (name.to_owned(), name.to_owned()));
        let nodes = Nodes::new(names.to_vec());
        let now = Instant::now();
        let first = |now| nodes.order(now)[0].url.clone();
        let three: Vec<_> = (0..3).map(|_| first(now)).collect();
        assert_eq!(three, ["b", "c", "a"]);
        nodes.list[1].is_down(now);
        let three: Vec<_> = (0..3).map(|_| first(now)).collect();
        assert_eq!(three, ["c", "c", "a"]);
        assert_eq!(nodes.order(now)[2].url, "b");
        assert!((0..3).any(|_| first(now + FIRST_REST) == "b"), "after its rest it is tried again");
        nodes.list[1].is_well();
        assert!((0..3).any(|_| first(now) == "b"));
        nodes.list.iter().for_each(|node| node.is_down(now));
        assert_eq!(nodes.order(now).len(), 3, "where all are down, all are tried");
    }
}
