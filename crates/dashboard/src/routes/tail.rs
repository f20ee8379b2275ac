//! `/api/v1/tail`: what comes in, as it comes in.
//!
//! The reader sets the pace: a piece of the answer is made when there is room for it in the connection, and what a
//! slow reader cannot take is left in the store's ring, which moves on and counts.
//!
//! Decision: the first line after a silence goes out at once, the next ones together, a *frame* at a time. So a live
//! view is never late, and its server makes at most twenty writes a second of however many lines. Above `max_rate`
//! lines are looked at, counted and not written; a silent tail has no timer but its heartbeat.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use axum::Extension;
use axum::extract::State;
use axum::response::Response;
use bytes::Bytes;
use futures_util::stream;
use model::RecordId;
use store::tail::{Skipped, Tail, TailEvent};
use store::{ContextRequest, HistogramRequest, Hit, Query, Scope, SearchRequest, TimeRange};
use tokio::time::{Instant, sleep_until, timeout_at};

use super::ndjson::{self, Control};
use crate::app::App;
use crate::hit::write_hit;
use crate::params::{Holds, Param, Params, Q};
use crate::problem::Problem;

pub(crate) const PARAMS: &[Param] = &[
    crate::params::STORE,
    Q,
    Param::new("backlog", Holds::Number, "First the newest so many that are already there, oldest of them first."),
    Param::new(
        "since_id",
        Holds::Text,
        "Go on behind this record: first what happened since (at most `backlog`, 1000 unless told; `skipped` counts \
         the rest). Records of the same moment may come again.",
    ),
    Param::new(
        "frame_ms",
        Holds::Number,
        "Lines that come close together are sent so many milliseconds apart, 50 unless told.",
    ),
    Param::new(
        "max_rate",
        Holds::Number,
        "At most so many lines a second, 20000 unless told; `skipped` counts what is left out. 0: all that the \
         connection takes.",
    ),
];

const BACKLOG_MAX: usize = 1000;
const FRAME_MS: usize = 50;
const FRAME_MS_MAX: usize = 5000;
const RATE: usize = 20_000;
const RATE_MAX: usize = 1_000_000;
/// A frame of so many bytes goes out early.
const FRAME_BYTES: usize = 256 << 10;
/// The rate is told so often.
const RATE_EVERY: Duration = Duration::from_secs(1);

pub(crate) async fn tail(
    State(app): State<Arc<App>>,
    Extension(params): Extension<Params>,
) -> Result<Response, Problem> {
    let query = params.query()?;
    let since = params.filled("since_id").map(str::parse::<RecordId>).transpose();
    let since = since.map_err(|wrong| Problem::parameter("since_id", format!("since_id: {wrong}")))?;
    let backlog = params.number("backlog", if since.is_some() { BACKLOG_MAX } else { 0 }, 0, BACKLOG_MAX)?;
    let frame = Duration::from_millis(params.number("frame_ms", FRAME_MS, 0, FRAME_MS_MAX)? as u64);
    let allowance = Allowance::new(params.number("max_rate", RATE, 0, RATE_MAX)?);
    // Following begins before the backlog is looked up, so nothing falls between; what is in both is given once.
    let store = app.store(&params)?;
    let follower = store.tail(&query)?;
    let past = if backlog > 0 { past(&app, &*store, query, backlog, since).await? } else { Past::default() };
    let mut first = Vec::new();
    if past.skipped > 0 {
        Control::Skipped { count: past.skipped }.write(&mut first);
    }
    past.hits.iter().rev().for_each(|hit| write_line(&mut first, hit));
    // An answer begins with something, so that the listener knows that it is heard.
    Control::Alive.write(&mut first);
    let following = Following {
        app,
        follower,
        first: Some(first),
        count: past.hits.len() as u64,
        given: past.hits.into_iter().map(|hit| hit.id).collect(),
        frame,
        sent: Instant::now(),
        allowance,
        rate: Rate::default(),
        ended: false,
    };
    Ok(ndjson::answer(stream::unfold(following, |mut following| async {
        let chunk = following.chunk().await?;
        Some((chunk, following))
    })))
}

/// What was there before.
#[derive(Default)]
struct Past {
    /// Newest first.
    hits: Vec<Hit>,
    /// Older ones since the record that was asked for, which are too many.
    skipped: u64,
}

