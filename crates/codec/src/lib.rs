//! From bytes to records: where a record begins, what it says, and how a payload is carried.
//!
//! Two callers on two sides of the queue. The agent asks where records begin ([`detect()`], [`cut()`]): one pass, first
//! bytes only. Transfer asks what they say ([`Parser`]): time, level and fields, by hand-written scanners, without
//! allocation per line. Decision: a line is never rejected. What does not parse stays as it is, marked.
//!
//! Must not know: input or output, the clock, the queue, any store. Everything here is a pure function of record,
//! batch header and rules, so that a replay gives the same.
#![deny(missing_docs)]

mod access;
mod builder;
mod cut;
mod detect;
mod error;
mod errorlog;
mod fields;
mod json;
pub mod line_protocol;
mod logfmt;
mod names;
mod parser;
mod payload;
mod scan;
mod start;
mod syslog;
mod time;
mod timestamped;

pub use cut::{Cut, Framing, cut, cut_last_newline};
pub use detect::detect;
pub use error::CodecError;
pub use parser::{FieldReader, ParseMode, ParseRules, Parser, field, fields};
pub use payload::{decode_payload, encode_payload};
pub use start::is_record_start;
