//! Fields that cannot be read back from their line, as one JSON object in the column `fields`.
//!
//! Any value that is not UTF-8 is written as an array of its bytes, so that nothing is lost.

use serde_json::{Map, Value};

/// The fields of one record. Where there are none, that is said too: the line is not to be asked.
pub(crate) fn encode<'a>(fields: impl Iterator<Item = (&'a str, &'a [u8])>) -> Vec<u8> {
    let mut object = Map::new();
    for (name, value) in fields {
        let value = match std::str::from_utf8(value) {
            Ok(text) => Value::String(text.to_owned()),
            Err(_) => Value::Array(value.iter().map(|byte| Value::from(*byte)).collect()),
        };
        object.insert(name.to_owned(), value);
    }
    Value::Object(object).to_string().into_bytes()
}

/// The fields again, in their order; none where it is no such object.
pub(crate) fn decode(bytes: &[u8]) -> Vec<(String, Vec<u8>)> {
    let object: Map<String, Value> = serde_json::from_slice(bytes).unwrap_or_default();
    object
        .into_iter()
        .filter_map(|(name, value)| match value {
            Value::String(text) => Some((name, text.into_bytes())),
            Value::Array(bytes) => {
                Some((name, bytes.iter().filter_map(|byte| byte.as_u64().map(|b| b as u8)).collect()))
            }
            _ => None,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_come_back_in_order_whatever_bytes_they_are() {
        let fields = [("z", b"1".as_slice()), ("a", b"\xff\x00"), ("m", "ä\"".as_bytes()), ("e", b"")];
        let back = decode(&encode(fields.into_iter()));
        let back: Vec<_> = back.iter().map(|(name, value)| (name.as_str(), value.as_slice())).collect();
        assert_eq!(back, fields);
        assert_eq!(encode(std::iter::empty()), b"{}");
    }
}
