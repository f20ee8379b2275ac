//! The memory store and the decorators do what every store must.

use std::sync::Arc;
use std::time::Duration;

use store::decorators::{Counting, Faulty, Prefixed, Slow};
use store::{MemoryLimits, MemoryStore};

mod memory {
    use super::*;
    store::conformance!(async { (Arc::new(MemoryStore::default()), ()) });
}

mod refusing {
    use super::*;
    store::conformance!(async {
        let limits = MemoryLimits { line_bytes: 100_000, ..MemoryLimits::default() };
        (Arc::new(MemoryStore::new(limits)), ())
    });
}

mod decorated {
    use super::*;
    store::conformance!(async {
        let store = Counting::counting(Slow::slow(MemoryStore::default(), Duration::from_micros(1)));
        (Arc::new(Faulty::faulty(store, 7, 0, 0)), ())
    });
}

mod prefixed {
    use super::*;
    store::conformance!(async { (Arc::new(Prefixed::new(MemoryStore::default(), "t7")), ()) });
}
