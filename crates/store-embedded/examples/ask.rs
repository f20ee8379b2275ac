//! Asks a store that the example `ingest` made, and says how long the answers took.
//!
//! ```text
//! STORE_DIR=/tmp/s cargo run --release -p store-embedded --example ingest -- some/*.log
//! BY=level cargo run --release -p store-embedded --example ask -- /tmp/s timeout '*meo*' 'level:error "timeout"'
//! ```

use std::path::PathBuf;
use std::time::{Duration, Instant};

use store::{HistogramRequest, Query, Reader, Scope, SearchRequest};
use store_embedded::{EmbeddedStore, Options};

type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

fn ms(wall: Duration) -> f64 {
    wall.as_secs_f64() * 1e3
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Outcome<()> {
    let mut args = std::env::args().skip(1);
    let dir = PathBuf::from(args.next().ok_or("name the folder of a store")?);
    let store = EmbeddedStore::open(&dir, Options { merge: false, ..Options::default() })?;
    let name = std::env::var("BY").unwrap_or_else(|_| "level".to_owned());
    for text in args {
        let scope = Scope { query: Query::parse(&text)?, ..Scope::everything() };
        for round in ["first", "again"] {
            let start = Instant::now();
            let request = SearchRequest { scope: scope.clone(), limit: 100, after: None };
            let page = store.search(&request).await?;
            let search = start.elapsed();
            let start = Instant::now();
            let histogram = |by: Option<&str>| HistogramRequest {
                scope: scope.clone(),
                bucket_micros: None,
                buckets: 60,
                by: by.map(str::to_owned),
                series_max: 10,
            };
            let all = store.histogram(&histogram(None)).await?;
            let counted = start.elapsed();
            let start = Instant::now();
            let by_level = store.histogram(&histogram(Some(&name))).await?;
            let by = start.elapsed();
            println!(
                "{text:40} {round}: latest {:>3} of {:>8} in {:8.2} ms, histogram {:8.2} ms, by {name} ({}) {:8.2} ms",
                page.hits.len(),
                all.total,
                ms(search),
                ms(counted),
                by_level.series.len(),
                ms(by),
            );
        }
    }
    Ok(())
}
