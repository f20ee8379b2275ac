//! What there is at one moment.

use std::sync::Arc;

use model::ParsedBatch;

use crate::part::Part;

/// Everything held at one moment, each record exactly once. Keeps what it names readable, also after it was merged or
/// removed; so let go of it soon.
#[derive(Clone)]
pub struct Snapshot {
    /// What is not in a part yet, in the order taken. Records of one batch ascend by offset, not necessarily by time.
    pub head: Vec<Arc<ParsedBatch>>,
    /// All parts, in the order made.
    pub parts: Vec<Arc<Part>>,
}
