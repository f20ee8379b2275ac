//! TLS and SASL against a real broker: what works, and what the first line of each error says.

use std::path::PathBuf;

use crate::common::{append_all, lines, options, refused};
use e2e::services::address;
use queue::QueueError;
use queue::testing::BatchOf;
use queue_kafka::{Mechanism, Options, Sasl, Tls};

fn sasl(mechanism: Mechanism, username: &str, password: &str) -> Option<Sasl> {
    Some(Sasl { mechanism, username: username.to_owned(), password: password.to_owned() })
}

fn tls() -> Option<Tls> {
    Some(Tls { ca: std::env::var_os("KAFKA_CA").map(PathBuf::from), ..Tls::default() })
}

fn says(error: &QueueError, parts: &[&str]) {
    let text = error.to_string();
    assert!(parts.iter().all(|part| text.contains(part)) && !text.contains('\n'), "{text}\nshould say {parts:?}");
    assert!(!text.contains("secret"), "no secret in {text}");
}

#[tokio::test]
async fn lines_go_over_tls_with_each_way_to_log_in() {
    let test = "lines_go_over_tls_with_each_way_to_log_in";
    let (Some(ssl), Some(sasl_ssl)) = (address("KAFKA_SSL", test), address("KAFKA_SASL_SSL", test)) else { return };
    let ways = [
        (&ssl, None),
        (&sasl_ssl, sasl(Mechanism::Plain, "alice", "alice-secret")),
        (&sasl_ssl, sasl(Mechanism::ScramSha256, "bob", "bob-secret")),
        (&sasl_ssl, sasl(Mechanism::ScramSha512, "bob", "bob-secret")),
    ];
    for (servers, sasl) in ways {
        let options = Options { tls: tls(), sasl, ..options(servers, "tls") };
        let (_queue, lines) = lines(&options).await;
        append_all(&*lines, &[BatchOf::source(1).text("hidden on its way\n")]).await;
    }
}

#[tokio::test]
async fn a_client_certificate_is_shown() {
    let Some(ssl) = address("KAFKA_SSL", "a_client_certificate_is_shown") else { return };
    let Some(certificate) = std::env::var_os("KAFKA_CERTIFICATE").map(PathBuf::from) else { return };
    let private_key = std::env::var_os("KAFKA_PRIVATE_KEY").map(PathBuf::from);
    let with = Tls { certificate: Some(certificate), private_key, ..tls().unwrap_or_default() };
    let options = Options { tls: Some(with), ..options(&ssl, "certificate") };
    let (_queue, lines) = lines(&options).await;
    append_all(&*lines, &[BatchOf::source(1).text("from one it knows\n")]).await;
}

#[tokio::test]
async fn a_wrong_login_says_who_and_what_to_do() {
    let Some(servers) = address("KAFKA_SASL_SSL", "a_wrong_login_says_who_and_what_to_do") else { return };
    let with = |sasl| Options { tls: tls(), sasl, ..options(&servers, "login") };
    for mechanism in [Mechanism::Plain, Mechanism::ScramSha256, Mechanism::ScramSha512] {
        let error = refused(with(sasl(mechanism, "bob", "wrong-secret"))).await;
        says(&error, &[&servers, "authentication refused", "'bob'", mechanism.name(), "kafka.password"]);
        assert!(matches!(error, QueueError::Refused { lasting: true, .. }));
    }
    let error = refused(with(None)).await;
    says(&error, &[&servers, "kafka.sasl"]);
}

#[tokio::test]
async fn tls_that_does_not_fit_says_why() {
    let Some(servers) = address("KAFKA_SSL", "tls_that_does_not_fit_says_why") else { return };
    let port = servers.rsplit(':').next().unwrap_or_default();
    let wrong_name = Options { tls: tls(), ..options(&format!("localhost.localdomain:{port}"), "name") };
    if std::net::ToSocketAddrs::to_socket_addrs(&format!("localhost.localdomain:{port}")).is_ok() {
        says(&refused(wrong_name).await, &["certificate is for", "not for localhost.localdomain"]);
    }
    let wrong_name = Options { tls: tls(), ..options(&format!("127.0.0.2:{port}"), "name") };
    let error = refused(wrong_name).await;
    // The broker listens on 127.0.0.1 alone: then it is just not there.
    assert!(error.to_string().contains("127.0.0.2"), "{error}");

    let unknown = Options { tls: Some(Tls::default()), ..options(&servers, "ca") };
    says(&refused(unknown).await, &[&servers, "not trusted", "kafka.ca"]);

    let no_tls = Options { tls: None, ..options(&servers, "plain") };
    says(&refused(no_tls).await, &[&servers, "TLS", "kafka.tls"]);
}

#[tokio::test]
async fn tls_to_a_port_without_it_says_so() {
    let Some(servers) = address("KAFKA", "tls_to_a_port_without_it_says_so") else { return };
    let with = Options { tls: Some(Tls::default()), ..options(&servers, "none") };
    says(&refused(with).await, &[&servers, "TLS"]);
}
