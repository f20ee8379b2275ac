//! A batch of the head as a block.

use std::borrow::Cow;
use std::rc::Rc;
use std::sync::Arc;

use base::Timestamp;
use model::{ParsedBatch, RecordId, Values};
use store::query::{FixedTest, RecordView, ValueTest, value_of};
use store::{BatchRow, Hit, StoreError};

use super::block::{Block, Labels, LinesRef, Mask, Passes};

/// All records of a batch.
pub(super) struct BatchBlock {
    pub batch: Arc<ParsedBatch>,
    ranges: Vec<(u32, u32)>,
}

impl BatchBlock {
    pub fn new(batch: &Arc<ParsedBatch>) -> Self {
        let ranges = batch.records.iter().map(|record| (record.start, record.start + record.len)).collect();
        Self { batch: batch.clone(), ranges }
    }

    fn row(&self, row: usize) -> BatchRow<'_> {
        BatchRow::new(&self.batch, row)
    }

    fn values(&self, name: &str) -> Option<&Values> {
        self.batch.columns.iter().find(|column| *column.name == *name).map(|column| &column.values)
    }

    /// Whether a test of a name has the same answer for every row: what the header says.
    fn is_common(test: &FixedTest) -> bool {
        use store::query::Fixed::{File, Generation, Host, Source, Stream};
        matches!(test, FixedTest::Text(Stream | Host | File | Source | Generation, _))
    }
}

impl Block for BatchBlock {
    fn rows(&self) -> usize {
        self.batch.records.len()
    }

    fn bounds(&self) -> (Timestamp, Timestamp) {
        (Timestamp::MIN, Timestamp::MAX)
    }

    fn read_times(&self) -> Result<(), StoreError> {
        Ok(())
    }

    fn time(&self, row: usize) -> Timestamp {
        self.batch.records[row].time
    }

    fn id(&self, row: usize) -> Result<RecordId, StoreError> {
        Ok(self.batch.id(&self.batch.records[row]))
    }

    fn lines(&self) -> Result<LinesRef<'_>, StoreError> {
        Ok(LinesRef { data: &self.batch.payload, ranges: &self.ranges })
    }

    fn may_hold(&self, _text: &[u8]) -> Result<bool, StoreError> {
        Ok(true)
    }

    fn has_text(&self) -> bool {
        !self.batch.text.is_empty()
    }

    fn narrow_fixed(&self, test: &FixedTest, _key: usize, mask: &mut Mask) -> Result<(), StoreError> {
        if Self::is_common(test) {
            if !mask.is_empty() && !test.matches(&self.row(0)) {
                mask.fill(false);
            }
            return Ok(());
        }
        mask.iter_mut().enumerate().filter(|(_, row)| **row).for_each(|(n, row)| *row = test.matches(&self.row(n)));
        Ok(())
    }

    fn narrow_path(&self, test: &ValueTest, _key: usize, mask: &mut Mask) -> Result<(), StoreError> {
        if !test.is_match(self.batch.header.path.as_bytes()) {
            mask.fill(false);
        }
        Ok(())
    }

    fn passes(&self, name: &str, test: &ValueTest, _key: usize) -> Result<Passes<'_>, StoreError> {
        Ok(match self.values(name) {
            None if self.batch.spare.iter().any(|field| *field.name == *name) => Passes::InLines,
            None => Passes::Absent,
            Some(Values::Unique(_)) => Passes::InLines,
            Some(Values::Coded { dictionary, codes }) => {
                let values =
                    dictionary.iter().map(|span| self.batch.bytes(*span).is_some_and(|value| test.is_match(value)));
                let passes = std::iter::once(false).chain(values).collect();
                Passes::Coded(codes.iter().map(|code| u32::from(*code)).collect(), passes)
            }
        })
    }

    fn value(&self, row: usize, name: &str) -> Result<Option<Cow<'_, [u8]>>, StoreError> {
        let spans = match self.values(name) {
            Some(Values::Unique(spans)) => spans,
            _ => return Ok(self.field_of(row, name)),
        };
        Ok(self.batch.bytes(spans[row]).map(Cow::Borrowed))
    }

    fn labels(&self, name: &str) -> Result<Labels<'_>, StoreError> {
        let label = |value: Option<&[u8]>| value.map(|value| Rc::from(String::from_utf8_lossy(value)));
        Ok(match self.values(name) {
            Some(Values::Coded { dictionary, codes }) if store::query::Fixed::from_name(name).is_none() => {
                let absent = label((name == "path").then(|| self.batch.header.path.as_bytes()));
                let values = dictionary.iter().map(|span| label(self.batch.bytes(*span)));
                let labels = std::iter::once(absent).chain(values).collect();
                Labels::Coded(codes.iter().map(|code| u32::from(*code)).collect(), labels)
            }
            _ => Labels::PerRow,
        })
    }

    fn label(&self, row: usize, name: &str) -> Result<Option<Cow<'_, [u8]>>, StoreError> {
        let row = self.row(row);
        Ok(value_of(&row, name).map(|value| Cow::Owned(value.into_owned())))
    }
}

impl BatchBlock {
    pub fn hit(&self, row: usize) -> Hit {
        self.row(row).hit()
    }

    fn field_of(&self, row: usize, name: &str) -> Option<Cow<'_, [u8]>> {
        let value = self.row(row).field(name).map(Cow::into_owned);
        value.map(Cow::Owned)
    }
}
