//! `[[stream]]`

use std::path::Path;

use model::Format;

use super::kafka::PARTITIONERS;
use crate::key::{Key, Kind, Section, Shape};
use crate::origin::Origin;
use crate::reader::Reader;
use crate::{
    KafkaConfig, KafkaFraming, Multiline, ParseChoice, Partitioner, Start, StreamConfig, paths, pattern, revision,
    template,
};

/// `auto`, `none` and every format that can be asked for.
const PARSE: [&str; 10] = [
    "auto",
    "none",
    "json",
    "logfmt",
    "access",
    "nginx_error",
    "apache_error",
    "syslog3164",
    "syslog5424",
    "timestamped",
];

/// What is left alone in folders and globs unless a stream says otherwise: compressed copies of what was followed
/// before, and the binary files that live among logs.
pub const EXCLUDE: [&str; 12] = [
    "*.gz",
    "*.bz2",
    "*.xz",
    "*.zst",
    "*.lz4",
    "*.zip",
    "*.journal",
    "*.journal~",
    "wtmp*",
    "btmp*",
    "lastlog*",
    "faillog*",
];

pub(crate) const SECTION: Section = Section {
    name: "stream",
    shape: Shape::Many,
    doc: "What is collected together.",
    required: &["name", "paths"],
    keys: &[
        Key::new("name", Kind::Text, "", "Its name: lower-case letters, digits, '_' and '-'."),
        Key::new(
            "paths",
            Kind::List,
            "",
            "Files, folders (followed with everything in them), globs with **, or \"-\" for standard input.",
        ),
        Key::new(
            "exclude",
            Kind::List,
            "",
            "Globs of paths to leave alone; a pattern without a slash is matched against the file's name. Compressed and \
             binary files by default.",
        ),
        Key::new(
            "parse",
            Kind::Choice(&PARSE),
            "auto",
            "How lines are parsed: recognised per source, not at all, or so.",
        ),
        Key::new(
            "multiline",
            Kind::Choice(&["auto", "off"]),
            "auto",
            "Whether stack traces and indented continuations become one record with their first line.",
        ),
        Key::new(
            "timezone",
            Kind::Text,
            "local",
            "What a time without zone means: UTC, an offset like +02:00, or the local time of the machine that reads.",
        ),
        Key::new("drop", Kind::List, "", "Records matching one of these regular expressions are dropped, and counted."),
        Key::new(
            "start",
            Kind::Choice(&["beginning", "end"]),
            "beginning",
            "Where to begin in files found for the first time.",
        ),
        Key::new("stores", Kind::List, "", "The stores that take it, by name; all by default."),
        Key::new(
            "topic",
            Kind::Text,
            "",
            "Kafka: a topic of its own; that of [kafka] by default, as are the next three.",
        ),
        Key::new("partitioner", Kind::Choice(&["source", "random", "key"]), "", "Kafka: where messages go."),
        Key::new("key", Kind::Text, "", "Kafka: the key for partitioner = \"key\"."),
        Key::new("framing", Kind::Choice(&["record", "batch"]), "", "Kafka: what a message is."),
    ],
};

/// What the rest of the file has that streams speak of.
pub(crate) struct Known<'a> {
    /// The names of the stores.
    pub stores: &'a [&'a str],
    /// `[kafka]`, where the queue is Kafka or may become it.
    pub kafka: Option<&'a KafkaConfig>,
}

/// `None` where it has no usable name or no paths; that was said then.
pub(crate) fn resolve(
    reader: Reader<'_>,
    head: &Origin,
    values_name: Option<&str>,
    known: &Known<'_>,
) -> Option<StreamConfig> {
    let mut reader = reader.named(values_name.unwrap_or("?"));
    let Some(given) = values_name else {
        reader.wrong_at(head, "a stream needs a name; add name = \"web\", say".to_owned());
        return None;
    };
    let name = reader.or("name", &paths::clean_name(given), name_of);
    let mut stream = StreamConfig::new(name, Vec::new());
    for (path, origin) in reader.list("paths", &[]) {
        match paths::absolute(&path, reader.base_folder()).and_then(|path| pattern::check_glob(&path).map(|()| path)) {
            Ok(path) => stream.paths.push(path),
            Err(reason) => reader.wrong_at(&origin, format!("paths: {reason}")),
        }
    }
    if stream.paths.is_empty() {
        reader.wrong_at(head, format!("stream '{given}' follows nothing; add paths = [\"/var/log/app/*.log\"], say"));
    }
    for (glob, origin) in reader.list("exclude", &EXCLUDE) {
        match exclude(&glob, reader.base_folder()) {
            Ok(glob) => stream.exclude.push(glob),
            Err(reason) => reader.wrong_at(&origin, format!("exclude: {reason}")),
        }
    }
    stream.parse = reader.parse("parse", parse_choice);
    stream.multiline = reader.choice("multiline", [Multiline::Auto, Multiline::Off]);
    stream.utc_offset_secs = reader.parse("timezone", utc_offset);
    for (regex, origin) in reader.list("drop", &[]) {
        match pattern::check_regex(&regex) {
            Ok(()) => stream.drop.push(regex),
            Err(reason) => reader.wrong_at(&origin, format!("drop: {reason}")),
        }
    }
    stream.start = reader.choice("start", [Start::Beginning, Start::End]);
    engines(&mut reader, &mut stream, known);
    stream.revision = revision::revision_of(&stream);
    Some(stream)
}

