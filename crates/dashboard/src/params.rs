//! The parameters of a request: known by name, read once, and an unknown one is an error, not a surprise.

use std::time::Duration;

use axum::extract::Query;
use axum::http::Uri;
use base::{Clock, Timestamp, nearest};
use store::{Scope, TimeRange};

use crate::parts::Limits;
use crate::problem::Problem;
use crate::time;

/// What a parameter holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Holds {
    Text,
    /// Several, separated by commas.
    List,
    Number,
    Flag,
    Time,
    Duration,
}

/// One parameter of a route.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Param {
    pub name: &'static str,
    pub holds: Holds,
    pub required: bool,
    pub help: &'static str,
}

impl Param {
    pub(crate) const fn new(name: &'static str, holds: Holds, help: &'static str) -> Self {
        Self { name, holds, required: false, help }
    }

    /// Whether `name` means it: where its own ends in `*`, any name that begins so.
    fn is(&self, name: &str) -> bool {
        match self.name.strip_suffix('*') {
            Some(family) => name.len() > family.len() && name.starts_with(family),
            None => self.name == name,
        }
    }

    pub(crate) const fn required(self) -> Self {
        Self { required: true, ..self }
    }
}

pub(crate) const Q: Param =
    Param::new("q", Holds::Text, "Which records, in the query language; without it, all of them.");
pub(crate) const SINCE: Param =
    Param::new("since", Holds::Time, "First moment; a duration counts back from now. Without it, the beginning.");
pub(crate) const UNTIL: Param = Param::new("until", Holds::Time, "First moment behind the range. Without it, the end.");
pub(crate) const STORE: Param =
    Param::new("store", Holds::Text, "Which store is asked, by its name; without it, the first of the settings.");
pub(crate) const DEADLINE: Param = Param::new(
    "deadline_ms",
    Holds::Number,
    "After so many milliseconds the answer is given as it is, with `complete` false.",
);

/// The parameters of one request.
#[derive(Clone, Debug, Default)]
pub(crate) struct Params(Vec<(String, String)>);

