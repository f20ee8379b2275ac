//! The messages of a record batch: views into its bytes, nothing is copied.

use super::batches::{Damage, RawBatch};

/// One message.
#[derive(Clone, Copy, Debug)]
pub struct Message<'a> {
    /// Its number in the partition.
    pub offset: i64,
    /// In milliseconds since 1970.
    pub time: i64,
    /// Its key, if it has one.
    pub key: Option<&'a [u8]>,
    /// What it says; nothing where the producer gave no value.
    pub value: &'a [u8],
    /// Its headers.
    pub headers: Headers<'a>,
}

/// The headers of a message.
#[derive(Clone, Copy, Debug)]
pub struct Headers<'a> {
    count: u32,
    /// As they stand in the message.
    pub bytes: &'a [u8],
}

/// The messages of a record batch, in order. Ends after the first that cannot be read.
pub struct Messages<'a> {
    base_offset: i64,
    last_offset: i64,
    first_time: i64,
    /// The broker's time, where it sets it.
    append_time: Option<i64>,
    rest: &'a [u8],
}

impl<'a> Messages<'a> {
    /// Of a batch's records, decompressed.
    pub fn new(batch: &RawBatch, plain: &'a [u8]) -> Self {
        Self {
            base_offset: batch.base_offset,
            last_offset: batch.last_offset,
            first_time: batch.first_time,
            append_time: batch.has_append_time().then_some(batch.max_time),
            rest: plain,
        }
    }

    fn message(&self, bytes: &'a [u8]) -> Option<Message<'a>> {
        let mut reader = Fields(bytes);
        reader.skip(1)?; // attributes: none are in use
        let time = self.first_time.checked_add(reader.varint()?)?;
        let offset = self.base_offset.checked_add(reader.varint()?)?;
        if offset < self.base_offset || offset > self.last_offset {
            return None;
        }
        let key = reader.bytes()?;
        let value = reader.bytes()?.unwrap_or_default();
        let count = u32::try_from(reader.varint()?).ok()?;
        let headers = Headers { count, bytes: reader.0 };
        Some(Message { offset, time: self.append_time.unwrap_or(time), key, value, headers })
    }
}

impl<'a> Iterator for Messages<'a> {
    type Item = Result<Message<'a>, Damage>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let mut reader = Fields(self.rest);
        let body = reader.varint().and_then(|len| reader.take(len));
        self.rest = reader.0;
        let message = body.and_then(|body| self.message(body));
        if message.is_none() {
            self.rest = &[];
        }
        Some(message.ok_or(Damage::Malformed("message")))
    }
}

impl<'a> Headers<'a> {
    /// The first one, if it is called so, and everything behind its value.
    #[inline]
    pub fn first(&self, name: &str) -> Option<(&'a [u8], &'a [u8])> {
        let mut reader = Fields(self.bytes);
        if self.count == 0 || reader.bytes()?? != name.as_bytes() {
            return None;
        }
        let value = reader.bytes()??;
        Some((value, reader.0))
    }

    /// Names and values, in order; ends where they cannot be read.
    pub fn iter(&self) -> impl Iterator<Item = (&'a [u8], &'a [u8])> {
        let mut reader = Fields(self.bytes);
        (0..self.count).map_while(move |_| Some((reader.bytes()??, reader.bytes()?.unwrap_or_default())))
    }
}

struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    fn skip(&mut self, count: usize) -> Option<()> {
        self.0 = self.0.get(count..)?;
        Some(())
    }

    fn take(&mut self, len: i64) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(usize::try_from(len).ok()?)?;
        self.0 = rest;
        Some(taken)
    }

    /// With its length in front; there is none where that is -1.
    #[inline]
    #[expect(clippy::option_option, reason = "the outer one: can be read; the inner one: is there")]
    fn bytes(&mut self) -> Option<Option<&'a [u8]>> {
        match self.varint()? {
            -1 => Some(None),
            len => self.take(len).map(Some),
        }
    }

    /// Zigzag, seven bits a byte.
    #[inline]
    fn varint(&mut self) -> Option<i64> {
        let mut value = 0u64;
        for (n, &byte) in self.0.iter().enumerate().take(10) {
            value |= u64::from(byte & 0x7f) << (7 * n);
            if byte & 0x80 == 0 {
                self.0 = &self.0[n + 1..];
                return Some((value >> 1) as i64 ^ -((value & 1) as i64));
            }
        }
        None
    }
}
