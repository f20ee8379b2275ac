//! `[agent]`

use std::path::Path;

use base::ByteSize;

use crate::key::{Key, Kind, Section, Shape};
use crate::reader::Reader;
use crate::{AgentConfig, url};

pub(crate) const SECTION: Section = Section {
    name: "agent",
    shape: Shape::One,
    doc: "How files are followed.",
    required: &[],
    keys: &[
        Key::new("in_flight_bytes", Kind::Size, "8MiB", "Bytes read and not yet acknowledged, over all files."),
        Key::new("block_bytes", Kind::Size, "256KiB", "Bytes read at a time."),
        Key::new("line_bytes_max", Kind::Size, "1MiB", "Longer lines are split into linked parts."),
        Key::new("sweep_interval", Kind::Duration, "250ms", "How often the open files are looked at."),
        Key::new("scan_interval", Kind::Duration, "10s", "How often the folders are listed anew."),
        Key::new(
            "partial_line_timeout",
            Kind::Duration,
            "5s",
            "A last line without newline is sent after such a silence.",
        ),
        Key::new("multiline_timeout", Kind::Duration, "2s", "Lines are not joined across such a silence."),
        Key::new("multiline_bytes_max", Kind::Size, "256KiB", "A record joined of several lines ends at this length."),
        Key::new(
            "rotate_wait",
            Kind::Duration,
            "5s",
            "A file that left the followed paths is kept open so long after its last growth.",
        ),
        Key::new(
            "deleted_held_bytes_max",
            Kind::Size,
            "10GiB",
            "Deleted files with unread bytes are held open up to this many bytes together.",
        ),
        Key::new("open_files_max", Kind::Count(16, 1_000_000), "4096", "Open files at a time."),
        Key::new(
            "checkpoints",
            Kind::Text,
            "",
            "The folder where checkpoints are cached; the folder 'agent' under data by default.",
        ),
        Key::new(
            "report_to",
            Kind::Text,
            "",
            "The server that is told of the files, for audit: http://host:7700; the queue's server by default.",
        ),
    ],
};

pub(crate) fn resolve(reader: &mut Reader<'_>, data: &Path) -> AgentConfig {
    let config = AgentConfig {
        in_flight_bytes: reader.size("in_flight_bytes"),
        block_bytes: reader.size("block_bytes"),
        line_bytes_max: reader.size("line_bytes_max"),
        sweep_interval: reader.duration("sweep_interval"),
        scan_interval: reader.duration("scan_interval"),
        partial_line_timeout: reader.duration("partial_line_timeout"),
        multiline_timeout: reader.duration("multiline_timeout"),
        multiline_bytes_max: reader.size("multiline_bytes_max"),
        rotate_wait: reader.duration("rotate_wait"),
        deleted_held_bytes_max: reader.size("deleted_held_bytes_max"),
        open_files_max: reader.count("open_files_max"),
        checkpoints: reader.path("checkpoints", &data.join("agent").display().to_string()),
        report_to: reader.parse_given("report_to", url::server),
    };
    check_bounds(reader, &config);
    config
}

/// A record is one message: what is longer than the brokers take is split before, so that it is not refused by them.
/// Bytes that cannot be compressed become a little more, and each message carries headers.
pub(crate) fn fit_messages(config: &mut AgentConfig, message_bytes_max: ByteSize) {
    let most = ByteSize((message_bytes_max.0 - message_bytes_max.0 / 16).saturating_sub(2 << 10).max(1 << 10));
    config.line_bytes_max = config.line_bytes_max.min(most);
    config.multiline_bytes_max = config.multiline_bytes_max.min(most);
}

fn check_bounds(reader: &mut Reader<'_>, config: &AgentConfig) {
    let bounds = [
        ("block_bytes", config.block_bytes, ByteSize(4 << 10), ByteSize::mib(64)),
        ("line_bytes_max", config.line_bytes_max, ByteSize(1 << 10), ByteSize::mib(64)),
        ("multiline_bytes_max", config.multiline_bytes_max, ByteSize(1 << 10), ByteSize::mib(64)),
        ("in_flight_bytes", config.in_flight_bytes, config.block_bytes, ByteSize::mib(4 << 10)),
    ];
    for (key, value, min, max) in bounds {
        if value < min || value > max {
            reader.wrong(key, format!("{value} is out of bounds; write {min} to {max}"));
        }
    }
}
