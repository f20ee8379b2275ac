//! Stores around a store: one that fails, one that is slow, one that counts, one that keeps to its own corner.
//!
//! The first three are a [`Hook`] before and after each call of the store within; [`Prefixed`] changes what goes in and
//! what comes out.

mod counting;
mod faulty;
mod hooked;
mod prefixed;
mod slow;

pub use counting::Counting;
pub use faulty::{Faults, Faulty};
pub use hooked::{Hook, Hooked, Operation};
pub use prefixed::Prefixed;
pub use slow::Slow;
