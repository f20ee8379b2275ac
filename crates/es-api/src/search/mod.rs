//! `_search`: what is asked ([`body`]), found ([`run`]) and said ([`hits`]).

pub mod body;
pub mod highlight;
pub mod hits;
pub mod run;
pub mod source;
