//! Merged parts answer as the parts did that they were made of.

use std::time::Duration;

use base::ByteSize;
use model::{Format, Level};
use store::testing::{BatchBuilder, everything, search_all};
use store::{Reader, TimeRange, Writer};
use store_embedded::{EmbeddedStore, Options};

const QUERIES: [&str; 14] = [
    "status:200",
    "-status:200",
    "number:17",
    "number:*",
    "opt:yes",
    "opt:*",
    "-opt:*",
    "msg:\"größer als\"",
    "msg:größer",
    "strange:value3",
    "strange:*",
    "level:error AND stream:app",
    "timeout",
    "status:[300 TO 600]",
];

fn line(batch: &mut BatchBuilder, n: i64) {
    let status = [200, 404, 503][n as usize % 3];
    let opt = if n % 40 == 7 { ",\"opt\":\"yes\"" } else { "" };
    let text = format!("{{\"status\":{status},\"number\":{n},\"msg\":\"gr\\u00f6\\u00dfer als {}\"{opt}}}", n % 5);
    let mut fields = Vec::new();
    codec::fields(Format::Json, text.as_bytes(), &mut |name, value| {
        fields.push((name.to_owned(), value.into_owned()));
    });
    assert!(fields.len() >= 3, "the codec reads the line");
    let fields: Vec<(&str, &[u8])> = fields.iter().map(|(name, value)| (name.as_str(), value.as_slice())).collect();
    let level = if status == 503 { Level::Error } else { Level::Info };
    batch.line(text.as_bytes(), n * 1000, level, Format::Json, &fields);
}

fn options(merge: bool) -> Options {
    Options { free_bytes_min: ByteSize(0), merge, ..Options::default() }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn answers_are_the_same_before_and_after() {
    let dir = tempfile::tempdir().unwrap();
    let store = EmbeddedStore::open(dir.path(), options(false)).unwrap();
    for part in 0..12u64 {
        let mut json = BatchBuilder::new(1, 0, part * 100_000).origin("app", "h1", "/app.log").place(0, part * 2);
        (0..300).for_each(|n| line(&mut json, (part * 300 + n) as i64));
        let mut odd = BatchBuilder::new(2, 0, part * 100_000).origin("odd", "h2", "/odd.log").place(0, part * 2 + 1);
        for n in 0..30 {
            let value = format!("value{}", n % 7);
            odd.line(b"timeout without a field", n * 500, Level::Warn, Format::Plain, &[("strange", value.as_bytes())]);
            odd.plain(b"another line", n * 500);
        }
        store.write(&[json.build(), odd.build()]).await.unwrap();
        store.flush().await.unwrap();
    }
    assert_eq!(store.stats().await.unwrap().parts, 12);
    let all = everything(&*store).await;
    assert_eq!(all.len(), 12 * 360);
    let mut answers = Vec::new();
    for query in QUERIES {
        let hits = search_all(&*store, query, TimeRange::ALL, 1000).await;
        assert!(!hits.is_empty() && hits.len() < all.len(), "{query}: {} hits", hits.len());
        answers.push(hits);
    }
    let fields = store.known_fields();
    drop(store);

    let store = EmbeddedStore::open(dir.path(), options(true)).unwrap();
    while store.stats().await.unwrap().parts > 1 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(everything(&*store).await, all);
    for (query, before) in QUERIES.iter().zip(&answers) {
        assert_eq!(&search_all(&*store, query, TimeRange::ALL, 1000).await, before, "{query}");
    }
    let counts = |fields: &[store::FieldInfo]| {
        fields.iter().map(|field| (field.name.clone(), field.records)).collect::<Vec<_>>()
    };
    assert_eq!(counts(&store.known_fields()), counts(&fields));
}
