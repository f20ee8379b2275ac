//! Against real brokers, where `cargo xtask services up` has started them.

mod common;
mod produce;
mod secure;
