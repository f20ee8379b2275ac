//! Points in memory, column by column: what is not in chunks yet.

use std::collections::HashMap;

use base::Timestamp;
use model::FieldValue;
use store::metrics::number;

/// A moment in microseconds, and the value then.
pub(super) type Cell = (i64, FieldValue);

/// By series and field: the values, ascending by time, each time once.
#[derive(Default)]
pub(super) struct Head {
    columns: HashMap<(u32, u32), Vec<Cell>>,
    bytes: usize,
}

/// What a new column takes, about.
const COLUMN: usize = 96;

impl Head {
    /// Takes a value; what was there at that time is replaced.
    pub fn put(&mut self, series: u32, field: u32, at: Timestamp, value: FieldValue) {
        let at = at.as_micros();
        let text = if let FieldValue::Text(text) = &value { text.len() } else { 0 };
        let column = self.columns.entry((series, field)).or_insert_with(|| {
            self.bytes += COLUMN;
            Vec::new()
        });
        if column.last().is_none_or(|(last, _)| *last < at) {
            column.push((at, value));
        } else {
            match column.binary_search_by_key(&at, |(time, _)| *time) {
                Ok(found) => column[found].1 = value,
                Err(place) => column.insert(place, (at, value)),
            }
        }
        self.bytes += size_of::<Cell>() + text;
    }

    /// Bytes of memory, about.
    pub const fn bytes(&self) -> usize {
        self.bytes
    }

    pub fn is_empty(&self) -> bool {
        self.columns.is_empty()
    }

    /// All columns, by series and field.
    pub fn columns(&self) -> impl Iterator<Item = (&(u32, u32), &Vec<Cell>)> {
        self.columns.iter()
    }

    /// The values of a column between two moments that are numbers; NaN where there is another value.
    pub fn numbers(&self, series: u32, field: u32, since: i64, until: i64, out: &mut Vec<(i64, f64)>) {
        let Some(column) = self.columns.get(&(series, field)) else { return };
        let from = column.partition_point(|(at, _)| *at < since);
        let to = column.partition_point(|(at, _)| *at < until);
        out.extend(column[from..to.max(from)].iter().map(|(at, value)| (*at, number(value).unwrap_or(f64::NAN))));
    }
}
