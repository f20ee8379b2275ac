//! What the first line of an error says, against servers that are no brokers or old ones.

use std::time::Duration;

use queue::QueueError;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use super::Cluster;
use crate::options::Options;

/// What a broker answers to ApiVersions, in version 0: request, oldest and newest version.
fn versions(keys: &[(i16, i16, i16)]) -> Vec<u8> {
    let mut body = vec![0, 0, 0, 1, 0, 35];
    body.extend((keys.len() as u32).to_be_bytes());
    for (key, min, max) in keys {
        [key, min, max].iter().for_each(|number| body.extend(number.to_be_bytes()));
    }
    body
}

async fn frame(stream: &mut TcpStream) -> Option<Vec<u8>> {
    let len = stream.read_u32().await.ok()?;
    let mut body = vec![0; len as usize];
    stream.read_exact(&mut body).await.ok()?;
    Some(body)
}

/// A server for one connection, which does `what`, and the error of whoever takes it for a broker.
async fn against<F: Future<Output = ()>>(what: impl FnOnce(TcpStream) -> F) -> (String, QueueError) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("binds");
    let address = listener.local_addr().expect("has one").to_string();
    let options = Options { request_timeout: Duration::from_millis(500), ..Options::new([&address]) };
    let server = async {
        let (stream, _) = listener.accept().await.expect("accepts");
        what(stream).await;
    };
    let (_, connected) = tokio::join!(server, Cluster::connect(options));
    (address, connected.map(|_| ()).expect_err("it is no broker"))
}

fn says(address: &str, error: &QueueError, parts: &[&str]) {
    let text = error.to_string();
    let all = text.contains(address) && parts.iter().all(|part| text.contains(part)) && !text.contains('\n');
    assert!(all, "{text}\nshould say {parts:?}");
}

#[tokio::test]
async fn what_is_no_broker_is_told_from_one() {
    let table: [(&[u8], &str); 3] = [
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", "speaks HTTP"),
        (&[0x15, 3, 1, 0, 2, 2, 70], "kafka.tls = true"),
        (b"SSH-2.0-OpenSSH_9.2\r\n", "no Kafka broker"),
    ];
    for (words, expected) in table {
        let (address, error) = against(|mut stream| async move {
            frame(&mut stream).await;
            stream.write_all(words).await.expect("writes");
            let _ = stream.read_u8().await;
        })
        .await;
        says(&address, &error, &[expected]);
    }
    let (address, error) = against(|mut stream| async move { drop(frame(&mut stream).await) }).await;
    says(&address, &error, &["closed the connection", "kafka.tls"]);
    let (address, error) = against(|mut stream| async move {
        frame(&mut stream).await;
        let _ = stream.read_u8().await;
    })
    .await;
    says(&address, &error, &["does not answer"]);
}

#[tokio::test]
async fn a_broker_of_another_age_is_named_with_what_is_expected() {
    let table = [
        (vec![(18, 0, 0), (3, 20, 30)], "versions 20 to 30 of Metadata, 0 to 9 are expected: Kafka 1.0 or newer"),
        (vec![(18, 0, 0)], "does not know Metadata; Kafka 1.0 or newer is expected"),
    ];
    for (keys, expected) in table {
        let (address, error) = against(|mut stream| async move {
            for id in 1u8.. {
                if frame(&mut stream).await.is_none() {
                    return;
                }
                let mut body = versions(&keys);
                body[3] = id;
                if id > 1 {
                    body[4..6].copy_from_slice(&[0, 0]);
                }
                stream.write_all(&(body.len() as u32).to_be_bytes()).await.expect("writes");
                stream.write_all(&body).await.expect("writes");
            }
        })
        .await;
        says(&address, &error, &[expected]);
        assert!(matches!(error, QueueError::Refused { lasting: true, .. }));
    }
}

#[tokio::test]
async fn where_nobody_listens_is_said() {
    let free = TcpListener::bind("127.0.0.1:0").await.expect("binds").local_addr().expect("has one").to_string();
    let error = Cluster::connect(Options::new([&free])).await.map(|_| ()).expect_err("nobody is there");
    says(&free, &error, &["nobody listens there"]);
    let error = Cluster::connect(Options::new(["no-such-host.invalid:9092"])).await.map(|_| ()).expect_err("no host");
    says("no-such-host.invalid:9092", &error, &["queue.url"]);
    let error = Cluster::connect(Options::new(["no-port"])).await.map(|_| ()).expect_err("no port");
    says("'no-port'", &error, &["host:port"]);
}
