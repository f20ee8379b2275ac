//! Block buffers that come back by themselves.
//!
//! Decision: a block is read into a buffer of the pool and leaves the agent as the payload itself, without a copy; when
//! the last holder of the payload drops it, the buffer returns. What bounds memory is the window of bytes in flight,
//! not the pool: so a queue that keeps payloads beyond their ack can never make the reader wait for a buffer.

use std::sync::Arc;

use bytes::Bytes;
use parking_lot::Mutex;

/// Buffers of one size.
#[derive(Clone)]
pub struct Pool(Arc<Shelf>);

struct Shelf {
    free: Mutex<Vec<Box<[u8]>>>,
    len: usize,
    kept_max: usize,
}

/// A buffer on loan.
pub struct Buffer {
    data: Box<[u8]>,
    shelf: Arc<Shelf>,
}

/// Ranges shorter than this are copied out, so that a short line does not hold a whole block.
const COPY_BELOW: usize = 16 << 10;

impl Pool {
    /// Buffers of `len` bytes, of which at most `kept_max` are kept while nobody uses them.
    pub fn new(len: usize, kept_max: usize) -> Self {
        Self(Arc::new(Shelf { free: Mutex::default(), len, kept_max }))
    }

    /// A buffer; the one that came back last, as its memory is warm.
    pub fn get(&self) -> Buffer {
        let data = self.0.free.lock().pop().unwrap_or_else(|| vec![0; self.0.len].into());
        Buffer { data, shelf: self.0.clone() }
    }

    /// A buffer of another size, which is not kept.
    pub fn oversized(&self, len: usize) -> Buffer {
        Buffer { data: vec![0; len].into(), shelf: self.0.clone() }
    }

    /// Lets go of all but `kept` unused buffers.
    pub fn trim(&self, kept: usize) {
        self.0.free.lock().truncate(kept);
    }
}

impl Buffer {
    /// Room for data.
    pub fn room(&mut self) -> &mut [u8] {
        &mut self.data
    }

    /// What is in it.
    pub fn data(&self) -> &[u8] {
        &self.data
    }

    /// A range of it as a payload, and how many bytes of memory that holds.
    pub fn into_payload(self, start: usize, end: usize) -> (Bytes, usize) {
        if end - start < COPY_BELOW {
            return (Bytes::copy_from_slice(&self.data[start..end]), end - start);
        }
        let held = self.data.len();
        (Bytes::from_owner(self).slice(start..end), held)
    }
}

impl AsRef<[u8]> for Buffer {
    fn as_ref(&self) -> &[u8] {
        &self.data
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        if self.data.len() == self.shelf.len {
            let mut free = self.shelf.free.lock();
            if free.len() < self.shelf.kept_max {
                free.push(std::mem::take(&mut self.data));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_buffer_returns_when_its_payload_is_dropped() {
        let pool = Pool::new(32 << 10, 2);
        let mut buffer = pool.get();
        buffer.room()[100] = 7;
        let at = buffer.data().as_ptr();
        let (payload, held) = buffer.into_payload(100, 100 + COPY_BELOW);
        assert_eq!((payload[0], held), (7, 32 << 10));
        let copy = payload.clone();
        drop(payload);
        assert_ne!(pool.get().data().as_ptr(), at, "it is still held");
        drop(copy);
        assert_eq!(pool.get().data().as_ptr(), at);
    }

    #[test]
    fn a_short_payload_holds_no_block() {
        let pool = Pool::new(32 << 10, 2);
        let (payload, held) = pool.get().into_payload(5, 15);
        assert_eq!((payload.len(), held), (10, 10));
        assert_eq!(pool.0.free.lock().len(), 1);
        pool.trim(0);
        assert_eq!(pool.0.free.lock().len(), 0);
    }
}
