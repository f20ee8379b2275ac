//! What a tree says, by the usual names of its keys.

use serde_json::{Map, Value};

/// What was found in all files.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// `host:port`
    pub brokers: Vec<String>,
    /// Kafka's topic where a file has none of its own.
    pub topic: Option<String>,
    /// `acks`, `compression`, `sasl`, `username`, `password` of `[kafka]`.
    pub kafka: Vec<(&'static str, String)>,
    /// Where points went.
    pub metrics: Option<Database>,
    /// Where lines were indexed.
    pub search: Option<Database>,
    /// The key under which etcd has the list of files; empty where only etcd is known.
    pub etcd: Option<String>,
    /// The files that are followed.
    pub entries: Vec<Entry>,
    /// What means nothing here, or was not understood: `config.ini: [kafka] chan_size`.
    pub left: Vec<String>,
}

/// A file that is followed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Entry {
    pub path: String,
    pub topic: Option<String>,
    pub name: Option<String>,
}

/// A database of points or lines.
#[derive(Debug, Default)]
pub(super) struct Database {
    pub addresses: Vec<String>,
    /// As the new file calls them.
    pub keys: Vec<(&'static str, String)>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    Kafka,
    Metrics,
    Search,
    Etcd,
    /// How the old program itself logs.
    Own,
    Other,
}

const ADDRESS: [&str; 18] = [
    "addr",
    "addrs",
    "address",
    "addresses",
    "adderss",
    "broker",
    "brokers",
    "brokerlist",
    "host",
    "hosts",
    "server",
    "servers",
    "url",
    "urls",
    "endpoint",
    "endpoints",
    "bootstrapservers",
    "mqhosts",
];
const TOPIC: [&str; 4] = ["topic", "topics", "kafkatopic", "defaulttopic"];
const PATH: [&str; 10] =
    ["path", "paths", "file", "files", "filepath", "filename", "logpath", "logfile", "logfilepath", "logpaths"];
const NAME: [&str; 6] = ["name", "service", "servicename", "module", "app", "stream"];
const SECOND_FILE: [&str; 5] = ["confpath", "configpath", "conffile", "configfile", "collectconf"];

/// `chan_max_size`, `ChanMaxSize` → `chanmaxsize`
fn plain(key: &str) -> String {
    key.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_ascii_lowercase()
}

fn part(key: &str) -> Part {
    match plain(key).as_str() {
        "kafka" | "kafkaconfig" | "kafkaconf" | "mq" | "producer" => Part::Kafka,
        "tsdb" | "influxdb" | "influx" | "influxdb2" | "freetsdb" | "metrics" => Part::Metrics,
        "es" | "elasticsearch" | "elastic" | "opensearch" => Part::Search,
        "etcd" | "zookeeper" | "zk" | "consul" => Part::Etcd,
        "log" | "logger" | "logging" | "zap" | "logrus" => Part::Own,
        _ => Part::Other,
    }
}

/// Adds what a file says to what was found. The names of second files come back.
pub(super) fn look(tree: &Value, file: &str, found: &mut Found) -> Vec<String> {
    let mut look = Look { file, found, second: Vec::new() };
    match tree {
        Value::Object(top) => look.table(top, Part::Other, &[]),
        Value::Array(items) => look.list(items, &[]),
        _ => {}
    }
    look.second
}

struct Look<'a> {
    file: &'a str,
    found: &'a mut Found,
    second: Vec<String>,
}

