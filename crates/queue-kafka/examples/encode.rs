//! How fast lines become record batches, without any broker: `encode FILE…`.

use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use model::{BatchFlags, BatchHeader, Codec, Format, Generation, Revision, SourceId, SourceKey};
use queue_kafka::producer::encode::{Limits, Part, Seal, encode, seal};
use queue_kafka::{Compression, Framing};

fn main() {
    let mut parts = Vec::new();
    let mut total = 0;
    let mut lines = 0;
    for (n, path) in std::env::args().skip(1).enumerate() {
        let bytes = Bytes::from(std::fs::read(&path).unwrap());
        let id = 0x0123_4567_89ab_cdef_0123_4567_89ab_cdefu128.wrapping_mul(n as u128 * 2 + 1);
        let mut at = 0;
        while at < bytes.len() {
            let end = (at + (256 << 10)).min(bytes.len());
            let end = bytes[at..end].iter().rposition(|c| *c == b'\n').map_or(end, |p| at + p + 1);
            let payload = bytes.slice(at..end);
            let header = BatchHeader {
                key: SourceKey::new(SourceId(id), Generation(0)),
                start: at as u64,
                end: end as u64,
                line_start: at as u64,
                lines: 0,
                records: 0,
                flags: BatchFlags::default(),
                codec: Codec::None,
                payload_len: payload.len() as u32,
                payload_crc: 0,
                format: Format::Json,
                utc_offset_secs: 0,
                read_at: base::Timestamp::from_micros(1_795_132_800_000_000 + at as i64),
                revision: Revision(1),
                stream: "web".into(),
                host: "web-01.example.org".into(),
                path: path.as_str().into(),
                continuations: Arc::new([]),
            };
            let range = 0..payload.len();
            let key = Some(Bytes::from(SourceId(id).to_string()));
            total += payload.len();
            parts.push(Part { header: Arc::new(header), payload, range, key, framing: Framing::Record });
            at = end;
        }
    }
    for compression in [Compression::None, Compression::Lz4, Compression::Zstd, Compression::Snappy, Compression::Gzip]
    {
        for plain_bytes in [1_000_000, 4_000_000] {
            let limits = Limits { compression, bytes: 1_000_000, plain_bytes };
            let mut scratch = Vec::new();
            let (mut out, mut batches) = (0, 0);
            let mut records = 0;
            let begun = Instant::now();
            for part in parts.chunks(plain_bytes >> 19) {
                let mut output = encode(part, limits, &mut scratch);
                for batch in &mut output.batches {
                    seal(&mut batch.bytes, Seal::NONE);
                    out += batch.bytes.len();
                    batches += 1;
                    records += batch.records;
                }
            }
            let took = begun.elapsed().as_secs_f64();
            lines = records;
            println!(
                "{compression:?} {plain_bytes}: {:.0} MB/s, {:.0} ns a record, ratio {:.2}, {batches} batches",
                total as f64 / 1e6 / took,
                took * 1e9 / f64::from(records),
                total as f64 / out as f64
            );
        }
    }
    println!("{total} bytes, {lines} records");
}
