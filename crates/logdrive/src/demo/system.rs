//! The machine's syslog.

use std::fmt::Write as _;

use super::chance::Chance;
use super::moment::Moment;
use super::story::{Incident, Trouble};

const HOST: &str = "shop-1";

/// What a machine says all day.
pub(crate) fn background(now: &Moment, chance: &mut Chance, out: &mut String) {
    let time = now.syslog();
    // Writing to a String cannot fail, here and below.
    let _ = match chance.range(0, 4) {
        0 => writeln!(
            out,
            "{time} {HOST} CRON[{}]: (root) CMD (/usr/local/bin/backup --incremental)",
            chance.range(3000, 9000)
        ),
        1 => writeln!(
            out,
            "{time} {HOST} sshd[{}]: Failed password for invalid user admin from 198.51.100.{} port {} ssh2",
            chance.range(3000, 9000),
            chance.range(1, 254),
            chance.range(30_000, 60_000)
        ),
        2 => writeln!(out, "{time} {HOST} systemd[1]: Started Session {} of user deploy.", chance.range(100, 900)),
        3 => writeln!(
            out,
            "{time} {HOST} kernel: [{}.{:06}] TCP: request_sock_TCP: Possible SYN flooding on port 443. Sending cookies.",
            chance.range(10_000, 90_000),
            chance.range(0, 999_999)
        ),
        _ => writeln!(out, "{time} {HOST} chronyd[611]: Selected source 192.0.2.{}", chance.range(1, 9)),
    };
}

/// How an incident begins.
pub(crate) fn begin(trouble: Trouble, now: &Moment, out: &mut String) {
    let (time, number) = (now.syslog(), trouble.number);
    let _ = match trouble.incident {
        Incident::DatabaseLock => {
            writeln!(out, "{time} {HOST} deploy[4100]: running migration 0{number}42_add_order_index on database shop")
        }
        Incident::BadRelease => writeln!(
            out,
            "{time} {HOST} deploy[4100]: shop 2.{number}.0 is going live\n{time} {HOST} systemd[1]: Started shop.service - The shop."
        ),
        Incident::OutOfMemory => writeln!(
            out,
            "{time} {HOST} kernel: [48211.{number:06}] java invoked oom-killer: gfp_mask=0xcc0(GFP_KERNEL), order=0, oom_score_adj=0\n\
             {time} {HOST} kernel: [48211.{number:06}] Out of memory: Killed process 2{number:04} (java) total-vm:4918272kB, \
             anon-rss:2089004kB\n\
             {time} {HOST} systemd[1]: orders.service: Main process exited, code=killed, status=9/KILL"
        ),
    };
}

/// How it ends.
pub(crate) fn end(trouble: Trouble, now: &Moment, out: &mut String) {
    let time = now.syslog();
    let _ = match trouble.incident {
        Incident::DatabaseLock => writeln!(out, "{time} {HOST} deploy[4100]: migration done"),
        Incident::BadRelease => writeln!(out, "{time} {HOST} deploy[4100]: shop 2.{}.1 is going live", trouble.number),
        Incident::OutOfMemory => writeln!(out, "{time} {HOST} systemd[1]: Started orders.service - Orders."),
    };
}
