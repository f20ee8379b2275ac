//! The first words on a connection: which versions the broker knows, and who we are.

use std::time::Duration;

use bytes::Bytes;
use kafka_protocol::error::{ParseResponseErrorCode as _, ResponseError};
use kafka_protocol::messages::{
    ApiVersionsRequest, ApiVersionsResponse, SaslAuthenticateRequest, SaslHandshakeRequest,
};
use kafka_protocol::protocol::StrBytes;
use queue::QueueError;
use tokio::io::AsyncWriteExt as _;
use tokio::time::Instant;

use super::call::Call;
use super::connection::{Versions, decode, frame, read_frame};
use super::scram::Scram;
use super::stream::Stream;
use crate::error;
use crate::options::{Mechanism, Options, Sasl};

/// What is known of a broker once it has been greeted.
pub struct Greeting {
    versions: Versions,
    /// When the broker will want a new proof: until then a new connection must be there.
    pub expires: Option<Instant>,
}

impl Greeting {
    /// The version of a request that both sides know.
    ///
    /// # Errors
    /// `Refused` where there is none.
    pub fn version<R: Call>(&self, at: &str) -> Result<i16, QueueError> {
        let (ours_min, ours_max) = (R::VERSIONS.min, R::MAX.min(R::VERSIONS.max));
        let reason = match self.versions.get(&R::KEY) {
            Some(&(min, max)) if min.max(ours_min) <= max.min(ours_max) => return Ok(max.min(ours_max)),
            Some((min, max)) => format!(
                "it speaks versions {min} to {max} of {}, {ours_min} to {ours_max} are expected: Kafka 1.0 or newer",
                R::NAME
            ),
            None => format!("it does not know {}; Kafka 1.0 or newer is expected", R::NAME),
        };
        Err(QueueError::Refused { at: at.to_owned(), reason, lasting: true })
    }
}

/// Asks for the versions and says who we are.
///
/// # Errors
/// `Unavailable` where it does not answer as a broker does, `Refused` where it says no.
pub async fn greet(stream: &mut Stream, at: &str, options: &Options) -> Result<Greeting, QueueError> {
    let mut talk = Talk { stream, at, client_id: StrBytes::from_string(options.client_id.clone()), next: 0 };
    let versions = talk.versions().await?;
    let mut greeting = Greeting { versions, expires: None };
    if let Some(sasl) = &options.sasl {
        greeting.expires = talk.authenticate(&greeting, sasl).await?;
    }
    Ok(greeting)
}

struct Talk<'a> {
    stream: &'a mut Stream,
    at: &'a str,
    client_id: StrBytes,
    next: i32,
}

