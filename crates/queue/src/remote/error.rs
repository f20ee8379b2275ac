//! Errors on the wire. What names a file or an address there keeps its name here.

use model::wire::{Reader, Writer};
use model::{Partition, Place, QueueId, WireError};

use crate::QueueError;

pub fn encode(error: &QueueError, out: &mut Vec<u8>) {
    let mut w = Writer::new(out);
    match error {
        QueueError::Closed { at, reason } => texts(&mut w, 1, &[at, reason]),
        QueueError::Unavailable { at, reason } => texts(&mut w, 2, &[at, reason]),
        QueueError::Refused { at, reason, lasting } => {
            w.u8(10);
            w.text(at);
            w.text(reason);
            w.u8(u8::from(*lasting));
        }
        QueueError::Io { action, path, reason } => {
            w.u8(3);
            w.text(path);
            w.text(&format!("cannot {action}: {reason}"));
        }
        QueueError::Corrupt { path, at, reason } => {
            w.u8(4);
            w.text(path);
            w.varint(*at);
            w.text(reason);
        }
        QueueError::Unreadable { place, reason } => {
            w.u8(9);
            w.varint(u64::from(place.partition.0));
            w.varint(place.offset);
            w.text(reason);
        }
        QueueError::Format { path, source } => {
            w.u8(4);
            w.text(path);
            w.varint(0);
            w.text(&source.to_string());
        }
        QueueError::OtherQueue { found, here } => {
            w.u8(5);
            w.u64(found.0);
            w.u64(here.0);
        }
        QueueError::OutOfRange { partition, asked, first, end } => {
            w.u8(6);
            w.varint(u64::from(partition.0));
            w.varint(*asked);
            w.varint(*first);
            w.varint(*end);
        }
        QueueError::Owned { group, partition } => {
            w.u8(7);
            w.text(group);
            w.varint(u64::from(partition.0));
        }
        QueueError::InUse { group } => texts(&mut w, 11, &[group]),
        QueueError::Invalid(what) => texts(&mut w, 8, &[what]),
        QueueError::Injected(what) => {
            w.u8(2);
            w.text("the server");
            w.text(&format!("injected fault: {what}"));
        }
    }
}

fn texts(w: &mut Writer<'_>, kind: u8, values: &[&str]) {
    w.u8(kind);
    values.iter().for_each(|value| w.text(value));
}

pub fn decode(r: &mut Reader<'_>) -> Result<QueueError, WireError> {
    Ok(match r.u8()? {
        1 => QueueError::Closed { at: r.text()?.to_owned(), reason: r.text()?.to_owned() },
        2 => QueueError::Unavailable { at: r.text()?.to_owned(), reason: r.text()?.to_owned() },
        3 => QueueError::Io { action: "use, on the server,", path: r.text()?.to_owned(), reason: r.text()?.to_owned() },
        4 => QueueError::Corrupt { path: r.text()?.to_owned(), at: r.varint()?, reason: r.text()?.to_owned() },
        5 => QueueError::OtherQueue { found: QueueId(r.u64()?), here: QueueId(r.u64()?) },
        6 => QueueError::OutOfRange {
            partition: Partition(r.varint_u32()?),
            asked: r.varint()?,
            first: r.varint()?,
            end: r.varint()?,
        },
        7 => QueueError::Owned { group: r.text()?.to_owned(), partition: Partition(r.varint_u32()?) },
        8 => QueueError::Invalid(r.text()?.to_owned()),
        9 => QueueError::Unreadable {
            place: Place { partition: Partition(r.varint_u32()?), offset: r.varint()? },
            reason: r.text()?.to_owned(),
        },
        10 => QueueError::Refused { at: r.text()?.to_owned(), reason: r.text()?.to_owned(), lasting: r.u8()? != 0 },
        11 => QueueError::InUse { group: r.text()?.to_owned() },
        code => return Err(WireError::Unknown { what: "error", code: u64::from(code) }),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_mean_the_same_on_the_other_side() {
        use base::Explain as _;
        let text = || "x".to_owned();
        let all = [
            QueueError::Closed { at: text(), reason: text() },
            QueueError::Unavailable { at: text(), reason: text() },
            QueueError::Refused { at: text(), reason: text(), lasting: false },
            QueueError::Refused { at: text(), reason: text(), lasting: true },
            QueueError::Io { action: "read", path: text(), reason: text() },
            QueueError::Corrupt { path: text(), at: 7, reason: text() },
            QueueError::Unreadable { place: Place { partition: Partition(1), offset: 5 }, reason: text() },
            QueueError::Format { path: text(), source: WireError::Short },
            QueueError::OtherQueue { found: QueueId(1), here: QueueId(2) },
            QueueError::OutOfRange { partition: Partition(1), asked: 2, first: 3, end: 4 },
            QueueError::Owned { group: text(), partition: Partition(9) },
            QueueError::InUse { group: text() },
            QueueError::Invalid(text()),
            QueueError::Injected("x"),
        ];
        for error in all {
            let mut bytes = Vec::new();
            encode(&error, &mut bytes);
            let mut reader = Reader::new(&bytes);
            let read = decode(&mut reader).expect("decodes");
            assert!(reader.finish().is_ok());
            assert_eq!((read.kind(), read.retry()), (error.kind(), error.retry()), "{error}");
        }
    }
}
