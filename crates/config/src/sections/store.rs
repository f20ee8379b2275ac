//! `[store]`, or several `[[store]]`

use std::path::Path;

use base::ByteSize;

use super::stream::name_of;
use crate::key::{Key, Kind, Section, Shape};
use crate::reader::Reader;
use crate::{SearchConfig, Start, StoreConfig, StoreUrl, template, url};

/// What a store is called where nobody says otherwise.
pub(crate) const DEFAULT_NAME: &str = "default";

pub(crate) const SECTION: Section = Section {
    name: "store",
    shape: Shape::OneOrMany,
    doc: "Where lines are kept and found. For several stores write [[store]] for each.",
    required: &["name"],
    keys: &[
        Key::new("name", Kind::Text, DEFAULT_NAME, "What streams and commands call it; each of several needs one."),
        Key::new(
            "url",
            Kind::Text,
            "",
            "Which engine: file:///folder (embedded, the default, in the folder 'store' under data), \
             opensearch://host:9200,host:9200 or elasticsearch://host:9200; opensearch+https:// and elasticsearch+https:// \
             with TLS.",
        ),
        Key::new(
            "start",
            Kind::Choice(&["beginning", "end"]),
            "beginning",
            "Where a new store begins: at the beginning of what the queue holds, or with what comes from now on.",
        ),
        Key::new(
            "retention_age",
            Kind::DurationOrNever,
            "never",
            "Embedded: parts older than this, by their newest record, are removed.",
        ),
        Key::new(
            "retention_bytes",
            Kind::SizeOrNever,
            "never",
            "Embedded: the oldest parts are removed while the store is larger than this.",
        ),
        Key::new(
            "free_bytes_min",
            Kind::Size,
            "256MiB",
            "Embedded: nothing is taken while less than this is free on the disk.",
        ),
        Key::new(
            "head_bytes",
            Kind::Size,
            "14MiB",
            "Embedded: bytes of lines gathered in memory before a part is made.",
        ),
        Key::new(
            "head_age",
            Kind::Duration,
            "30s",
            "Embedded: a part is made at the latest so long after its first line came in.",
        ),
        Key::new(
            "index",
            Kind::Text,
            "",
            "Search engines: the index, or the data stream, by {stream}, {host}, and dates like {yyyy.MM.dd} of the record; \
             logs-{stream}-{yyyy.MM.dd} by default, and logs-{stream}-logdrive for data streams.",
        ),
        Key::new("data_stream", Kind::Bool, "false", "Search engines: index names data streams."),
        Key::new(
            "install",
            Kind::Bool,
            "false",
            "Search engines: the index template and the lifecycle policy are installed.",
        ),
        Key::new(
            "delete_after",
            Kind::DurationOrNever,
            "never",
            "Search engines: the installed policy deletes an index after so long.",
        ),
        Key::new("username", Kind::Text, "", "Search engines: as whom."),
        Key::new("password", Kind::Secret, "", "Search engines: with which password."),
        Key::new("api_key", Kind::Secret, "", "Search engines: an API key (encoded) instead."),
        Key::new(
            "ca",
            Kind::Text,
            "",
            "Search engines: a PEM file of the authorities to trust; the system's by default.",
        ),
        Key::new(
            "fingerprint",
            Kind::Text,
            "",
            "Search engines: the SHA-256 of the one certificate to trust, in hexadecimal digits.",
        ),
        Key::new(
            "compression",
            Kind::Choice(&["none", "gzip"]),
            "none",
            "Search engines: how requests are compressed.",
        ),
        Key::new("bulk_bytes", Kind::Size, "8MiB", "Search engines: bytes of a bulk request."),
        Key::new("requests_max", Kind::Count(1, 64), "8", "Search engines: bulk requests at a time."),
    ],
};

const EMBEDDED: [&str; 5] = ["retention_age", "retention_bytes", "free_bytes_min", "head_bytes", "head_age"];
const SEARCH: [&str; 12] = [
    "index",
    "data_stream",
    "install",
    "delete_after",
    "username",
    "password",
    "api_key",
    "ca",
    "fingerprint",
    "compression",
    "bulk_bytes",
    "requests_max",
];

