//! SCRAM (RFC 5802, RFC 7677): proof of a password that is never sent. Pure; the nonce is given.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::{Digest as _, Sha256, Sha512};

use crate::options::Mechanism;

/// More rounds than that would only keep us busy: a server that asks for them means no good.
const ROUNDS_MAX: u32 = 10_000_000;
/// Fewer are not safe (RFC 7677 §4).
const ROUNDS_MIN: u32 = 4096;

/// The side of the client, between its messages.
pub struct Scram<'a> {
    mechanism: Mechanism,
    password: &'a str,
    nonce: String,
    first_bare: String,
}

/// What the server must prove at the end.
pub struct ServerProof(Vec<u8>);

impl<'a> Scram<'a> {
    /// With a nonce that nobody can guess, of printable characters without a comma.
    pub fn new(mechanism: Mechanism, username: &str, password: &'a str, nonce: String) -> Self {
        let name = username.replace('=', "=3D").replace(',', "=2C");
        let first_bare = format!("n={name},r={nonce}");
        Self { mechanism, password, nonce, first_bare }
    }

    /// The first message.
    pub fn first(&self) -> String {
        format!("n,,{}", self.first_bare)
    }

    /// The last message, and what the server must answer to it.
    ///
    /// # Errors
    /// What is wrong with the server's message.
    pub fn last(&self, server_first: &str) -> Result<(String, ServerProof), String> {
        let field = |name: char| {
            let mut parts = server_first.split(',');
            parts.find_map(|part| part.strip_prefix(name)?.strip_prefix('='))
        };
        if let Some(error) = field('e') {
            return Err(error.to_owned());
        }
        let nonce = field('r').ok_or("no nonce in its message")?;
        if nonce.len() <= self.nonce.len() || !nonce.starts_with(&self.nonce) {
            return Err("its nonce does not continue ours".to_owned());
        }
        let salt = field('s').and_then(|salt| STANDARD.decode(salt).ok()).ok_or("no salt in its message")?;
        let rounds: u32 = field('i').and_then(|rounds| rounds.parse().ok()).ok_or("no rounds in its message")?;
        if !(ROUNDS_MIN..=ROUNDS_MAX).contains(&rounds) {
            return Err(format!("it asks for {rounds} rounds; at least {ROUNDS_MIN} are safe"));
        }
        let without_proof = format!("c=biws,r={nonce}");
        let signed = format!("{},{server_first},{without_proof}", self.first_bare);
        let (proof, server) = match self.mechanism {
            Mechanism::ScramSha512 => sha512(self.password.as_bytes(), &salt, rounds, signed.as_bytes()),
            _ => sha256(self.password.as_bytes(), &salt, rounds, signed.as_bytes()),
        };
        Ok((format!("{without_proof},p={}", STANDARD.encode(proof)), ServerProof(server)))
    }
}

impl ServerProof {
    /// Whether the server knows the password too.
    ///
    /// # Errors
    /// What it said instead.
    pub fn check(&self, server_last: &str) -> Result<(), String> {
        if let Some(error) = server_last.strip_prefix("e=") {
            return Err(error.to_owned());
        }
        let proof = server_last.strip_prefix("v=").and_then(|text| text.split(',').next());
        match proof.and_then(|text| STANDARD.decode(text).ok()) {
            Some(proof) if proof == self.0 => Ok(()),
            _ => Err("it does not know the password itself: not the server it claims to be".to_owned()),
        }
    }
}

macro_rules! with_hash {
    ($name:ident, $hash:ty, $len:expr) => {
        /// The client's proof and the server's signature.
        fn $name(password: &[u8], salt: &[u8], rounds: u32, signed: &[u8]) -> (Vec<u8>, Vec<u8>) {
            let mac = |key: &[u8], text: &[u8]| {
                let mut mac = Hmac::<$hash>::new_from_slice(key).expect("HMAC takes keys of any length");
                mac.update(text);
                mac.finalize().into_bytes()
            };
            let mut salted = [0u8; $len];
            pbkdf2::pbkdf2_hmac::<$hash>(password, salt, rounds, &mut salted);
            let client_key = mac(&salted, b"Client Key");
            let signature = mac(&<$hash>::digest(client_key), signed);
            let proof = client_key.iter().zip(signature).map(|(key, sign)| key ^ sign).collect();
            let server_key = mac(&salted, b"Server Key");
            (proof, mac(&server_key, signed).to_vec())
        }
    };
}
with_hash!(sha256, Sha256, 32);
with_hash!(sha512, Sha512, 64);

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 7677 §3.
    const SERVER_FIRST: &str = "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096";

    fn client() -> Scram<'static> {
        Scram::new(Mechanism::ScramSha256, "user", "pencil", "rOprNGfwEbeRWgbNEkqO".to_owned())
    }

    #[test]
    fn answers_as_the_rfc_does() {
        let client = client();
        assert_eq!(client.first(), "n,,n=user,r=rOprNGfwEbeRWgbNEkqO");
        let (last, proof) = client.last(SERVER_FIRST).expect("a good message");
        assert_eq!(
            last,
            "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="
        );
        assert_eq!(proof.check("v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="), Ok(()));
        assert!(proof.check("v=AAAA").expect_err("another key").contains("password"));
        assert_eq!(proof.check("e=invalid-proof"), Err("invalid-proof".to_owned()));
    }

    #[test]
    fn a_server_that_cheats_is_found_out() {
        for (message, says) in [
            ("r=other,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096", "nonce"),
            ("r=rOprNGfwEbeRWgbNEkqO,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096", "nonce"),
            ("r=rOprNGfwEbeRWgbNEkqOx,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=1", "rounds"),
            ("r=rOprNGfwEbeRWgbNEkqOx,i=4096", "salt"),
            ("e=unknown-user", "unknown-user"),
        ] {
            let error = client().last(message).map(|_| ()).expect_err(message);
            assert!(error.contains(says), "{error}");
        }
    }

    #[test]
    fn names_are_escaped() {
        let client = Scram::new(Mechanism::ScramSha512, "a=b,c", "x", "n".to_owned());
        assert_eq!(client.first(), "n,,n=a=3Db=2Cc,r=n");
    }
}
