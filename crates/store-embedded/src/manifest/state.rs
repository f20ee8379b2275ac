//! What the manifest says, as values.

use base::Timestamp;

/// What is known of a part without opening it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PartMeta {
    pub id: u64,
    /// Days since the epoch of its folder.
    pub day: i64,
    pub rows: u64,
    pub line_bytes: u64,
    pub parquet_bytes: u64,
    pub sidecar_bytes: u64,
    pub min_time: Timestamp,
    pub max_time: Timestamp,
    /// What of each source is in it: see [`super::state`].
    pub sources: Box<[u8]>,
    /// For each field (by number) the rows that have it, and whether it is a column.
    pub fields: Box<[(u32, u32, bool)]>,
}

impl PartMeta {
    pub fn parquet_name(&self) -> String {
        format!("{}/part-{:010}.parquet", crate::part::plan::day_folder(self.day), self.id)
    }

    pub fn sidecar_name(&self) -> String {
        format!("{}/part-{:010}.idx", crate::part::plan::day_folder(self.day), self.id)
    }

    pub const fn disk_bytes(&self) -> u64 {
        self.parquet_bytes + self.sidecar_bytes
    }
}