/// Which stores take it, and how it travels by Kafka.
fn engines(reader: &mut Reader<'_>, stream: &mut StreamConfig, known: &Known<'_>) {
    for (name, origin) in reader.list("stores", &[]) {
        if known.stores.contains(&name.as_str()) {
            stream.stores.push(name);
        } else {
            let near = base::nearest(&name, known.stores.iter().copied()).unwrap_or(known.stores[0]);
            reader.wrong_at(&origin, format!("stores: there is no store '{name}'; did you mean '{near}'?"));
        }
    }
    stream.topic = reader.parse_given("topic", template::topic);
    stream.partitioner = reader.choice_given("partitioner", PARTITIONERS);
    stream.key = reader.parse_given("key", template::key);
    stream.framing = reader.choice_given("framing", [KafkaFraming::Record, KafkaFraming::Batch]);
    let Some(kafka) = known.kafka else {
        return reader.refuse(
            &["topic", "partitioner", "key", "framing"],
            "is for a queue of Kafka; write url = \"kafka://host:9092\" in [queue], or leave the key out",
        );
    };
    let partitioner = stream.partitioner.unwrap_or(kafka.partitioner);
    match (partitioner, stream.key.as_ref().or(kafka.key.as_ref())) {
        (Partitioner::Key, None) => {
            reader.wrong("partitioner", "\"key\" needs a key; add key = \"{host}\", say".to_owned());
        }
        (Partitioner::Source | Partitioner::Random, _) if stream.key.is_some() => {
            reader.wrong(
                "key",
                "a key is used with partitioner = \"key\" only; add that, or leave the key out".to_owned(),
            );
        }
        _ => {}
    }
}

/// A checked pattern; one with a slash in it is meant from the folder where it was written.
pub(crate) fn exclude(glob: &str, folder: &Path) -> Result<String, String> {
    pattern::check_glob(glob)?;
    if glob.contains('/') && !glob.starts_with("**") { paths::absolute(glob, folder) } else { Ok(glob.to_owned()) }
}

/// Names of streams and stores.
pub(crate) fn name_of(text: &str) -> Result<String, String> {
    let good = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    let rest = |c: char| good(c) || c == '_' || c == '-';
    if text.starts_with(good) && text.chars().all(rest) && text.len() <= 100 {
        return Ok(text.to_owned());
    }
    let better = paths::clean_name(text);
    Err(format!("'{text}' is no name; use lower-case letters, digits, '_' and '-', like '{better}'"))
}

fn parse_choice(text: &str) -> Result<ParseChoice, String> {
    match text {
        "auto" => Ok(ParseChoice::Auto),
        "none" => Ok(ParseChoice::None),
        _ => {
            let format = Format::ALL.into_iter().find(|format| format.name() == text && PARSE.contains(&text));
            format.map(ParseChoice::Only).ok_or_else(|| match base::nearest(text, PARSE) {
                Some(near) => format!("'{text}' is no format; did you mean '{near}'?"),
                None => format!("'{text}' is no format; known are {}", PARSE.join(", ")),
            })
        }
    }
}

/// Seconds east of UTC; `None`: the local time of the machine that reads.
fn utc_offset(text: &str) -> Result<Option<i32>, String> {
    let wrong = || format!("'{text}' is no time zone; write UTC, local or an offset like +02:00");
    match text {
        "local" => return Ok(None),
        "UTC" | "utc" | "Z" => return Ok(Some(0)),
        _ => {}
    }
    let (sign, rest) = match text.split_at_checked(1) {
        Some(("+", rest)) => (1, rest),
        Some(("-", rest)) => (-1, rest),
        _ => return Err(wrong()),
    };
    let digits = rest.replacen(':', "", 1);
    if digits.len() != 4 || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(wrong());
    }
    let number: i32 = digits.parse().map_err(|_| wrong())?;
    let (hours, minutes) = (number / 100, number % 100);
    if hours > 18 || minutes > 59 { Err(wrong()) } else { Ok(Some(sign * (hours * 3600 + minutes * 60))) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zones() {
        for (text, want) in [
            ("local", None),
            ("UTC", Some(0)),
            ("+02:00", Some(7200)),
            ("-0330", Some(-12_600)),
            ("+14:00", Some(50_400)),
        ] {
            assert_eq!(utc_offset(text), Ok(want), "{text}");
        }
        for text in ["", "+2", "CET", "+25:00", "+02:60", "02:00", "+é0:0", "+0a:00"] {
            assert!(utc_offset(text).is_err(), "{text}");
        }
    }

    #[test]
    fn names_and_formats() {
        assert!(name_of("web-1_a").is_ok());
        for (text, better) in [("Web", "web"), ("a b", "a-b"), ("", "logs"), ("-x", "x")] {
            assert!(name_of(text).unwrap_err().ends_with(&format!("like '{better}'")), "{text}");
        }
        assert_eq!(parse_choice("json"), Ok(ParseChoice::Only(Format::Json)));
        assert_eq!(parse_choice("jsn"), Err("'jsn' is no format; did you mean 'json'?".to_owned()));
        assert!(parse_choice("unknown").is_err() && parse_choice("plain").is_err());
    }
}
