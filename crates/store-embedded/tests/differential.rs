//! The embedded store against the plain evaluation of every record: random lines of the formats that the codec knows,
//! parsed by it, in random batches, partly in the head and partly in parts of any size; random questions.

use std::sync::Arc;

use base::{ByteSize, Timestamp};
use bytes::Bytes;
use codec::{Framing, ParseRules, Parser};
use model::{
    Batch, BatchFlags, BatchHeader, Codec, Format, Generation, Partition, Place, Revision, SourceId, SourceKey,
};
use proptest::prelude::*;
use store::testing::{Oracle, Random, search_all};
use store::{
    ContextRequest, FacetsRequest, HistogramRequest, Query, Reader, Scope, StoreBatch, TimeRange, Writer, naive,
};
use store_embedded::{EmbeddedStore, Options};

const WORDS: [&str; 14] = [
    "timeout",
    "Timeout",
    "timeouts",
    "connection",
    "reset",
    "peer",
    "Größe",
    "user_id",
    "10.0.0.1",
    "[ERROR]",
    "a:b",
    "x=1",
    "500",
    "1.50",
];
const PATHS: [&str; 6] = ["/health", "/api/v1/users", "/api/v1/health?x=1", "/", "/Login", "/api/timeout"];

fn words(random: &mut Random) -> String {
    (0..random.below(6)).map(|_| *random.one(&WORDS)).collect::<Vec<_>>().join(" ")
}

fn line(random: &mut Random, format: Format, n: u64) -> String {
    let (second, milli) = (n % 60, random.below(1000));
    let at = format!("2024-05-{:02}T10:{:02}:{second:02}.{milli:03}Z", 1 + random.below(2), n / 60 % 60);
    let level = *random.one(&["DEBUG", "INFO", "WARN", "ERROR"]);
    let status = random.one(&["200", "201", "404", "500", "503"]);
    let number = random.below(400);
    match format {
        Format::Json => {
            let t = *random.one(&["t", "t", "\\u0074"]);
            let text = words(random).replace('t', t);
            let extra =
                *random.one(&["", ",\"user\":\"Ann\"", ",\"nested\":{\"took\":1.50,\"id\":7}", ",\"timeout\":true"]);
            format!(
                "{{\"time\":\"{at}\",\"level\":\"{level}\",\"status\":{status},\"n\":{number},\"msg\":\"{text}\"{extra}}}"
            )
        }
        Format::Logfmt => {
            format!(
                "time={at} level={level} status={status} n={number} path={} msg=\"{}\"",
                random.one(&PATHS),
                words(random)
            )
        }
        Format::Access => {
            let (path, agent) = (*random.one(&PATHS), words(random));
            let clock = format!("{:02}/May/2024:10:{:02}:{second:02} +0000", 1 + random.below(2), n / 60 % 60);
            format!(
                "10.0.0.{} - - [{clock}] \"GET {path} HTTP/1.1\" {status} {number} \"-\" \"{agent}\"",
                random.below(9)
            )
        }
        Format::Timestamped => {
            let trace = *random.one(&["", "", "", "\njava.io.IOException: timeout\n\tat a.B.c(B.java:12)"]);
            format!(
                "{} {level} [main] com.example.Service - {}{trace}",
                at.replace('T', " ").trim_end_matches('Z'),
                words(random)
            )
        }
        _ => words(random),
    }
}

const FORMATS: [Format; 5] = [Format::Json, Format::Logfmt, Format::Access, Format::Timestamped, Format::Unknown];

