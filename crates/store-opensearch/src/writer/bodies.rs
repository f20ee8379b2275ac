//! Bodies of bulks that were answered, kept for the bulks to come.
//!
//! Documents are several times as long as their lines, and fresh memory is cleared by the system before it can be
//! written: that cost more than all the rest. As many are kept as bulks may be on their way, and none for long.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use parking_lot::Mutex;
use runtime::{Ahead, ahead};

/// Without a bulk for so long, the memory goes back.
const KEPT: Duration = Duration::from_secs(15);

/// A bounded heap of empty bodies.
pub struct Bodies {
    free: Arc<Mutex<Vec<Vec<u8>>>>,
    count_max: usize,
    /// What one huge document needed is not kept.
    bytes_max: usize,
    fading: Mutex<Option<Ahead<()>>>,
}

impl Bodies {
    /// Keeps as many, none of more bytes.
    pub fn new(count_max: usize, bytes_max: usize) -> Self {
        Self { free: Arc::default(), count_max, bytes_max, fading: Mutex::new(None) }
    }

    /// An empty body: one that had been used before, or a new one with so much room.
    pub fn take(&self, room: usize) -> Vec<u8> {
        let used = self.free.lock().pop();
        used.unwrap_or_else(|| Vec::with_capacity(room))
    }

    /// Takes back what was sent; where somebody still looks at it, it is let go.
    pub fn give(&self, mut body: Bytes) {
        if !body.is_unique() {
            return;
        }
        // Nothing of it is wanted but the room.
        body.truncate(0);
        let body = Vec::from(body);
        let mut free = self.free.lock();
        if free.len() < self.count_max && (1..=self.bytes_max).contains(&body.capacity()) {
            free.push(body);
        }
    }

    /// Lets go of all of them, unless this is said again before long.
    pub fn fade(&self) {
        let free = self.free.clone();
        *self.fading.lock() = Some(ahead(async move {
            tokio::time::sleep(KEPT).await;
            *free.lock() = Vec::new();
        }));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(capacity: usize) -> Bytes {
        let mut body = Vec::with_capacity(capacity);
        body.extend_from_slice(b"some");
        Bytes::from(body)
    }

    #[test]
    fn room_is_used_again_within_the_bounds() {
        let bodies = Bodies::new(2, 1000);
        assert_eq!(bodies.take(0).capacity(), 0);
        bodies.give(sent(100));
        let again = bodies.take(0);
        assert!(again.is_empty() && again.capacity() >= 100);
        let looked_at = sent(100);
        bodies.give(looked_at.clone());
        assert_eq!((bodies.take(0).capacity(), &looked_at[..]), (0, &b"some"[..]));
        bodies.give(sent(2000));
        assert_eq!(bodies.take(0).capacity(), 0, "too big to be kept");
        (0..3).for_each(|_| bodies.give(sent(100)));
        assert_eq!((0..3).filter(|_| bodies.take(0).capacity() > 0).count(), 2);
    }

    #[tokio::test]
    async fn unused_room_goes_back() {
        tokio::time::pause();
        let bodies = Bodies::new(2, 1000);
        bodies.give(sent(100));
        bodies.fade();
        tokio::time::sleep(KEPT * 2).await;
        assert_eq!(bodies.take(0).capacity(), 0);
    }
}
