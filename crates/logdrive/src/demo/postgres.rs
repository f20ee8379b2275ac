//! The database.

use std::fmt::Write as _;

use super::chance::Chance;
use super::moment::Moment;
use super::request::{Ending, Reach, Request};

pub(crate) fn lines(request: &Request, now: &Moment, chance: &mut Chance, out: &mut String) {
    if request.reach != Reach::Orders {
        return;
    }
    let (time, pid, order) = (now.postgres(), chance.range(30_001, 30_020), request.order);
    // Writing to a String cannot fail, here and below.
    let _ = match request.ending {
        Ending::LockTimeout => writeln!(
            out,
            "{time} [{pid}] orders@shop LOG:  process {pid} still waiting for RowExclusiveLock on relation 16412 of database \
             16384 after 1000.{:03} ms\n\
             {time} [{pid}] orders@shop DETAIL:  Process holding the lock: 30099. Wait queue: {pid}.\n\
             {time} [{pid}] orders@shop ERROR:  canceling statement due to lock timeout\n\
             {time} [{pid}] orders@shop STATEMENT:  UPDATE orders SET state = 'paid'\n\
             \t WHERE id = {order} AND state = 'open'",
            chance.range(1, 999)
        ),
        Ending::Fine if chance.happens(0.15) => writeln!(
            out,
            "{time} [{pid}] orders@shop LOG:  duration: {}.{:03} ms  statement: SELECT * FROM orders WHERE id = {order}",
            chance.millis(120),
            chance.range(0, 999)
        ),
        _ => Ok(()),
    };
}

/// What it says without being asked.
pub(crate) fn background(now: &Moment, chance: &mut Chance, out: &mut String) {
    let time = now.postgres();
    let _ = match chance.range(0, 2) {
        0 => writeln!(
            out,
            "{time} [871] LOG:  checkpoint complete: wrote {} buffers ({}.{}%); 0 WAL file(s) added, 0 removed, 1 recycled; \
             write=8.{:03} s, sync=0.012 s, total=8.{:03} s",
            chance.range(40, 900),
            chance.range(0, 5),
            chance.range(0, 9),
            chance.range(0, 499),
            chance.range(500, 999)
        ),
        1 => writeln!(
            out,
            "{time} [{}] [unknown]@[unknown] LOG:  connection received: host=10.0.0.21 port={}",
            chance.range(30_001, 30_020),
            chance.range(40_000, 60_000)
        ),
        _ => writeln!(
            out,
            "{time} [{}] LOG:  automatic vacuum of table \"shop.public.carts\": index scans: 1\n\
             \tpages: 0 removed, {} remain, 0 skipped due to pins\n\
             \ttuples: {} removed, {} remain",
            chance.range(31_000, 32_000),
            chance.range(100, 900),
            chance.range(10, 4000),
            chance.range(4000, 9000)
        ),
    };
}