impl Look<'_> {
    fn table(&mut self, table: &Map<String, Value>, part: Part, trail: &[&str]) {
        if part == Part::Other && self.entry(table, trail) {
            return;
        }
        for (key, value) in table {
            let trail: Vec<&str> = trail.iter().copied().chain([key.as_str()]).collect();
            let inner = if part == Part::Other { self::part(key) } else { part };
            match value {
                Value::Object(table) => self.table(table, inner, &trail),
                _ if part == Part::Other => self.at_top(key, value, &trail),
                _ => self.value(part, &plain(key), value, &trail),
            }
        }
    }

    /// Values outside of any known part: `kafka_addr = …`, `brokers: […]`, `topic`, a list of files, `nginx = /path`.
    fn at_top(&mut self, key: &str, value: &Value, trail: &[&str]) {
        let plain = plain(key);
        let prefixes =
            [("kafka", Part::Kafka), ("tsdb", Part::Metrics), ("influxdb", Part::Metrics), ("es", Part::Search)];
        let prefixes = prefixes.into_iter().chain([("etcd", Part::Etcd), ("log", Part::Own)]);
        if SECOND_FILE.contains(&plain.as_str()) {
            self.second.extend(texts(value));
            return;
        }
        if let Value::Array(items) = value
            && items.iter().any(Value::is_object)
        {
            return self.list(items, trail);
        }
        for (prefix, part) in prefixes {
            match plain.strip_prefix(prefix) {
                Some(rest) if part != Part::Own && is_known(part, rest) => return self.value(part, rest, value, trail),
                Some("" | "level" | "maxsize" | "dir") if part == Part::Own => return self.leave(trail),
                _ => {}
            }
        }
        if PATH.contains(&plain.as_str()) {
            let section = trail.len().checked_sub(2).map(|at| trail[at]);
            let name = section.filter(|name| !OF_LISTS.contains(&self::plain(name).as_str()));
            self.paths(value, None, name);
        } else if TOPIC.contains(&plain.as_str()) || matches!(plain.as_str(), "brokers" | "bootstrapservers") {
            self.value(Part::Kafka, &plain, value, trail);
        } else if looks_like_path(key) && value.is_string() {
            let topic = texts(value).pop();
            self.found.entries.push(Entry { path: key.to_owned(), topic, name: None });
        } else if !texts(value).is_empty() && texts(value).iter().all(|text| looks_like_path(text)) {
            self.paths(value, None, Some(key));
        } else {
            self.leave(trail);
        }
    }

    /// A key within the part that it belongs to.
    fn value(&mut self, part: Part, key: &str, value: &Value, trail: &[&str]) {
        let said = texts(value);
        if SECOND_FILE.contains(&key) {
            self.second.extend(said);
            return;
        }
        if ADDRESS.contains(&key) && part != Part::Etcd && part != Part::Own {
            let hosts = said.iter().flat_map(|text| text.split([',', ';', ' '])).map(str::trim);
            let hosts: Vec<String> = hosts.filter(|host| !host.is_empty()).map(str::to_owned).collect();
            let list = match part {
                Part::Kafka => &mut self.found.brokers,
                Part::Metrics => &mut self.found.metrics.get_or_insert_default().addresses,
                _ => &mut self.found.search.get_or_insert_default().addresses,
            };
            for host in hosts {
                let host = if part == Part::Kafka { bare(&host) } else { host };
                if !list.contains(&host) {
                    list.push(host);
                }
            }
            return;
        }
        let one = said.into_iter().next().unwrap_or_default();
        match (part, key) {
            (_, _) if one.is_empty() => {}
            (Part::Kafka, key) if TOPIC.contains(&key) => self.found.topic = Some(one),
            (Part::Kafka, key) => match kafka_key(key, &one) {
                Some(known) => self.found.kafka.push(known),
                None => self.leave(trail),
            },
            (Part::Metrics | Part::Search, key) => match database_key(part, key) {
                Some(name) if part == Part::Metrics => {
                    self.found.metrics.get_or_insert_default().keys.push((name, one));
                }
                Some(name) => self.found.search.get_or_insert_default().keys.push((name, one)),
                None => self.leave(trail),
            },
            (Part::Etcd, key) if key.ends_with("key") => self.found.etcd = Some(one),
            (Part::Etcd, _) => {
                self.found.etcd.get_or_insert_default();
                self.leave(trail);
            }
            (Part::Own | Part::Other, _) => self.leave(trail),
        }
    }

    fn list(&mut self, items: &[Value], trail: &[&str]) {
        for item in items {
            match item {
                Value::Object(table) => self.table(table, Part::Other, trail),
                Value::String(text) if looks_like_path(text) => self.paths(item, None, None),
                _ => self.leave(trail),
            }
        }
    }

    /// A table that names a file is an entry. Whether it is.
    fn entry(&mut self, table: &Map<String, Value>, trail: &[&str]) -> bool {
        let of = |names: &[&str]| {
            table.iter().find(|(key, value)| names.contains(&plain(key).as_str()) && !texts(value).is_empty())
        };
        let whole = |value: &Value| texts(value).into_iter().next();
        let (Some((_, path)), topic, name) = (of(&PATH), of(&TOPIC), of(&NAME)) else { return false };
        // A section that names the one file of the whole program is no entry of a list.
        if trail.is_empty() && topic.is_none() && name.is_none() {
            return false;
        }
        let section = trail.last().filter(|name| !OF_LISTS.contains(&plain(name).as_str())).copied();
        let topic = topic.and_then(|(_, value)| whole(value));
        let name = name.and_then(|(_, value)| whole(value));
        self.paths(path, topic, name.as_deref().or(section));
        for (key, value) in table {
            let plain = plain(key);
            if ADDRESS.contains(&plain.as_str()) {
                self.value(Part::Kafka, &plain, value, &[key]);
            } else if ![&PATH[..], &TOPIC[..], &NAME[..]].concat().contains(&plain.as_str()) {
                self.leave(&[trail, &[key.as_str()][..]].concat());
            }
        }
        true
    }

    fn paths(&mut self, value: &Value, topic: Option<String>, name: Option<&str>) {
        let split = texts(value).into_iter().flat_map(|text| {
            text.split(',').map(|path| path.trim().to_owned()).filter(|path| !path.is_empty()).collect::<Vec<_>>()
        });
        for path in split {
            self.found.entries.push(Entry { path, topic: topic.clone(), name: name.map(str::to_owned) });
        }
    }

    /// Each once: a list says the same of each of its items.
    fn leave(&mut self, trail: &[&str]) {
        let key = match trail {
            [section, rest @ ..] if !rest.is_empty() => format!("[{section}] {}", rest.join(".")),
            _ => trail.join("."),
        };
        let left = format!("{}: {key}", self.file);
        if !self.found.left.contains(&left) {
            self.found.left.push(left);
        }
    }
}

