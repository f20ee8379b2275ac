//! `net`: what interfaces have received and sent, from `/proc/net/dev`.

use super::points::{Points, integer};

/// At most so many interfaces.
const MANY: usize = 256;

/// Adds `net` for each interface that has ever moved anything, save the one to ourselves.
pub fn add(dev: &str, points: &mut Points) {
    let mut added = 0;
    for line in dev.lines() {
        let Some((name, counts)) = line.split_once(':') else { continue };
        let (name, mut columns) = (name.trim(), [0u64; 16]);
        let mut given = 0;
        for (column, count) in columns.iter_mut().zip(counts.split_ascii_whitespace()) {
            *column = count.parse().unwrap_or(0);
            given += 1;
        }
        let (received, sent) = columns.split_at(8);
        if given < columns.len() || name == "lo" || (received[1] == 0 && sent[1] == 0) || added == MANY {
            continue;
        }
        added += 1;
        let fields = [
            ("bytes_sent", integer(sent[0])),
            ("bytes_recv", integer(received[0])),
            ("packets_sent", integer(sent[1])),
            ("packets_recv", integer(received[1])),
            ("err_in", integer(received[2])),
            ("err_out", integer(sent[2])),
            ("drop_in", integer(received[3])),
            ("drop_out", integer(sent[3])),
        ];
        points.add("net", [("interface", name)], fields);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn received_and_sent() {
        let dev = "Inter-|   Receive                                                |  Transmit\n \
            face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls c c\n    \
            lo: 28707486938 1784098    0    0    0     0          0         0 28707486938 1784098    0    0    0 0 0 0\n  \
            ifb0:       0       0    0    0    0     0          0         0        0       0    0    0    0     0 0 0\n  \
            eth0:1382234360   56904    1    2    0     0          0         0  4720795   42467    3    4    0     0 0 0\n";
        let mut points = Points::none();
        add(dev, &mut points);
        assert_eq!(
            points.shown(),
            ["net,interface=eth0 bytes_sent=4720795i,bytes_recv=1382234360i,packets_sent=42467i,packets_recv=56904i,\
              err_in=1i,err_out=3i,drop_in=2i,drop_out=4i"]
        );
    }
}
