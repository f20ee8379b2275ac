//! The stores that the settings name.

use std::sync::Arc;

use base::Explain;
use config::{Product, SearchConfig, StoreConfig, StoreUrl};
use store::Store;
use store_embedded::EmbeddedStore;
use store_opensearch::{Auth, Compression, DATA_STREAM, INDEX, OpenSearchStore, Options, Tls};

use crate::failure::Failure;

/// Opens the stores that the settings name, in their order. A server among them is not asked yet.
pub(crate) fn open_stores(configs: &[StoreConfig]) -> Result<Vec<Arc<dyn Store>>, Failure> {
    configs.iter().map(open).collect()
}

fn open(config: &StoreConfig) -> Result<Arc<dyn Store>, Failure> {
    match &config.url {
        StoreUrl::Embedded(folder) => {
            let options = store_embedded::Options {
                head_bytes: config.head_bytes,
                head_age: config.head_age,
                retention_age: config.retention_age,
                retention_bytes: config.retention_bytes,
                free_bytes_min: config.free_bytes_min,
                ..store_embedded::Options::default()
            };
            Ok(EmbeddedStore::open(folder, options).map_err(|error| Failure::Failed(error.chain()))?)
        }
        StoreUrl::Search { product, nodes } => {
            let store = OpenSearchStore::connect(search(*product, nodes, &config.search));
            Ok(store.map_err(|error| Failure::Failed(format!("store '{}': {}", config.name, error.chain())))?)
        }
    }
}

fn search(product: Option<Product>, nodes: &[String], config: &SearchConfig) -> Options {
    let usual = if config.data_stream { DATA_STREAM } else { INDEX };
    let mut options = Options::new(nodes);
    options.product = product.map(|product| match product {
        Product::OpenSearch => store_opensearch::Product::OpenSearch,
        Product::Elasticsearch => store_opensearch::Product::Elasticsearch,
    });
    options.index = config.index.clone().unwrap_or_else(|| usual.to_owned());
    options.data_stream = config.data_stream;
    options.install = config.install;
    options.delete_after = config.delete_after;
    options.auth = match (config.api_key.reveal(), config.username.as_str()) {
        ("", "") => Auth::None,
        ("", username) => Auth::Basic { username: username.to_owned(), password: config.password.reveal().to_owned() },
        (key, _) => Auth::ApiKey(key.to_owned()),
    };
    options.tls = Tls { ca: config.ca.clone(), fingerprint: config.fingerprint.clone() };
    options.compression = if config.gzip { Compression::Gzip } else { Compression::None };
    options.bulk_bytes = config.bulk_bytes.as_usize();
    options.requests_max = config.requests_max;
    options
}

#[cfg(test)]
mod tests {
    use config::Secret;

    use super::*;

    #[test]
    fn defaults_are_the_drivers() {
        let nodes = ["http://h:9200".to_owned()];
        let (mine, own) = (search(None, &nodes, &SearchConfig::default()), Options::new(&nodes));
        assert_eq!(format!("{mine:?}"), format!("{own:?}"));
        let streams = SearchConfig { data_stream: true, api_key: Secret::new("k"), ..SearchConfig::default() };
        let mine = search(Some(Product::Elasticsearch), &nodes, &streams);
        assert_eq!((mine.index.as_str(), mine.product), (DATA_STREAM, Some(store_opensearch::Product::Elasticsearch)));
        assert!(matches!(mine.auth, Auth::ApiKey(_)));
    }
}
