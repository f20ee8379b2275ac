//! Identities: of a source, of one incarnation of its content, of a record.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// One file's incarnation (or one byte stream): 128 bits hashed from host id, filesystem id, inode and birth time.
///
/// Its text is 26 characters of Crockford's base 32, lower case: fixed length, URL-safe, and safe as a query term.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SourceId(pub u128);

/// How often the content of a source has begun anew (truncations seen), from 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Generation(pub u32);

/// A revision of a stream's definition; records are parsed by the revision that their batch names.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Revision(pub u64);

/// One contiguous run of bytes with an identity: a source in one generation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SourceKey {
    /// The file or byte stream.
    pub source: SourceId,
    /// Which content of it.
    pub generation: Generation,
}

/// The identity of a record: where its first byte stands. Survives restarts, renames and lost state.
///
/// Its text is `source.generation.offset`, the numbers decimal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RecordId {
    /// The source and its generation.
    pub key: SourceKey,
    /// Offset of the record's first byte, in bytes from the start of the file.
    pub offset: u64,
}

/// A text that is no id.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("'{0}' is not an id; a source is 26 characters, a record is source.generation.offset")]
pub struct ParseIdError(String);

const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
const SOURCE_CHARS: usize = 26;

impl SourceKey {
    /// Of a source in a generation.
    pub const fn new(source: SourceId, generation: Generation) -> Self {
        Self { source, generation }
    }
}

impl fmt::Display for SourceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = [0u8; SOURCE_CHARS];
        let mut rest = self.0;
        for slot in text.iter_mut().rev() {
            *slot = ALPHABET[(rest & 31) as usize];
            rest >>= 5;
        }
        f.write_str(std::str::from_utf8(&text).unwrap_or_default())
    }
}

impl fmt::Debug for SourceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for SourceId {
    type Err = ParseIdError;

    fn from_str(text: &str) -> Result<Self, ParseIdError> {
        let wrong = || ParseIdError(text.to_owned());
        if text.len() != SOURCE_CHARS {
            return Err(wrong());
        }
        let mut value = 0u128;
        for (n, byte) in text.bytes().enumerate() {
            let digit = ALPHABET.iter().position(|c| *c == byte).ok_or_else(wrong)? as u128;
            if n == 0 && digit > 7 {
                return Err(wrong());
            }
            value = (value << 5) | digit;
        }
        Ok(Self(value))
    }
}

impl fmt::Display for Generation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for SourceKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.source, self.generation)
    }
}

impl FromStr for SourceKey {
    type Err = ParseIdError;

    fn from_str(text: &str) -> Result<Self, ParseIdError> {
        let wrong = || ParseIdError(text.to_owned());
        let (source, generation) = text.split_once('.').ok_or_else(wrong)?;
        let generation = generation.parse().map_err(|_| wrong())?;
        Ok(Self { source: source.parse().map_err(|_| wrong())?, generation: Generation(generation) })
    }
}

impl fmt::Display for RecordId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.key, self.offset)
    }
}

impl FromStr for RecordId {
    type Err = ParseIdError;

    fn from_str(text: &str) -> Result<Self, ParseIdError> {
        let wrong = || ParseIdError(text.to_owned());
        let (key, offset) = text.rsplit_once('.').ok_or_else(wrong)?;
        Ok(Self { key: key.parse().map_err(|_| wrong())?, offset: offset.parse().map_err(|_| wrong())? })
    }
}

macro_rules! serde_as_text {
    ($($name:ident),*) => {$(
        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
                to.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
                String::deserialize(from)?.parse().map_err(de::Error::custom)
            }
        }
    )*};
}
serde_as_text!(SourceId, SourceKey, RecordId);

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn ids_survive_their_text(source: u128, generation: u32, offset: u64) {
            let key = SourceKey::new(SourceId(source), Generation(generation));
            let id = RecordId { key, offset };
            prop_assert_eq!(id.to_string().parse::<RecordId>(), Ok(id));
            prop_assert_eq!(key.to_string().parse::<SourceKey>(), Ok(key));
        }

        #[test]
        fn any_text_is_refused_or_shown_again(text in "[0-9a-z.]{0,40}") {
            if let Ok(id) = text.parse::<SourceId>() {
                prop_assert_eq!(id.to_string(), text);
            }
        }
    }
}
