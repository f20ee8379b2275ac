//! What the machine is doing, measured and sent as points: processors, load, memory, disks, network, processes, pressure.
//!
//! Decision: measurements, tags and fields are named as Telegraf names them, so that dashboards made for it work. Each
//! file of `/proc` is turned into points by a pure function of its text; only [`sampler`] reads. The points of a moment
//! are lines of line protocol, and travel as the bytes of a source of their own, as standard input does: the queue needs
//! to know nothing about them. Measuring never waits for the queue: what does not fit into the [`outbox`] meanwhile is
//! dropped from its oldest end, and counted.

mod cpu;
mod disk;
mod memory;
mod net;
mod outbox;
mod points;
mod pressure;
mod processes;
mod sampler;
mod system;
mod worker;

pub(crate) use worker::HostMetrics;
