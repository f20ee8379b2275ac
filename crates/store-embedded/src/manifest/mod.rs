//! The manifest: which parts there are, what is held of each source, and how far the queue has been read.
//!
//! Decision: one file. A checkpoint (the whole state) is followed by changes, each framed with its length and crc32c
//! and made durable before the next; when the changes outgrow the checkpoint, the file is replaced atomically. So a
//! commit costs what changed, however much is held.

mod state;

pub(crate) use state::PartMeta;
