//! Whom we trust: the machine's authorities, a file of them, or one certificate by its fingerprint.

use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme};
use sha2::{Digest, Sha256};
use store::StoreError;

use crate::options::Tls;

/// The settings of TLS, where anything but the machine's own authorities is wanted.
///
/// # Errors
/// `Invalid`, with the file or the fingerprint that is wrong.
pub fn config(tls: &Tls) -> Result<Option<ClientConfig>, StoreError> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let invalid = |what, reason| StoreError::Invalid { what, reason };
    let builder = || {
        let builder = ClientConfig::builder_with_provider(provider.clone()).with_safe_default_protocol_versions();
        builder.map_err(|error| invalid("tls", error.to_string()))
    };
    if let Some(text) = &tls.fingerprint {
        let fingerprint = parse_fingerprint(text).map_err(|reason| invalid("fingerprint", reason))?;
        let verifier = Arc::new(Pinned { fingerprint, provider: provider.clone() });
        return Ok(Some(builder()?.dangerous().with_custom_certificate_verifier(verifier).with_no_client_auth()));
    }
    let Some(path) = &tls.ca else { return Ok(None) };
    let shown = path.display();
    let unreadable = |error| invalid("ca", format!("cannot read {shown}: {error}"));
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(path).map_err(|error| unreadable(error.to_string()))? {
        let certificate = certificate.map_err(|error| unreadable(error.to_string()))?;
        roots.add(certificate).map_err(|error| unreadable(error.to_string()))?;
    }
    if roots.is_empty() {
        return Err(invalid("ca", format!("{shown} holds no certificate in PEM form")));
    }
    Ok(Some(builder()?.with_root_certificates(roots).with_no_client_auth()))
}

/// 64 hexadecimal digits, with or without colons.
fn parse_fingerprint(text: &str) -> Result<[u8; 32], String> {
    let digits: Vec<u8> = text.chars().filter(|c| *c != ':').filter_map(|c| c.to_digit(16)).map(|d| d as u8).collect();
    let strange = text.chars().any(|c| c != ':' && !c.is_ascii_hexdigit());
    if strange || digits.len() != 64 {
        return Err("a SHA-256 fingerprint is 64 hexadecimal digits, as openssl x509 -fingerprint -sha256 shows".into());
    }
    let mut bytes = [0; 32];
    bytes.iter_mut().zip(digits.chunks(2)).for_each(|(byte, pair)| *byte = pair[0] << 4 | pair[1]);
    Ok(bytes)
}

/// Trusts one certificate: the server's own, whatever name it bears, or an authority that it sends along.
#[derive(Debug)]
struct Pinned {
    fingerprint: [u8; 32],
    provider: Arc<CryptoProvider>,
}

impl Pinned {
    fn is_it(&self, certificate: &CertificateDer<'_>) -> bool {
        Sha256::digest(certificate)[..] == self.fingerprint
    }
}

impl ServerCertVerifier for Pinned {
    fn verify_server_cert(
        &self,
        server: &CertificateDer<'_>,
        others: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        if self.is_it(server) {
            return Ok(ServerCertVerified::assertion());
        }
        let Some(authority) = others.iter().find(|other| self.is_it(other)) else {
            let found: String = Sha256::digest(server).iter().map(|byte| format!("{byte:02x}")).collect();
            return Err(Error::General(format!("the certificate's SHA-256 fingerprint is {found}, not the one given")));
        };
        let mut roots = RootCertStore::empty();
        roots.add(authority.clone().into_owned())?;
        let verifier = WebPkiServerVerifier::builder_with_provider(roots.into(), self.provider.clone()).build();
        let verifier = verifier.map_err(|error| Error::General(error.to_string()))?;
        verifier.verify_server_cert(server, others, name, ocsp, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, certificate, signature, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signature, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fingerprints_are_read_as_tools_show_them() {
        let plain = "ab".repeat(32);
        let colons = vec!["AB"; 32].join(":");
        assert_eq!(parse_fingerprint(&plain).unwrap(), [0xab; 32]);
        assert_eq!(parse_fingerprint(&colons).unwrap(), [0xab; 32]);
        for wrong in ["", "ab", "zz", &plain[1..], &format!("{plain}00"), &plain.replacen('a', "x", 1)] {
            assert!(parse_fingerprint(wrong).is_err(), "{wrong}");
        }
    }
}
