//! `[transfer]`

use crate::TransferConfig;
use crate::key::{Key, Kind, Section, Shape};
use crate::reader::Reader;

pub(crate) const SECTION: Section = Section {
    name: "transfer",
    shape: Shape::One,
    doc: "How lines get from the queue into the store.",
    required: &[],
    keys: &[
        Key::new("group", Kind::Text, "store", "The consumer group."),
        Key::new("threads", Kind::Count(1, 256), "2", "Threads that parse."),
        Key::new("poll_bytes", Kind::Size, "2MiB", "Bytes polled at a time."),
    ],
};

pub(crate) fn resolve(reader: &mut Reader<'_>) -> TransferConfig {
    TransferConfig {
        group: reader.parse("group", |text| match text {
            "" => Err("the name of a consumer group must not be empty".to_owned()),
            name => Ok(name.to_owned()),
        }),
        threads: reader.count("threads"),
        poll_bytes: reader.size("poll_bytes"),
    }
}
