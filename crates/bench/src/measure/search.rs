//! Searching what was ingested, on one core, with the files in the page cache.

use std::sync::Arc;

use anyhow::{Context, Result, ensure};
use rustix::thread::{CpuSet, sched_setaffinity};
use store::{HistogramRequest, Query, Reader, Scope, SearchRequest};
use store_embedded::{EmbeddedStore, Options};

use super::{Env, ingest};
use crate::generate::{COMMON_TERM, RARE_TERM, SUBSTRING};
use crate::process::own_cpu;
use crate::report::{Figure, Target};

/// The best of so many.
const TIMES: usize = 5;

pub fn measure(env: &Env) -> Result<Vec<Figure>> {
    ingest::ensure_stored(env)?;
    let mut one = CpuSet::new();
    one.set(0);
    sched_setaffinity(None, &one).context("cannot stay on one core")?;
    let bench = Bench {
        store: EmbeddedStore::open(&ingest::stored(env).join("store"), Options { merge: false, ..Options::default() })?,
        runtime: tokio::runtime::Builder::new_current_thread().enable_all().build()?,
    };
    let substring = format!("*{SUBSTRING}*");
    let mut figures = Vec::new();
    for (what, query, expected, target) in [
        ("search: a term in 3 lines", RARE_TERM, 3, Target::AtMost(10.0)),
        ("search: latest 100 of a common term", COMMON_TERM, 100, Target::AtMost(20.0)),
        ("search: a substring over everything", &substring, 3, Target::AtMost(700.0)),
        ("search: an absent term", "xylophone", 0, Target::None),
    ] {
        let first = bench.search(query, expected)?;
        let mut best = first;
        for _ in 0..TIMES {
            best = best.min(bench.search(query, expected)?);
        }
        figures.push(Figure::new(what, best * 1e3, "ms", target));
        figures.push(Figure::new("  the first time", first * 1e3, "ms", Target::None));
    }
    let first = bench.histogram()?;
    let mut again = bench.histogram()?;
    for _ in 1..TIMES {
        again = again.min(bench.histogram()?);
    }
    figures.push(Figure::new("histogram of a common term, first", first * 1e3, "ms", Target::AtMost(800.0)));
    figures.push(Figure::new("histogram of a common term, repeated", again * 1e3, "ms", Target::AtMost(50.0)));
    Ok(figures)
}

struct Bench {
    store: Arc<EmbeddedStore>,
    runtime: tokio::runtime::Runtime,
}

impl Bench {
    /// CPU seconds of one search.
    fn search(&self, query: &str, expected: usize) -> Result<f64> {
        let request = SearchRequest { scope: scope(query)?, limit: 100, after: None };
        let before = own_cpu();
        let page = self.runtime.block_on(self.store.search(&request))?;
        let took = own_cpu() - before;
        ensure!(
            page.complete && page.hits.len() == expected,
            "'{query}': {} hits, {expected} expected",
            page.hits.len()
        );
        Ok(took)
    }

    fn histogram(&self) -> Result<f64> {
        let scope = scope(COMMON_TERM)?;
        let request = HistogramRequest { scope, bucket_micros: None, buckets: 100, by: None, series_max: 10 };
        let before = own_cpu();
        let histogram = self.runtime.block_on(self.store.histogram(&request))?;
        let took = own_cpu() - before;
        ensure!(histogram.complete && histogram.total > 0, "the histogram is not complete: {}", histogram.total);
        Ok(took)
    }
}

fn scope(query: &str) -> Result<Scope> {
    Ok(Scope { query: Query::parse(query)?, ..Scope::everything() })
}
