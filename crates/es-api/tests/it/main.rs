//! The API over a store and a queue in memory, with a transfer of a few lines between them.

mod reading;
mod support;
mod writing;
