//! Engines: their keys, what must agree with what, and what is never shown.

use super::{inputs, said};
use crate::*;

const STREAM: &str = "[[stream]]\nname = \"web\"\npaths = [\"/a\"]\n";
const KAFKA: &str = "[queue]\nurl = \"kafka://k\"\n[kafka]\n";
const SEARCH: &str = "[store]\nurl = \"opensearch://h\"\n";
const METRIC: &str = "[[metric]]\nname = \"m\"\n";

#[test]
fn mistakes_about_engines() {
    let table: [(String, &[&str]); 39] = [
        (
            "[queue]\nurl = \"kafak://h\"".to_owned(),
            &[
                "logdrive.toml:2:7: url: 'kafak://h' is no engine; write file:///folder, http://host:7700 or kafka://host:9092",
            ],
        ),
        (
            "[queue]\nurl = \"kafka://u:pw@h\"".to_owned(),
            &[
                "logdrive.toml:2:7: url: a name and a password do not belong into a URL; write them as keys: username and password",
            ],
        ),
        (
            "[queue]\nurl = \"kafka://k\"\ncompression = \"lz4\"\nretention_bytes = \"1GiB\"".to_owned(),
            &[
                "logdrive.toml:3:15: compression: it is for other queues; with Kafka write compression in [kafka]",
                "logdrive.toml:4:19: retention_bytes: it is for the embedded queue; with Kafka, topics have retention of their own",
            ],
        ),
        (
            "[kafka]\ntopic = \"t\"\nacks = \"all\"".to_owned(),
            &[
                "logdrive.toml:2:9: topic: it is for a queue of Kafka; write url = \"kafka://host:9092\" in [queue], or leave [kafka] out",
            ],
        ),
        (format!("{KAFKA}acks = \"1\""), &["logdrive.toml:4:8: acks: '1' is none of \"all\", \"leader\", \"none\""]),
        (
            format!("{KAFKA}compresion = \"lz4\""),
            &["logdrive.toml:4:1: unknown key 'compresion' in [kafka]; did you mean 'compression'?"],
        ),
        (
            format!("{KAFKA}compression = \"zstandard\""),
            &[
                "logdrive.toml:4:15: compression: 'zstandard' is none of \"none\", \"gzip\", \"snappy\", \"lz4\", \"zstd\"",
            ],
        ),
        (
            format!("{KAFKA}topic = \"logs-{{steam}}\""),
            &["logdrive.toml:4:9: topic: 'logs-{steam}': unknown placeholder '{steam}'; did you mean '{stream}'?"],
        ),
        (
            format!("{KAFKA}partitioner = \"key\""),
            &["logdrive.toml:4:15: partitioner: \"key\" needs a key; add key = \"{host}\", say"],
        ),
        (
            format!("{KAFKA}key = \"{{host}}\""),
            &["logdrive.toml:4:7: key: a key is used with partitioner = \"key\" only; add that, or leave the key out"],
        ),
        (format!("{KAFKA}ca = \"ca.pem\""), &["logdrive.toml:4:6: ca: it is used with TLS only; add tls = true"]),
        (
            format!("{KAFKA}tls = true\ncertificate = \"c.pem\""),
            &["logdrive.toml:5:15: certificate: it is of use with a private_key only; add private_key"],
        ),
        (
            format!("{KAFKA}username = \"u\""),
            &[
                "logdrive.toml:4:12: username: nobody logs in; add sasl = \"scram-sha-512\", \"scram-sha-256\" or \"plain\"",
            ],
        ),
        (
            format!("{KAFKA}sasl = \"plain\"\nusername = \"u\""),
            &["logdrive.toml:4:8: sasl: a login needs username and password; add both"],
        ),
        (
            format!("{KAFKA}password = 5"),
            &["logdrive.toml:4:12: password: expected a text in quotes, found a whole number"],
        ),
        (
            format!("{KAFKA}in_flight_bytes = \"64KiB\""),
            &["logdrive.toml:4:19: in_flight_bytes: 64KiB is less than one message (message_bytes_max, 1MB)"],
        ),
        (
            format!("{STREAM}topic = \"t\""),
            &[
                "logdrive.toml:4:9: topic: it is for a queue of Kafka; write url = \"kafka://host:9092\" in [queue], or leave the key out",
            ],
        ),
        (
            format!("{KAFKA}{STREAM}partitioner = \"key\""),
            &["logdrive.toml:7:15: partitioner: \"key\" needs a key; add key = \"{host}\", say"],
        ),
        (
            format!("{STREAM}stores = [\"defualt\"]"),
            &["logdrive.toml:4:11: stores: there is no store 'defualt'; did you mean 'default'?"],
        ),
        (
            "[store]\nindex = \"logs\"".to_owned(),
            &["logdrive.toml:2:9: index: it is for OpenSearch and Elasticsearch; this store is embedded"],
        ),
        (
            format!("{SEARCH}retention_age = \"30d\""),
            &[
                "logdrive.toml:3:17: retention_age: it is for the embedded store; write delete_after (with install = true) instead",
            ],
        ),
        (
            format!("{SEARCH}index = \"Logs-{{stream}}\""),
            &[
                "logdrive.toml:3:9: index: 'Logs-{stream}': 'L' may not stand in the name of an index; write it in lower case",
            ],
        ),
        (
            format!("{SEARCH}username = \"u\""),
            &["logdrive.toml:3:12: username: a login needs a password too; add password"],
        ),
        (
            format!("{SEARCH}ca = \"ca.pem\""),
            &["logdrive.toml:3:6: ca: it is used with TLS only; write opensearch+https:// or elasticsearch+https://"],
        ),
        (
            format!("{SEARCH}delete_after = \"30d\""),
            &[
                "logdrive.toml:3:16: delete_after: the policy that deletes is installed with install = true only; add that",
            ],
        ),
        (
            "[[store]]\nname = \"a\"\n[[store]]\nurl = \"opensearch://h\"".to_owned(),
            &["logdrive.toml:3:1: each of several stores needs a name; add name = \"archive\", say"],
        ),
        (
            "[[store]]\nname = \"a\"\n[[store]]\nname = \"a\"\nurl = \"opensearch://h\"".to_owned(),
            &["logdrive.toml:4:8: name: there are two stores 'a'; give one of them another name"],
        ),
        (
            "[[store]]\nname = \"a\"\nurl = \"file:///x\"\n[[store]]\nname = \"b\"\nurl = \"file:///x\"".to_owned(),
            &["logdrive.toml:6:7: url: store 'a' is in this folder; choose another"],
        ),
        (
            "[metrics]\nurl = \"influxdb2://h\"\norg = \"o\"".to_owned(),
            &["logdrive.toml:2:7: url: InfluxDB 2.x needs org, bucket and token; add bucket and token"],
        ),
        (
            "[metrics]\nurl = \"influxdb://h\"\ntoken = \"x\"".to_owned(),
            &["logdrive.toml:3:9: token: it is for InfluxDB 2.x (influxdb2://host:8086)"],
        ),
        (
            "[metrics]\nurl = \"http://h:8086\"".to_owned(),
            &[
                "logdrive.toml:2:7: url: 'http://h:8086' is no engine; write file:///folder, influxdb://host:8086 (1.x) or influxdb2://host:8086 (2.x; +https with TLS)",
            ],
        ),
        (
            "[host_metrics]\nenabled = true\ninterval = \"10ms\"".to_owned(),
            &["logdrive.toml:3:12: interval: a machine is measured at most once a second; write 10s, say"],
        ),
        (
            format!("{METRIC}values = [\"p99\"]"),
            &["logdrive.toml:3:11: values: 'p99' needs numbers; add field = \"duration\", say"],
        ),
        (
            format!("{METRIC}field = \"f\"\nvalues = [\"count\", \"p101\"]"),
            &["logdrive.toml:4:20: values: 'p101' is none of count, sum, min, max, mean, p1 to p99.9"],
        ),
        (
            format!("{METRIC}window = \"0s\""),
            &["logdrive.toml:3:10: window: a window must be at least 1s long; write 1m, say"],
        ),
        (
            format!("{METRIC}{METRIC}"),
            &["logdrive.toml:4:8: name: there are two metrics 'm'; give one of them another name"],
        ),
        (
            "[[metric]]\nname = \"a b\"".to_owned(),
            &[
                "logdrive.toml:2:8: name: 'a b' is no name; use letters, digits, '_', '-' and '.', and begin with a letter or digit",
            ],
        ),
        (
            "[metric]\nname = \"a b\"".to_owned(),
            &["logdrive.toml:1:2: there may be several of 'metric'; write [[metric]]"],
        ),
        (
            "[agent]\nreport_to = \"kafka://x\"".to_owned(),
            &["logdrive.toml:2:13: report_to: 'kafka://x' is no server; write http://host:7700"],
        ),
    ];
    for (text, want) in table {
        assert_eq!(said(&text), want, "{text}");
    }
}

