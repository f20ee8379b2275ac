//! Which engine a URL names, and where that is.
//!
//! A URL names servers and nothing else: names and passwords are keys of their own, so that a URL may be shown in
//! messages and at `/api/v1/config`.

use std::path::{Path, PathBuf};

use crate::origin::mask;

/// Which queue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum QueueUrl {
    /// `file:///folder`: the embedded one, with its data there.
    Embedded(PathBuf),
    /// `http://host:7700`: the embedded one of a server.
    Remote(String),
    /// `kafka://host:9092,host:9092`: brokers of one cluster, each `host:port`.
    Kafka(Vec<String>),
}

/// Which store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StoreUrl {
    /// `file:///folder`: the embedded one, with its data there.
    Embedded(PathBuf),
    /// `opensearch://host:9200,host:9200` and the like.
    Search {
        /// Which of the two it must be; `None`: whichever it says it is.
        product: Option<Product>,
        /// Nodes of one cluster, each `http://host:port` or `https://host:port`.
        nodes: Vec<String>,
    },
}

/// Which of the two search engines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Product {
    /// OpenSearch.
    OpenSearch,
    /// Elasticsearch.
    Elasticsearch,
}

/// Which metrics store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MetricsUrl {
    /// `file:///folder`: the embedded one, with its data there.
    Embedded(PathBuf),
    /// `influxdb://host:8086`: InfluxDB 1.x, as `http://host:port` or `https://host:port`.
    Influx1(String),
    /// `influxdb2://host:8086`: InfluxDB 2.x, likewise.
    Influx2(String),
}

const KAFKA_PORT: u16 = 9092;
const SEARCH_PORT: u16 = 9200;
const INFLUX_PORT: u16 = 8086;

pub(crate) fn file_url(folder: &Path) -> String {
    format!("file://{}", folder.display())
}

/// `[queue] url`
pub(crate) fn queue(text: &str) -> Result<QueueUrl, String> {
    let known = "file:///folder, http://host:7700 or kafka://host:9092";
    match scheme(text) {
        ("file", _) => folder(text, known).map(QueueUrl::Embedded),
        ("http", rest) => Ok(QueueUrl::Remote(format!("http://{}", one(text, rest, None, known)?))),
        ("https", _) => Err(format!(
            "'{}': TLS is not supported yet; write http:// and keep it within a trusted network",
            mask(text)
        )),
        ("kafka", rest) => hosts(text, rest, Some(KAFKA_PORT), known).map(QueueUrl::Kafka),
        _ => Err(no_engine(text, known)),
    }
}

/// `[store] url`
pub(crate) fn store(text: &str) -> Result<StoreUrl, String> {
    let known = "file:///folder, opensearch://host:9200 or elasticsearch://host:9200 (opensearch+https:// with TLS)";
    let (scheme, rest) = scheme(text);
    let (product, protocol) = match scheme {
        "file" => return folder(text, known).map(StoreUrl::Embedded),
        "opensearch" | "opensearch+http" => (Some(Product::OpenSearch), "http"),
        "opensearch+https" => (Some(Product::OpenSearch), "https"),
        "elasticsearch" | "elasticsearch+http" => (Some(Product::Elasticsearch), "http"),
        "elasticsearch+https" => (Some(Product::Elasticsearch), "https"),
        "http" | "https" => (None, scheme),
        _ => return Err(no_engine(text, known)),
    };
    let nodes = hosts(text, rest, Some(SEARCH_PORT), known)?;
    Ok(StoreUrl::Search { product, nodes: nodes.iter().map(|host| format!("{protocol}://{host}")).collect() })
}

/// `[metrics] url`
pub(crate) fn metrics(text: &str) -> Result<MetricsUrl, String> {
    let known = "file:///folder, influxdb://host:8086 (1.x) or influxdb2://host:8086 (2.x; +https with TLS)";
    let (scheme, rest) = scheme(text);
    let (one_x, protocol) = match scheme {
        "file" => return folder(text, known).map(MetricsUrl::Embedded),
        "influxdb" | "influxdb+http" => (true, "http"),
        "influxdb+https" => (true, "https"),
        "influxdb2" | "influxdb2+http" => (false, "http"),
        "influxdb2+https" => (false, "https"),
        _ => return Err(no_engine(text, known)),
    };
    let url = format!("{protocol}://{}", one(text, rest, Some(INFLUX_PORT), known)?);
    Ok(if one_x { MetricsUrl::Influx1(url) } else { MetricsUrl::Influx2(url) })
}

/// Where agents tell of their files: `http://host:7700`, or `host:7700`.
pub(crate) fn server(text: &str) -> Result<String, String> {
    let known = "http://host:7700";
    let rest = match text.split_once("://") {
        Some(("http", rest)) => rest,
        None => text,
        Some(_) => return Err(format!("'{}' is no server; write {known}", mask(text))),
    };
    Ok(format!("http://{}", one(text, rest, None, known)?))
}

fn scheme(text: &str) -> (&str, &str) {
    text.split_once("://").unwrap_or(("", text))
}

fn no_engine(text: &str, known: &str) -> String {
    format!("'{}' is no engine; write {known}", mask(text))
}

