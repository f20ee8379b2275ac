//! Names of topics and keys with `{placeholders}`, and from which partition of which topic a seam's partition comes.

use model::{BatchHeader, Partition};
use queue::QueueError;

/// A text with placeholders for what a batch header knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template(Vec<Piece>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Text(String),
    Stream,
    Host,
    Path,
    Source,
}

impl Template {
    /// Of a topic: `{stream}` and `{host}`.
    ///
    /// # Errors
    /// `Invalid`, saying what is wrong.
    pub fn topic(text: &str) -> Result<Self, QueueError> {
        let made = Self::parse("topic", text, &["stream", "host"])?;
        let fits = |piece: &Piece| match piece {
            Piece::Text(text) => text.bytes().all(legal),
            _ => true,
        };
        if text.is_empty() || text.len() > 249 || !made.0.iter().all(fits) || text == "." || text == ".." {
            return Err(QueueError::Invalid(format!("topic '{text}': use 1 to 249 letters, digits, '-', '_' and '.'")));
        }
        Ok(made)
    }

    /// Of a key: `{stream}`, `{host}`, `{path}` and `{source}`.
    ///
    /// # Errors
    /// `Invalid`, saying what is wrong.
    pub fn key(text: &str) -> Result<Self, QueueError> {
        Self::parse("key", text, &["stream", "host", "path", "source"])
    }

    fn parse(what: &str, text: &str, known: &[&str]) -> Result<Self, QueueError> {
        let mut pieces = Vec::new();
        let mut rest = text;
        while let Some(open) = rest.find('{') {
            let Some(len) = rest[open..].find('}') else {
                return Err(QueueError::Invalid(format!("{what} '{text}': '{{' without '}}'")));
            };
            let name = &rest[open + 1..open + len];
            let piece = match name {
                "stream" => Piece::Stream,
                "host" => Piece::Host,
                "path" => Piece::Path,
                "source" => Piece::Source,
                _ => Piece::Text(String::new()), // refused below
            };
            if !known.contains(&name) {
                return Err(QueueError::Invalid(format!(
                    "{what} '{text}': unknown placeholder '{{{name}}}'; there are {{{}}}",
                    known.join("}, {")
                )));
            }
            if open > 0 {
                pieces.push(Piece::Text(rest[..open].to_owned()));
            }
            pieces.push(piece);
            rest = &rest[open + len + 1..];
        }
        if !rest.is_empty() {
            pieces.push(Piece::Text(rest.to_owned()));
        }
        Ok(Self(pieces))
    }

    /// Whether it is the same for every batch.
    pub fn is_constant(&self) -> bool {
        self.0.iter().all(|piece| matches!(piece, Piece::Text(_)))
    }

    /// For a batch, as it is.
    pub fn render(&self, header: &BatchHeader) -> String {
        let mut out = String::new();
        for piece in &self.0 {
            match piece {
                Piece::Text(text) => out.push_str(text),
                Piece::Stream => out.push_str(&header.stream),
                Piece::Host => out.push_str(&header.host),
                Piece::Path => out.push_str(&header.path),
                Piece::Source => out.push_str(&header.key.source.to_string()),
            }
        }
        out
    }

    /// For a batch, as the name of a topic: what may not stand in one becomes `_`, and its length is bounded.
    pub fn render_topic(&self, header: &BatchHeader) -> String {
        let mut name: String =
            self.render(header).chars().map(|c| if c.is_ascii() && legal(c as u8) { c } else { '_' }).collect();
        name.truncate(249);
        if name.is_empty() || name.bytes().all(|c| c == b'.') {
            name = "_".to_owned();
        }
        name
    }

    /// Whether a topic of that name may have been made of it.
    pub fn matches(&self, name: &str) -> bool {
        fn rest(pieces: &[Piece], name: &str) -> bool {
            match pieces {
                [] => name.is_empty(),
                [Piece::Text(text), more @ ..] => name.strip_prefix(text.as_str()).is_some_and(|name| rest(more, name)),
                [_, more @ ..] => (1..=name.len()).any(|len| name.get(len..).is_some_and(|name| rest(more, name))),
            }
        }
        rest(&self.0, name)
    }

    /// A regular expression for the names of all topics that it makes, anchored on both sides.
    pub fn pattern(&self) -> String {
        let mut out = "^".to_owned();
        for piece in &self.0 {
            match piece {
                Piece::Text(text) => out.push_str(&text.replace('.', "\\.")),
                _ => out.push_str("[a-zA-Z0-9._-]+"),
            }
        }
        out.push('$');
        out
    }
}

const fn legal(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-')
}

/// The seam's partition for a partition of a Kafka topic: the same number where the seam's topic is one Kafka topic;
/// else a hash of the topic's name stands in its upper half.
pub fn seam_partition(topic: &str, partition: i32, only_one_topic: bool) -> Partition {
    let low = partition as u32 & 0xffff;
    if only_one_topic { Partition(partition as u32) } else { Partition((topic_hash(topic) << 16) | low) }
}

/// 16 bits of a topic's name, the same everywhere and for ever.
pub fn topic_hash(topic: &str) -> u32 {
    let hash = crc32c::crc32c(topic.as_bytes());
    (hash >> 16) ^ (hash & 0xffff)
}

#[cfg(test)]
mod tests {
    use queue::testing::BatchOf;

    use super::*;

    #[test]
    fn templates_are_filled_in() {
        let batch = BatchOf::source(1).text("x\n");
        let table = [
            ("plain", "plain", "^plain$"),
            ("logs.{stream}-{host}", "logs.suite-here", "^logs\\.[a-zA-Z0-9._-]+-[a-zA-Z0-9._-]+$"),
            ("{stream}", "suite", "^[a-zA-Z0-9._-]+$"),
        ];
        for (text, name, pattern) in table {
            let template = Template::topic(text).expect(text);
            assert_eq!(
                (template.render_topic(&batch.header), template.pattern()),
                (name.to_owned(), pattern.to_owned())
            );
            assert!(
                template.matches(name) && !template.matches("") && !template.matches(&name[1..]) || text == "{stream}"
            );
        }
        let key = Template::key("{path}@{source}").expect("a key");
        assert_eq!(key.render(&batch.header), "/var/log/suite.log@00000000000000000000000001");
    }

    #[test]
    fn what_cannot_be_a_name_is_refused_with_what_can() {
        for (text, says) in [
            ("", "1 to 249"),
            ("a b", "letters"),
            ("{path}", "there are {stream}, {host}"),
            ("a{stream", "without '}'"),
            ("..", "1 to 249"),
        ] {
            let error = Template::topic(text).expect_err(text).to_string();
            assert!(error.contains(says), "{error}");
        }
    }

    #[test]
    fn names_that_are_no_topics_are_made_such() {
        let mut batch = BatchOf::source(1).text("x\n");
        for (stream, name) in [("my app/ä", "my_app__"), ("..", "_"), ("", "_")] {
            std::sync::Arc::make_mut(&mut batch.header).stream = stream.into();
            assert_eq!(Template::topic("{stream}").expect("one").render_topic(&batch.header), name);
        }
    }
}