/// Batches of five sources, one a format, parsed as they are in earnest.
fn batches(random: &mut Random, count: usize, lines: u64) -> Vec<StoreBatch> {
    let mut parser = Parser::new();
    let mut ends = [0u64; FORMATS.len()];
    let mut numbers = [0u64; FORMATS.len()];
    (0..count as u64)
        .map(|place| {
            let which = random.below(FORMATS.len() as u64) as usize;
            let mut text = String::new();
            for _ in 0..1 + random.below(lines) {
                text.push_str(&line(random, FORMATS[which], numbers[which]));
                text.push('\n');
                numbers[which] += 1;
            }
            let format = FORMATS[which];
            let mut continuations = Vec::new();
            let framing = Framing { format, join: format != Format::Unknown };
            let cut = codec::cut(text.as_bytes(), framing, true, &mut continuations);
            let start = ends[which];
            ends[which] += text.len() as u64;
            let header = BatchHeader {
                key: SourceKey::new(SourceId(77 + which as u128), Generation(which as u32 % 2)),
                start,
                end: ends[which],
                line_start: start,
                lines: cut.lines,
                records: cut.records,
                flags: BatchFlags::default(),
                codec: Codec::None,
                payload_len: text.len() as u32,
                payload_crc: crc32c::crc32c(text.as_bytes()),
                format,
                utc_offset_secs: 0,
                read_at: Timestamp::from_civil(2024, 5, 1, place as i64 * 1_000_000),
                revision: Revision(0),
                stream: ["web", "app", "web", "java", "plain"][which].into(),
                host: ["h1", "h2"][which % 2].into(),
                path: format!("/var/log/{which}.log").into(),
                continuations: continuations.into(),
            };
            let batch = Batch { header: Arc::new(header), payload: Bytes::from(text) };
            let batch = parser.parse(&batch, &ParseRules::default()).expect("it parses");
            StoreBatch { place: Place { partition: Partition(0), offset: place }, batch: Arc::new(batch) }
        })
        .collect()
}

const ATOMS: [&str; 46] = [
    "timeout",
    "TIMEOUTS",
    "connection",
    "\"connection reset\"",
    "größe",
    "Größe",
    "10.0.0.1",
    "[ERROR]",
    "a:b",
    "500",
    "time*",
    "*out",
    "*meo*",
    "t?meout",
    "/time(out)?s/",
    "/(?i)TIMEOUT/",
    "status:500",
    "status:[500 TO 599]",
    "status:>=404",
    "status:*",
    "path:/health",
    "path:timeout",
    "path:*",
    "file:2.log",
    "n:<100",
    "n:7",
    "n:[10 TO 200]",
    "msg:timeout",
    "msg:\"connection reset\"",
    "msg:time*",
    "msg:1.5",
    "nested.took:1.5",
    "nested.id:*",
    "user:ann",
    "user:=Ann",
    "level:error",
    "level:>=warn",
    "stream:web",
    "host:h2",
    "generation:1",
    "format:json",
    "nosuch:timeout",
    "msg:\"\"",
    "timeout:true",
    "java.io.IOException",
    "offset:<900",
];

fn query() -> impl Strategy<Value = String> {
    let atom = prop::sample::select(&ATOMS[..]).prop_map(str::to_owned);
    atom.prop_recursive(3, 8, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 2..4).prop_map(|list| format!("({})", list.join(" "))),
            prop::collection::vec(inner.clone(), 2..4).prop_map(|list| format!("({})", list.join(" OR "))),
            inner.prop_map(|query| format!("NOT {query}")),
        ]
    })
}

async fn compare(store: &EmbeddedStore, oracle: &Oracle, query: &str, range: TimeRange, limit: usize) {
    let wanted = oracle.search(query, range);
    let found = search_all(store, query, range, limit).await;
    let ids = |hits: &[store::Hit]| hits.iter().map(|hit| (hit.time, hit.id)).collect::<Vec<_>>();
    assert_eq!(ids(&found), ids(&wanted), "{query} in {range:?}");
    for (found, wanted) in found.iter().zip(&wanted) {
        assert_eq!(found, wanted, "{query}");
    }
    let scope = Scope { query: Query::parse(query).expect("query"), range, deadline: None };
    for by in [None, Some("level"), Some("status"), Some("n"), Some("path"), Some("stream")] {
        let by = by.map(str::to_owned);
        let request = HistogramRequest { scope: scope.clone(), bucket_micros: None, buckets: 20, by, series_max: 3 };
        let wanted = naive::histogram(&oracle.hits, &request).expect("histogram");
        for _ in 0..2 {
            assert_eq!(store.histogram(&request).await.expect("histogram"), wanted, "{query} by {:?}", request.by);
        }
    }
    let fields = ["level", "status", "msg", "user", "path", "source", "nested.took"].map(str::to_owned).to_vec();
    let request = FacetsRequest::new(scope, fields, 4);
    let wanted = naive::facets(&oracle.hits, &request).expect("facets");
    assert_eq!(store.facets(&request).await.expect("facets"), wanted, "{query}");
}

