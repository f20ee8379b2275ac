//! Finds, counts and shows records: in the parts and in the head alike.
//!
//! ```text
//! scan     what to look at next: parts → row groups → pages, batches of the head; the newest first
//! block    some rows that are looked at together (group: a page of a part; batch: of the head)
//! eval     which rows of a block match
//! hits · counts · fields · context     what is asked
//! ```
//!
//! Everything here blocks and burns: it runs on threads for that. Between two pages it looks whether the time is over
//! or nobody waits any more ([`Budget`]).

mod batch;
mod block;
mod budget;
mod context;
mod counts;
mod eval;
mod fields;
mod group;
mod hits;
mod scan;

pub(crate) use budget::Budget;
pub(crate) use context::{context, whereabouts};
pub(crate) use counts::{CountCache, facets, histogram};
pub(crate) use fields::fields;
pub(crate) use hits::search;