/// Everything that a process may show of its settings.
fn shown(text: &str, env: &[(&str, &str)]) -> String {
    let folder = tempfile::tempdir().unwrap();
    let mut inputs = inputs(folder.path(), Some(text));
    inputs.env = env.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    match load(&inputs) {
        Ok(loaded) => format!("{loaded:?} {}", serde_json::to_string(&loaded.settings).unwrap()),
        Err(error) => format!("{error:?} {}", error.lines().join("\n")),
    }
}

#[test]
fn secrets_are_never_shown() {
    let right = "[queue]\nurl = \"kafka://k\"\n[kafka]\ntls = true\nsasl = \"plain\"\nusername = \"u\"\npassword = \
                 \"${PW}\"\n[store]\nurl = \"opensearch://h\"\napi_key = \"pw-2\"\n[metrics]\nurl = \"influxdb2://h\"\norg = \
                 \"o\"\nbucket = \"b\"\n";
    let env = [("PW", "pw-1"), ("LOGDRIVE_METRICS_TOKEN", "pw-3")];
    let said = shown(right, &env);
    assert!(said.contains("\"metrics.token\",\"value\":\"***\"") && said.contains("bucket"), "{said}");
    assert!(!said.contains("pw-"), "{said}");
    // What is wrong elsewhere, or with a secret itself, does not show it either.
    for wrong in [
        format!("{right}nonsense = 1\n"),
        right.replace("sasl = \"plain\"\n", ""),
        right.replace("\"pw-2\"", "[\"pw-2\"]"),
        right.replace("\"pw-2\"", "pw-2"),
        right.replace("[metrics]", "username = \"u\"\npassword = \"pw-4\"\n[metrics]"),
        right.replace("opensearch://h", "opensearch://u:pw-5@h"),
    ] {
        let said = shown(&wrong, &env);
        assert!(said.starts_with("Wrong(") && !said.contains("pw-"), "{wrong}\n{said}");
    }
}

