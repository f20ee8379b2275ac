//! The suite, and what only this driver can prove.

mod contract;
