//! One file per table of `logdrive.toml`: its keys, and how they become what the roles get.

pub(crate) mod agent;
pub(crate) mod queue;
pub(crate) mod root;
pub(crate) mod store;
pub(crate) mod stream;
pub(crate) mod transfer;

use crate::key::Section;

/// All tables, in the order of the reference.
pub(crate) const ALL: [&Section; 6] =
    [&root::SECTION, &queue::SECTION, &store::SECTION, &agent::SECTION, &transfer::SECTION, &stream::SECTION];