async fn past(
    app: &App,
    store: &dyn store::Reader,
    query: Query,
    backlog: usize,
    since: Option<RecordId>,
) -> Result<Past, Problem> {
    let deadline = Some(app.parts.limits.default_deadline);
    let mut range = TimeRange::ALL;
    if let Some(id) = since {
        let around = store.context(&ContextRequest { id, before: 0, after: 0 }).await?;
        // A record that is no longer held says nothing of its time: then the newest are as good as any.
        range.since = around.hits.first().map_or(range.since, |hit| hit.time);
    }
    let scope = Scope { query, range, deadline };
    let request = SearchRequest { scope, limit: backlog, after: None };
    let mut hits = store.search(&request).await?;
    let mut skipped = 0;
    if since.is_some() && hits.next.is_some() && range != TimeRange::ALL {
        let request =
            HistogramRequest { scope: request.scope, bucket_micros: None, buckets: 1, by: None, series_max: 1 };
        let all = store.histogram(&request).await?;
        let its_own = u64::from(hits.hits.iter().all(|hit| Some(hit.id) != since));
        skipped = all.total.saturating_sub(hits.hits.len() as u64 + its_own);
    }
    hits.hits.retain(|hit| Some(hit.id) != since);
    Ok(Past { hits: hits.hits, skipped })
}

/// How many lines may go out now: at most the bound, and as much of it again as the time that has passed gives.
struct Allowance {
    per_second: f64,
    left: f64,
    at: Instant,
}

impl Allowance {
    /// 0: no bound.
    fn new(per_second: usize) -> Self {
        let per_second = if per_second == 0 { f64::INFINITY } else { per_second as f64 };
        Self { per_second, left: per_second, at: Instant::now() }
    }

    /// Takes so many, or as many as there are.
    fn take(&mut self, wanted: usize, now: Instant) -> usize {
        if self.per_second.is_infinite() {
            return wanted;
        }
        let passed = now.saturating_duration_since(self.at).as_secs_f64();
        self.left = (self.left + passed * self.per_second).min(self.per_second);
        self.at = now;
        let taken = wanted.min(self.left as usize);
        self.left -= taken as f64;
        taken
    }

    fn is_used_up(&self) -> bool {
        self.left < 1.0
    }
}

/// How many lines match, told about once a second for as long as there are some, and once that there are none.
#[derive(Default)]
struct Rate {
    since: Option<Instant>,
    matching: u64,
    told: u64,
}

impl Rate {
    fn add(&mut self, matching: u64, now: Instant) {
        self.matching += matching;
        self.since.get_or_insert(now);
    }

    /// When it is to be told next, if at all.
    fn due(&self) -> Option<Instant> {
        self.since.map(|since| since + RATE_EVERY)
    }

    fn tell(&mut self, out: &mut Vec<u8>, now: Instant) {
        let Some(since) = self.since.filter(|since| now >= *since + RATE_EVERY) else { return };
        let seconds = now.duration_since(since).as_secs_f64();
        let per_second = (self.matching as f64 / seconds).round() as u64;
        if per_second > 0 || self.matching > 0 || self.told > 0 {
            Control::Rate { per_second }.write(out);
        }
        self.since = (self.matching > 0).then_some(now);
        (self.told, self.matching) = (per_second, 0);
    }
}

struct Following {
    app: Arc<App>,
    follower: Tail,
    first: Option<Vec<u8>>,
    /// Ids of the backlog, as long as they may come again.
    given: HashSet<RecordId>,
    count: u64,
    /// Between two pieces of lines lies at least so much.
    frame: Duration,
    /// When the last piece was made.
    sent: Instant,
    allowance: Allowance,
    rate: Rate,
    ended: bool,
}

impl Following {
    async fn chunk(&mut self) -> Option<Bytes> {
        if self.ended {
            return None;
        }
        let out = match self.first.take() {
            Some(first) => first,
            None => self.next().await,
        };
        self.app.figures.streamed_bytes.inc_by(out.len() as u64);
        Some(Bytes::from(out))
    }

    /// Waits for something to say, and gathers what else comes in its frame.
    async fn next(&mut self) -> Vec<u8> {
        let mut out = Vec::new();
        let alive_at = Instant::now() + self.app.parts.limits.heartbeat;
        while out.is_empty() && !self.ended {
            let until = self.rate.due().map_or(alive_at, |due| due.min(alive_at));
            match self.event(until).await {
                Some(event) => {
                    self.take(&mut out, event);
                    self.gather(&mut out).await;
                }
                None if self.ended => self.end(&mut out),
                None => {}
            }
            let now = Instant::now();
            self.rate.tell(&mut out, now);
            if out.is_empty() && now >= alive_at {
                Control::Alive.write(&mut out);
            }
        }
        out
    }

