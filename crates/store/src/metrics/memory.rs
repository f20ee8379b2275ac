//! Points in memory: for tests, and the plainest statement of what a metrics store does.

use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;
use base::Timestamp;
use model::{FieldValue, Point};
use parking_lot::RwLock;

use super::{
    Fold, MeasurementInfo, PointReader, PointRefusal, PointWriter, Series, SeriesAnswer, SeriesRequest, TAG_VALUES_MAX,
    check_point, number,
};
use crate::StoreError;

/// Keeps points in memory; they live exactly as long as their process.
#[derive(Debug)]
pub struct MemoryMetrics {
    points_max: usize,
    state: RwLock<State>,
}

type Tags = Vec<(String, String)>;
type Fields = BTreeMap<String, FieldValue>;

#[derive(Debug, Default)]
struct State {
    measurements: BTreeMap<String, BTreeMap<Tags, BTreeMap<Timestamp, Fields>>>,
    points: usize,
}

impl MemoryMetrics {
    /// An empty one that takes at most so many points.
    pub fn new(points_max: usize) -> Self {
        Self { points_max, state: RwLock::default() }
    }
}

impl Default for MemoryMetrics {
    fn default() -> Self {
        Self::new(1_000_000)
    }
}

#[async_trait]
impl PointWriter for MemoryMetrics {
    async fn write(&self, points: &[Point]) -> Result<Vec<PointRefusal>, StoreError> {
        let mut refusals = Vec::new();
        let mut guard = self.state.write();
        let state = &mut *guard;
        if state.points + points.len() > self.points_max {
            let reason = format!("it holds at most {} points", self.points_max);
            return Err(StoreError::Exhausted { at: "memory".to_owned(), reason });
        }
        for (at, point) in points.iter().enumerate() {
            if let Err(reason) = check_point(point) {
                refusals.push(PointRefusal { point: at, reason });
                continue;
            }
            let series = state.measurements.entry(point.measurement.clone()).or_default();
            let times = series.entry(point.tags.clone()).or_default();
            let fields = times.entry(point.time).or_insert_with(|| {
                state.points += 1;
                Fields::new()
            });
            fields.extend(point.fields.iter().cloned());
        }
        Ok(refusals)
    }
}

#[async_trait]
impl PointReader for MemoryMetrics {
    async fn measurements(&self) -> Result<Vec<MeasurementInfo>, StoreError> {
        let state = self.state.read();
        let infos = state.measurements.iter().map(|(name, series)| {
            let tags: BTreeSet<_> = series.keys().flatten().map(|(key, _)| key.clone()).collect();
            let values = series.values().flat_map(BTreeMap::values).flatten();
            let fields: BTreeSet<_> = values.filter(|(_, value)| number(value).is_some()).map(|(key, _)| key).collect();
            MeasurementInfo {
                name: name.clone(),
                tags: tags.into_iter().collect(),
                fields: fields.into_iter().cloned().collect(),
            }
        });
        Ok(infos.collect())
    }

    async fn tag_values(&self, measurement: &str, tag: &str, limit: usize) -> Result<Vec<String>, StoreError> {
        let state = self.state.read();
        let series = state.measurements.get(measurement).into_iter().flat_map(BTreeMap::keys);
        let values: BTreeSet<&String> =
            series.flatten().filter(|(key, _)| key == tag).map(|(_, value)| value).collect();
        Ok(values.into_iter().take(limit.min(TAG_VALUES_MAX)).cloned().collect())
    }

    async fn series(&self, request: &SeriesRequest) -> Result<SeriesAnswer, StoreError> {
        request.check()?;
        let state = self.state.read();
        let mut groups: BTreeMap<Vec<&str>, Fold> = BTreeMap::new();
        for (tags, times) in state.measurements.get(&request.measurement).into_iter().flatten() {
            if !request.tags.iter().all(|(key, value)| value_of(tags, key) == value) {
                continue;
            }
            let points = times.iter().filter(|(time, _)| request.range.contains(**time));
            let mut numbers = points
                .filter_map(|(time, fields)| Some((*time, fields.get(&request.field).and_then(number)?)))
                .peekable();
            if numbers.peek().is_some() {
                let group = request.group_by.iter().map(|key| value_of(tags, key)).collect();
                let fold = groups.entry(group).or_insert_with(|| Fold::new(request.aggregate, request.step_micros));
                fold.add_series(numbers);
            }
        }
        let named = |values: Vec<&str>| -> Tags {
            request.group_by.iter().cloned().zip(values.into_iter().map(str::to_owned)).collect()
        };
        let series = groups.into_iter().map(|(tags, fold)| Series { tags: named(tags), points: fold.finish() });
        let mut series: Vec<_> = series.filter(|series| !series.points.is_empty()).collect();
        let complete = series.len() <= request.limit;
        series.truncate(request.limit);
        Ok(SeriesAnswer { series, complete })
    }
}

fn value_of<'a>(tags: &'a Tags, key: &str) -> &'a str {
    tags.iter().find(|(known, _)| known == key).map_or("", |(_, value)| value)
}
