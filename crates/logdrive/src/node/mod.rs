//! What the roles of a process stand on: its data folder, its engines, its workers and their end.

mod added;
mod control;
mod data;
mod engines;
mod figures;
mod letters;
mod own;
mod roles;
mod shown;
mod stop;
mod suggest;

pub(crate) use added::Added;
pub(crate) use control::Streams;
pub(crate) use data::DataFolder;
pub(crate) use engines::{open_metrics, open_producer, open_queue, open_stores};
pub(crate) use roles::{Node, Sources};
pub(crate) use shown::engines;
pub(crate) use stop::Signals;
