//! `[kafka]`

use base::ByteSize;

use crate::key::{Key, Kind, Section, Shape};
use crate::reader::Reader;
use crate::{Acks, KafkaCompression, KafkaConfig, KafkaFraming, Partitioner, Sasl, template};

pub(crate) const SECTION: Section = Section {
    name: "kafka",
    shape: Shape::One,
    doc: "What is particular to a queue of Kafka (queue.url = \"kafka://host:9092\").",
    required: &[],
    keys: &[
        Key::new("topic", Kind::Text, "logdrive-lines", "The topic of lines; may hold {stream} and {host}."),
        Key::new(
            "framing",
            Kind::Choice(&["record", "batch"]),
            "record",
            "What a message is: a record, readable by every consumer, or a batch, cheaper and for logdrive alone.",
        ),
        Key::new(
            "compression",
            Kind::Choice(&["none", "gzip", "snappy", "lz4", "zstd"]),
            "lz4",
            "How messages are compressed.",
        ),
        Key::new(
            "acks",
            Kind::Choice(&["all", "leader", "none"]),
            "all",
            "Who must have a message before it counts; with less than all, lines are lost when a broker is.",
        ),
        Key::new(
            "partitioner",
            Kind::Choice(&["source", "random", "key"]),
            "source",
            "Where messages go: a file stays in one partition, in its order; spread; or by key.",
        ),
        Key::new("key", Kind::Text, "", "The key for partitioner = \"key\": {host}, {stream}, {path}, {source}."),
        Key::new("create_topics", Kind::Bool, "false", "Topics that are not there are made."),
        Key::new("partitions", Kind::Count(1, 100_000), "16", "Partitions of a topic that is made."),
        Key::new("replication", Kind::Count(1, 100), "1", "Copies of a topic that is made."),
        Key::new("tls", Kind::Bool, "false", "Talk TLS."),
        Key::new("ca", Kind::Text, "", "A PEM file of the authorities to trust; the system's by default."),
        Key::new("certificate", Kind::Text, "", "A PEM file with our own certificate, where brokers ask for one."),
        Key::new("private_key", Kind::Text, "", "A PEM file with its key."),
        Key::new("sasl", Kind::Choice(&["none", "plain", "scram-sha-256", "scram-sha-512"]), "none", "How to log in."),
        Key::new("username", Kind::Text, "", "As whom."),
        Key::new("password", Kind::Secret, "", "With which password."),
        Key::new(
            "group_instance_id",
            Kind::Text,
            "",
            "A name of this transfer within its group, so that a quick restart moves no partition.",
        ),
        Key::new("session_timeout", Kind::Duration, "45s", "A transfer that is silent so long has left its group."),
        Key::new("in_flight_bytes", Kind::Size, "32MiB", "Bytes sent and not yet acknowledged."),
        Key::new("message_bytes_max", Kind::Size, "1MB", "The largest message that the brokers take."),
    ],
};

pub(crate) fn resolve(reader: &mut Reader<'_>) -> KafkaConfig {
    let config = KafkaConfig {
        topic: reader.parse("topic", template::topic),
        framing: reader.choice("framing", [KafkaFraming::Record, KafkaFraming::Batch]),
        compression: reader.choice(
            "compression",
            [
                KafkaCompression::None,
                KafkaCompression::Gzip,
                KafkaCompression::Snappy,
                KafkaCompression::Lz4,
                KafkaCompression::Zstd,
            ],
        ),
        acks: reader.choice("acks", [Acks::All, Acks::Leader, Acks::None]),
        partitioner: reader.choice("partitioner", PARTITIONERS),
        key: reader.parse_given("key", template::key),
        create_topics: reader.bool("create_topics"),
        partitions: reader.count("partitions"),
        replication: reader.count("replication"),
        tls: reader.bool("tls"),
        ca: reader.path_given("ca"),
        certificate: reader.path_given("certificate"),
        private_key: reader.path_given("private_key"),
        sasl: reader.choice("sasl", [Sasl::None, Sasl::Plain, Sasl::ScramSha256, Sasl::ScramSha512]),
        username: reader.text("username"),
        password: reader.secret("password"),
        group_instance_id: reader.text_given("group_instance_id"),
        session_timeout: reader.duration("session_timeout"),
        in_flight_bytes: reader.size("in_flight_bytes"),
        message_bytes_max: reader.size("message_bytes_max"),
    };
    check(reader, &config);
    config
}

pub(crate) const PARTITIONERS: [Partitioner; 3] = [Partitioner::Source, Partitioner::Random, Partitioner::Key];

/// What must agree with what.
fn check(reader: &mut Reader<'_>, config: &KafkaConfig) {
    match (config.partitioner, &config.key) {
        (Partitioner::Key, None) => {
            reader.wrong("partitioner", "\"key\" needs a key; add key = \"{host}\", say".to_owned());
        }
        (Partitioner::Source | Partitioner::Random, Some(_)) => {
            reader.wrong(
                "key",
                "a key is used with partitioner = \"key\" only; add that, or leave the key out".to_owned(),
            );
        }
        _ => {}
    }
    if !config.tls {
        for key in ["ca", "certificate", "private_key"] {
            if reader.given(key) {
                reader.wrong(key, "it is used with TLS only; add tls = true".to_owned());
            }
        }
    }
    if config.certificate.is_some() != config.private_key.is_some() {
        let (have, lack) =
            if config.certificate.is_some() { ("certificate", "private_key") } else { ("private_key", "certificate") };
        reader.wrong(have, format!("it is of use with a {lack} only; add {lack}"));
    }
    if config.sasl == Sasl::None {
        for key in ["username", "password"] {
            if reader.given(key) {
                reader.wrong(
                    key,
                    "nobody logs in; add sasl = \"scram-sha-512\", \"scram-sha-256\" or \"plain\"".to_owned(),
                );
            }
        }
    } else if config.username.is_empty() || config.password.reveal().is_empty() {
        reader.wrong("sasl", "a login needs username and password; add both".to_owned());
    }
    if config.message_bytes_max < ByteSize(4 << 10) {
        reader.wrong("message_bytes_max", format!("{} is too little; write at least 4KiB", config.message_bytes_max));
    }
    if config.in_flight_bytes < config.message_bytes_max {
        let (window, message) = (config.in_flight_bytes, config.message_bytes_max);
        reader.wrong("in_flight_bytes", format!("{window} is less than one message (message_bytes_max, {message})"));
    }
    if config.session_timeout.is_zero() {
        reader.wrong("session_timeout", "it must be longer than nothing; write 45s, say".to_owned());
    }
}
