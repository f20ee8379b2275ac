//! `/api/v1/search`: a page of hits, or a stream of pages.
//!
//! Decision: a stream asks for few hits first and gives the store little time for them. What was found by then goes out
//! at once, and the search goes on behind the last record looked at, with more time: so the first rows are there before
//! the store has looked at everything, however rare they are.

use std::io;
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

use super::download::{self, Form, Parcel};
use super::ndjson::Control;
use super::wants_ndjson;
use crate::app::App;
use crate::hit::{HitShape, cursor_text, parse_cursor, write_hit, write_text};
use crate::params::{DEADLINE, Holds, Param, Params, Q, SINCE, UNTIL};
use crate::problem::{INTERNAL, Problem};

pub(crate) const PARAMS: &[Param] = &[
    crate::params::STORE,
    Q,
    SINCE,
    UNTIL,
    DEADLINE,
    Param::new("limit", Holds::Number, "At most so many hits: 100 unless told, in a stream of all without bound."),
    Param::new("cursor", Holds::Text, "Go on where an answer ended: its `next`."),
    Param::new("order", Holds::Text, "`newest` (first), which is the only order there is."),
    Param::new("all", Holds::Flag, "Every hit, as a stream of one object a line."),
    Param::new("stream", Holds::Flag, "One object a line; as `Accept: application/x-ndjson`."),
    download::FORMAT,
    download::COLUMNS,
    download::GZIP,
    download::DOWNLOAD,
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
/// The time that a stream gives the store for its first hits.
const FIRST_SLICE: Duration = Duration::from_millis(60);
/// Each time is so many times as long as the one before, because a store has to find its place again for each.
const SLICE_GROWTH: u32 = 4;
/// From here on, the store gets the time that it needs.
const SLICE_MAX: Duration = Duration::from_secs(10);
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
    let asked = Form::read(&params)?;
    let all = params.flag("all")? || asked.as_ref().is_some_and(|form| *form != Form::Json);
    let streamed = all || params.flag("stream")? || (asked.is_none() && wants_ndjson(&headers));
    let form = match asked {
        Some(Form::Json) if streamed => {
            return Err(Problem::parameter(
                "format",
                "format=json is one page; for a stream, write ndjson, csv or raw",
            ));
        }
        Some(form) => form,
        None => {
            if streamed {
                Form::Lines
            } else {
                Form::Json
            }
        }
    };
    let parcel = Parcel::read(&params, &form, app.parts.clock.now())?;
    let max = if streamed { usize::MAX } else { limits.page_hits };
    let limit = params.number("limit", if all { usize::MAX } else { 100 }, 0, max)?;
    let mut scope = params.scope(limits, &*app.parts.clock)?;
    if streamed {
        // However long it takes, unless told otherwise.
        scope.deadline = params.deadline(limits)?;
    }
    let wrong = || Problem::parameter("cursor", "cursor: it is not the `next` of an answer of this path");
    let after = params.filled("cursor").map(|text| parse_cursor(text).ok_or_else(wrong)).transpose()?;
    let pages = Pages::new(Arc::clone(&app), app.store(&params)?, SearchRequest { scope, limit, after }, form);
    match streamed {
        true => stream_pages(Pages { slice: Some(FIRST_SLICE), _open: Some(Open::new(app)), ..pages }, &parcel).await,
        false => Ok(parcel.whole(one_page(pages).await?)),
    }
}

