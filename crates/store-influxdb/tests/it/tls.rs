//! Over TLS: who is trusted, and what is said where it is not.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use base::{Explain as _, Retry};
use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::pki_types::PrivateKeyDer;
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use store::StoreError;
use store::metrics::PointWriter as _;
use store::metrics::testing::value;
use store_influxdb::{InfluxStore, Options};

use crate::common::v1;

/// A server for `name` that takes everything, and its certificate as a file in `folder`.
fn serve(name: &str, folder: &Path) -> (u16, PathBuf) {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let CertifiedKey { cert, signing_key } = generate_simple_self_signed([name.to_owned()]).expect("a certificate");
    let key = PrivateKeyDer::try_from(signing_key.serialize_der()).expect("a key");
    let config = ServerConfig::builder().with_no_client_auth().with_single_cert(vec![cert.der().clone()], key);
    let (config, path) = (Arc::new(config.expect("they fit")), folder.join(format!("{name}.pem")));
    std::fs::write(&path, cert.pem()).expect("written");
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = listener.local_addr().expect("bound").port();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let connection = ServerConnection::new(config.clone()).expect("a connection");
            let mut reader = BufReader::new(StreamOwned::new(connection, stream));
            let mut line = String::new();
            // A client that does not trust us ends the connection here. Bodies of writes are left unread.
            while reader.read_line(&mut line).is_ok_and(|len| len > 2) {
                line.clear();
            }
            let answer = "HTTP/1.1 204 No Content\r\nX-Influxdb-Version: 1.8.10\r\nConnection: close\r\n\r\n";
            let _ = reader.get_mut().write_all(answer.as_bytes());
        }
    });
    (port, path)
}

async fn write(name: &str, port: u16, ca: Option<PathBuf>) -> Result<(), StoreError> {
    let options = Options { ca, ..Options::new(format!("https://{name}:{port}"), v1("d")) };
    InfluxStore::new(options)?.write(&[value("m", &[], 1.0, 0)]).await.map(|_| ())
}

#[tokio::test]
async fn a_certificate_counts_where_its_issuer_and_its_name_do() {
    let folder = tempfile::tempdir().expect("a folder");
    let (port, ca) = serve("localhost", folder.path());
    let (other_port, other_ca) = serve("elsewhere.example", folder.path());
    write("localhost", port, Some(ca.clone())).await.expect("trusted");
    let refused = [
        write("localhost", port, None).await,
        write("localhost", port, Some(other_ca.clone())).await,
        write("localhost", other_port, Some(other_ca)).await,
    ];
    for answer in refused {
        let error = answer.expect_err("not trusted");
        let said = error.to_string();
        assert!(
            said.contains("https://localhost") && said.contains("certificate") && said.contains("ca must"),
            "{said}"
        );
        assert_eq!(error.retry(), Retry::Later);
        eprintln!("{said}");
    }
    let missing = write("localhost", port, Some(folder.path().join("none.pem"))).await.expect_err("no such file");
    assert!(missing.to_string().contains("none.pem"), "{missing}");
}
