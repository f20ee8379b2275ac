//! Where a byte of a source is in a queue.

use std::sync::Arc;

use base::Timestamp;
use model::{BatchHeader, Place};

/// What a queue says when it is asked where a byte of a source is.
#[derive(Clone, Debug)]
pub enum Located {
    /// In this batch.
    Here(Box<Here>),
    /// In none that it holds: it never was here, or was let go.
    NotHeld,
    /// This queue cannot tell, or not with little work.
    Unknown,
}

/// A batch in its place.
#[derive(Clone, Debug)]
pub struct Here {
    /// Its place.
    pub place: Place,
    /// What it is.
    pub header: Arc<BatchHeader>,
    /// When it came in, where that is kept.
    pub at: Option<Timestamp>,
    /// The file that holds it, where there is one.
    pub segment: Option<String>,
}
