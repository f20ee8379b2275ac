//! A request and its answer, free of any HTTP library.

use bytes::Bytes;
use serde_json::Value;

use crate::EsError;

/// A request under `/es`.
#[derive(Clone, Debug, Default)]
pub struct Call {
    /// The method, in capitals.
    pub method: String,
    /// The path behind `/es`, as it came (percent-encoded).
    pub path: String,
    /// What stands behind the question mark, as it came.
    pub query: String,
    /// How the body is compressed, if it is.
    pub encoding: Option<String>,
    /// The body, as it came.
    pub body: Bytes,
}

/// An answer.
#[derive(Clone, Debug)]
pub struct Reply {
    /// The HTTP status.
    pub status: u16,
    /// Its type.
    pub media: &'static str,
    /// The body.
    pub body: Vec<u8>,
    /// Seconds after which to try again, where that helps.
    pub retry_after: Option<u64>,
    /// The route that answered, for figures.
    pub route: &'static str,
}

impl Reply {
    /// JSON.
    pub fn json(status: u16, value: &Value) -> Self {
        // A tree of values always has a JSON form.
        Self::bytes(status, "application/json", serde_json::to_vec(value).unwrap_or_default())
    }

    /// Text.
    pub fn text(status: u16, text: String) -> Self {
        Self::bytes(status, "text/plain; charset=UTF-8", text.into_bytes())
    }

    fn bytes(status: u16, media: &'static str, body: Vec<u8>) -> Self {
        Self { status, media, body, retry_after: None, route: "" }
    }

    /// A refusal.
    pub fn refused(error: &EsError) -> Self {
        let retry_after = matches!(error.status, 429 | 503).then_some(1);
        Self { retry_after, ..Self::json(error.status, &error.body()) }
    }
}

/// The parameters of a request.
#[derive(Clone, Debug, Default)]
pub struct Params(Vec<(String, String)>);

impl Params {
    /// Reads them.
    ///
    /// # Errors
    /// `illegal_argument_exception` where one is not UTF-8 once decoded.
    pub fn read(query: &str) -> Result<Self, EsError> {
        let pairs = query.split('&').filter(|pair| !pair.is_empty()).map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            Ok((decode(&name.replace('+', " "))?, decode(&value.replace('+', " "))?))
        });
        Ok(Self(pairs.collect::<Result<_, EsError>>()?))
    }

    /// The value of one.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.0.iter().rev().find(|(given, _)| given == name).map(|(_, value)| value.as_str())
    }

    /// Whether it is given and not `false`.
    pub fn flag(&self, name: &str) -> bool {
        self.text(name).is_some_and(|value| value != "false")
    }

    /// Refuses what is not among `known`, as Elasticsearch does.
    ///
    /// # Errors
    /// `illegal_argument_exception`, naming the parameter.
    pub fn only(&self, path: &str, known: &[&str]) -> Result<(), EsError> {
        const ALWAYS: [&str; 4] = ["pretty", "human", "error_trace", "filter_path"];
        let unknown =
            self.0.iter().find(|(name, _)| !known.contains(&name.as_str()) && !ALWAYS.contains(&name.as_str()));
        match unknown {
            Some((name, _)) => {
                Err(EsError::illegal(format!("request [{path}] contains unrecognized parameter: [{name}]")))
            }
            None => Ok(()),
        }
    }
}

/// `%2F` and its kin decoded.
///
/// # Errors
/// `illegal_argument_exception` where the result is not UTF-8.
pub fn decode(text: &str) -> Result<String, EsError> {
    let bytes = text.as_bytes();
    let (mut out, mut at) = (Vec::with_capacity(bytes.len()), 0);
    while let Some(&byte) = bytes.get(at) {
        let hex = |n: usize| bytes.get(at + n).and_then(|c| char::from(*c).to_digit(16));
        match (byte, hex(1), hex(2)) {
            (b'%', Some(high), Some(low)) => {
                out.push((high * 16 + low) as u8);
                at += 3;
            }
            _ => {
                out.push(byte);
                at += 1;
            }
        }
    }
    String::from_utf8(out).map_err(|_| EsError::illegal(format!("[{text}] is not UTF-8 once it is decoded")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_decoded_and_checked() {
        let params = Params::read("a=%2Fx+y&b&c=false&pretty=true").expect("right");
        assert_eq!((params.text("a"), params.flag("b"), params.flag("c")), (Some("/x y"), true, false));
        assert!(params.only("/x", &["a", "b", "c"]).is_ok());
        let refused = params.only("/x", &["a", "b"]).expect_err("c is unknown").reason;
        assert_eq!(refused, "request [/x] contains unrecognized parameter: [c]");
        assert!(Params::read("a=%FF").is_err());
        assert_eq!(decode("100%").expect("right"), "100%");
    }
}
