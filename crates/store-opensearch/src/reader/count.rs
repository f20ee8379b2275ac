//! Counting: by the server where it is sure, here where it is not.

use serde_json::{Value, json};
use store::query::{Fixed, Matcher, compile};
use store::{Hit, Scope, StoreError};

use super::walk::{Step, Until, Walk};
use crate::OpenSearchStore;
use crate::document::field_name;
use crate::query::{self, Bounds, Clause, GENERATION, OFFSET, PATH};

/// Records that are looked at one by one where no deadline is given, at most.
const LOOKED_AT_MAX: usize = 1_000_000;

/// A count in two parts.
pub struct Count<'a> {
    store: &'a OpenSearchStore,
    matcher: Matcher,
    /// What the server counts.
    pub sure: Clause,
    /// What has to be looked at.
    doubtful: Clause,
    /// When it has to be done.
    pub until: Until,
    /// Whether everything was counted so far.
    pub complete: bool,
}

/// Where the values of a name are for the server to count.
pub struct Place {
    /// Records whose value stands in `field`.
    pub of: Clause,
    /// The field.
    pub field: String,
}

/// Where the values of a name stand: each record in one place at most. `None` where only looking tells.
pub fn places(name: &str) -> Option<Vec<Place>> {
    let one = |field: &str| Some(vec![Place { of: Clause::exists(field), field: field.to_owned() }]);
    match Fixed::from_name(name) {
        Some(Fixed::Level) => one("log.level"),
        Some(Fixed::Format) => one("logdrive.format"),
        Some(Fixed::Id) => None,
        Some(Fixed::Generation) => one(GENERATION),
        Some(Fixed::Offset) => one(OFFSET),
        Some(Fixed::Time | Fixed::Mark) => Some(Vec::new()),
        Some(fixed) => one(query::keyword(fixed)?),
        None => {
            let mut places = one(&format!("fields.{}", field_name(name)?))?;
            if name == "path" {
                places.push(Place { of: query::has_field(name).not(), field: PATH.to_owned() });
            }
            Some(places)
        }
    }
}

impl<'a> Count<'a> {
    /// Of a scope, by these names.
    ///
    /// # Errors
    /// Where the query does not compile.
    pub fn new<'n>(
        store: &'a OpenSearchStore,
        scope: &Scope,
        names: impl IntoIterator<Item = &'n str>,
    ) -> Result<Self, StoreError> {
        scope.check()?;
        let matcher = compile(&scope.query)?;
        let Bounds { upper, lower } = query::bounds(scope, &matcher);
        let (mut unsure, mut by_hand) = (Vec::new(), false);
        for name in names {
            by_hand |= places(name).is_none();
            if Fixed::from_name(name).is_none() {
                unsure.push(query::raw_field(name));
            }
        }
        let sure = if by_hand { Clause::Nothing } else { lower };
        // Where a value is kept beside the index, only looking tells which it is.
        let raw = Clause::or(unsure);
        let doubtful = if sure == upper {
            Clause::and([upper, raw.clone()])
        } else {
            Clause::and([upper, Clause::or([sure.clone().not(), raw.clone()])])
        };
        let sure = Clause::and([sure, raw.not()]);
        Ok(Self { store, matcher, sure, doubtful, until: Until::of(scope), complete: true })
    }

    /// Lets the server count what it is sure of; `None` where time was over.
    ///
    /// # Errors
    /// Where it cannot be asked.
    pub async fn ask(&mut self, more: Clause, aggs: Value) -> Result<Option<crate::hit::Page>, StoreError> {
        let mut body = json!({
            "size": 0, "track_total_hits": true, "aggs": aggs,
            "query": Clause::and([self.sure.clone(), more]).to_json(),
        });
        if let Some(left) = self.until.left() {
            body["timeout"] = format!("{}ms", left.as_millis().max(1)).into();
        }
        let page = self.until.within(self.store.page(body)).await?;
        self.complete &= page.as_ref().is_some_and(|page| !page.timed_out && page.shards.failed == 0);
        Ok(page)
    }

    /// Looks at what the server is not sure of; `visit` gets what matches.
    ///
    /// # Errors
    /// Where it cannot be fetched.
    pub async fn look(&mut self, more: Clause, mut visit: impl FnMut(&Hit)) -> Result<(), StoreError> {
        let clause = Clause::and([self.doubtful.clone(), more]);
        let mut walk = Walk::new(self.store, clause, None, self.until);
        let mut looked = 0;
        loop {
            match walk.step(usize::MAX).await? {
                Step::Hits(hits) => {
                    self.complete &= !walk.is_partial();
                    looked += hits.len();
                    hits.iter().filter(|hit| self.matcher.matches(*hit)).for_each(&mut visit);
                }
                Step::Over => return Ok(()),
                Step::OutOfTime => {
                    self.complete = false;
                    return Ok(());
                }
            }
            if looked >= LOOKED_AT_MAX {
                self.complete = false;
                return Ok(());
            }
        }
    }
}

/// The value of records that have none in the index: for `format` and `level`, that is one too.
pub fn without(name: &str) -> Option<&'static str> {
    match Fixed::from_name(name)? {
        Fixed::Format => Some(model::Format::Unknown.name()),
        Fixed::Level => Some(model::Level::Unknown.name()),
        _ => None,
    }
}

/// Values and their counts of an aggregation by terms.
pub fn buckets(agg: &Value) -> impl Iterator<Item = (String, &Value)> {
    let list = agg["buckets"].as_array().map_or(&[][..], Vec::as_slice);
    list.iter().map(|bucket| {
        let name = match &bucket["key"] {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        (name, bucket)
    })
}
