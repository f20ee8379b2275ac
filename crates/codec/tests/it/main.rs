//! The codec from outside: what is read from real lines, where records begin, and what holds for any bytes.

mod common;
mod dialects;
mod formats;
mod framing;
mod heads;
mod parsing;
mod properties;