/// Sections whose name says nothing of what is in the files that they list.
const OF_LISTS: [&str; 16] = [
    "collect",
    "collects",
    "collector",
    "collectors",
    "taillog",
    "tail",
    "tails",
    "tailf",
    "files",
    "logs",
    "log",
    "paths",
    "inputs",
    "input",
    "sources",
    "vals",
];

/// The texts of a value: itself, or those of a list.
fn texts(value: &Value) -> Vec<String> {
    match value {
        Value::String(text) if text.trim().is_empty() => Vec::new(),
        Value::String(text) => vec![text.trim().to_owned()],
        Value::Number(number) => vec![number.to_string()],
        Value::Bool(value) => vec![value.to_string()],
        Value::Array(items) => items.iter().flat_map(texts).collect(),
        Value::Null | Value::Object(_) => Vec::new(),
    }
}

fn looks_like_path(text: &str) -> bool {
    let drive = text.as_bytes().get(1) == Some(&b':') && text.as_bytes().first().is_some_and(u8::is_ascii_alphabetic);
    let rooted = ["/", "./", "../", "~/"].iter().any(|start| text.starts_with(start));
    (rooted || drive || text.ends_with(".log")) && !text.contains("://")
}

/// Whether a key means something in a part, so that `es_addr` is not taken for a word that happens to begin so.
fn is_known(part: Part, key: &str) -> bool {
    match part {
        _ if ADDRESS.contains(&key) => true,
        Part::Kafka => TOPIC.contains(&key) || kafka_key(key, "").is_some(),
        Part::Metrics | Part::Search => database_key(part, key).is_some(),
        Part::Etcd => !key.is_empty(),
        Part::Own | Part::Other => false,
    }
}

fn bare(host: &str) -> String {
    let host = host.split_once("://").map_or(host, |(_, rest)| rest);
    host.trim_end_matches('/').to_owned()
}

/// A key of `[kafka]`, as the new file writes it.
fn kafka_key(key: &str, value: &str) -> Option<(&'static str, String)> {
    let lower = value.trim().to_ascii_lowercase();
    let chosen = |name, word: &str| Some((name, word.to_owned()));
    match key {
        "acks" | "requiredacks" => match lower.as_str() {
            "0" | "none" | "noresponse" => chosen("acks", "none"),
            "1" | "leader" | "waitforlocal" => chosen("acks", "leader"),
            _ => chosen("acks", "all"),
        },
        "compression" | "compressioncodec" | "compressiontype" => match lower.as_str() {
            "0" | "none" | "" => chosen("compression", "none"),
            "1" | "gzip" => chosen("compression", "gzip"),
            "2" | "snappy" => chosen("compression", "snappy"),
            "4" | "zstd" => chosen("compression", "zstd"),
            _ => chosen("compression", "lz4"),
        },
        "user" | "username" | "saslusername" | "sasluser" => chosen("username", value),
        "password" | "passwd" | "pass" | "saslpassword" => chosen("password", value),
        "mechanism" | "saslmechanism" => match lower.replace('_', "-").as_str() {
            "scram-sha-256" => chosen("sasl", "scram-sha-256"),
            "scram-sha-512" => chosen("sasl", "scram-sha-512"),
            _ => chosen("sasl", "plain"),
        },
        _ => None,
    }
}

/// A key of `[metrics]` or `[store]`, as the new file calls it.
fn database_key(part: Part, key: &str) -> Option<&'static str> {
    match (part, key) {
        (_, "user" | "username") => Some("username"),
        (_, "password" | "passwd" | "pass") => Some("password"),
        (Part::Metrics, "db" | "dbname" | "database") => Some("database"),
        (Part::Metrics, "rp" | "retentionpolicy") => Some("retention_policy"),
        (Part::Metrics, "org" | "organization") => Some("org"),
        (Part::Metrics, "bucket") => Some("bucket"),
        (Part::Metrics, "token") => Some("token"),
        (Part::Search, "index") => Some("index"),
        (Part::Search, "apikey") => Some("api_key"),
        _ => None,
    }
}