#[test]
fn several_stores() {
    let folder = tempfile::tempdir().unwrap();
    let file = "[[store]]\nname = \"default\"\nhead_age = \"1s\"\n[[store]]\nname = \"search\"\nurl = \
                \"elasticsearch+https://a,b:1\"\nstart = \"end\"\nfingerprint = \"\"\n[[store]]\nname = \"copy\"\n[[stream]]\nname = \
                \"web\"\npaths = [\"/a\"]\nstores = [\"search\", \"copy\"]\n";
    let mut inputs = inputs(folder.path(), Some(file));
    let loaded = load(&inputs).unwrap();
    let nodes = vec!["https://a:9200".to_owned(), "https://b:1".to_owned()];
    let urls: Vec<(&str, &StoreUrl)> =
        loaded.config.stores.iter().map(|store| (store.name.as_str(), &store.url)).collect();
    assert_eq!(
        urls,
        [
            ("default", &StoreUrl::Embedded("/data/store".into())),
            ("search", &StoreUrl::Search { product: Some(Product::Elasticsearch), nodes }),
            ("copy", &StoreUrl::Embedded("/data/store-copy".into())),
        ]
    );
    assert_eq!(loaded.config.stores[1].start, Start::End);
    assert_eq!(loaded.config.streams[0].stores, ["search", "copy"]);
    assert!(loaded.settings.iter().any(|setting| setting.key == "store.copy.head_age"));
    inputs.env.insert("LOGDRIVE_STORE_HEAD_AGE".to_owned(), "2s".to_owned());
    assert_eq!(
        load(&inputs).unwrap_err().lines(),
        ["LOGDRIVE_STORE_HEAD_AGE: there are several stores; write head_age in the [[store]] that is meant"]
    );
    // One of several is written like one alone.
    let one = "[[store]]\nurl = \"opensearch://h\"\ninstall = true\ndelete_after = \"30d\"\n";
    std::fs::write(inputs.file.as_ref().unwrap(), one).unwrap();
    inputs.env = [("LOGDRIVE_STORE_INDEX".to_owned(), "a-{host}".to_owned())].into();
    let store = load(&inputs).unwrap().config.stores.remove(0);
    assert_eq!(
        (store.name.as_str(), store.search.index.as_deref(), store.search.install),
        ("default", Some("a-{host}"), true)
    );
}