/// One store; `reader` is of its table.
pub(crate) fn resolve(reader: &mut Reader<'_>, data: &Path) -> StoreConfig {
    let name = reader.parse("name", name_of);
    let folder = if name == DEFAULT_NAME { "store".to_owned() } else { format!("store-{name}") };
    let config = StoreConfig {
        url: reader.or("url", &url::file_url(&data.join(folder)), url::store),
        start: reader.choice("start", [Start::Beginning, Start::End]),
        retention_age: reader.duration_or_never("retention_age"),
        retention_bytes: reader.size_or_never("retention_bytes"),
        free_bytes_min: reader.size("free_bytes_min"),
        head_bytes: reader.size("head_bytes"),
        head_age: reader.duration("head_age"),
        search: search(reader),
        name,
    };
    match &config.url {
        StoreUrl::Embedded(_) => reader.refuse(&SEARCH, "is for OpenSearch and Elasticsearch; this store is embedded"),
        StoreUrl::Search { nodes, .. } => {
            reader
                .refuse(&EMBEDDED[..1], "is for the embedded store; write delete_after (with install = true) instead");
            reader.refuse(&EMBEDDED[1..], "is for the embedded store; this one is a search engine");
            check(reader, &config.search, nodes);
        }
    }
    config
}

fn search(reader: &mut Reader<'_>) -> SearchConfig {
    SearchConfig {
        index: reader.parse_given("index", template::index),
        data_stream: reader.bool("data_stream"),
        install: reader.bool("install"),
        delete_after: reader.duration_or_never("delete_after"),
        username: reader.text("username"),
        password: reader.secret("password"),
        api_key: reader.secret("api_key"),
        ca: reader.path_given("ca"),
        fingerprint: reader.parse_given("fingerprint", fingerprint),
        gzip: reader.choice("compression", [false, true]),
        bulk_bytes: reader.size("bulk_bytes"),
        requests_max: reader.count("requests_max"),
    }
}

/// What must agree with what.
fn check(reader: &mut Reader<'_>, config: &SearchConfig, nodes: &[String]) {
    let (user, password) = (!config.username.is_empty(), !config.password.reveal().is_empty());
    if user != password {
        let (have, lack) = if user { ("username", "password") } else { ("password", "username") };
        reader.wrong(have, format!("a login needs a {lack} too; add {lack}"));
    }
    if user && !config.api_key.reveal().is_empty() {
        reader.wrong("api_key", "there is a username too; keep one of the two".to_owned());
    }
    if nodes.iter().any(|node| node.starts_with("http://")) {
        for key in ["ca", "fingerprint"] {
            if reader.given(key) {
                reader.wrong(
                    key,
                    "it is used with TLS only; write opensearch+https:// or elasticsearch+https://".to_owned(),
                );
            }
        }
    }
    if reader.given("delete_after") && !config.install {
        reader.wrong(
            "delete_after",
            "the policy that deletes is installed with install = true only; add that".to_owned(),
        );
    }
    let (min, max) = (ByteSize(64 << 10), ByteSize::mib(90));
    if config.bulk_bytes < min || config.bulk_bytes > max {
        reader.wrong("bulk_bytes", format!("{} is out of bounds; write {min} to {max}", config.bulk_bytes));
    }
}

/// 64 hexadecimal digits, in lower case; colons may stand between them.
fn fingerprint(text: &str) -> Result<String, String> {
    let digits: String = text.chars().filter(|c| !matches!(c, ':' | ' ')).collect::<String>().to_ascii_lowercase();
    if digits.len() == 64 && digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Ok(digits);
    }
    Err(format!(
        "'{text}' is no SHA-256; write its 64 hexadecimal digits (openssl x509 -noout -fingerprint -sha256 -in ca.pem)"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fingerprints() {
        let plain = "0a".repeat(32);
        assert_eq!(fingerprint(&plain), Ok(plain.clone()));
        assert_eq!(fingerprint(&["0A"; 32].join(":")), Ok(plain));
        assert!(fingerprint("0a").is_err() && fingerprint(&"0g".repeat(32)).is_err());
    }
}