/// A relative folder is no URL: it would mean something else wherever the process is started.
fn folder(text: &str, known: &str) -> Result<PathBuf, String> {
    let folder = text.strip_prefix("file://").filter(|folder| folder.starts_with('/'));
    folder.map(PathBuf::from).ok_or_else(|| no_engine(text, known))
}

fn one(text: &str, rest: &str, port: Option<u16>, known: &str) -> Result<String, String> {
    let mut hosts = hosts(text, rest, port, known)?;
    match hosts.pop() {
        Some(host) if hosts.is_empty() => Ok(host),
        _ => Err(format!("'{}' names several servers; name one", mask(text))),
    }
}

/// `host:port`, separated by commas; the port may be left out where there is a usual one.
fn hosts(text: &str, rest: &str, port: Option<u16>, known: &str) -> Result<Vec<String>, String> {
    if rest.contains('@') {
        return Err(
            "a name and a password do not belong into a URL; write them as keys: username and password".to_owned()
        );
    }
    let mut hosts = Vec::new();
    for host in rest.trim_end_matches('/').split(',').map(str::trim) {
        let (name, given) = match host.rfind(':').filter(|at| !host[*at..].contains(']')) {
            Some(at) => (&host[..at], Some(&host[at + 1..])),
            None => (host, None),
        };
        let ip6 = name.starts_with('[') && name.ends_with(']');
        let strange = |c: char| c.is_whitespace() || c.is_control() || matches!(c, '/' | '?' | '#' | '"' | '\\');
        if name.is_empty() || name.contains(strange) || (name.contains(':') && !ip6) {
            return Err(no_engine(text, known));
        }
        match (given, port) {
            (Some(given), _) if given.parse::<u16>().is_ok_and(|port| port > 0) => hosts.push(host.to_owned()),
            (Some(given), _) => return Err(format!("'{}': '{given}' is no port", mask(text))),
            (None, Some(port)) => hosts.push(format!("{host}:{port}")),
            (None, None) => hosts.push(host.to_owned()),
        }
    }
    Ok(hosts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queues() {
        assert_eq!(queue("file:///var/lib/q"), Ok(QueueUrl::Embedded("/var/lib/q".into())));
        assert_eq!(queue("http://logs:7700/"), Ok(QueueUrl::Remote("http://logs:7700".into())));
        let brokers = |hosts: &[&str]| Ok(QueueUrl::Kafka(hosts.iter().map(|host| (*host).to_owned()).collect()));
        assert_eq!(queue("kafka://k1:9092, k2,[::1]:9/"), brokers(&["k1:9092", "k2:9092", "[::1]:9"]));
        for text in [
            "",
            "queue",
            "file://relative",
            "https://logs:7700",
            "http://",
            "http://a/b",
            "http://a,b",
            "kafka://",
            "kafka://a,,b",
            "kafka://a:x",
            "kafka://a:0",
            "kafka://a:1/topic",
            "kafka:a",
            "kafka://::1:9092",
        ] {
            assert!(queue(text).is_err(), "{text}");
        }
    }

    #[test]
    fn stores() {
        let search = |product, nodes: &[&str]| {
            Ok(StoreUrl::Search { product, nodes: nodes.iter().map(|node| (*node).to_owned()).collect() })
        };
        for (text, want) in [
            ("opensearch://a,b:1", search(Some(Product::OpenSearch), &["http://a:9200", "http://b:1"])),
            ("opensearch+https://a", search(Some(Product::OpenSearch), &["https://a:9200"])),
            ("elasticsearch://a/", search(Some(Product::Elasticsearch), &["http://a:9200"])),
            ("elasticsearch+https://a", search(Some(Product::Elasticsearch), &["https://a:9200"])),
            ("https://a:9200", search(None, &["https://a:9200"])),
            ("file:///s", Ok(StoreUrl::Embedded("/s".into()))),
        ] {
            assert_eq!(store(text), want, "{text}");
        }
        for text in ["", "s3://bucket", "opensearch://", "file://x", "influxdb://a"] {
            assert!(store(text).is_err(), "{text}");
        }
    }

    #[test]
    fn metrics_stores() {
        for (text, want) in [
            ("influxdb://h", MetricsUrl::Influx1("http://h:8086".into())),
            ("influxdb+https://h:1", MetricsUrl::Influx1("https://h:1".into())),
            ("influxdb2://h/", MetricsUrl::Influx2("http://h:8086".into())),
            ("influxdb2+https://h", MetricsUrl::Influx2("https://h:8086".into())),
            ("file:///m", MetricsUrl::Embedded("/m".into())),
        ] {
            assert_eq!(metrics(text), Ok(want), "{text}");
        }
        assert!(metrics("http://h:8086").unwrap_err().contains("influxdb2://host:8086 (2.x"));
        assert!(metrics("influxdb://a,b").unwrap_err().contains("several servers"));
        assert_eq!(server("logs:7700"), Ok("http://logs:7700".to_owned()));
    }

    #[test]
    fn a_password_in_a_url_is_refused_and_not_repeated() {
        for said in [
            queue("kafka://u:pw1@h").unwrap_err(),
            queue("kafak://u:pw1@h").unwrap_err(),
            store("opensearch://u:pw1@h:9200").unwrap_err(),
            metrics("influxdb://u:pw1@h").unwrap_err(),
            queue("https://u:pw1@h").unwrap_err(),
        ] {
            assert!(!said.contains("pw1"), "{said}");
        }
    }
}
