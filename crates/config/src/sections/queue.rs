//! `[queue]`

use std::path::Path;

use crate::key::{Key, Kind, Section};
use crate::reader::Reader;
use crate::{Compression, EngineUrl, QueueConfig};

pub(crate) const SECTION: Section = Section {
    name: "queue",
    repeated: false,
    doc: "The durable queue between agents and transfers.",
    keys: &[
        Key::new(
            "url",
            Kind::Text,
            "",
            "Which engine: file:///folder (embedded, the default, in the folder 'queue' under data) or http://host:7700 (the \
             embedded engine of a server).",
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
    QueueConfig {
        url: reader.or("url", &file_url(&data.join("queue")), engine),
        compression: reader.parse("compression", |text| match text {
            "none" => Ok(Compression::None),
            "lz4" => Ok(Compression::Lz4),
            "zstd" => Ok(Compression::Zstd),
            _ => Err(format!("'{text}' is none of \"none\", \"lz4\", \"zstd\"")),
        }),
        partitions: reader.count("partitions"),
        retention_bytes: reader.size("retention_bytes"),
        retention_age: reader.duration("retention_age"),
    }
}

pub(crate) fn file_url(folder: &Path) -> String {
    format!("file://{}", folder.display())
}

/// An engine's URL. A relative folder is no URL: it would mean something else wherever the process is started.
pub(crate) fn engine(text: &str) -> Result<EngineUrl, String> {
    let wrong = || format!("'{text}' is no engine; write file:///folder or http://host:7700");
    if let Some(folder) = text.strip_prefix("file://") {
        return if folder.starts_with('/') { Ok(EngineUrl::Embedded(folder.into())) } else { Err(wrong()) };
    }
    if text.starts_with("https://") {
        return Err(format!("'{text}': TLS is not supported yet; write http:// and keep it within a trusted network"));
    }
    let host = text.strip_prefix("http://").ok_or_else(wrong)?.trim_end_matches('/');
    if host.is_empty() || host.contains('/') { Err(wrong()) } else { Ok(EngineUrl::Remote(format!("http://{host}"))) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn engines() {
        assert_eq!(engine("file:///var/lib/q"), Ok(EngineUrl::Embedded("/var/lib/q".into())));
        assert_eq!(engine("http://logs:7700/"), Ok(EngineUrl::Remote("http://logs:7700".into())));
        for text in ["", "queue", "file://relative", "https://logs:7700", "http://", "http://a/b", "kafka://x"] {
            assert!(engine(text).is_err(), "{text}");
        }
    }
}
