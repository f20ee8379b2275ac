//! `[queue]`

use std::path::Path;

use crate::key::{Key, Kind, Section, Shape};
use crate::reader::Reader;
use crate::{Compression, QueueConfig, QueueUrl, url};

pub(crate) const SECTION: Section = Section {
    name: "queue",
    shape: Shape::One,
    doc: "The durable queue between agents and transfers.",
    required: &[],
    keys: &[
        Key::new(
            "url",
            Kind::Text,
            "",
            "Which engine: file:///folder (embedded, the default, in the folder 'queue' under data), http://host:7700 (the \
             embedded engine of a server) or kafka://host:9092,host:9092 (see [kafka]).",
        ),
        Key::new("compression", Kind::Choice(&["none", "lz4", "zstd"]), "none", "How the agent carries lines."),
        Key::new("partitions", Kind::Count(1, 1024), "1", "Lanes of a topic, fixed when it is made."),
        Key::new(
            "retention_bytes",
            Kind::Size,
            "10GiB",
            "At most so much on disk; full means back-pressure, never removal of what is unread.",
        ),
        Key::new(
            "retention_age",
            Kind::Duration,
            "0s",
            "What every group has read is kept so long, within half of retention_bytes.",
        ),
    ],
};

pub(crate) fn resolve(reader: &mut Reader<'_>, data: &Path) -> QueueConfig {
    let config = QueueConfig {
        url: reader.or("url", &url::file_url(&data.join("queue")), url::queue),
        compression: reader.choice("compression", [Compression::None, Compression::Lz4, Compression::Zstd]),
        partitions: reader.count("partitions"),
        retention_bytes: reader.size("retention_bytes"),
        retention_age: reader.duration("retention_age"),
    };
    if matches!(config.url, QueueUrl::Kafka(_)) {
        reader.refuse(&["compression"], "is for other queues; with Kafka write compression in [kafka]");
        reader.refuse(&["partitions"], "is for the embedded queue; with Kafka, topics have partitions of their own");
        reader.refuse(
            &["retention_bytes", "retention_age"],
            "is for the embedded queue; with Kafka, topics have retention of their own",
        );
    }
    config
}
