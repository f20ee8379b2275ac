//! One file per subcommand.

pub(crate) mod agent;
pub(crate) mod audit;
pub(crate) mod completions;
pub(crate) mod convert;
pub(crate) mod queue;
pub(crate) mod search;
pub(crate) mod tail;
pub(crate) mod top;
pub(crate) mod transfer;
pub(crate) mod up;
pub(crate) mod validate;
