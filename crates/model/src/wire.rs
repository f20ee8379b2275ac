//! The small binary forms that headers, snapshots and checkpoints are written in: little-endian numbers, LEB128
//! varints, texts with their length.

/// Bytes that are not the form they should be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WireError {
    /// The bytes end too early.
    #[error("the bytes end in the middle of a value")]
    Short,
    /// There is more than there should be.
    #[error("{0} bytes too many")]
    Trailing(usize),
    /// A value cannot be what it says.
    #[error("malformed {0}")]
    Malformed(&'static str),
    /// A code that this version does not know.
    #[error("unknown {what} {code}")]
    Unknown {
        /// What the code stands for.
        what: &'static str,
        /// The code.
        code: u64,
    },
    /// Written by a newer logdrive.
    #[error("written in version {found} of its format, this logdrive knows {known}; use the newer logdrive")]
    Version {
        /// The version found.
        found: u8,
        /// The newest version known here.
        known: u8,
    },
}

/// Appends values to a buffer.
pub struct Writer<'a>(&'a mut Vec<u8>);

impl<'a> Writer<'a> {
    /// Appends to `out`.
    pub fn new(out: &'a mut Vec<u8>) -> Self {
        Self(out)
    }

    /// One byte.
    pub fn u8(&mut self, value: u8) {
        self.0.push(value);
    }

    /// Four bytes.
    pub fn u32(&mut self, value: u32) {
        self.0.extend_from_slice(&value.to_le_bytes());
    }

    /// Eight bytes.
    pub fn u64(&mut self, value: u64) {
        self.0.extend_from_slice(&value.to_le_bytes());
    }

    /// Sixteen bytes.
    pub fn u128(&mut self, value: u128) {
        self.0.extend_from_slice(&value.to_le_bytes());
    }

    /// One to ten bytes.
    pub fn varint(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.0.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.0.push(value as u8);
    }

    /// A signed number, small ones short.
    pub fn signed(&mut self, value: i64) {
        self.varint(((value << 1) ^ (value >> 63)) as u64);
    }

    /// A length and so many bytes.
    pub fn bytes(&mut self, value: &[u8]) {
        self.varint(value.len() as u64);
        self.0.extend_from_slice(value);
    }

    /// A length and a text.
    pub fn text(&mut self, value: &str) {
        self.bytes(value.as_bytes());
    }
}

/// Takes values from a slice; every method fails with [`WireError::Short`] where there are not enough bytes.
pub struct Reader<'a>(&'a [u8]);

macro_rules! fixed {
    ($($(#[$doc:meta])* $name:ident),*) => {$(
        $(#[$doc])*
        ///
        /// # Errors
        /// [`WireError::Short`]
        pub fn $name(&mut self) -> Result<$name, WireError> {
            let (value, rest) = self.0.split_first_chunk().ok_or(WireError::Short)?;
            self.0 = rest;
            Ok($name::from_le_bytes(*value))
        }
    )*};
}

impl<'a> Reader<'a> {
    /// Reads `bytes` from their start.
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    /// How many bytes are left.
    pub const fn remaining(&self) -> usize {
        self.0.len()
    }

    fixed! {
        /// One byte.
        u8,
        /// Four bytes.
        u32,
        /// Eight bytes.
        u64,
        /// Sixteen bytes.
        u128
    }

    /// One to ten bytes.
    ///
    /// # Errors
    /// [`WireError::Short`], or `Malformed` where it does not fit 64 bits.
    pub fn varint(&mut self) -> Result<u64, WireError> {
        let mut value = 0u64;
        for shift in (0..64).step_by(7) {
            let byte = self.u8()?;
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return if shift == 63 && byte > 1 { Err(WireError::Malformed("varint")) } else { Ok(value) };
            }
        }
        Err(WireError::Malformed("varint"))
    }

    /// A varint that fits 32 bits.
    ///
    /// # Errors
    /// As [`Reader::varint`].
    pub fn varint_u32(&mut self) -> Result<u32, WireError> {
        u32::try_from(self.varint()?).map_err(|_| WireError::Malformed("varint"))
    }

    /// A signed number.
    ///
    /// # Errors
    /// As [`Reader::varint`].
    pub fn signed(&mut self) -> Result<i64, WireError> {
        let value = self.varint()?;
        Ok((value >> 1) as i64 ^ -((value & 1) as i64))
    }

    /// A length and so many bytes.
    ///
    /// # Errors
    /// As [`Reader::varint`].
    pub fn bytes(&mut self) -> Result<&'a [u8], WireError> {
        let len = usize::try_from(self.varint()?).map_err(|_| WireError::Short)?;
        if len > self.0.len() {
            return Err(WireError::Short);
        }
        let (value, rest) = self.0.split_at(len);
        self.0 = rest;
        Ok(value)
    }

    /// A length and a text.
    ///
    /// # Errors
    /// As [`Reader::varint`]; `Malformed` where it is not UTF-8.
    pub fn text(&mut self) -> Result<&'a str, WireError> {
        std::str::from_utf8(self.bytes()?).map_err(|_| WireError::Malformed("text"))
    }

    /// That nothing is left.
    ///
    /// # Errors
    /// [`WireError::Trailing`]
    pub const fn finish(&self) -> Result<(), WireError> {
        if self.0.is_empty() { Ok(()) } else { Err(WireError::Trailing(self.0.len())) }
    }
}