impl Talk<'_> {
    async fn ask<R: Call>(&mut self, request: &R, version: i16) -> Result<Bytes, QueueError> {
        self.next += 1;
        let frame = frame(request, version, self.next, &self.client_id, self.at)?;
        let exchange = async {
            self.stream.write_all(&frame).await?;
            self.stream.flush().await?;
            read_frame(self.stream).await
        };
        exchange.await.map_err(|error| {
            let reason = match error.kind() {
                std::io::ErrorKind::UnexpectedEof | std::io::ErrorKind::ConnectionReset => format!(
                    "it closed the connection instead of answering {}; does this port want TLS or a login (kafka.tls, \
                     kafka.sasl), or is it no Kafka broker?",
                    R::NAME
                ),
                _ => error.to_string(),
            };
            QueueError::Unavailable { at: self.at.to_owned(), reason }
        })
    }

    async fn versions(&mut self) -> Result<Versions, QueueError> {
        let request = ApiVersionsRequest::default()
            .with_client_software_name(StrBytes::from_static_str("logdrive"))
            .with_client_software_version(StrBytes::from_static_str(env!("CARGO_PKG_VERSION")));
        let answer = self.ask(&request, ApiVersionsRequest::MAX).await?;
        // Brokers that do not know this version of the request answer in version 0, with an error in front.
        let answer: ApiVersionsResponse = match answer.get(4..6) {
            Some(&[0, 35]) => {
                let answer = self.ask(&ApiVersionsRequest::default(), 0).await?;
                decode::<ApiVersionsRequest>(answer, 0, self.at)?
            }
            _ => decode::<ApiVersionsRequest>(answer, ApiVersionsRequest::MAX, self.at)?,
        };
        if let Some(code) = answer.error_code.err() {
            return Err(error::refused(self.at, code, "the list of versions"));
        }
        Ok(answer.api_keys.iter().map(|key| (key.api_key, (key.min_version, key.max_version))).collect())
    }

    async fn authenticate(&mut self, greeting: &Greeting, sasl: &Sasl) -> Result<Option<Instant>, QueueError> {
        let about = format!("user '{}', {}", sasl.username, sasl.mechanism.name());
        let version = greeting.version::<SaslHandshakeRequest>(self.at)?;
        let request = SaslHandshakeRequest::default().with_mechanism(StrBytes::from_static_str(sasl.mechanism.name()));
        let answer = self.ask(&request, version).await?;
        let answer = decode::<SaslHandshakeRequest>(answer, version, self.at)?;
        if answer.error_code.err().is_some() {
            let there: Vec<&str> = answer.mechanisms.iter().map(|name| name.as_str()).collect();
            let asked = sasl.mechanism.name();
            let reason = match there.join(", ") {
                none if none.is_empty() => {
                    format!(
                        "it takes no login on this port, and {asked} was asked for; leave kafka.sasl out, or use its port with SASL"
                    )
                }
                there => format!("{asked} is not enabled there; set kafka.sasl to what is: {there}"),
            };
            return Err(QueueError::Refused { at: self.at.to_owned(), reason, lasting: true });
        }
        if sasl.mechanism == Mechanism::Plain {
            let proof = format!("\0{}\0{}", sasl.username, sasl.password);
            let (_, expires) = self.prove(greeting, proof, &about).await?;
            return Ok(expires);
        }
        let at = self.at;
        let nonce = nonce().map_err(|why| refused_at(at, &about, &why))?;
        let scram = Scram::new(sasl.mechanism, &sasl.username, &sasl.password, nonce);
        let (first, _) = self.prove(greeting, scram.first(), &about).await?;
        let (last, server) = scram.last(&first).map_err(|why| refused_at(at, &about, &why))?;
        let (done, expires) = self.prove(greeting, last, &about).await?;
        server.check(&done).map_err(|why| refused_at(at, &about, &why))?;
        Ok(expires)
    }

    /// One step of the proof: what the broker answers, and how long it will be good.
    async fn prove(
        &mut self,
        greeting: &Greeting,
        proof: String,
        about: &str,
    ) -> Result<(String, Option<Instant>), QueueError> {
        let version = greeting.version::<SaslAuthenticateRequest>(self.at)?;
        let request = SaslAuthenticateRequest::default().with_auth_bytes(Bytes::from(proof));
        let answer = self.ask(&request, version).await?;
        let answer = decode::<SaslAuthenticateRequest>(answer, version, self.at)?;
        match answer.error_code.err() {
            None => {}
            Some(ResponseError::SaslAuthenticationFailed) => {
                let said = answer.error_message.as_deref().unwrap_or("it does not say why");
                return Err(refused_at(self.at, about, said));
            }
            Some(code) => return Err(error::refused(self.at, code, about)),
        }
        let lifetime = u64::try_from(answer.session_lifetime_ms).unwrap_or(0);
        // With a margin, so that nothing is under way when the broker closes the connection.
        let expires = (lifetime > 0).then(|| Instant::now() + Duration::from_millis(lifetime / 100 * 85));
        Ok((String::from_utf8_lossy(&answer.auth_bytes).into_owned(), expires))
    }
}

fn refused_at(at: &str, about: &str, why: &str) -> QueueError {
    let why = why.replace('\n', " ");
    let reason = format!("authentication refused ({about}): {why}; check kafka.username and kafka.password");
    QueueError::Refused { at: at.to_owned(), reason, lasting: true }
}

fn nonce() -> Result<String, String> {
    use base64::Engine as _;
    let mut bytes = [0u8; 24];
    let provider = rustls::crypto::ring::default_provider();
    provider.secure_random.fill(&mut bytes).map_err(|_| "no random numbers to be had here".to_owned())?;
    Ok(base64::engine::general_purpose::STANDARD_NO_PAD.encode(bytes))
}
