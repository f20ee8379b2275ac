//! One file per table of `logdrive.toml`: its keys, and how they become what the roles get.

pub(crate) mod agent;
pub(crate) mod kafka;
pub(crate) mod metric;
pub(crate) mod metrics;
pub(crate) mod queue;
pub(crate) mod root;
pub(crate) mod store;
pub(crate) mod stream;
pub(crate) mod transfer;

use crate::key::Section;

/// All tables, in the order of the reference.
pub(crate) const ALL: [&Section; 10] = [
    &root::SECTION,
    &queue::SECTION,
    &kafka::SECTION,
    &store::SECTION,
    &metrics::SECTION,
    &metrics::HOST_SECTION,
    &agent::SECTION,
    &transfer::SECTION,
    &stream::SECTION,
    &metric::SECTION,
];
