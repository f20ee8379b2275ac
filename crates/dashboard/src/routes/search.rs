//! `/api/v1/search`: a page of hits, or a stream of pages.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Extension;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use bytes::Bytes;
use futures_util::stream;
use runtime::Ahead;
use schemars::JsonSchema;
use serde::Serialize;
use store::{Hit, HitCursor, Scope, SearchPage, SearchRequest, StoreError};

use super::ndjson::{self, Control};
use super::{json_bytes, wants_ndjson};
use crate::app::App;
use crate::hit::{HitShape, cursor_text, parse_cursor, write_hit, write_text};
use crate::params::{DEADLINE, Holds, Param, Params, Q, SINCE, UNTIL};
use crate::problem::{INTERNAL, Problem};

pub(crate) const PARAMS: &[Param] = &[
    Q,
    SINCE,
    UNTIL,
    DEADLINE,
    Param::new("limit", Holds::Number, "At most so many hits: 100 unless told, in a stream of all without bound."),
    Param::new("cursor", Holds::Text, "Go on where an answer ended: its `next`."),
    Param::new("order", Holds::Text, "`newest` (first), which is the only order there is."),
    Param::new("all", Holds::Flag, "Every hit, as a stream of one object a line."),
    Param::new("stream", Holds::Flag, "One object a line; as `Accept: application/x-ndjson`."),
];

/// Some hits, newest first.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "SearchPage")]
pub(crate) struct Page {
    /// Time descending, then id descending.
    hits: Vec<HitShape>,
    /// The cursor of the next page; null where there is no more.
    next: Option<String>,
    /// Whether everything down to the last hit was looked at: false after a deadline.
    complete: bool,
}

/// Hits asked of the store first: few, so that a stream begins soon, and enough to know how long lines are here.
const FIRST_PAGE: usize = 100;
/// Each page is so many times as long as the one before, because a store has to find its place again for each.
const GROWTH: usize = 8;
/// Hits of a page at most.
const PAGE: usize = 20_000;
/// What a page should hold at most, so pages of long lines get fewer of them. Streams share it: however many clients
/// read slowly, their pages take little memory together.
const PAGE_BYTES: usize = 8 << 20;
/// Bytes handed on at a time.
const CHUNK: usize = 128 << 10;

pub(crate) async fn search(
    State(app): State<Arc<App>>,
    Extension(params): Extension<Params>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let limits = &app.parts.limits;
    if let Some(order) = params.filled("order").filter(|order| *order != "newest") {
        return Err(Problem::parameter("order", format!("order={order}: there is only 'newest'")));
    }
    let all = params.flag("all")?;
    let streamed = all || params.flag("stream")? || wants_ndjson(&headers);
    let max = if streamed { usize::MAX } else { limits.page_hits };
    let limit = params.number("limit", if all { usize::MAX } else { 100 }, 0, max)?;
    let mut scope = params.scope(limits, &*app.parts.clock)?;
    if streamed {
        // However long it takes, unless told otherwise.
        scope.deadline = params.deadline(limits)?;
    }
    let wrong = || Problem::parameter("cursor", "cursor: it is not the `next` of an answer of this path");
    let after = params.filled("cursor").map(|text| parse_cursor(text).ok_or_else(wrong)).transpose()?;
    let pages = Pages::new(Arc::clone(&app), SearchRequest { scope, limit, after });
    match streamed {
        true => stream_pages(Pages { _open: Some(Open::new(app)), ..pages }).await,
        false => one_page(pages).await,
    }
}

/// A page in one piece. It ends early where its lines are very long.
async fn one_page(mut pages: Pages) -> Result<Response, Problem> {
    let mut body = b"{\"hits\":[".to_vec();
    let bytes_max = pages.app.parts.limits.page_bytes;
    loop {
        pages.fetch().await?;
        for hit in &mut pages.page {
            if body.last() != Some(&b'[') {
                body.push(b',');
            }
            write_hit(&mut body, &hit);
        }
        if pages.is_over() || body.len() >= bytes_max {
            break;
        }
    }
    body.extend_from_slice(b"],\"next\":");
    match pages.next {
        Some(cursor) => write_text(&mut body, &cursor_text(cursor)),
        None => body.extend_from_slice(b"null"),
    }
    body.extend_from_slice(if pages.complete { b",\"complete\":true}" } else { b",\"complete\":false}" });
    Ok(json_bytes(body))
}

/// Appends hits as a JSON array.
pub(crate) fn write_hits(out: &mut Vec<u8>, hits: &[Hit]) {
    out.push(b'[');
    for (n, hit) in hits.iter().enumerate() {
        if n > 0 {
            out.push(b',');
        }
        write_hit(out, hit);
    }
    out.push(b']');
}