#[test]
fn a_queue_of_kafka() {
    let folder = tempfile::tempdir().unwrap();
    let file = "[queue]\nurl = \"kafka://k1:9092,k2\"\n[kafka]\ntopic = \"logs.{stream}\"\nacks = \"leader\"\ntls = true\nca = \
                \"ca.pem\"\nsasl = \"scram-sha-512\"\nusername = \"u\"\npassword = \"p\"\npartitions = 3\n[[stream]]\nname = \
                \"web\"\npaths = [\"/a\"]\ntopic = \"web\"\npartitioner = \"key\"\nkey = \"{host}\"\nframing = \"batch\"\n";
    let mut inputs = inputs(folder.path(), Some(file));
    let config = load(&inputs).unwrap().config;
    assert_eq!(config.queue.url, QueueUrl::Kafka(vec!["k1:9092".to_owned(), "k2:9092".to_owned()]));
    let kafka = KafkaConfig {
        topic: "logs.{stream}".to_owned(),
        acks: Acks::Leader,
        tls: true,
        ca: Some(folder.path().join("ca.pem")),
        sasl: Sasl::ScramSha512,
        username: "u".to_owned(),
        password: Secret::new("p"),
        partitions: 3,
        ..KafkaConfig::default()
    };
    assert_eq!(config.kafka, kafka);
    let stream = &config.streams[0];
    assert_eq!((stream.topic.as_deref(), stream.key.as_deref()), (Some("web"), Some("{host}")));
    assert_eq!((stream.partitioner, stream.framing), (Some(Partitioner::Key), Some(KafkaFraming::Batch)));
    assert_eq!(stream.revision, revision_of(&StreamConfig::new("x", Vec::new())), "how it travels changes no record");
    // For once, another queue may be used with the same file.
    inputs.flags.push(Flag { name: "--server", key: "queue.url", value: "http://h:7700".to_owned() });
    assert_eq!(load(&inputs).unwrap().config.queue.url, QueueUrl::Remote("http://h:7700".to_owned()));
}

#[test]
fn a_metric_with_everything() {
    let folder = tempfile::tempdir().unwrap();
    let file = "[[metric]]\nname = \"nginx.requests\"\nstreams = \"web\"\nwhere = \"status:>=500\"\nfield = \
                \"duration\"\nvalues = [\"count\", \"p50\", \"p99.9\"]\nby = [\"status\", \"host\"]\nwindow = \
                \"10s\"\nlateness = \"0s\"\n[[metric]]\nname = \"lines\"\n";
    let rules = load(&inputs(folder.path(), Some(file))).unwrap().config.metric_rules;
    let seconds = std::time::Duration::from_secs;
    let first = MetricConfig {
        name: "nginx.requests".to_owned(),
        streams: vec!["web".to_owned()],
        filter: Some("status:>=500".to_owned()),
        field: Some("duration".to_owned()),
        values: vec![MetricValue::Count, MetricValue::Quantile(500), MetricValue::Quantile(999)],
        by: vec!["status".to_owned(), "host".to_owned()],
        window: seconds(10),
        lateness: seconds(0),
    };
    let second = MetricConfig {
        name: "lines".to_owned(),
        streams: Vec::new(),
        filter: None,
        field: None,
        values: vec![MetricValue::Count],
        by: Vec::new(),
        window: seconds(60),
        lateness: seconds(300),
    };
    assert_eq!(rules, [first, second]);
}

#[test]
fn a_record_fits_into_a_message() {
    for (text, expected) in [
        (KAFKA.to_owned(), 935_452),
        (format!("{KAFKA}message_bytes_max = \"8MB\""), 1 << 20),
        (format!("{KAFKA}message_bytes_max = \"4KiB\"\nin_flight_bytes = \"1MiB\""), 1792),
        (String::new(), 1 << 20),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let loaded = load(&inputs(folder.path(), Some(&text))).unwrap();
        assert_eq!(loaded.config.agent.line_bytes_max.0, expected, "{text}");
        assert!(loaded.config.agent.multiline_bytes_max <= loaded.config.agent.line_bytes_max, "{text}");
    }
}
