//! Waiting for conditions, never for the clock.

use std::time::{Duration, Instant};

/// Far longer than anything takes on a busy machine: it ends a test that would never pass.
pub const DEADLINE: Duration = Duration::from_secs(60);

/// Tries until there is an answer.
///
/// # Panics
/// When there is none before the deadline; `Err` of the last try says what was there instead.
pub fn until<T>(what: &str, attempt: impl FnMut() -> Result<T, String>) -> T {
    until_within(DEADLINE, what, attempt)
}

/// The same with a deadline of its own, for what takes long by its nature.
///
/// # Panics
/// When there is no answer before it.
pub fn until_within<T>(deadline: Duration, what: &str, mut attempt: impl FnMut() -> Result<T, String>) -> T {
    let began = Instant::now();
    let mut pause = Duration::from_millis(5);
    loop {
        match attempt() {
            Ok(answer) => return answer,
            Err(instead) if began.elapsed() > deadline => panic!("{what}: not within {deadline:?}; last: {instead}"),
            Err(_) => std::thread::sleep(pause),
        }
        pause = (pause * 2).min(Duration::from_millis(200));
    }
}
