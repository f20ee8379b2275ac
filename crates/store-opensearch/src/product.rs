//! Which server answers, and whether it is one that we know.

use std::fmt;

use serde_json::Value;
use store::StoreError;

use crate::http::{Answer, Http, Request};
use crate::options::Product;

/// A server that we know how to talk to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Server {
    /// Which product.
    pub product: Product,
    /// Its version as it says it.
    pub version: String,
}

impl fmt::Display for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.product, self.version)
    }
}

const EXPECTED: &str = "expected is OpenSearch 1 to 3, or Elasticsearch 7.10 to 9";

/// Asks which server it is.
///
/// # Errors
/// `Refused` where it is another product or version, with what was expected.
pub async fn detect(http: &Http, wanted: Option<Product>) -> Result<Server, StoreError> {
    let answer = http.send(Request::get("/")).await?;
    if answer.status == 403 {
        // Who may write need not be allowed to ask. What was said to be wanted is then what it is.
        let product = wanted.unwrap_or(Product::OpenSearch);
        return Ok(Server { product, version: "of a version that this user may not ask for".to_owned() });
    }
    if !answer.is_ok() {
        return Err(answer.error());
    }
    server(&answer, wanted).map_err(|reason| StoreError::Refused { at: answer.at.clone(), reason })
}

fn server(answer: &Answer, wanted: Option<Product>) -> Result<Server, String> {
    let stranger = || format!("it is neither OpenSearch nor Elasticsearch; {EXPECTED}");
    let value: Value = serde_json::from_slice(&answer.body).map_err(|_| stranger())?;
    let server = recognised(&value).ok_or_else(stranger)?;
    if !supported(&server) {
        return Err(format!("it is {server}; {EXPECTED}"));
    }
    match wanted {
        Some(Product::OpenSearch) if server.product != Product::OpenSearch => {
            Err(format!("it is {server}, not OpenSearch; write elasticsearch:// in its URL"))
        }
        Some(Product::Elasticsearch) if server.product != Product::Elasticsearch => {
            Err(format!("it is {server}, not Elasticsearch; write opensearch:// in its URL"))
        }
        _ => Ok(server),
    }
}

fn recognised(root: &Value) -> Option<Server> {
    let version = &root["version"];
    let number = version["number"].as_str()?.to_owned();
    let tagline = root["tagline"].as_str().unwrap_or_default();
    // OpenSearch may be told to give the number of the Elasticsearch it came from; what it is, it still says.
    let product = if version["distribution"] == "opensearch" || tagline.contains("OpenSearch") {
        Product::OpenSearch
    } else if tagline == "You Know, for Search" || version["build_flavor"].is_string() {
        Product::Elasticsearch
    } else {
        return None;
    };
    Some(Server { product, version: number })
}

fn supported(server: &Server) -> bool {
    let mut numbers = server.version.split(['.', '-']).map_while(|part| part.parse::<u32>().ok());
    let (major, minor) = (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0));
    match server.product {
        Product::OpenSearch => (1..=3).contains(&major) || (major, minor) == (7, 10),
        Product::Elasticsearch => (major == 7 && minor >= 10) || (8..=9).contains(&major),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Answers of real servers to `GET /`, shortened.
    const KNOWN: [(&str, Product, &str); 8] = [
        (
            r#"{"name":"n","cluster_name":"c","version":{"number":"7.10.2","build_flavor":"default","build_type":"docker","build_hash":"747e1cc71def077253878a59143c1f785afa92b9","lucene_version":"8.7.0","minimum_wire_compatibility_version":"6.8.0"},"tagline":"You Know, for Search"}"#,
            Product::Elasticsearch,
            "7.10.2",
        ),
        (
            r#"{"name":"n","cluster_name":"c","version":{"number":"7.17.9","build_flavor":"default","lucene_version":"8.11.1"},"tagline":"You Know, for Search"}"#,
            Product::Elasticsearch,
            "7.17.9",
        ),
        (
            r#"{"name":"n","cluster_name":"c","version":{"number":"8.13.4","build_flavor":"default","build_type":"docker","lucene_version":"9.10.0"},"tagline":"You Know, for Search"}"#,
            Product::Elasticsearch,
            "8.13.4",
        ),
        (
            r#"{"name":"n","cluster_name":"c","version":{"number":"9.0.1","build_flavor":"default","lucene_version":"10.1.0"},"tagline":"You Know, for Search"}"#,
            Product::Elasticsearch,
            "9.0.1",
        ),
        (
            r#"{"name":"n","cluster_name":"c","version":{"distribution":"opensearch","number":"1.3.14","build_type":"tar","lucene_version":"8.10.1"},"tagline":"The OpenSearch Project: https://opensearch.org/"}"#,
            Product::OpenSearch,
            "1.3.14",
        ),
        (
            r#"{"name":"n1","cluster_name":"logdrive-test","version":{"distribution":"opensearch","number":"2.19.1","build_type":"unknown","build_hash":"2e4741fb45d1b150aaeeadf66d41445b23ff5982","build_snapshot":false,"lucene_version":"9.12.1"},"tagline":"The OpenSearch Project: https://opensearch.org/"}"#,
            Product::OpenSearch,
            "2.19.1",
        ),
        (
            r#"{"name":"n","cluster_name":"c","version":{"distribution":"opensearch","number":"3.1.0","lucene_version":"10.2.1"},"tagline":"The OpenSearch Project: https://opensearch.org/"}"#,
            Product::OpenSearch,
            "3.1.0",
        ),
        (
            r#"{"name":"n","cluster_name":"c","version":{"number":"7.10.2","build_type":"tar","lucene_version":"9.7.0"},"tagline":"The OpenSearch Project: https://opensearch.org/"}"#,
            Product::OpenSearch,
            "7.10.2",
        ),
    ];

    #[test]
    fn every_version_that_we_know_is_recognised() {
        for (answer, product, version) in KNOWN {
            let server = recognised(&serde_json::from_str(answer).unwrap()).unwrap();
            assert_eq!((server.product, server.version.as_str()), (product, version));
            assert!(supported(&server), "{server}");
        }
    }

    #[test]
    fn others_are_named_with_what_was_expected() {
        let answer = |body: &str| Answer::for_tests(200, body);
        let old = r#"{"version":{"number":"6.8.23","build_flavor":"default"},"tagline":"You Know, for Search"}"#;
        for (body, wanted, words) in [
            (old, None, ["Elasticsearch 6.8.23", "expected is OpenSearch 1 to 3"]),
            ("{\"couchdb\":\"Welcome\"}", None, ["neither", "expected"]),
            ("<html>", None, ["neither", "expected"]),
            (KNOWN[5].0, Some(Product::Elasticsearch), ["OpenSearch 2.19.1, not Elasticsearch", "opensearch://"]),
            (KNOWN[2].0, Some(Product::OpenSearch), ["Elasticsearch 8.13.4, not OpenSearch", "elasticsearch://"]),
        ] {
            let said = server(&answer(body), wanted).unwrap_err();
            assert!(words.iter().all(|word| said.contains(word)), "{said}");
        }
    }
}
