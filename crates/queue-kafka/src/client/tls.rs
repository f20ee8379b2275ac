//! Encryption: from files to a configuration, and from what went wrong to what to do.

use std::path::Path;
use std::sync::Arc;

use queue::QueueError;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{CertificateError, ClientConfig, RootCertStore};

use crate::options::Tls;

/// Where systems keep the authorities that they trust.
const SYSTEM_CA: [&str; 4] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
];

/// What the settings say, ready for connections.
///
/// # Errors
/// `Invalid`, naming the key and the file.
pub fn config(tls: &Tls) -> Result<Arc<ClientConfig>, QueueError> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| QueueError::Invalid(format!("kafka.tls: {error}")))?
        .with_root_certificates(roots(tls.ca.as_deref())?);
    let config = match (&tls.certificate, &tls.private_key) {
        (Some(certificate), Some(key)) => {
            let chain = certificates("kafka.certificate", certificate)?;
            let key = PrivateKeyDer::from_pem_file(key).map_err(|error| wrong("kafka.private_key", key, &error))?;
            builder
                .with_client_auth_cert(chain, key)
                .map_err(|error| wrong("kafka.certificate", certificate, &error))?
        }
        (None, None) => builder.with_no_client_auth(),
        _ => {
            let what = "kafka.certificate and kafka.private_key belong together; give both or none";
            return Err(QueueError::Invalid(what.to_owned()));
        }
    };
    Ok(Arc::new(config))
}

fn roots(ca: Option<&Path>) -> Result<RootCertStore, QueueError> {
    let mut roots = RootCertStore::empty();
    let (key, path) = match ca {
        Some(path) => ("kafka.ca", path),
        None => match SYSTEM_CA.iter().map(Path::new).find(|path| path.exists()) {
            Some(path) => ("kafka.ca (of the system)", path),
            None => {
                let what = "kafka.ca: this system has no list of authorities; name the file of the brokers' one";
                return Err(QueueError::Invalid(what.to_owned()));
            }
        },
    };
    let (taken, _) = roots.add_parsable_certificates(certificates(key, path)?);
    if taken == 0 {
        return Err(wrong(key, path, &"there is no certificate in it that can be used"));
    }
    Ok(roots)
}

fn certificates(key: &str, path: &Path) -> Result<Vec<CertificateDer<'static>>, QueueError> {
    let read = CertificateDer::pem_file_iter(path).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    match read {
        Ok(found) if found.is_empty() => Err(wrong(key, path, &"there is no certificate in it; it must be PEM")),
        Ok(found) => Ok(found),
        Err(error) => Err(wrong(key, path, &error)),
    }
}

fn wrong(key: &str, path: &Path, error: &dyn std::fmt::Display) -> QueueError {
    QueueError::Invalid(format!("{key}: {}: {error}", path.display()))
}

/// Why a handshake failed and what to do; `None` where it was the network.
pub fn explain(error: &std::io::Error, host: &str) -> Option<String> {
    let error = error.get_ref()?.downcast_ref::<rustls::Error>()?;
    Some(match error {
        rustls::Error::InvalidCertificate(CertificateError::NotValidForNameContext { presented, .. }) => format!(
            "its certificate is for {}, not for {host}; use such a name in queue.url and in the brokers' advertised.listeners",
            presented.join(", ")
        ),
        rustls::Error::InvalidCertificate(CertificateError::NotValidForName) => {
            format!("its certificate is not for {host}; use the name that it is for")
        }
        rustls::Error::InvalidCertificate(CertificateError::UnknownIssuer) => {
            "its certificate comes from an authority that is not trusted here; name its file as kafka.ca".to_owned()
        }
        rustls::Error::InvalidCertificate(CertificateError::Expired | CertificateError::ExpiredContext { .. }) => {
            "its certificate has expired; renew it (or set this machine's clock)".to_owned()
        }
        rustls::Error::InvalidCertificate(
            CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. },
        ) => "its certificate is not valid yet; set this machine's clock".to_owned(),
        rustls::Error::InvalidMessage(_) => {
            "it does not speak TLS on this port; use its TLS port, or set kafka.tls = false".to_owned()
        }
        rustls::Error::AlertReceived(alert) => format!(
            "it refused our side of TLS ({alert:?}); it may want a certificate: kafka.certificate, kafka.private_key"
        ),
        other => format!("TLS: {other}"),
    })
}
