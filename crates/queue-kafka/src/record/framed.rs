//! A message that is a whole batch (`framing = "batch"`): the length of its header, its header, its payload as carried.

use bytes::Bytes;
use model::wire::{Reader, Writer};
use model::{Batch, BatchHeader, WireError};

/// The value of the header that says so.
pub const VERSION: u8 = 1;

/// The value of the message, appended to `out`.
pub fn encode_batch(batch: &Batch, out: &mut Vec<u8>) {
    let mut header = Vec::with_capacity(192);
    batch.header.encode(&mut header);
    out.reserve(header.len() + batch.payload.len() + 4);
    Writer::new(out).bytes(&header);
    out.extend_from_slice(&batch.payload);
}

/// The batch of a message.
///
/// # Errors
/// [`WireError`] where the value is no such message; `Version` where a newer logdrive wrote it.
pub fn decode_batch(version: &[u8], value: &[u8]) -> Result<Batch, WireError> {
    match version {
        [VERSION] => {}
        [found] => return Err(WireError::Version { found: *found, known: VERSION }),
        _ => return Err(WireError::Malformed("version of a batch")),
    }
    let mut r = Reader::new(value);
    let header = BatchHeader::decode(r.bytes()?)?;
    let payload = Bytes::copy_from_slice(&value[value.len() - r.remaining()..]);
    if payload.len() != header.payload_len as usize {
        return Err(WireError::Malformed("length of a payload"));
    }
    Ok(Batch { header: header.into(), payload })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use queue::testing::BatchOf;

    use super::*;

    proptest! {
        #[test]
        fn survives_its_form(text in "[a-z\n]{1,200}", start in 0u64..1000) {
            let batch = BatchOf::source(9).at(start).text(&text);
            let mut value = Vec::new();
            encode_batch(&batch, &mut value);
            prop_assert_eq!(decode_batch(&[VERSION], &value), Ok(batch));
            for cut in 0..value.len() {
                prop_assert!(decode_batch(&[VERSION], &value[..cut]).is_err());
            }
        }

        #[test]
        fn never_panics_on_rubbish(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = decode_batch(&[VERSION], &bytes);
        }
    }

    #[test]
    fn a_newer_version_says_so() {
        assert_eq!(decode_batch(&[2], &[]), Err(WireError::Version { found: 2, known: 1 }));
    }
}
