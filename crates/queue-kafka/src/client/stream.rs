//! The bytes under a connection: TCP, or TLS over it.

use std::io::ErrorKind;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use queue::QueueError;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::tls;

/// A connected stream.
pub enum Stream {
    /// As it is.
    Plain(TcpStream),
    /// Encrypted.
    Tls(Box<TlsStream<TcpStream>>),
}

type Reader = Box<dyn AsyncRead + Send + Unpin>;
type Writer = Box<dyn AsyncWrite + Send + Unpin>;

impl Stream {
    /// Connects.
    ///
    /// # Errors
    /// `Unavailable` or `Refused`, saying why.
    pub async fn connect(address: &str, config: Option<&Arc<rustls::ClientConfig>>) -> Result<Self, QueueError> {
        let unavailable = |reason: String| QueueError::Unavailable { at: address.to_owned(), reason };
        let (host, port) = split(address).ok_or_else(|| {
            QueueError::Invalid(format!("queue.url: '{address}' is no address of a broker; write host:port"))
        })?;
        let tcp = TcpStream::connect((host, port)).await.map_err(|error| unavailable(explain(&error)))?;
        // Requests are whole when they are written: waiting for more would only cost time.
        tcp.set_nodelay(true).map_err(|error| unavailable(error.to_string()))?;
        let Some(config) = config else { return Ok(Self::Plain(tcp)) };
        let name = ServerName::try_from(host.to_owned())
            .map_err(|_| QueueError::Invalid(format!("queue.url: '{host}' is no name that a certificate can have")))?;
        match TlsConnector::from(config.clone()).connect(name, tcp).await {
            Ok(stream) => Ok(Self::Tls(Box::new(stream))),
            Err(error) => Err(match tls::explain(&error, host) {
                Some(reason) => QueueError::Refused { at: address.to_owned(), reason, lasting: true },
                None => unavailable(format!("it gave up the TLS handshake ({error}); does this port speak TLS?")),
            }),
        }
    }

    /// For two tasks.
    pub fn split(self) -> (Reader, Writer) {
        match self {
            Self::Plain(stream) => {
                let (reader, writer) = stream.into_split();
                (Box::new(reader), Box::new(writer))
            }
            Self::Tls(stream) => {
                let (reader, writer) = tokio::io::split(stream);
                (Box::new(reader), Box::new(writer))
            }
        }
    }
}

/// `host:port` or `[v6]:port`.
pub fn split(address: &str) -> Option<(&str, u16)> {
    let (host, port) = address.rsplit_once(':')?;
    let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    let port = port.parse().ok()?;
    (!host.is_empty()).then_some((host, port))
}

fn explain(error: &std::io::Error) -> String {
    match error.kind() {
        ErrorKind::ConnectionRefused => "nobody listens there; is the broker running?".to_owned(),
        // Without a number of the system it was the resolver.
        _ if error.raw_os_error().is_none() => {
            format!("{error}; the name comes from queue.url, or from the brokers' advertised.listeners")
        }
        _ => error.to_string(),
    }
}

impl AsyncRead for Stream {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<std::io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_read(cx, buf),
            Self::Tls(stream) => Pin::new(stream).poll_read(cx, buf),
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<std::io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_write(cx, buf),
            Self::Tls(stream) => Pin::new(stream).poll_write(cx, buf),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_flush(cx),
            Self::Tls(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_shutdown(cx),
            Self::Tls(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_split() {
        for (address, expected) in [
            ("k1:9092", Some(("k1", 9092))),
            ("[::1]:19092", Some(("::1", 19092))),
            ("k1", None),
            (":1", None),
            ("k1:x", None),
        ] {
            assert_eq!(split(address), expected, "{address}");
        }
    }
}
