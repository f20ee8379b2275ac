//! Parts: immutable Parquet files with a sidecar each; how they are made and how they are read.
//!
//! ```text
//! day=2026-11-21/part-0000000012.parquet   the records, for any Parquet tool
//! day=2026-11-21/_part-0000000012.idx      filters and the places of all pages, for us
//! ```
//!
//! Whatever is not Parquet has a name that begins with `_`, so that Parquet tools open the folder of the store as it is.
//!
//! Rows are sorted by stream, then time, then id. A row group is at most about 4 MiB of lines, of one stream where that
//! has enough; its lines are PLAIN pages of about 512 KiB. A parsed field whose values repeat is a dictionary column;
//! one whose values hardly repeat in a row group has no column there and is read back from the lines.
//!
//! What to know when reading: [`Part::open`] gives an [`OpenPart`]; its [`groups`](OpenPart::groups) tell what is where;
//! a filter answers for all pages of a row group at once ([`OpenPart::pages_with`]).

pub(crate) mod bloom;
pub(crate) mod build;
pub(crate) mod columns;
mod decode;
mod encode;
mod handle;
pub(crate) mod index;
pub(crate) mod overflow;
pub(crate) mod plan;
mod read;
pub(crate) mod regroup;
pub(crate) mod rows;
mod schema;
pub(crate) mod sidecar;
mod sink;

pub(crate) use handle::OpenCache;
pub use handle::Part;
pub use index::{Group, LinePage, StreamRun};
pub use read::{Codes, Column, Field, Lines, OpenPart};
