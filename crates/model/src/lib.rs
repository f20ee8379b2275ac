//! The words of the house as types: source, batch, record, field, place in the queue; and their persisted forms.
//!
//! Must not know: input or output, the clock, how lines are cut or parsed, any queue or store. A form that reaches a
//! disk or a wire is versioned here and nowhere else.
#![deny(missing_docs)]

mod batch;
mod format;
mod id;
mod ledger;
mod letter;
mod parsed;
mod place;
mod point;
pub mod wire;

pub use batch::{Batch, BatchFlags, BatchHeader, Codec};
pub use format::{Format, Level};
pub use id::{Generation, ParseIdError, RecordId, Revision, SourceId, SourceKey};
pub use ledger::{FileFacts, FileState, Missed, MissedReason, SourceReport};
pub use letter::{letter_of_store, letter_source, letter_store};
pub use parsed::{Column, Marks, ParsedBatch, Record, Span, SpareField, Values};
pub use place::{Cursors, Partition, Place, QueueId};
pub use point::{FieldValue, Point};
pub use wire::WireError;
