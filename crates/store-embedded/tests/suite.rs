//! What every store must do, of the embedded one: with everything in the head, and with everything in small parts.

use base::ByteSize;
use store_embedded::{EmbeddedStore, Options};

fn options(head_bytes: u64) -> Options {
    Options { head_bytes: ByteSize(head_bytes), free_bytes_min: ByteSize(0), ..Options::default() }
}

mod in_the_head {
    use super::*;

    store::conformance!(async {
        let dir = tempfile::tempdir().unwrap();
        (EmbeddedStore::open(dir.path(), options(32 << 20)).unwrap(), dir)
    });
}

mod in_small_parts {
    use super::*;

    store::conformance!(async {
        let dir = tempfile::tempdir().unwrap();
        (EmbeddedStore::open(dir.path(), options(2_000)).unwrap(), dir)
    });
}
