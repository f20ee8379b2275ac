//! Which series and fields there are, by numbers.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use store::metrics::MeasurementInfo;

/// The tags of a series, sorted by key.
pub(super) type Tags = Vec<(String, String)>;

/// A series: its measurement and tags.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct SeriesKey {
    pub measurement: String,
    pub tags: Tags,
}

/// Every series and field, by number. Numbers are given anew when the store is opened.
#[derive(Default)]
pub(super) struct Registry {
    series: Vec<Arc<SeriesKey>>,
    fields: Vec<Arc<str>>,
    field_ids: HashMap<Arc<str>, u32>,
    measurements: BTreeMap<String, Measurement>,
    alive: usize,
}

#[derive(Default)]
struct Measurement {
    series: BTreeMap<Tags, u32>,
    /// Fields that have, or had, a number as a value.
    fields: BTreeSet<u32>,
}

impl Registry {
    /// The number of a series, if it is known.
    pub fn series_of(&self, measurement: &str, tags: &Tags) -> Option<u32> {
        self.measurements.get(measurement)?.series.get(tags).copied()
    }

    /// The number of a series, which is made up if it is new and there are less than `max`.
    pub fn add_series(&mut self, measurement: &str, tags: &Tags, max: usize) -> Option<u32> {
        if let Some(known) = self.series_of(measurement, tags) {
            return Some(known);
        }
        if self.alive >= max {
            return None;
        }
        let id = u32::try_from(self.series.len()).ok()?;
        self.series.push(Arc::new(SeriesKey { measurement: measurement.to_owned(), tags: tags.clone() }));
        self.measurements.entry(measurement.to_owned()).or_default().series.insert(tags.clone(), id);
        self.alive += 1;
        Some(id)
    }

    /// The number of a field.
    pub fn add_field(&mut self, name: &str) -> u32 {
        if let Some(known) = self.field_ids.get(name) {
            return *known;
        }
        let (id, name) = (self.fields.len() as u32, Arc::<str>::from(name));
        self.fields.push(name.clone());
        self.field_ids.insert(name, id);
        id
    }

    /// A field of a series has a number as a value.
    pub fn note_number(&mut self, series: u32, field: u32) {
        let Some(key) = self.series.get(series as usize) else { return };
        if let Some(measurement) = self.measurements.get_mut(&key.measurement) {
            measurement.fields.insert(field);
        }
    }

    /// The number of a field, if it is known.
    pub fn field_of(&self, name: &str) -> Option<u32> {
        self.field_ids.get(name).copied()
    }

    pub fn key(&self, series: u32) -> Option<&Arc<SeriesKey>> {
        self.series.get(series as usize)
    }

    pub fn field(&self, field: u32) -> &str {
        self.fields.get(field as usize).map_or("", |name| name)
    }

    /// The series of a measurement, by tags.
    pub fn series_in(&self, measurement: &str) -> impl Iterator<Item = (&Tags, u32)> {
        self.measurements.get(measurement).into_iter().flat_map(|found| &found.series).map(|(tags, id)| (tags, *id))
    }

    /// Forgets all but these columns (series and field, and whether it has numbers).
    pub fn retain(&mut self, columns: &HashSet<(u32, u32, bool)>) {
        let series: HashSet<u32> = columns.iter().map(|(series, ..)| *series).collect();
        let numbers: HashSet<(&str, u32)> = columns
            .iter()
            .filter(|(.., number)| *number)
            .filter_map(|(id, field, _)| Some((self.series.get(*id as usize)?.measurement.as_str(), *field)))
            .collect();
        for (name, measurement) in &mut self.measurements {
            measurement.series.retain(|_, id| series.contains(id));
            measurement.fields.retain(|field| numbers.contains(&(name.as_str(), *field)));
        }
        self.measurements.retain(|_, measurement| !measurement.series.is_empty());
        self.alive = self.measurements.values().map(|measurement| measurement.series.len()).sum();
    }

    pub fn measurements(&self) -> Vec<MeasurementInfo> {
        let infos = self.measurements.iter().map(|(name, found)| {
            let tags: BTreeSet<&String> = found.series.keys().flatten().map(|(key, _)| key).collect();
            let mut fields: Vec<String> = found.fields.iter().map(|field| self.field(*field).to_owned()).collect();
            fields.sort_unstable();
            MeasurementInfo { name: name.clone(), tags: tags.into_iter().cloned().collect(), fields }
        });
        infos.collect()
    }

    pub fn tag_values(&self, measurement: &str, tag: &str, limit: usize) -> Vec<String> {
        let all = self.series_in(measurement).flat_map(|(tags, _)| tags);
        let values: BTreeSet<&String> = all.filter(|(key, _)| key == tag).map(|(_, value)| value).collect();
        values.into_iter().take(limit).cloned().collect()
    }
}
