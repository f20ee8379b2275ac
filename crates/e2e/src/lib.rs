//! Drives the real binary as a user would: by its command line, its HTTP port, its signals, its files.
//!
//! Decision: nothing of ours is linked in here. What a test sees is what a user sees, so a test that passes is a
//! promise kept. Every wait is for a condition, with a generous deadline; every server has its own folders and a port
//! of its own; evidence of a failed test stays on disk.

mod binary;
mod client;
mod cluster;
mod folder;
mod found;
pub mod judge;
pub mod kafka;
mod ledger;
pub mod opensearch;
mod random;
mod server;
pub mod services;
mod wait;

pub use binary::binary;
pub use client::{Account, Client, Hit, logdrive};
pub use cluster::{Cluster, xtask};
pub use folder::Folder;
pub use found::{Found, found};
pub use ledger::{Ledger, Writer};
pub use random::Random;
pub use server::{Server, Start};
pub use wait::{DEADLINE, until, until_within};
