//! How greetings call the engines.

use std::fmt::Write as _;

use config::{Acks, Config, MetricsUrl, QueueUrl, StoreUrl};

/// A line for each engine that is elsewhere; nothing where all is in the data folder.
pub(crate) fn engines(config: &Config) -> String {
    let mut text = String::new();
    // Writing to a String cannot fail.
    if let QueueUrl::Kafka(brokers) = &config.queue.url {
        let weak = match config.kafka.acks {
            Acks::All => "",
            Acks::Leader => "  (acks = \"leader\": lines are lost when a broker is)",
            Acks::None => "  (acks = \"none\": lines are lost with any connection)",
        };
        let _ = writeln!(text, "  kafka    {}, topic {}{weak}", brokers.join(","), config.kafka.topic);
    }
    for store in &config.stores {
        let place = match &store.url {
            StoreUrl::Search { nodes, .. } => nodes.join(","),
            StoreUrl::Embedded(_) if config.stores.len() == 1 => continue,
            StoreUrl::Embedded(folder) => folder.display().to_string(),
        };
        let name = if config.stores.len() == 1 { String::new() } else { format!("{}: ", store.name) };
        let _ = writeln!(text, "  store    {name}{place}");
    }
    if let MetricsUrl::Influx1(address) | MetricsUrl::Influx2(address) = &config.metrics.url {
        let _ = writeln!(text, "  metrics  {address}");
    }
    text
}

#[cfg(test)]
mod tests {
    use config::StoreConfig;

    use super::*;

    #[test]
    fn what_is_elsewhere_is_named() {
        let mut config = Config::new("here", "/data");
        assert_eq!(engines(&config), "");
        config.queue.url = QueueUrl::Kafka(vec!["a:1".to_owned(), "b:2".to_owned()]);
        config.kafka.acks = Acks::Leader;
        let nodes = vec!["http://h:9200".to_owned()];
        config.stores.push(StoreConfig::new("search", StoreUrl::Search { product: None, nodes }));
        config.metrics.url = MetricsUrl::Influx1("http://m:8086".to_owned());
        assert_eq!(
            engines(&config),
            "  kafka    a:1,b:2, topic logdrive-lines  (acks = \"leader\": lines are lost when a broker is)\n  store    default: \
             /data/store\n  store    search: http://h:9200\n  metrics  http://m:8086\n"
        );
    }
}