/// A page in one piece. It ends early where its lines are very long.
async fn one_page(mut pages: Pages) -> Result<Vec<u8>, Problem> {
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
    Ok(body)
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
async fn stream_pages(mut pages: Pages, parcel: &Parcel) -> Result<Response, Problem> {
    pages.fetch().await?;
    Ok(parcel.streamed(stream::unfold(pages, |mut pages| async {
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
    store: Arc<dyn store::Reader>,
    form: Form,
    /// Whether nothing of the answer was written yet.
    is_new: bool,
    /// Hits of the next page.
    size: usize,
    /// Hits still to be given.
    left: usize,
    /// When the answer has to end.
    until: Option<Instant>,
    /// The time that the store gets for the next page, where that is less.
    slice: Option<Duration>,
    page: std::vec::IntoIter<Hit>,
    /// The page behind it, which the store works at while this one is written.
    ahead: Option<Ahead<Found>>,
    next: Option<HitCursor>,
    /// The last search was stopped before its end.
    goes_on: bool,
    complete: bool,
    count: u64,
    ended: bool,
    /// It ended before it was whole, and could not say so.
    broken: bool,
    /// Of a stream.
    _open: Option<Open>,
}

/// What was found, and whether the search was stopped because its slice of time was over.
type Found = Result<(SearchPage, bool), StoreError>;

impl Pages {
    fn new(app: Arc<App>, store: Arc<dyn store::Reader>, request: SearchRequest, form: Form) -> Self {
        Self {
            store,
            form,
            is_new: true,
            slice: None,
            size: FIRST_PAGE,
            left: request.limit,
            until: request.scope.deadline.map(|deadline| Instant::now() + deadline),
            page: Vec::new().into_iter(),
            ahead: None,
            next: request.after,
            goes_on: true,
            complete: true,
            count: 0,
            ended: false,
            broken: false,
            _open: None,
            app,
            scope: request.scope,
        }
    }

    /// Asks for what comes behind the page that was fetched last.
    fn ask(&self) -> Ahead<Found> {
        let mut scope = self.scope.clone();
        let rest = self.until.map(|until| until.saturating_duration_since(Instant::now()));
        let slice = self.slice.filter(|slice| rest.is_none_or(|rest| *slice < rest));
        scope.deadline = slice.or(rest).map(|deadline| deadline.max(Duration::from_millis(1)));
        let request = SearchRequest { scope, limit: self.size.min(self.left), after: self.next };
        let store = Arc::clone(&self.store);
        runtime::ahead(async move {
            let begun = Instant::now();
            let page = store.search(&request).await?;
            let is_slice_over = !page.complete && slice.is_some_and(|slice| begun.elapsed() >= slice);
            Ok((page, is_slice_over))
        })
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
        let (page, is_slice_over) =
            found.map_err(|_| Problem::new(&INTERNAL, "the search failed within; try again"))??;
        let bytes: usize = page.hits.iter().map(|hit| hit.line.len() + 200).sum();
        let mean = bytes / page.hits.len().max(1);
        let streams = usize::try_from(self.app.figures.streams.get()).unwrap_or_default().max(1);
        self.size = (self.size * GROWTH).min(PAGE).min(PAGE_BYTES / streams / mean.max(1)).max(1);
        self.left -= page.hits.len().min(self.left);
        self.count += page.hits.len() as u64;
        if is_slice_over {
            // It goes on where it was stopped; if it came nowhere, it begins again and gets more time.
            self.next = page.next.or(self.next);
            self.slice = self.slice.map(|slice| slice * SLICE_GROWTH).filter(|slice| *slice <= SLICE_MAX);
            self.goes_on = true;
        } else {
            self.next = page.next;
            self.complete = page.complete;
            self.goes_on = false;
        }
        self.page = page.hits.into_iter();
        Ok(())
    }

    /// Whether there is nothing more to fetch.
    fn is_over(&self) -> bool {
        (self.next.is_none() && !self.goes_on) || !self.complete || self.left == 0
    }

    /// The next piece of the answer; `None` behind its end.
    async fn chunk(&mut self) -> Option<io::Result<Bytes>> {
        if self.ended {
            return self.breach();
        }
        let mut out = Vec::with_capacity(CHUNK + (16 << 10));
        if std::mem::take(&mut self.is_new) {
            self.form.write_head(&mut out);
        }
        self.work_ahead();
        while out.len() < CHUNK && !self.ended {
            if let Some(hit) = self.page.next() {
                self.form.write_hit(&mut out, &hit);
            } else if self.is_over() || self.app.shutdown.is_called() {
                let complete = self.complete && self.is_over();
                let end = Control::End { complete, next: self.next.map(cursor_text), count: self.count };
                self.end(&mut out, &end, complete);
            } else if !out.is_empty() {
                // What is there goes out before anything is waited for.
                break;
            } else {
                match self.fetch().await {
                    Ok(()) => self.work_ahead(),
                    Err(problem) => self.end(&mut out, &Control::Error { problem: problem.body() }, false),
                }
            }
        }
        if out.is_empty() {
            return self.breach();
        }
        self.app.figures.streamed_bytes.inc_by(out.len() as u64);
        Some(Ok(Bytes::from(out)))
    }

    /// Ends the answer: with a control line, or, where there is no place for one, by breaking off what is not whole.
    fn end(&mut self, out: &mut Vec<u8>, control: &Control<'_>, complete: bool) {
        match self.form.has_controls() {
            true => control.write(out),
            false => self.broken = !complete,
        }
        self.ended = true;
    }

    fn breach(&mut self) -> Option<io::Result<Bytes>> {
        let broken = std::mem::take(&mut self.broken);
        broken.then(|| Err(io::Error::other("the answer could not be given to its end")))
    }
}
