//! Between batches and Kafka's messages: what a message carries beside its line, how record batches are read, and how
//! messages become batches again.
//!
//! Decision: a batch that comes out is made of neighbouring messages of one record batch of Kafka and of nothing else,
//! so that whoever reads again gets the same batches again, wherever polls and restarts fall.

pub mod assemble;
pub mod batches;
pub mod framed;
mod inflate;
pub mod messages;
pub mod meta;
mod run;
#[cfg(test)]
mod tests;

/// The header with a record's id.
pub const ID: &str = "id";
/// The header with the machine that read the record.
pub const HOST: &str = "host";
/// The header with the path of the file.
pub const PATH: &str = "path";
/// The header with the stream's name.
pub const STREAM: &str = "stream";
/// The header with everything else that parsing depends on: [`meta::RecordMeta`].
pub const META: &str = "ld";
/// The header of a message that is a whole batch; its value is the version of the form.
pub const BATCH: &str = "ld-batch";
/// The header with the reason of a dead letter.
pub const REASON: &str = "reason";
