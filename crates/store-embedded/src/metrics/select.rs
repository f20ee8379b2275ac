//! Answering for series.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use base::Timestamp;
use store::StoreError;
use store::metrics::{Fold, Series, SeriesAnswer, SeriesRequest};

use super::chunk::Chunk;
use super::registry::Tags;
use super::{Core, State};

/// What an answer is made of.
struct Plan {
    field: u32,
    /// By the values of the tags grouped by: the series.
    groups: BTreeMap<Vec<String>, Vec<u32>>,
    chunks: Vec<Arc<Chunk>>,
    /// What is in memory of each series.
    newest: HashMap<u32, Vec<(i64, f64)>>,
}

impl Core {
    pub(super) fn select(&self, request: &SeriesRequest) -> Result<SeriesAnswer, StoreError> {
        let Some(plan) = self.state.read().plan(request) else {
            return Ok(SeriesAnswer { series: Vec::new(), complete: true });
        };
        let range = (request.range.since.as_micros(), request.range.until.as_micros());
        let mut answer = SeriesAnswer { series: Vec::new(), complete: true };
        let mut values = Vec::new();
        for (group, series) in plan.groups {
            let mut fold = Fold::new(request.aggregate, request.step_micros);
            for id in series {
                values.clear();
                for chunk in &plan.chunks {
                    chunk.numbers((id, plan.field), range, &mut values)?;
                }
                values.extend_from_slice(plan.newest.get(&id).map_or(&[], Vec::as_slice));
                keep_latest(&mut values);
                fold.add_series(values.iter().map(|(at, value)| (Timestamp::from_micros(*at), *value)));
            }
            let points = fold.finish();
            if points.is_empty() {
                continue;
            }
            if answer.series.len() == request.limit {
                answer.complete = false;
                break;
            }
            let tags: Tags = request.group_by.iter().cloned().zip(group).collect();
            answer.series.push(Series { tags, points });
        }
        Ok(answer)
    }
}

impl State {
    fn plan(&self, request: &SeriesRequest) -> Option<Plan> {
        let (since, until) = (request.range.since.as_micros(), request.range.until.as_micros());
        let field = self.registry.field_of(&request.field)?;
        let mut groups: BTreeMap<Vec<String>, Vec<u32>> = BTreeMap::new();
        let mut newest = HashMap::new();
        for (tags, id) in self.registry.series_in(&request.measurement) {
            if !request.tags.iter().all(|(key, value)| value_of(tags, key) == value) {
                continue;
            }
            let group = request.group_by.iter().map(|key| value_of(tags, key).to_owned()).collect();
            groups.entry(group).or_default().push(id);
            let mut values = Vec::new();
            for head in self.frozen.as_deref().into_iter().chain([&self.head]) {
                head.numbers(id, field, since, until, &mut values);
            }
            if !values.is_empty() {
                newest.insert(id, values);
            }
        }
        let chunks = self.chunks.iter().filter(|chunk| chunk.name.overlaps(since, until)).cloned().collect();
        Some(Plan { field, groups, chunks, newest })
    }
}

fn value_of<'a>(tags: &'a Tags, key: &str) -> &'a str {
    tags.iter().find(|(known, _)| known == key).map_or("", |(_, value)| value)
}

/// Of several values at one moment, the one written last counts; what is no number does not.
fn keep_latest(values: &mut Vec<(i64, f64)>) {
    if !values.is_sorted_by(|a, b| a.0 < b.0) {
        // Stable: what was written later stands later.
        values.sort_by_key(|(at, _)| *at);
        values.reverse();
        values.dedup_by_key(|(at, _)| *at);
        values.reverse();
    }
    values.retain(|(_, value)| !value.is_nan());
}