/// The first page is fetched before the answer begins, so that a wrong query is an error, not a broken stream.
async fn stream_pages(mut pages: Pages) -> Result<Response, Problem> {
    pages.fetch().await?;
    Ok(ndjson::answer(stream::unfold(pages, |mut pages| async {
        let chunk = pages.chunk().await?;
        Some((chunk, pages))
    })))
}

/// Counts a stream as open while it lives.
struct Open(Arc<App>);

impl Open {
    fn new(app: Arc<App>) -> Self {
        app.figures.streams.inc();
        Self(app)
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.figures.streams.dec();
    }
}

/// A walk over the pages of a search.
struct Pages {
    app: Arc<App>,
    scope: Scope,
    /// Hits of the next page.
    size: usize,
    /// Hits still to be given.
    left: usize,
    /// When the answer has to end.
    until: Option<Instant>,
    page: std::vec::IntoIter<Hit>,
    /// The page behind it, which the store works at while this one is written.
    ahead: Option<Ahead<Found>>,
    next: Option<HitCursor>,
    complete: bool,
    count: u64,
    ended: bool,
    /// Of a stream.
    _open: Option<Open>,
}

type Found = Result<SearchPage, StoreError>;

impl Pages {
    fn new(app: Arc<App>, request: SearchRequest) -> Self {
        Self {
            size: FIRST_PAGE,
            left: request.limit,
            until: request.scope.deadline.map(|deadline| Instant::now() + deadline),
            page: Vec::new().into_iter(),
            ahead: None,
            next: request.after,
            complete: true,
            count: 0,
            ended: false,
            _open: None,
            app,
            scope: request.scope,
        }
    }

    /// Asks for what comes behind the page that was fetched last.
    fn ask(&self) -> Ahead<Found> {
        let mut scope = self.scope.clone();
        if let Some(until) = self.until {
            let rest = until.saturating_duration_since(Instant::now());
            scope.deadline = Some(rest.max(Duration::from_millis(1)));
        }
        let request = SearchRequest { scope, limit: self.size.min(self.left), after: self.next };
        let store = Arc::clone(&self.app.parts.store);
        runtime::ahead(async move { store.search(&request).await })
    }

    /// Lets the store work at the next page, without waiting for it, and also while the client reads nothing: a turn
    /// at the store must never wait for a client.
    fn work_ahead(&mut self) {
        if self.ahead.is_none() && !self.is_over() {
            self.ahead = Some(self.ask());
        }
    }

    /// Fetches the next page. The size of the one behind it follows from the size of its hits.
    async fn fetch(&mut self) -> Result<(), Problem> {
        let found = self.ahead.take().unwrap_or_else(|| self.ask()).await;
        let page = found.map_err(|_| Problem::new(&INTERNAL, "the search failed within; try again"))??;
        let bytes: usize = page.hits.iter().map(|hit| hit.line.len() + 200).sum();
        let mean = bytes / page.hits.len().max(1);
        let streams = usize::try_from(self.app.figures.streams.get()).unwrap_or_default().max(1);
        self.size = (self.size * GROWTH).min(PAGE).min(PAGE_BYTES / streams / mean.max(1)).max(1);
        self.left -= page.hits.len().min(self.left);
        self.count += page.hits.len() as u64;
        self.next = page.next;
        self.complete = page.complete;
        self.page = page.hits.into_iter();
        Ok(())
    }

    /// Whether there is nothing more to fetch.
    fn is_over(&self) -> bool {
        self.next.is_none() || !self.complete || self.left == 0
    }

    /// The next piece of the answer; `None` behind its end.
    async fn chunk(&mut self) -> Option<Bytes> {
        if self.ended {
            return None;
        }
        let mut out = Vec::with_capacity(CHUNK + (16 << 10));
        self.work_ahead();
        while out.len() < CHUNK && !self.ended {
            if let Some(hit) = self.page.next() {
                write_hit(&mut out, &hit);
                out.push(b'\n');
            } else if self.is_over() || self.app.shutdown.is_called() {
                let complete = self.complete && (self.next.is_none() || self.left == 0);
                Control::End { complete, next: self.next.map(cursor_text), count: self.count }.write(&mut out);
                self.ended = true;
            } else {
                match self.fetch().await {
                    Ok(()) => self.work_ahead(),
                    Err(problem) => {
                        ndjson::write_error(&mut out, &problem);
                        self.ended = true;
                    }
                }
            }
        }
        self.app.figures.streamed_bytes.inc_by(out.len() as u64);
        Some(Bytes::from(out))
    }
}
