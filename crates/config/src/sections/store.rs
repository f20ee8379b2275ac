//! `[store]`

use std::path::Path;

use super::queue::{engine, file_url};
use crate::StoreConfig;
use crate::key::{Key, Kind, Section};
use crate::reader::Reader;

pub(crate) const SECTION: Section = Section {
    name: "store",
    repeated: false,
    doc: "Where lines are kept and found.",
    keys: &[
        Key::new(
            "url",
            Kind::Text,
            "",
            "Which engine: file:///folder (embedded, the default, in the folder 'store' under data).",
        ),
        Key::new(
            "retention_age",
            Kind::DurationOrNever,
            "never",
            "Parts older than this, by their newest record, are removed.",
        ),
        Key::new(
            "retention_bytes",
            Kind::SizeOrNever,
            "never",
            "The oldest parts are removed while the store is larger than this.",
        ),
        Key::new("free_bytes_min", Kind::Size, "256MiB", "Nothing is taken while less than this is free on the disk."),
        Key::new("head_bytes", Kind::Size, "14MiB", "Bytes of lines gathered in memory before a part is made."),
        Key::new(
            "head_age",
            Kind::Duration,
            "30s",
            "A part is made at the latest so long after its first line came in.",
        ),
    ],
};

pub(crate) fn resolve(reader: &mut Reader<'_>, data: &Path) -> StoreConfig {
    StoreConfig {
        url: reader.or("url", &file_url(&data.join("store")), engine),
        retention_age: reader.duration_or_never("retention_age"),
        retention_bytes: reader.size_or_never("retention_bytes"),
        free_bytes_min: reader.size("free_bytes_min"),
        head_bytes: reader.size("head_bytes"),
        head_age: reader.duration("head_age"),
    }
}
