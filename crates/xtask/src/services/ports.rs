//! Free loopback ports.

use std::net::TcpListener;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Result, bail};

/// Below the range from which the kernel gives ports to outgoing connections: otherwise one of those could take the
/// port of a server that is down for a moment, a client knocking at that very port even without anybody's doing.
const FIRST: u32 = 15_000;
const LAST: u32 = 32_000;

/// A port that nobody listens on.
pub fn free() -> Result<u16> {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let start = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.subsec_micros())
        + std::process::id().wrapping_mul(7919) % 1_000_000;
    for _ in 0..2000 {
        let step = NEXT.fetch_add(1, Ordering::Relaxed);
        let port = FIRST + (start + step) % (LAST - FIRST);
        if let Ok(port) = u16::try_from(port)
            && TcpListener::bind(("127.0.0.1", port)).is_ok()
        {
            return Ok(port);
        }
    }
    bail!("no port between {FIRST} and {LAST} is free on 127.0.0.1")
}

/// An address with such a port.
pub fn address() -> Result<String> {
    Ok(format!("127.0.0.1:{}", free()?))
}
