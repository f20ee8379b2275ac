//! From `[kafka]` to what its driver takes.

use config::{Acks, Config, KafkaCompression, KafkaFraming, Partitioner, Sasl, StreamConfig};
use queue_kafka as driver;

pub(super) fn options(config: &Config, brokers: &[String]) -> driver::Options {
    let kafka = &config.kafka;
    let mut options = driver::Options::new(brokers);
    options.tls = kafka.tls.then(|| driver::Tls {
        ca: kafka.ca.clone(),
        certificate: kafka.certificate.clone(),
        private_key: kafka.private_key.clone(),
    });
    let mechanism = match kafka.sasl {
        Sasl::None => None,
        Sasl::Plain => Some(driver::Mechanism::Plain),
        Sasl::ScramSha256 => Some(driver::Mechanism::ScramSha256),
        Sasl::ScramSha512 => Some(driver::Mechanism::ScramSha512),
    };
    options.sasl = mechanism.map(|mechanism| driver::Sasl {
        mechanism,
        username: kafka.username.clone(),
        password: kafka.password.reveal().to_owned(),
    });
    options.lines = driver::Route {
        topic: kafka.topic.clone(),
        partitioner: partitioner(kafka.partitioner, kafka.key.as_deref()),
        framing: framing(kafka.framing),
    };
    options.streams = config.streams.iter().filter_map(|stream| route(stream, config)).collect();
    options.compression = match kafka.compression {
        KafkaCompression::None => driver::Compression::None,
        KafkaCompression::Gzip => driver::Compression::Gzip,
        KafkaCompression::Snappy => driver::Compression::Snappy,
        KafkaCompression::Lz4 => driver::Compression::Lz4,
        KafkaCompression::Zstd => driver::Compression::Zstd,
    };
    options.acks = match kafka.acks {
        Acks::All => driver::Acks::All,
        Acks::Leader => driver::Acks::Leader,
        Acks::None => driver::Acks::None,
    };
    options.create_topics = kafka
        .create_topics
        .then_some(driver::NewTopics { partitions: Some(kafka.partitions), replication: Some(kafka.replication) });
    options.group_instance_id.clone_from(&kafka.group_instance_id);
    options.session_timeout = kafka.session_timeout;
    options.in_flight_bytes = kafka.in_flight_bytes.as_usize();
    options.message_bytes_max = kafka.message_bytes_max.as_usize();
    options
}

/// The route of a stream that differs from the others'.
fn route(stream: &StreamConfig, config: &Config) -> Option<(String, driver::Route)> {
    let differs =
        stream.topic.is_some() || stream.partitioner.is_some() || stream.key.is_some() || stream.framing.is_some();
    let kafka = &config.kafka;
    let key = stream.key.as_deref().or(kafka.key.as_deref());
    let route = || driver::Route {
        topic: stream.topic.clone().unwrap_or_else(|| kafka.topic.clone()),
        partitioner: partitioner(stream.partitioner.unwrap_or(kafka.partitioner), key),
        framing: framing(stream.framing.unwrap_or(kafka.framing)),
    };
    differs.then(|| (stream.name.clone(), route()))
}

fn partitioner(partitioner: Partitioner, key: Option<&str>) -> driver::Partitioner {
    match partitioner {
        Partitioner::Source => driver::Partitioner::Source,
        Partitioner::Random => driver::Partitioner::Random,
        Partitioner::Key => driver::Partitioner::Key(key.unwrap_or_default().to_owned()),
    }
}

const fn framing(framing: KafkaFraming) -> driver::Framing {
    match framing {
        KafkaFraming::Record => driver::Framing::Record,
        KafkaFraming::Batch => driver::Framing::Batch,
    }
}

#[cfg(test)]
mod tests {
    use config::KafkaConfig;

    use super::*;

    #[test]
    fn a_stream_may_go_its_own_way() {
        let mut config = Config::new("here", "/data");
        config.kafka = KafkaConfig {
            topic: "all".to_owned(),
            partitioner: Partitioner::Key,
            key: Some("{host}".to_owned()),
            create_topics: true,
            ..KafkaConfig::default()
        };
        let plain = StreamConfig::new("a", Vec::new());
        let own = StreamConfig { topic: Some("b".to_owned()), ..StreamConfig::new("b", Vec::new()) };
        config.streams = vec![plain, own];
        let options = options(&config, &["k:9092".to_owned()]);
        let by_host = driver::Partitioner::Key("{host}".to_owned());
        assert_eq!((options.lines.topic.as_str(), &options.lines.partitioner), ("all", &by_host));
        assert_eq!(options.streams.len(), 1);
        assert_eq!((options.route("a").topic.as_str(), options.route("b").topic.as_str()), ("all", "b"));
        assert_eq!(options.route("b").partitioner, by_host);
        let made = driver::NewTopics { partitions: Some(16), replication: Some(1) };
        assert_eq!((options.create_topics, options.sasl.is_none(), options.tls.is_none()), (Some(made), true, true));
        options.check().expect("right");
    }

    #[test]
    fn defaults_are_the_drivers() {
        let (mine, own) = (options(&Config::new("here", "/data"), &["k:1".to_owned()]), driver::Options::new(["k:1"]));
        assert_eq!(format!("{mine:?}"), format!("{own:?}"));
    }
}