    /// What comes next, if it comes in time; notes the end.
    async fn event(&mut self, until: Instant) -> Option<TailEvent> {
        let shutdown = &self.app.shutdown;
        tokio::select! {
            () = shutdown.called() => self.ended = true,
            event = timeout_at(until, self.follower.next()) => match event {
                Ok(Some(event)) => return Some(event),
                Ok(None) => self.ended = true,
                Err(_) => {}
            },
        }
        None
    }

    /// What else comes before the frame is over.
    async fn gather(&mut self, out: &mut Vec<u8>) {
        let over = self.sent + self.frame;
        while out.len() < FRAME_BYTES && Instant::now() < over {
            if self.allowance.is_used_up() {
                sleep_until(over).await;
                break;
            }
            match self.event(over).await {
                Some(event) => self.take(out, event),
                None => {
                    if self.ended {
                        self.end(out);
                    }
                    break;
                }
            }
        }
        if self.allowance.is_used_up() && !self.ended {
            let skipped = self.follower.skip_to_now();
            self.skip(out, skipped);
        }
        self.sent = Instant::now();
    }

    fn take(&mut self, out: &mut Vec<u8>, event: TailEvent) {
        match event {
            TailEvent::Hits(hits) => self.hits(out, &hits),
            TailEvent::Skipped(skipped) => self.skip(out, skipped),
        }
    }

    fn hits(&mut self, out: &mut Vec<u8>, hits: &[Hit]) {
        let now = Instant::now();
        self.rate.add(hits.len() as u64, now);
        let allowed = self.allowance.take(hits.len(), now);
        for hit in &hits[..allowed] {
            if self.given.is_empty() || !self.given.remove(&hit.id) {
                write_line(out, hit);
                self.count += 1;
            }
        }
        let left_out = (hits.len() - allowed) as u64;
        if left_out > 0 {
            self.tell_skipped(out, left_out);
        }
    }

    fn skip(&mut self, out: &mut Vec<u8>, skipped: Skipped) {
        if skipped.matching > 0 {
            self.rate.add(skipped.matching, Instant::now());
        }
        if skipped != Skipped::default() {
            self.tell_skipped(out, skipped.matching + skipped.unexamined);
        }
    }

    fn tell_skipped(&self, out: &mut Vec<u8>, count: u64) {
        self.app.figures.skipped.inc_by(count);
        Control::Skipped { count }.write(out);
    }

    fn end(&mut self, out: &mut Vec<u8>) {
        Control::End { complete: false, next: None, count: self.count }.write(out);
        self.ended = true;
    }
}

fn write_line(out: &mut Vec<u8>, hit: &Hit) {
    write_hit(out, hit);
    out.push(b'\n');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_allowance_is_a_second_of_the_bound_and_comes_back_with_time() {
        let mut allowance = Allowance::new(100);
        let begun = allowance.at;
        assert_eq!(allowance.take(70, begun), 70);
        assert_eq!(allowance.take(70, begun), 30);
        assert!(allowance.is_used_up());
        assert_eq!(allowance.take(70, begun + Duration::from_millis(100)), 10);
        assert_eq!(allowance.take(1000, begun + Duration::from_secs(60)), 100);
        assert_eq!(Allowance::new(0).take(usize::MAX, begun), usize::MAX);
    }

    #[test]
    fn the_rate_is_told_while_there_is_one_and_once_that_it_is_over() {
        let begun = Instant::now();
        let mut rate = Rate::default();
        let told = |rate: &mut Rate, after: u64| {
            let mut out = Vec::new();
            rate.tell(&mut out, begun + Duration::from_millis(after));
            String::from_utf8(out).expect("is UTF-8")
        };
        assert_eq!((told(&mut rate, 5000), rate.due()), (String::new(), None));
        rate.add(10, begun);
        assert_eq!(told(&mut rate, 999), "");
        assert_eq!(told(&mut rate, 2000), "{\"_\":\"rate\",\"per_second\":5}\n");
        assert_eq!(rate.due(), Some(begun + Duration::from_secs(3)));
        assert_eq!(told(&mut rate, 3000), "{\"_\":\"rate\",\"per_second\":0}\n");
        assert_eq!((told(&mut rate, 9000), rate.due()), (String::new(), None));
    }
}
