//! Wakes the reader's thread: from acks that resolve, answers that arrive, and the shutdown.

use std::os::fd::{BorrowedFd, OwnedFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Wake, Waker};
use std::time::Duration;

use rustix::event::{EventfdFlags, PollFd, PollFlags, Timespec, eventfd, poll};

/// An event that can be waited for together with hints.
pub struct Alarm {
    fd: OwnedFd,
    rung: AtomicBool,
}

impl Alarm {
    /// One that has not rung.
    pub fn new() -> std::io::Result<Arc<Self>> {
        let fd = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?;
        Ok(Arc::new(Self { fd, rung: AtomicBool::new(false) }))
    }

    /// Rings it; again only after it was heard.
    pub fn ring(&self) {
        if !self.rung.swap(true, Ordering::AcqRel) {
            // It can only fail where the counter is full, and then it rings already.
            let _ = rustix::io::write(&self.fd, &1u64.to_ne_bytes());
        }
    }

    /// As a waker of futures.
    pub fn waker(self: &Arc<Self>) -> Waker {
        Waker::from(self.clone())
    }

    /// Waits until it rings or `hints` has something, at most so long. Whether it rang.
    pub fn wait(&self, hints: Option<BorrowedFd<'_>>, at_most: Duration) -> bool {
        let timeout = Timespec { tv_sec: at_most.as_secs().cast_signed(), tv_nsec: at_most.subsec_nanos().into() };
        let own = PollFd::new(&self.fd, PollFlags::IN);
        // An interrupted wait is a short one.
        let rang = match hints {
            Some(hints) => {
                let mut both = [own, PollFd::from_borrowed_fd(hints, PollFlags::IN)];
                poll(&mut both, Some(&timeout)).is_ok() && !both[0].revents().is_empty()
            }
            None => poll(&mut [own], Some(&timeout)).is_ok_and(|ready| ready > 0),
        };
        if !rang {
            return false;
        }
        // First emptied, then marked as heard: what rings in between is heard by this call.
        let mut count = [0u8; 8];
        let _ = rustix::io::read(&self.fd, &mut count);
        self.rung.swap(false, Ordering::AcqRel)
    }
}

impl Wake for Alarm {
    fn wake(self: Arc<Self>) {
        self.ring();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.ring();
    }
}