/// Enough lines for row groups of many pages, and streams that share row groups.
#[tokio::test]
async fn many_pages_and_row_groups_answer_like_single_records() {
    let mut random = Random::new(5);
    let batches = batches(&mut random, 160, 600);
    let oracle = Oracle::of(&batches);
    let dir = tempfile::tempdir().unwrap();
    let options = Options { head_bytes: ByteSize::mib(3), free_bytes_min: ByteSize(0), ..Options::default() };
    let store = EmbeddedStore::open(dir.path(), options).unwrap();
    for batches in batches.chunks(8) {
        store.write(batches).await.unwrap();
    }
    store.flush().await.unwrap();
    let open = |part: &Arc<store_embedded::part::Part>| part.open().unwrap();
    let pages = |part| open(part).groups().iter().map(|group| group.pages.len()).max().unwrap_or(0);
    assert!(store.snapshot().parts.iter().map(pages).max() > Some(2), "row groups have several pages");
    let (since, until) = (oracle.hits[5000].time, Timestamp::from_civil(2024, 5, 2, 36_300_000_000));
    for query in
        ["timeout", "-timeout status:500", "(path:/health OR \"connection reset\") level:>=info", "*meo* n:<50"]
    {
        compare(&store, &oracle, query, TimeRange::ALL, 5000).await;
        compare(&store, &oracle, query, TimeRange { since: since.min(until), until }, 333).await;
    }
}

proptest! {
    #![proptest_config(ProptestConfig { max_shrink_iters: 200, ..ProptestConfig::with_cases(48) })]

    #[test]
    fn every_answer_is_that_of_the_plain_evaluation(
        seed: u64,
        count in 1usize..40,
        lines in prop::sample::select(&[3u64, 30, 300][..]),
        head_bytes in prop::sample::select(&[1_500u64, 20_000, 1 << 20][..]),
        queries in prop::collection::vec(query(), 1..6),
        limit in prop::sample::select(&[1usize, 13, 1000][..]),
        cut in 0u64..8000,
        flushed: bool,
    ) {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(async {
            let mut random = Random::new(seed);
            let batches = batches(&mut random, count, lines);
            let oracle = Oracle::of(&batches);
            let dir = tempfile::tempdir().unwrap();
            let options = Options { head_bytes: ByteSize(head_bytes), free_bytes_min: ByteSize(0), ..Options::default() };
            let store = EmbeddedStore::open(dir.path(), options).unwrap();
            for batches in batches.chunks(3) {
                store.write(batches).await.unwrap();
            }
            if flushed {
                store.flush().await.unwrap();
            }
            let since = Timestamp::from_civil(2024, 5, 1, 36_000_000_000 + cut as i64 * 1_000_000);
            for (n, query) in queries.iter().enumerate() {
                let limit = if oracle.hits.len() > 500 { limit.max(13) } else { limit };
                let range = if n % 2 == 0 { TimeRange::ALL } else { TimeRange { since, until: Timestamp::MAX } };
                compare(&store, &oracle, query, range, limit).await;
            }
            let id = random.one(&oracle.hits).id;
            let request = ContextRequest { id, before: 5, after: 7 };
            let wanted = naive::context(&oracle.hits, &request);
            let mut found = store.context(&request).await.unwrap();
            found.hits.iter_mut().for_each(|hit| hit.fields.sort());
            assert_eq!((found.hits, found.anchor), (wanted.hits, wanted.anchor));
        });
    }
}