impl Params {
    /// Reads them; `known` are those of the route.
    pub(crate) fn read(uri: &Uri, known: &[Param]) -> Result<Self, Problem> {
        let Query(given) = Query::<Vec<(String, String)>>::try_from_uri(uri)
            .map_err(|wrong| Problem::new(&crate::problem::PARAMETER, wrong.body_text()))?;
        for (n, (name, _)) in given.iter().enumerate() {
            if !known.iter().any(|param| param.is(name)) {
                return Err(Problem::parameter(name, unknown(name, known)));
            }
            if given[..n].iter().any(|(earlier, _)| earlier == name) {
                return Err(Problem::parameter(name, format!("parameter '{name}' is given twice; give it once")));
            }
        }
        if let Some(missing) = known.iter().find(|p| p.required && !given.iter().any(|(name, _)| name == p.name)) {
            return Err(Problem::parameter(missing.name, format!("parameter '{}' is missing", missing.name)));
        }
        Ok(Self(given))
    }

    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(given, _)| given == name).map(|(_, value)| value.as_str())
    }

    /// The others.
    pub(crate) fn without(&self, name: &str) -> Self {
        Self(self.0.iter().filter(|(given, _)| given != name).cloned().collect())
    }

    /// All whose names begin so: the rest of their names, and their values.
    pub(crate) fn family(&self, prefix: &str) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().filter_map(move |(name, value)| Some((name.strip_prefix(prefix)?, value.as_str())))
    }

    /// A text that is not blank.
    pub(crate) fn filled(&self, name: &str) -> Option<&str> {
        self.text(name).filter(|text| !text.trim().is_empty())
    }

    pub(crate) fn list(&self, name: &str) -> Vec<String> {
        let items = self.text(name).unwrap_or_default().split(',');
        items.map(str::trim).filter(|item| !item.is_empty()).map(str::to_owned).collect()
    }

    /// A number from `min` to `max`.
    pub(crate) fn number(&self, name: &str, default: usize, min: usize, max: usize) -> Result<usize, Problem> {
        let Some(text) = self.filled(name) else { return Ok(default) };
        let value = text.trim().parse::<usize>().ok().filter(|value| (min..=max).contains(value));
        value.ok_or_else(|| Problem::parameter(name, format!("{name}={text}: write a number from {min} to {max}")))
    }

    pub(crate) fn flag(&self, name: &str) -> Result<bool, Problem> {
        match self.text(name) {
            None | Some("false" | "0" | "no") => Ok(false),
            Some("" | "true" | "1" | "yes") => Ok(true),
            Some(text) => Err(Problem::parameter(name, format!("{name}={text}: write true or false"))),
        }
    }

    pub(crate) fn time(&self, name: &str, now: Timestamp) -> Result<Option<Timestamp>, Problem> {
        let read = |text| time::parse(text, now).map_err(|wrong| Problem::parameter(name, format!("{name}: {wrong}")));
        self.filled(name).map(read).transpose()
    }

    pub(crate) fn duration(&self, name: &str) -> Result<Option<Duration>, Problem> {
        let read =
            |text| time::parse_duration(text).map_err(|wrong| Problem::parameter(name, format!("{name}: {wrong}")));
        self.filled(name).map(read).transpose()
    }

    /// The deadline asked for, within bounds.
    pub(crate) fn deadline(&self, limits: &Limits) -> Result<Option<Duration>, Problem> {
        let max = usize::try_from(limits.deadline_max.as_millis()).unwrap_or(usize::MAX);
        match self.number("deadline_ms", 0, 1, max)? {
            0 => Ok(None),
            millis => Ok(Some(Duration::from_millis(millis as u64))),
        }
    }

    /// `q`, `since`, `until` and `deadline_ms` together; without the latter, the deadline is the usual one.
    pub(crate) fn scope(&self, limits: &Limits, clock: &dyn Clock) -> Result<Scope, Problem> {
        let now = clock.now();
        let since = self.time("since", now)?.unwrap_or(Timestamp::MIN);
        let until = self.time("until", now)?.unwrap_or(Timestamp::MAX);
        if since >= until {
            let detail = format!("since ({since}) must be before until ({until})");
            return Err(Problem::parameter("since", detail));
        }
        let deadline = self.deadline(limits)?.unwrap_or(limits.default_deadline);
        Ok(Scope { query: self.query()?, range: TimeRange { since, until }, deadline: Some(deadline) })
    }

    /// `q` alone.
    pub(crate) fn query(&self) -> Result<store::Query, Problem> {
        match self.filled("q") {
            Some(text) => Ok(store::Query::parse(text)?),
            None => Ok(store::Query::all()),
        }
    }
}

fn unknown(name: &str, known: &[Param]) -> String {
    match nearest(name, known.iter().map(|param| param.name)) {
        Some(meant) => format!("unknown parameter '{name}'; did you mean '{meant}'?"),
        None if known.is_empty() => format!("unknown parameter '{name}'; this path takes none"),
        None => {
            let names: Vec<_> = known.iter().map(|param| param.name).collect();
            format!("unknown parameter '{name}'; there are {}", names.join(", "))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(query: &str) -> Result<Params, Problem> {
        let known = [Q, SINCE, Param::new("limit", Holds::Number, ""), Param::new("all", Holds::Flag, "")];
        Params::read(&format!("/x?{query}").parse().expect("a uri"), &known)
    }

    #[test]
    fn refuses_what_it_does_not_know() {
        for (query, says) in [
            ("lmit=3", "did you mean 'limit'"),
            ("colour=red", "there are q, since, limit, all"),
            ("limit=3&limit=4", "given twice"),
        ] {
            let problem = read(query).expect_err(query);
            assert!(problem.detail.contains(says), "{query}: {}", problem.detail);
        }
    }

    #[test]
    fn reads_values_within_bounds() {
        let params = read("q=a%20b+c&limit=7&all").expect("right");
        assert_eq!(params.text("q"), Some("a b c"));
        assert_eq!(params.number("limit", 1, 1, 10).expect("right"), 7);
        assert!(params.flag("all").expect("right"));
        assert!(params.number("limit", 1, 1, 6).is_err());
        for (query, name) in [("limit=-1", "limit"), ("limit=x", "limit"), ("limit=11", "limit")] {
            assert!(read(query).expect("right names").number(name, 1, 1, 10).is_err(), "{query}");
        }
        assert!(read("all=maybe").expect("right names").flag("all").is_err());
    }
}
