//! The allocator, and how long it keeps what was freed.
//!
//! Under load the same tens of megabytes are freed and needed again within a second. Giving them back to the system in
//! between costs 0.5 CPU-seconds per GB taken in (page faults, clearing); keeping them costs nothing that was not used
//! a moment ago, and an idle process still gives them back.
//!
//! Huge pages are not asked for: half of what they take is never used here. Without them `up` takes 1 GB in with 280
//! instead of 325 MB, and a transfer from Kafka to OpenSearch needs 121 instead of 210 MB, for the same CPU time.

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// `mi_option_purge_delay` in mimalloc.h of versions 2 and 3; the bindings do not name it.
const PURGE_DELAY: libmimalloc_sys::mi_option_t = 15;
/// Milliseconds; mimalloc's own default is 1,000.
const KEPT_MS: i32 = 10_000;

/// Call it first: it holds for what is taken and freed from then on.
pub fn configure() {
    // A kernel that does not know the call only costs the memory.
    let _ = rustix::thread::disable_transparent_huge_pages(true);
    keep_freed_pages_for_a_while();
}

fn keep_freed_pages_for_a_while() {
    // SAFETY: the option exists in the bundled mimalloc, takes a number, and no other thread runs yet.
    unsafe { libmimalloc_sys::mi_option_set(PURGE_DELAY, std::ffi::c_long::from(KEPT_MS)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_option_is_the_one_that_is_meant() {
        // SAFETY: reading an option has no effect. The name of the variable that presets it tells which one it is.
        let before = unsafe { libmimalloc_sys::mi_option_get(PURGE_DELAY) };
        assert!([10, 1_000, 10_000].contains(&before), "{before} is no default of the purge delay");
        keep_freed_pages_for_a_while();
        // SAFETY: as above.
        assert_eq!(unsafe { libmimalloc_sys::mi_option_get(PURGE_DELAY) } as i32, KEPT_MS);
    }
}
